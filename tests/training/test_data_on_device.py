"""Data on the device: augmentation parameters per batch; training equals that on images augmented by NumPy."""

import math

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.whitening import whitening_kernel
from keras_resnet_recipes.augment import (
    ColorJitter,
    Cutout,
    Lighting,
    MixUp,
    MixUpOrCutMix,
    PadAndCrop,
    RandAugment,
    RandomErasing,
    RandomResizedCrop,
    ScaleJitterCrop,
    TrivialAugmentWide,
)
from keras_resnet_recipes.runs.progress import TIMES
from keras_resnet_recipes.training import build, load_run
from keras_resnet_recipes.training.feeds import device
from keras_resnet_recipes.training.feeds import parameters as augmentation_parameters
from keras_resnet_recipes.training.learning_rate import schedule as schedule_of
from keras_resnet_recipes.training.model import TrainingModel
from tests.runs.same_run import StopAt, StoppedError

pytestmark = pytest.mark.every_backend

RECIPE = krr.DAWNBench(
    train_size=8,
    test_size=8,
    classes=3,
    epochs=2,
    knots=((0, 0), (1, 1), (2, 0)),
    batch_size=8,
    padding=2,
    cutout_size=3,
    label_smoothing=0.2,
)
RNG = np.random.default_rng(0)
# 42 images are five batches of 8; the last two are dropped.
X, Y = RNG.integers(0, 256, (42, 8, 8, 3), "uint8"), RNG.integers(0, 3, 42)
TEST = RNG.integers(0, 256, (13, 8, 8, 3), "uint8"), RNG.integers(0, 3, 13)


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64, -2),
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.2, seed=1),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


def fit(recipe=RECIPE, **options):
    return recipe.fit((X, Y), **{"model": network(), "verbose": 0, "seed": 3, **options})


def augmented(recipe, parameters, images):
    """Applies the augmentation parameters in NumPy, image by image."""
    crop, cutout = recipe.augmentation_of(PadAndCrop), recipe.augmentation_of(Cutout)
    pad, result = crop.padding if crop else 0, []
    for index, row, column, mirrored, top, left in parameters:
        image = images[index]
        # float32, because fill colors are not rounded.
        image, (height, width, _) = image.astype("float32"), image.shape
        edges = ((pad, pad), (pad, pad), (0, 0))
        if crop is None or crop.fill is None:
            padded = np.pad(image, edges, mode="reflect")
        else:
            color = np.float32(crop.fill)
            padded = np.stack(
                [
                    np.pad(image[..., c], edges[:2], constant_values=color[c])
                    for c in range(image.shape[-1])
                ],
                axis=-1,
            )
        image = padded[row : row + height, column : column + width].copy()
        if mirrored:
            image = image[:, ::-1].copy()
        if cutout:
            image[top : top + cutout.size, left : left + cutout.size] = cutout.fill
        result.append(image)
    return np.stack(result)


def parameters_of(epoch, recipe=RECIPE, count=40, seed=3):
    return augmentation_parameters.drawn_parameters(
        recipe, X.shape, count=count, seed=seed, epoch=epoch
    )


def test_every_image_occurs_once_and_draws_are_uniform():
    parameters = augmentation_parameters.drawn_parameters(
        krr.DAWNBench(), (6000, 32, 32, 3), count=6000, seed=0, epoch=0
    )
    assert parameters.dtype == np.int32
    assert sorted(parameters[:, 0]) == list(range(6000))
    for column, values in zip(parameters.T[1:], (9, 9, 2, 25, 25), strict=True):
        counts = np.bincount(column, minlength=values)
        assert len(counts) == values
        # Five standard deviations of a binomial distribution.
        deviation = math.sqrt(6000 / values * (1 - 1 / values))
        assert abs(counts - 6000 / values).max() < 5 * deviation
    # Columns are independent: 5 / sqrt(6000) is five standard deviations of their correlation.
    correlations = np.corrcoef(parameters.T) - np.eye(6)
    assert abs(correlations).max() < 0.065


def test_parameters_depend_only_on_seed_epoch_and_position():
    long = parameters_of(1, count=100)
    np.testing.assert_array_equal(long[:40], parameters_of(1))
    assert sorted(long[:42, 0]) == list(range(42))
    np.testing.assert_array_equal(long[42:84, 0], long[:42, 0])
    for others in (parameters_of(0), parameters_of(1, seed=4)):
        assert (others != parameters_of(1)).any(axis=0).all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pad_fill": (10.4, 20.6, 255.0)},
        {"pad_and_crop": None, "random_flip": None},
        {"cutout": None},
    ],
    ids=["defaults", "pad_fill", "cutout only", "no cutout"],
)
def test_images_follow_the_parameters(changes):
    recipe = RECIPE.replace(**changes)
    parameters = parameters_of(0, recipe)
    ours = augmentation_parameters.augmented(
        recipe, keras.ops.convert_to_tensor(parameters), keras.ops.convert_to_tensor(X)
    )
    ours = keras.ops.convert_to_numpy(ours)
    has_fill = any(getattr(step, "fill", None) is not None for step in recipe.augmentation)
    assert ours.dtype == (np.float32 if has_fill else np.uint8)
    np.testing.assert_array_equal(ours, augmented(recipe, parameters, X))


def trained_on_images(recipe):
    """Returns the weights after a `fit` of Keras on the augmented images."""
    model = network()
    keras.utils.set_random_seed(3)
    optimizer = build.compiled(recipe, model, 1, 5).optimizer
    average = build.moving_average(recipe, 5)
    model = TrainingModel(model, average=average)
    model.compile(optimizer, **build.objective(recipe), auto_scale_loss=False)
    drawn = np.concatenate([parameters_of(epoch) for epoch in range(recipe.epochs)])
    targets = np.full((len(drawn), 3), 0.2 / 3, "float32")
    targets[np.arange(len(drawn)), Y[drawn[:, 0]]] += 0.8
    model.fit(
        augmented(recipe, drawn, X),
        targets,
        batch_size=recipe.batch_size // recipe.gradient_accumulation_steps,
        shuffle=False,
        verbose=0,
    )
    if average:
        average.finish()
    return model.get_weights()


@pytest.mark.parametrize(
    "changes",
    [{}, {"ema": krr.recipe.EMA(decay=0.7)}, {"gradient_accumulation_steps": 2}],
    ids=["plain", "ema", "accumulation"],
)
def test_training_equals_that_on_augmented_images(changes):
    recipe = RECIPE.replace(**changes)
    history = fit(recipe, validation_data=TEST)
    assert len(history.history["loss"]) == 2
    theirs = trained_on_images(recipe)
    for ours, weight in zip(history.model.get_weights(), theirs, strict=True):
        # Two compiled programs of the same arithmetic: float32 sums differ in the last bits.
        np.testing.assert_allclose(ours, weight, rtol=2e-4, atol=2e-5)


def flips_by_image(recipe, epochs, count=1000, seed=0):
    """Returns whether each image is flipped in each epoch, [epochs, images]."""
    flips = []
    for epoch in range(epochs):
        drawn = augmentation_parameters.drawn_parameters(
            recipe, (count, 8, 8, 3), count=count, seed=seed, epoch=epoch
        )
        flips.append(drawn[np.argsort(drawn[:, 0]), 3])
    return np.array(flips)


def test_alternating_images_are_flipped_in_every_second_epoch():
    recipe = RECIPE.replace(flip_alternating=True)
    flips = flips_by_image(recipe, epochs=4)
    np.testing.assert_array_equal(flips[1:], 1 - flips[:-1])
    # Five standard deviations of a binomial distribution.
    assert abs(flips[0].sum() - 500) < 5 * 250**0.5
    assert (flips_by_image(recipe, epochs=1, seed=1)[0] != flips[0]).any()
    # Other columns, and the images that do not alternate, are drawn anew.
    others = flips_by_image(RECIPE, epochs=2)
    assert 0 < (others[0] != others[1]).sum() < 1000


@pytest.mark.parametrize("alternating", [False, True])
def test_the_probability_of_a_flip_counts(alternating):
    recipe = RECIPE.replace(flip_alternating=alternating, flip_probability=0.2)
    # Five standard deviations of a binomial distribution.
    assert abs(flips_by_image(recipe, epochs=1).sum() - 200) < 5 * 160**0.5
    never = recipe.replace(flip_probability=0.0)
    np.testing.assert_array_equal(flips_by_image(never, 2).sum(1), [0, 1000 * alternating])


class RecordBatches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.started = []

    def on_train_batch_begin(self, batch, logs=None):
        self.started.append(batch)


@pytest.mark.parametrize(
    ("options", "started"),
    [({}, [0]), ({"save_every_steps": 2}, [0, 2, 4])],
    ids=["one call", "save_every_steps"],
)
def test_an_epoch_is_one_call_unless_checkpoints_interrupt_it(options, started, tmp_path):
    calls, recipe = RecordBatches(), RECIPE.replace(epochs=1, knots=((0, 0), (0.5, 1), (1, 0)))
    history = fit(recipe, callbacks=[calls], run_dir=tmp_path / "run", **options)
    # Keras on torch runs one step per call.
    assert calls.started == ([0, 1, 2, 3, 4] if keras.backend.backend() == "torch" else started)
    assert int(history.model.optimizer.iterations) == 5


@pytest.fixture(scope="module")
def whole():
    return fit(validation_data=TEST)


@pytest.mark.parametrize(("save_every", "position"), [(None, (1, 0)), (2, (0, 4))], ids=str)
def test_a_resumed_run_equals_the_uninterrupted_one(whole, tmp_path, save_every, position):
    options = {"validation_data": TEST, "run_dir": tmp_path / "run"}
    with pytest.raises(StoppedError):
        fit(callbacks=[StopAt(*position)], save_every_steps=save_every, **options)
    # A different number of steps per call must not matter.
    resumed = fit(save_every_steps=3, **options)
    for name, values in whole.history.items():
        if name not in TIMES:
            assert resumed.history[name] == values
    variables = [[*run.model.variables, *run.model.optimizer.variables] for run in (whole, resumed)]
    for one, other in zip(*variables, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_the_trained_model_takes_images(whole):
    history, model = whole, whole.model
    assert not {"train_step", "test_step"} & set(vars(model))
    images, labels = TEST
    one_hot = np.eye(3, dtype="float32")[labels]
    loss, top1 = model.evaluate(images, one_hot, verbose=0)
    accuracy = (model.predict(images, verbose=0).argmax(-1) == labels).mean()
    result = RECIPE.evaluate(model, TEST, verbose=0)
    assert result["images"] == 13
    for ours in (result["top1"], history.history["val_top1"][-1], top1):
        assert ours == pytest.approx(accuracy)
    assert result["loss"] == pytest.approx(history.history["val_loss"][-1], rel=1e-5)
    assert result["loss"] == pytest.approx(loss, rel=1e-5)
    assert not {"train_step", "test_step"} & set(vars(model))


def test_mirror_images_are_averaged_after_every_epoch():
    recipe = RECIPE.replace(test_views="mirrored", epochs=1, knots=((0, 0), (0.5, 1), (1, 0)))
    history = fit(recipe, validation_data=TEST)
    model, (images, labels) = history.model, TEST
    views = [model.predict(view, verbose=0) for view in (images, images[:, :, ::-1])]
    scores = (views[0] + views[1]) / 2
    loss = -np.log(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True))[range(13), labels]
    result = recipe.evaluate(model, TEST, verbose=0)
    # float32 means in a different order.
    for value in (history.history["val_loss"][0], result["loss"]):
        assert value == pytest.approx(loss.mean(), rel=1e-5)
    assert history.history["val_top1"][0] == pytest.approx((scores.argmax(-1) == labels).mean())
    assert not {"train_step", "test_step", "call"} & set(vars(model))


@pytest.mark.full
def test_shifted_images_are_averaged_after_every_epoch():
    recipe = RECIPE.replace(test_views="shifted", epochs=1, knots=((0, 0), (0.5, 1), (1, 0)))
    history = fit(recipe, validation_data=TEST)
    model, (images, labels) = history.model, TEST
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    scores = 0
    for view, weight in ((images, 0.5), (padded[:, :8, :8], 0.25), (padded[:, 2:, 2:], 0.25)):
        for one in (view, view[:, :, ::-1]):
            scores = scores + weight / 2 * model.predict(np.ascontiguousarray(one), verbose=0)
    loss = -np.log(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True))[range(13), labels]
    on_host = recipe.replace(data_on_device=False).evaluate(model, TEST, verbose=0)
    for result in (recipe.evaluate(model, TEST, verbose=0), on_host):
        # float32 means in a different order.
        assert result["loss"] == pytest.approx(loss.mean(), rel=1e-5)
    assert history.history["val_loss"][0] == pytest.approx(loss.mean(), rel=1e-5)


def test_whitening_filters_come_from_the_training_images_and_are_loaded(tmp_path):
    recipe = krr.DAWNBench(
        whitening=True, train_size=8, test_size=8, batch_size=8, epochs=1, classes=3, cutout_size=3
    )
    model = fit(recipe, model=None, steps_per_epoch=1, run_dir=tmp_path / "run").model
    kernel = keras.ops.convert_to_numpy(model.get_layer("prep_whiten").kernel)
    # The published mean and standard deviations of the network.
    normalized = (X - np.array([125.31, 122.95, 113.87])) / np.array([62.99, 62.09, 66.7])
    expected = whitening_kernel(normalized.astype("float32"))
    # float32 sums and eigenvectors.
    np.testing.assert_allclose(kernel, expected, rtol=1e-3, atol=1e-3)
    loaded = load_run(tmp_path / "run").get_weights()
    for one, other in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_learning_rates_equal_those_of_the_original(golden):
    rates = schedule_of(krr.DAWNBench()).per_update(97)
    ours = [float(rates(97 * epoch - 1)) for epoch in range(1, 25)]
    # Before the original divides by the batch size; ours are float32.
    theirs = golden("cifar_and_lr")["lr/page24_per_epoch_end"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_an_npz_file_contains_training_and_validation_data(whole, tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, x_train=X, y_train=Y[:, None], x_test=TEST[0], y_test=TEST[1])
    history = RECIPE.fit(path, model=network(), validation_data=str(path), verbose=0, seed=3)
    assert history.history["val_loss"] == whole.history["val_loss"]
    assert RECIPE.evaluate(history.model, path, verbose=0)["images"] == 13


def test_classes_are_inferred_and_labels_checked():
    unknown = RECIPE.replace(classes=None)
    assert fit(unknown, steps_per_epoch=1).model.output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"labels of the arrays must be within 0\.\.1 for 2"):
        fit(RECIPE.replace(classes=2))
    with pytest.raises(ValueError, match=r"labels of the arrays must be within 0\.\.2 for 3"):
        fit(validation_data=(TEST[0], TEST[1] + 3))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([(X[0], 0), (X[1], 1)], "`dataset` must be arrays .* Received: .*data_on_device=False"),
        (np.zeros((2, 8, 8, 3)), "`dataset` must be .* arrays .* Received: ndarray"),
        (
            (np.zeros((8, 9, 8, 3), "uint8"), np.zeros(8, int)),
            "`train_size` must be .*=8 .* 9 x 8 pixels",
        ),
        ((np.zeros((8, 8, 8, 2), "uint8"), np.zeros(8, int)), "`images` must be"),
        (([np.zeros((8, 8)), np.zeros((9, 8))], [0, 1]), "`images` must be of one size"),
        ("none.npz", "there is no file 'none.npz'"),
    ],
    ids=["not in memory", "images alone", "size", "channels", "sizes", "no file"],
)
def test_unusable_data_is_an_error(data, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.fit(data, model=network(), verbose=0)


def test_several_devices_are_an_error():
    data = krr.data.from_source((X, Y))
    with pytest.raises(ValueError, match=r"`distribution` must be 'none'.*Received: 2 devices"):
        device.Feed(RECIPE, data, None, replicas=2)


def test_a_preview_shows_the_augmented_images(tmp_path):
    from keras_resnet_recipes.preview import preview

    shown = preview(RECIPE, (X, Y), rows=2, columns=4, seed=3)
    expected = np.rint(augmented(RECIPE, parameters_of(0, count=8), X))
    np.testing.assert_array_equal(shown, expected.reshape(2, 4, 8, 8, 3))


def test_preview_captions_follow_the_parameters(tmp_path):
    from keras_resnet_recipes.preview import preview, snapshots

    recipe = RECIPE.replace(cutout_fill=(1.0, 2.0, 3.0))
    shown = snapshots(recipe, (X, Y), columns=8, seed=3)
    last = preview(recipe, (X, Y), rows=1, columns=8, seed=3)[0]
    np.testing.assert_array_equal(np.stack(shown[-1].images), last)
    names = ["as given", "PadAndCrop", "RandomFlip", "Cutout"]
    assert [snapshot.name for snapshot in shown] == names
    for before, after, caption in zip(
        shown[1].images, shown[2].images, shown[2].captions, strict=True
    ):
        np.testing.assert_array_equal(after, before[:, ::-1] if caption else before)
    for image, caption in zip(shown[3].images, shown[3].captions, strict=True):
        row, column = (int(word.strip(",")) for word in caption.split()[2::2])
        assert (image[row : row + 3, column : column + 3] == [1, 2, 3]).all()


@pytest.mark.parametrize(
    "augmentation",
    [
        ScaleJitterCrop(shorter_edge=(8, 9)),
        RandomResizedCrop(scale=(0.5, 1.0)),
        ColorJitter(0.4, 0.4, 0.4),
        Lighting(),
        TrivialAugmentWide(),
        RandAugment(magnitude=9.0),
        RandomErasing(0.1),
        Cutout(size=3),
    ],
    ids=lambda augmentation: type(augmentation).__name__,
)
def test_augmentations_that_the_device_does_not_support_are_errors(augmentation):
    own = RECIPE.augmentation
    changed = (augmentation, *own) if augmentation.crops else (*own, augmentation)
    with pytest.raises(ValueError, match="`augmentation` must consist of PadAndCrop"):
        RECIPE.replace(augmentation=changed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mix", MixUpOrCutMix(mixup_alpha=0.2)),
        ("mix", MixUp(0.2)),
        ("repeated_augmentation", 2),
        ("test_crop_ratio", 0.875),
        ("test_views", "ten_crop"),
        ("batch_norm", "synchronized"),
        ("unreadable_images", "raise"),
    ],
    ids=[
        "MixUpOrCutMix",
        "MixUp",
        "repeated_augmentation",
        "test_crop_ratio",
        "test_views",
        "batch_norm",
        "unreadable_images",
    ],
)
def test_values_that_the_device_does_not_support_are_errors(field, value):
    with pytest.raises(ValueError, match=f"`{field}` must be"):
        RECIPE.replace(**{field: value})


@pytest.mark.parametrize(("name", "value"), [("padding", 8), ("size", 9)])
def test_an_augmentation_larger_than_the_image_is_an_error(name, value):
    flat = {"padding": "padding", "size": "cutout_size"}[name]
    with pytest.raises(ValueError, match=f"`{name}` of .* must be at most"):
        RECIPE.replace(**{flat: value})


def test_cutout_fill_without_cutout_is_an_error():
    with pytest.raises(ValueError, match="`cutout_fill` requires Cutout, which DAWNBench"):
        RECIPE.replace(cutout=None).replace(cutout_fill=(1, 2, 3))
