"""Layers of keras-cv in a recipe: `make keras-cv` runs this in an environment of its own."""

import keras
import keras_cv
import numpy as np
import pytest

import keras_resnet_recipes as krr
from tests.training.test_custom_values import DATA, PLAIN, batches, network
from tests.with_keras_cv.differences import label_errors

LAYERS = keras_cv.layers
AUGMENT = {
    "RandAugment": lambda: LAYERS.RandAugment((0, 255), augmentations_per_image=1, seed=1),
    "RandomColorJitter": lambda: LAYERS.RandomColorJitter((0, 255), 0.1, 0.1, 0.1, 0.1, seed=1),
    "RandomCropAndResize": lambda: LAYERS.RandomCropAndResize(
        (16, 16), (0.8, 1.0), (3 / 4, 4 / 3), seed=1
    ),
}
MIX = {"CutMix": lambda: LAYERS.CutMix(seed=1), "MixUp": lambda: LAYERS.MixUp(seed=1)}


def twice(augment, mix):
    """The batches of two equal runs: its layers draw from states that Keras' seed begins."""
    for _ in range(2):
        keras.utils.set_random_seed(0)
        yield batches(PLAIN, augment and [augment()], mix and mix())


@pytest.mark.parametrize("name", [*AUGMENT, *MIX])
def test_a_layer_works_and_repeats(name):
    made, again = twice(AUGMENT.get(name), MIX.get(name))
    plain = batches(PLAIN)
    assert any((images != same).any() for (images, _), (same, _) in zip(made, plain, strict=True))
    for (images, targets), (images_again, targets_again) in zip(made, again, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)
        # float32 parts of one
        np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)


def test_fit_trains_with_them(tmp_path):
    steps = {"augment": [AUGMENT["RandomColorJitter"]()], "mix": MIX["MixUp"]()}
    history = PLAIN.fit(DATA, model=network(), run_dir=tmp_path / "run", verbose=0, **steps)
    assert np.isfinite(history.history["loss"]).all()


def test_its_cutmix_still_gives_labels_that_are_not_the_share_of_pixels():
    # docs/moving.md says so.
    assert label_errors(LAYERS.CutMix(seed=1))[1] > 0.1
    # A box has whole pixels: half of one at each end of 64 is 0.02 at most; pixels are in float32.
    assert label_errors(krr.layers.CutMix(1.0, seed=1))[1] < 1e-6
