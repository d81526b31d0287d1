"""Custom augmentations, schedules and mixing, and Keras objects in a recipe: training and resuming."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.keras_layers import KerasLayers
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

SIZE = 16
FLIP = (krr.augment.RandomFlip(),)
PLAIN = krr.A3(
    classes=4,
    epochs=2,
    warmup_epochs=0,
    batch_size=8,
    train_size=SIZE,
    test_size=SIZE,
    augmentation=FLIP,
    mix=None,
)
X = np.random.default_rng(0).integers(0, 256, (16, SIZE, SIZE, 3)).astype("uint8")
DATA = X, np.arange(16) % 4


class Invert(krr.augment.Augmentation):
    probability: float = 1.0

    def draw(self, rng, n):
        return {"inverted": rng.random(n) < self.probability}

    def apply(self, image, drawn):
        return 255 - image if drawn["inverted"] else image


class InverseSquareRoot(krr.schedules.Schedule):
    timescale: float = 10.0

    def __call__(self, epoch, lr=None):
        return self.learning_rate / (1 + epoch / self.timescale) ** 0.5


class SwapOrder(krr.augment.Mix):
    def apply(self, images, labels, rng):
        return images[::-1], labels[::-1]


def batches(recipe, replicas=1):
    data = krr.data.from_arrays(*DATA)
    unreadable = UnreadableImages(data, "skip")
    options = {"steps": 2, "seed": 0, "unreadable": unreadable, "devices": replicas}
    return list(TrainingBatches(recipe.replace(epochs=1), data, **options).batches())


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4),
        ]
    )


def with_layers(*layers):
    return PLAIN.replace(augmentation=(*FLIP, *layers))


def test_a_custom_augmentation_applies_at_its_position():
    before, after = (Invert(), *FLIP), (*FLIP, Invert())
    plain = batches(PLAIN)
    for (images, targets), (expected, same) in zip(
        batches(PLAIN.replace(augmentation=after)), plain, strict=True
    ):
        np.testing.assert_array_equal(images, 255 - expected)
        np.testing.assert_array_equal(targets, same)
    # The position determines the seed of the flip.
    assert (batches(PLAIN.replace(augmentation=before))[0][0] != 255 - plain[0][0]).any()


def test_a_custom_mix_gets_smoothed_labels_and_the_shard_of_each_device():
    recipe = PLAIN.replace(label_smoothing=0.1)
    for (images, targets), (plain, smooth) in zip(
        batches(recipe.replace(mix=SwapOrder()), replicas=2), batches(recipe), strict=True
    ):
        # Positions alternate between the two devices.
        for result, rows in ((images, plain), (targets, smooth)):
            np.testing.assert_array_equal(
                result, np.concatenate([rows[0::2][::-1], rows[1::2][::-1]])
            )


def test_outputs_of_keras_layers_are_rounded_and_clipped():
    values = np.array([[[[0, 1, 200]]]], "uint8")
    pipeline = KerasLayers(with_layers(keras.layers.Rescaling(1.5, -0.9)))
    images = pipeline.augmented(values)
    assert images.dtype == "uint8"
    assert images.ravel().tolist() == [0, 1, 255]


@pytest.mark.every_backend
def test_keras_layers_are_reproducible_from_their_seeds():
    recipe = with_layers(
        keras.layers.RandomContrast(0.5, seed=1), keras.layers.RandomBrightness(0.2, seed=2)
    ).replace(mix=keras.layers.CutMix(seed=3))
    result, again = batches(recipe), batches(recipe)
    for (images, targets), (images_again, targets_again) in zip(result, again, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)
        # Sums of float32 numbers.
        np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert (result[0][0] != batches(PLAIN)[0][0]).any()


def test_layers_of_this_package_work_in_a_recipe():
    mixed = batches(PLAIN.replace(mix=krr.layers.MixUpOrCutMix(0.2, 1.0, seed=0)))
    assert (mixed[0][1] != batches(PLAIN)[0][1]).any()


def test_a_layer_without_a_training_argument_works():
    halved = with_layers(keras.layers.Rescaling(0.5))
    for (images, _), (plain, _) in zip(batches(halved), batches(PLAIN), strict=True):
        np.testing.assert_array_equal(images, np.round(plain / 2))


CUSTOM = {
    "custom augmentation and schedule": PLAIN.replace(
        augmentation=(*FLIP, Invert(probability=0.5)), schedule=InverseSquareRoot(timescale=2.0)
    ),
    "custom schedule per update": PLAIN.replace(schedule=InverseSquareRoot(per="update")),
    "Keras optimizer and loss": PLAIN.replace(
        optimizer=keras.optimizers.Lion(weight_decay=0.02),
        loss=keras.losses.CategoricalFocalCrossentropy(from_logits=True),
    ),
    "Keras schedule": PLAIN.replace(
        schedule=keras.optimizers.schedules.CosineDecay(0.1, 100), learning_rate=None
    ),
}


@pytest.mark.every_backend
@pytest.mark.parametrize("name", CUSTOM)
def test_a_recipe_with_custom_values_trains_and_resumes(name, tmp_path):
    recipe = CUSTOM[name]
    whole = recipe.fit(DATA, model=network(), run_dir=tmp_path / "whole", verbose=0)
    assert krr.load_recipe(tmp_path / "whole") == recipe.replace(classes=4)

    class StopError(Exception):
        pass

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise StopError

    with pytest.raises(StopError):
        recipe.fit(DATA, model=network(), run_dir=tmp_path / "cut", verbose=0, callbacks=[Stop()])
    resumed = recipe.fit(DATA, model=network(), run_dir=tmp_path / "cut", verbose=0)
    assert resumed.history["loss"] == whole.history["loss"]
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_learning_rates_of_custom_schedules():
    rates = CUSTOM["custom augmentation and schedule"].fit(DATA, model=network(), verbose=0).history
    expected = [0.008, 0.008 / 1.5**0.5]
    np.testing.assert_allclose(rates["learning_rate"], expected, rtol=1e-6)


def test_changing_a_keras_layer_changes_the_run(tmp_path):
    recipe = PLAIN.replace(mix=keras.layers.CutMix(1.0, seed=2), epochs=1)
    recipe.fit(DATA, model=network(), run_dir=tmp_path / "run", verbose=0)
    with pytest.raises(ValueError, match="contains a run of another recipe"):
        recipe.replace(mix=keras.layers.CutMix(0.5, seed=2)).fit(
            DATA, model=network(), run_dir=tmp_path / "run", verbose=0
        )


@pytest.mark.full
def test_a_function_of_keras_applications_as_network(tmp_path, capsys):
    recipe = PLAIN.replace(
        network=keras.applications.MobileNetV3Small,
        train_size=32,
        test_size=32,
        epochs=1,
        drop_path_rate=0.1,
    )
    history = recipe.fit(DATA, run_dir=tmp_path / "run", verbose=0)
    assert "MobileNetV3Small has no zero_gamma=True and no drop_path_rate=0.1" in (
        capsys.readouterr().out
    )
    loaded = krr.load_run(tmp_path / "run")
    for ours, theirs in zip(loaded.get_weights(), history.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_network_without_preprocessing_gets_a_normalization_layer(monkeypatch):
    from keras_resnet_recipes.training import build

    model = build.network(PLAIN.replace(network=keras.applications.MobileNet, train_size=32))
    assert isinstance(model.layers[1], keras.layers.Normalization)
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (keras.layers.CenterCrop(8, 8), "`augmentation`: CenterCrop must return images"),
        (keras.layers.Rescaling(1 / 255), r"Rescaling must return images of 0..255.*\.\.1 "),
        (
            keras.layers.RandomBrightness(0.2, value_range=(0, 1)),
            r"RandomBrightness must return images of 0..255.*value_range=\(0, 255\)",
        ),
        (keras.layers.Dense(3), "Dense must have no trainable weights"),
        ("rand-m7", "`augmentation` must be"),
    ],
    ids=["CenterCrop", "Rescaling", "RandomBrightness", "Dense", "str"],
)
def test_unusable_augmentations_are_errors(step, message):
    with pytest.raises(ValueError, match=message):
        batches(with_layers(step))


class Configurable(krr.augment.Augmentation):
    """An augmentation whose methods call the functions in `FUNCTIONS`."""

    def draw(self, rng, n):
        return FUNCTIONS[0](n)

    def apply(self, image, drawn):
        return FUNCTIONS[1](image)


FUNCTIONS = []


@pytest.mark.parametrize(
    ("draw", "apply", "message"),
    [
        (lambda n: None, None, r"Configurable.draw must return arrays \[n, ...\].*Received: None"),
        (lambda n: {"a": 1.0}, None, r"Configurable.draw must return .*Received: {'a': \(\)}"),
        (lambda n: {"a": np.ones(3)}, None, r"Configurable.draw must .*Received: {'a': \(3,\)}"),
        (
            lambda n: {"a": np.ones(n + 1)},
            None,
            r"Configurable.draw must return arrays .*\(257,\)}",
        ),
        (
            lambda n: {"a": np.ones(n)},
            lambda image: image / 255,
            r"Configurable.apply: `image` must be uint8 .*float64 \[16, 16, 3\]",
        ),
        (
            lambda n: {"a": np.ones(n)},
            lambda image: image[:8],
            "`augmentation`: Configurable must return images of 16 x 16 pixels.*8 x 16",
        ),
    ],
    ids=[
        "draw None",
        "draw a float",
        "draw too few",
        "draw too many",
        "apply float64",
        "apply another size",
    ],
)
def test_invalid_results_of_a_custom_augmentation_are_errors(draw, apply, message):
    FUNCTIONS[:] = draw, apply
    with pytest.raises(ValueError, match=message):
        batches(PLAIN.replace(augmentation=(*FLIP, Configurable())))


def with_softmax(*, classes=10, weights=None, input_shape=None):
    """A network that always returns probabilities."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def no_network(**options):
    """Returns None."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            with_softmax,
            "`network` must return logits.*Received: with_softmax, whose model ends in 'dense",
        ),
        (no_network, "`network` must build a keras.Model.*no_network, which returns NoneType"),
    ],
    ids=["softmax", "None"],
)
def test_a_network_function_must_build_a_model_with_logits(function, message):
    with pytest.raises(ValueError, match=message):
        PLAIN.replace(network=function).fit(DATA, verbose=0)


class Negative(krr.schedules.Schedule):
    def __call__(self, epoch, lr=None):
        return self.learning_rate - epoch


def test_a_negative_learning_rate_is_an_error():
    message = "`schedule` must give rates of at least 0.*Negative, which gives -0.99.* in epoch 1$"
    with pytest.raises(ValueError, match=message):
        PLAIN.replace(schedule=Negative(), learning_rate=0.008).fit(DATA, verbose=0)


def test_keras_layers_must_come_last():
    with pytest.raises(ValueError, match="`augmentation` must end with its Keras layers"):
        PLAIN.replace(augmentation=(keras.layers.RandomBrightness(0.2), *FLIP))
