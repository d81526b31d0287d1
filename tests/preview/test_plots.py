"""Pictures of a run."""

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.preview import plots
from keras_resnet_recipes.training.learning_rate import learning_rates


def test_a_grid_shows_each_picture_in_its_place(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 10, 3), "uint8")
    sheet = np.asarray(Image.open(plots.save_grid(pictures, tmp_path / "grid.png")).convert("RGB"))
    assert sheet.shape == (2 * 10 - 2, 3 * 12 - 2, 3)
    np.testing.assert_array_equal(sheet[10:18, 12:22], pictures[1, 1])
    assert (sheet[8:10] == 255).all()


def test_the_schedule_is_drawn_as_a_png(tmp_path):
    path = krr.A1(epochs=20).plot_schedule(tmp_path / "rate.png")
    assert path == tmp_path / "rate.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_schedule_by_epochs_is_the_recipes():
    places, rates = learning_rates(krr.A1(), steps=625)
    schedule = krr.schedules.Cosine(5e-3, epochs=600, warmup_epochs=5)
    np.testing.assert_array_equal(places[:-1], np.arange(600))
    assert list(rates[:-1]) == [schedule(epoch) for epoch in range(600)]
    assert (places[-1], rates[-1]) == (600 - 1 / 625, rates[-2])


def test_the_schedule_by_updates_is_the_recipes():
    recipe = krr.A3(epochs=4, warmup_epochs=1, schedule_per="update")
    places, rates = learning_rates(recipe, steps=5)
    np.testing.assert_allclose(places, np.arange(20) / 5)
    updates = krr.schedules.Cosine(8e-3, epochs=4, warmup_epochs=1).per_update(5)
    np.testing.assert_array_equal(rates, [float(updates(step)) for step in range(20)])
    assert len(learning_rates(recipe.replace(epochs=100), steps=1251)[0]) <= 1001


def test_a_schedule_that_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match="`steps_per_epoch` must be at least 1; received 0"):
        krr.A1().plot_schedule(tmp_path / "x.png", steps_per_epoch=0)
    with pytest.raises(ValueError, match="`epochs`"):
        krr.He2015().replace(epochs=None).plot_schedule(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []
