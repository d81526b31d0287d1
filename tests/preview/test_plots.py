"""Image grids and schedule plots."""

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.preview import plots
from keras_resnet_recipes.training.learning_rate import learning_rates


def test_a_grid_shows_each_image_at_its_position(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 10, 3), "uint8")
    sheet = np.asarray(Image.open(plots.save_grid(images, tmp_path / "grid.png")).convert("RGB"))
    assert sheet.shape == (2 * 10 - 2, 3 * 12 - 2, 3)
    np.testing.assert_array_equal(sheet[10:18, 12:22], images[1, 1])
    assert (sheet[8:10] == 255).all()


def test_the_schedule_is_plotted_as_a_png(tmp_path):
    path = krr.A1(epochs=20).plot_schedule(tmp_path / "rate.png")
    assert path == tmp_path / "rate.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_learning_rates_of_a_schedule_per_epoch():
    epochs, rates = learning_rates(krr.A1(), steps=625)
    schedule = krr.schedules.Cosine(5e-3, epochs=600, warmup_epochs=5)
    np.testing.assert_array_equal(epochs[:-1], np.arange(600))
    assert list(rates[:-1]) == [schedule(epoch) for epoch in range(600)]
    assert (epochs[-1], rates[-1]) == (600 - 1 / 625, rates[-2])


def test_learning_rates_of_a_schedule_per_update():
    recipe = krr.A3(epochs=4, warmup_epochs=1, schedule_per="update")
    epochs, rates = learning_rates(recipe, steps=5)
    np.testing.assert_allclose(epochs, np.arange(20) / 5)
    updates = krr.schedules.Cosine(8e-3, epochs=4, warmup_epochs=1).per_update(5)
    np.testing.assert_array_equal(rates, [float(updates(step)) for step in range(20)])
    assert len(learning_rates(recipe.replace(epochs=100), steps=1251)[0]) <= 1001


def test_a_schedule_that_cannot_be_plotted_is_an_error(tmp_path):
    with pytest.raises(
        ValueError, match=r"`steps_per_epoch` must be at least 1. Received: steps_per_epoch=0"
    ):
        krr.A1().plot_schedule(tmp_path / "x.png", steps_per_epoch=0)
    with pytest.raises(ValueError, match="`epochs`"):
        krr.He2015().replace(epochs=None).plot_schedule(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []
