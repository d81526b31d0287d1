"""Evaluation with several views per image, against NumPy and Pillow on one image at a time."""

import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import opened
from keras_resnet_recipes.evaluation.accuracy import over_views
from keras_resnet_recipes.input_pipeline.evaluation import views_of as views_in_the_pipeline
from tests.backends import some

RECIPE = krr.He2015(step_epochs=(1,), network="ResNet20", test_size=28, batch_size=30, classes=7)
# JAX compiles once per shape.
SHAPES = [(40, 33), (20, 31), (28, 28)] * 4 + [(30, 61), (50, 41)]


@pytest.fixture(scope="module")
def images():
    """Images of various sizes made of color blocks, which survive a resize."""
    rng = np.random.default_rng(0)
    blocks = [rng.integers(0, 256, (-(-h // 5), -(-w // 5), 3), "uint8") for h, w in SHAPES]
    enlarged = [np.kron(block, np.ones((5, 5, 1), "uint8")) for block in blocks]
    return [one[:h, :w] for one, (h, w) in zip(enlarged, SHAPES, strict=True)]


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for number, image in enumerate(images):
        file = root / str(number % 7) / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(file)
    return root


@pytest.fixture(scope="module")
def model():
    """A network whose outputs differ between views."""
    keras.utils.set_random_seed(1)
    return network()


def network(side=None):
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.Rescaling(1 / 64, offset=-2.0),
            keras.layers.Conv2D(16, 5, strides=2, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7, kernel_initializer=keras.initializers.RandomNormal(stddev=3)),
        ]
    )


def resized(image, side, filter=Image.Resampling.BILINEAR):
    height, width = image.shape[:2]
    shorter = min(height, width)
    size = (side * width // shorter, side * height // shorter)
    return np.asarray(Image.fromarray(image).resize(size, filter))


def views_of(image, kind):
    """Returns the views of an image, by NumPy and Pillow: arrays `[height, width, 3]`."""
    if kind == "multi_scale":
        one = [resized(image, side) for side in (28, 32, 48, 60, 80)]
        return [view for each in one for view in (each, each[:, ::-1])]
    size, image = 28, resized(image, 32)
    if kind != "ten_crop":
        center = center_of(image, size)
        if kind == "shifted":
            padded = np.pad(center, ((1, 1), (1, 1), (0, 0)), "reflect")
            # The image itself has the weight of two.
            shifts = [center, center, padded[:size, :size], padded[2:, 2:]]
            return [view for each in shifts for view in (each, each[:, ::-1])]
        return [center] if kind == "one" else [center, center[:, ::-1]]
    found = []
    for view in (image, image[:, ::-1]):
        found += [view[:size, :size], view[:size, -size:], view[-size:, :size]]
        found += [view[-size:, -size:], center_of(view, size)]
    return found


def center_of(image, size):
    top, left = (int(np.rint((length - size) / 2)) for length in image.shape[:2])
    return image[top : top + size, left : left + size]


def expected(model, images, kind):
    """Returns the scores of each image, in double precision after the network."""
    means = []
    for image in images:
        logits = [
            keras.ops.convert_to_numpy(model(view[None].astype("float32"), training=False))[0]
            for view in views_of(image, kind)
        ]
        logits = np.asarray(logits, "float64")
        exponentials = np.exp(logits - logits.max(-1, keepdims=True))
        probabilities = exponentials / exponentials.sum(-1, keepdims=True)
        means.append((probabilities if kind in ("ten_crop", "multi_scale") else logits).mean(0))
    return np.stack(means)


def accuracies(scores, labels):
    ranks = (scores > np.take_along_axis(scores, labels[:, None], 1)).sum(1)
    return (ranks < 1).mean(), (ranks < 5).mean()


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "kind",
    some(
        ["one", "mirrored", "shifted", "ten_crop", "multi_scale"],
        everywhere=["one", "shifted", "ten_crop"],
    ),
)
def test_an_evaluation_equals_that_of_single_images(kind, model, images, folder):
    recipe = RECIPE.replace(test_views=kind)
    # The order of the folder: by class, then by name.
    order = sorted(range(14), key=lambda number: (number % 7, f"{number}.png"))
    labels = np.array([number % 7 for number in order])
    scores = expected(model, [images[number] for number in order], kind)
    result = recipe.evaluate(model, folder, verbose=0)
    top1, top5 = accuracies(scores, labels)
    assert 0 < top1 < top5 < 1
    assert result["images"] == 14
    # Fractions of 14 in float32.
    assert result["top1"] == pytest.approx(top1, abs=1e-6)
    assert result["top5"] == pytest.approx(top5, abs=1e-6)
    assert ("loss" in result) == (kind in ("one", "mirrored", "shifted"))
    averaged, _ = over_views(recipe, model, True)
    pipeline_views, *_ = views_in_the_pipeline(recipe)
    ours = []
    for number in order:
        inputs = [np.asarray(view)[None] for view in pipeline_views(opened(images[number]))]
        ours.append(averaged.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])[0])
    # Images equal Pillow's byte for byte; the network runs in float32 on batches of a different size.
    np.testing.assert_allclose(np.stack(ours), scores, rtol=2e-4, atol=2e-5)


@pytest.mark.every_backend
def test_averaged_probabilities_follow_the_loss(model, images, folder):
    """Sigmoid after binary cross-entropy, as in `krr predict`; a model with softmax keeps its own."""
    binary = krr.A3(network="ResNet20", test_size=28, classes=7, test_views="ten_crop")
    averaged, logits = over_views(binary, model, True)
    assert not logits
    crops = np.stack([views_in_the_pipeline(binary)[0](opened(p))[0] for p in images[:3]])
    each = keras.ops.convert_to_numpy(model(crops.reshape(-1, 28, 28, 3).astype("float32")))
    sigmoids = (1 / (1 + np.exp(-each.astype("float64")))).reshape(3, 10, 7).mean(1)
    np.testing.assert_allclose(averaged.predict_on_batch(crops), sigmoids, rtol=2e-4, atol=2e-5)
    softmax = keras.Model(model.inputs, keras.ops.softmax(model.outputs[0]))
    own, _ = over_views(binary, softmax, False)
    exponentials = np.exp(each.astype("float64") - each.max(-1, keepdims=True))
    softmaxes = (exponentials / exponentials.sum(-1, keepdims=True)).reshape(3, 10, 7).mean(1)
    np.testing.assert_allclose(own.predict_on_batch(crops), softmaxes, rtol=2e-4, atol=2e-5)


@pytest.mark.every_backend
def test_half_precision_scores_are_averaged_in_float32():
    keras.utils.set_random_seed(1)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = network()
    finally:
        keras.config.set_dtype_policy(policy)
    for kind in ("mirrored", "shifted", "ten_crop", "multi_scale"):
        averaged, _ = over_views(RECIPE.replace(test_views=kind), half, True)
        assert averaged.outputs[0].dtype == "float32"


def test_an_unreadable_image_is_skipped_with_all_its_views(model, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "some")
    files = sorted((tmp_path / "some").rglob("*.png"))
    for copy in range(10):
        for file in files:
            shutil.copy(file, file.parent / f"{copy}-{file.name}")
    (tmp_path / "some" / "3" / "3-10.png").write_bytes(b"broken")
    for kind in ("mirrored", "ten_crop", "multi_scale"):
        with pytest.warns(UserWarning, match=r"1 unreadable image\(s\) of .*3-10.png"):
            result = RECIPE.replace(test_views=kind).evaluate(model, tmp_path / "some", verbose=0)
        assert result["images"] == 153


def test_validation_during_fit_uses_one_view(folder):
    runs = [
        RECIPE.replace(
            test_views=kind, epochs=1, batch_size=7, train_size=28, scale_jitter_crop=None
        )
        for kind in ("one", "ten_crop")
    ]
    histories = []
    for recipe in runs:
        keras.utils.set_random_seed(1)
        history = recipe.fit(folder, model=network(), validation_data=folder, verbose=0)
        histories.append(history.history)
    assert histories[0].keys() == histories[1].keys()
    # Sums across threads may round differently.
    assert histories[1]["val_loss"] == pytest.approx(histories[0]["val_loss"], rel=1e-3)


def test_multi_scale_needs_a_model_without_a_fixed_size(folder):
    recipe = RECIPE.replace(test_views="multi_scale")
    message = "must not be 'multi_scale' for a model with a fixed input size. .* 28 x 28 pixels"
    with pytest.raises(ValueError, match=message):
        recipe.evaluate(network(28), folder, verbose=0)
    with pytest.raises(
        ValueError, match="`test_views` must be one of 'one', 'mirrored', 'shifted', 'ten_crop'"
    ):
        recipe.replace(test_views="12_crop")
