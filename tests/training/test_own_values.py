"""A user's own augmentation, schedule, mixing, and objects of Keras as values of a recipe: trained and resumed."""

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


class Inverted(krr.augment.Augmentation):
    probability: float = 1.0

    def draw(self, rng, n):
        return {"inverted": rng.random(n) < self.probability}

    def apply(self, image, drawn):
        return 255 - image if drawn["inverted"] else image


class RootOfTime(krr.schedules.Schedule):
    timescale: float = 10.0

    def __call__(self, epoch, lr=None):
        return self.learning_rate / (1 + epoch / self.timescale) ** 0.5


class Swapped(krr.augment.Mix):
    def apply(self, images, labels, rng):
        return images[::-1], labels[::-1]


def batches(recipe, replicas=1):
    data = krr.data.from_arrays(*DATA)
    watcher = UnreadableImages(data, "skip")
    numbers = {"steps": 2, "seed": 0, "unreadable": watcher, "devices": replicas}
    return list(TrainingBatches(recipe.replace(epochs=1), data, **numbers).batches())


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


def layers(*steps):
    return PLAIN.replace(augmentation=(*FLIP, *steps))


def test_an_own_augmentation_stands_in_its_place():
    before, after = (Inverted(), *FLIP), (*FLIP, Inverted())
    plain = batches(PLAIN)
    for (images, targets), (expected, same) in zip(
        batches(PLAIN.replace(augmentation=after)), plain, strict=True
    ):
        np.testing.assert_array_equal(images, 255 - expected)
        np.testing.assert_array_equal(targets, same)
    # Another place is another seed of the flip.
    assert (batches(PLAIN.replace(augmentation=before))[0][0] != 255 - plain[0][0]).any()


def test_an_own_mix_gets_smooth_labels_and_the_shard_of_each_device():
    recipe = PLAIN.replace(label_smoothing=0.1)
    for (images, targets), (plain, smooth) in zip(
        batches(recipe.replace(mix=Swapped()), replicas=2), batches(recipe), strict=True
    ):
        # Two devices take positions by turns.
        for made, rows in ((images, plain), (targets, smooth)):
            np.testing.assert_array_equal(
                made, np.concatenate([rows[0::2][::-1], rows[1::2][::-1]])
            )


def test_results_of_keras_layers_are_rounded_and_stay_in_the_range_of_pixels():
    values = np.array([[[[0, 1, 200]]]], "uint8")
    made = KerasLayers(layers(keras.layers.Rescaling(1.5, -0.9)))
    images = made.augmented(values)
    assert images.dtype == "uint8"
    assert images.ravel().tolist() == [0, 1, 255]


@pytest.mark.every_backend
def test_keras_layers_repeat_with_their_own_seeds():
    recipe = layers(
        keras.layers.RandomContrast(0.5, seed=1), keras.layers.RandomBrightness(0.2, seed=2)
    ).replace(mix=keras.layers.CutMix(seed=3))
    made, again = batches(recipe), batches(recipe)
    for (images, targets), (images_again, targets_again) in zip(made, again, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)
        # float32 parts of one
        np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    assert (made[0][0] != batches(PLAIN)[0][0]).any()


def test_the_layers_of_this_package_work():
    mixed = batches(PLAIN.replace(mix=krr.layers.MixUpOrCutMix(0.2, 1.0, seed=0)))
    assert (mixed[0][1] != batches(PLAIN)[0][1]).any()


def test_a_layer_without_training_works():
    halved = layers(keras.layers.Rescaling(0.5))
    for (images, _), (plain, _) in zip(batches(halved), batches(PLAIN), strict=True):
        np.testing.assert_array_equal(images, np.round(plain / 2))


OWN = {
    "own augmentation and schedule": PLAIN.replace(
        augmentation=(*FLIP, Inverted(probability=0.5)), schedule=RootOfTime(timescale=2.0)
    ),
    "own schedule per update": PLAIN.replace(schedule=RootOfTime(per="update")),
    "optimizer and loss of Keras": PLAIN.replace(
        optimizer=keras.optimizers.Lion(weight_decay=0.02),
        loss=keras.losses.CategoricalFocalCrossentropy(from_logits=True),
    ),
    "schedule of Keras": PLAIN.replace(
        schedule=keras.optimizers.schedules.CosineDecay(0.1, 100), learning_rate=None
    ),
}


@pytest.mark.every_backend
@pytest.mark.parametrize("name", OWN)
def test_a_recipe_with_own_values_trains_and_resumes(name, tmp_path):
    recipe = OWN[name]
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


def test_rates_of_own_schedules():
    rates = OWN["own augmentation and schedule"].fit(DATA, model=network(), verbose=0).history
    expected = [0.008, 0.008 / 1.5**0.5]
    np.testing.assert_allclose(rates["learning_rate"], expected, rtol=1e-6)


def test_another_value_is_another_run(tmp_path):
    recipe = PLAIN.replace(mix=keras.layers.CutMix(1.0, seed=2), epochs=1)
    recipe.fit(DATA, model=network(), run_dir=tmp_path / "run", verbose=0)
    with pytest.raises(ValueError, match="holds a run of another recipe"):
        recipe.replace(mix=keras.layers.CutMix(0.5, seed=2)).fit(
            DATA, model=network(), run_dir=tmp_path / "run", verbose=0
        )


def test_a_function_of_keras_applications_is_a_network(tmp_path, capsys):
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


def test_a_network_that_does_not_normalize_gets_it(monkeypatch):
    from keras_resnet_recipes.training import parts

    model = parts.network(PLAIN.replace(network=keras.applications.MobileNet, train_size=32))
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
    ids=str,
)
def test_what_cannot_be_used_is_named(step, message):
    with pytest.raises(ValueError, match=message):
        batches(layers(step))


class Drawing(krr.augment.Augmentation):
    """Draws and applies what it is told to."""

    def draw(self, rng, n):
        return RESULTS[0](n)

    def apply(self, image, drawn):
        return RESULTS[1](image)


RESULTS = []


@pytest.mark.parametrize(
    ("draw", "apply", "message"),
    [
        (lambda n: None, None, r"Drawing.draw must return arrays \[n, ...\].*Received: None"),
        (lambda n: {"a": 1.0}, None, r"Drawing.draw must return .*Received: {'a': \(\)}"),
        (lambda n: {"a": np.ones(3)}, None, r"Drawing.draw must .*Received: {'a': \(3,\)}"),
        (lambda n: {"a": np.ones(n + 1)}, None, r"Drawing.draw must return arrays .*\(257,\)}"),
        (
            lambda n: {"a": np.ones(n)},
            lambda image: image / 255,
            r"Drawing.apply: `image` must be uint8 .*float64 \[16, 16, 3\]",
        ),
        (
            lambda n: {"a": np.ones(n)},
            lambda image: image[:8],
            "`augmentation`: Drawing must return images of 16 x 16 pixels.*8 x 16",
        ),
    ],
)
def test_wrong_results_of_an_own_augmentation_are_named(draw, apply, message):
    RESULTS[:] = draw, apply
    with pytest.raises(ValueError, match=message):
        batches(PLAIN.replace(augmentation=(*FLIP, Drawing())))


def soft(*, classes=10, weights=None, input_shape=None):
    """A network of probabilities, whatever it is asked for."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def nothing(**options):
    """No network."""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (soft, "`network` must give logits.*Received: soft, whose model ends in 'dense"),
        (nothing, "`network` must build a keras.Model.*nothing, which returns NoneType"),
    ],
)
def test_a_function_that_builds_no_network_of_logits_is_named(function, message):
    with pytest.raises(ValueError, match=message):
        PLAIN.replace(network=function).fit(DATA, verbose=0)


class Falling(krr.schedules.Schedule):
    def __call__(self, epoch, lr=None):
        return self.learning_rate - epoch


def test_a_rate_below_0_is_named():
    message = "`schedule` must give rates of at least 0.*Falling, which gives -0.99.* in epoch 1$"
    with pytest.raises(ValueError, match=message):
        PLAIN.replace(schedule=Falling(), learning_rate=0.008).fit(DATA, verbose=0)


def test_keras_layers_come_last():
    with pytest.raises(ValueError, match="`augmentation` must end with its Keras layers"):
        PLAIN.replace(augmentation=(keras.layers.RandomBrightness(0.2), *FLIP))
