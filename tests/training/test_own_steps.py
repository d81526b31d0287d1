"""The caller's own layers and functions in a recipe: `fit(augment=[...], mix=...)`."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.training import training_batches
from keras_resnet_recipes.training.own_steps import OwnSteps

SIZE = 16
# Without a random crop, whose tracing takes seconds.
PLAIN = krr.A3(
    classes=4,
    epochs=1,
    warmup_epochs=0,
    batch_size=8,
    train_size=SIZE,
    test_size=SIZE,
    rand_augment=None,
    crop_scale=None,
    mixup_alpha=0,
    cutmix_alpha=0,
)
RICH = PLAIN.replace(
    trivial_augment=True,
    color_jitter=(0.4, 0.4, 0.4),
    lighting=0.1,
    random_erasing=1.0,
    mixup_alpha=0.2,
    cutmix_alpha=1.0,
)
X = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3)).astype("uint8")
DATA = X, np.arange(16) % 4


def batches(recipe, augment=None, mix=None, replicas=1):
    data = krr.data.from_arrays(*DATA)
    watcher = UnreadableImages(data, "skip")
    made = training_batches(
        recipe,
        data,
        steps=2,
        first_epoch=0,
        seed=0,
        unreadable=watcher,
        replicas=replicas,
        own=OwnSteps(augment, mix),
    )
    with watcher.named():
        return [(images.numpy(), targets.numpy()) for images, targets in made]


def inverted(images):
    return 255.0 - images


def swapped(images, labels):
    return images[::-1], labels[::-1]


def keras_layers():
    augment = [
        keras.layers.RandAugment(num_ops=1, seed=1),
        keras.layers.RandomGrayscale(0.5, seed=2),
    ]
    return augment, keras.layers.CutMix(seed=3)


def network():
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )


@pytest.mark.parametrize("augment", [[], [inverted]])
def test_augment_stands_for_all_that_follows_crop_and_flip(augment):
    crops = {"crop_scale": (0.5, 1.0)} if augment else {"pad": 2}
    unmixed = RICH.replace(mixup_alpha=0, cutmix_alpha=0, **crops)
    for (images, targets), (plain, same) in zip(
        batches(unmixed, augment), batches(PLAIN.replace(**crops)), strict=True
    ):
        np.testing.assert_array_equal(images, 255 - plain if augment else plain)
        np.testing.assert_array_equal(targets, same)


def test_mix_stands_for_mixup_and_cutmix_and_gets_smooth_labels():
    recipe = PLAIN.replace(label_smoothing=0.1)
    mixes = recipe.replace(mixup_alpha=0.2, cutmix_alpha=1.0)
    for (images, targets), (plain, smooth) in zip(
        batches(mixes, mix=swapped), batches(recipe), strict=True
    ):
        np.testing.assert_array_equal(images, plain[::-1])
        np.testing.assert_array_equal(targets, smooth[::-1])


def test_mix_is_called_for_the_share_of_each_device():
    for (images, _), (plain, _) in zip(
        batches(PLAIN, mix=swapped, replicas=2), batches(PLAIN), strict=True
    ):
        np.testing.assert_array_equal(images, np.concatenate([plain[:4][::-1], plain[4:][::-1]]))


def test_results_are_rounded_and_stay_in_the_range_of_pixels():
    black = tf.zeros((3, 1, 1, 3), "uint8")
    own = OwnSteps([lambda images: images + np.float32([[[[0.6]]], [[[-1000]]], [[[1000]]]])])
    images = own.augmented(black)
    assert images.dtype == "uint8"
    assert images.numpy()[:, 0, 0, 0].tolist() == [1, 0, 255]
    images, _ = OwnSteps(mix=lambda images, labels: (images + 0.6, labels)).mixed(black, black)
    assert {*images.numpy().flat} == {1}


@pytest.mark.every_backend
def test_keras_layers_work_and_repeat_with_their_own_seeds():
    made = batches(RICH, *keras_layers())
    again = batches(RICH, *keras_layers())
    for (images, targets), (images_again, targets_again) in zip(made, again, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)
        # float32 parts of one
        np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert (made[0][0] != batches(PLAIN)[0][0]).any()


def test_the_layers_of_this_package_work():
    mixed = batches(PLAIN, mix=krr.layers.MixUpOrCutMix(0.2, 1.0, seed=0))
    assert (mixed[0][1] != batches(PLAIN)[0][1]).any()


def test_a_layer_without_training_works():
    for (images, _), (plain, _) in zip(
        batches(PLAIN, [keras.layers.Rescaling(0.5)]), batches(PLAIN), strict=True
    ):
        np.testing.assert_array_equal(images, np.round(plain / 2))


@pytest.mark.every_backend
def test_a_run_goes_on_with_the_same_steps_only(tmp_path):
    def fit(**own):
        return RICH.fit(DATA, model=network(), run_dir=tmp_path / "run", verbose=0, **own)

    def steps(alpha=1.0):
        return {
            "augment": [keras.layers.RandomBrightness(0.2, seed=1)],
            "mix": keras.layers.CutMix(alpha, seed=2),
        }

    fit(**steps())
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["augment"][0]["class"] == "RandomBrightness"
    assert facts["mix"]["settings"]["factor"] == [0, 1.0]
    assert fit(**steps()).epoch == [0]
    with pytest.raises(ValueError, match="holds a run with augment="):
        fit()
    with pytest.raises(ValueError, match="holds a run with augment="):
        fit(augment=[inverted], mix=steps()["mix"])
    with pytest.raises(ValueError, match="holds a run with mix="):
        fit(**steps(alpha=0.5))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"augment": keras.layers.RandomBrightness(0.2)}, "`augment` must be a list"),
        ({"augment": ["rand-m7"]}, "`augment` must be a list"),
        ({"mix": "cutmix"}, "`mix` must be a Keras layer or a function"),
        ({"augment": [keras.layers.CenterCrop(8, 8)]}, "`augment`: CenterCrop must return images"),
        ({"mix": lambda images, labels: (images, labels[:, :2])}, "must return labels"),
        ({"mix": lambda images, labels: (None, labels)}, "must return images"),
    ],
)
def test_what_cannot_be_used_is_named(own, message):
    with pytest.raises(ValueError, match=message):
        batches(PLAIN, **own)


def test_fit_names_it_too():
    with pytest.raises(ValueError, match="`mix` must be a Keras layer or a function"):
        PLAIN.fit(DATA, model=network(), verbose=0, mix=2)
