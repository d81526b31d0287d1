"""Evaluation by several views of a picture, against NumPy and Pillow looking at each picture alone."""

import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import opened
from keras_resnet_recipes.evaluation.accuracy import over_views
from keras_resnet_recipes.input_pipeline.evaluation import views_of as views_in_the_pipeline

RECIPE = krr.He2015(step_epochs=(1,), network="ResNet20", test_size=28, batch_size=30, classes=7)
# Each one more is compiled anew on JAX.
SHAPES = [(40, 33), (20, 31), (28, 28)] * 4 + [(30, 61), (50, 41)]


@pytest.fixture(scope="module")
def pictures():
    """Blocks of colour, which a resize does not turn into noise, in sizes of their own."""
    rng = np.random.default_rng(0)
    blocks = [rng.integers(0, 256, (-(-h // 5), -(-w // 5), 3), "uint8") for h, w in SHAPES]
    whole = [np.kron(block, np.ones((5, 5, 1), "uint8")) for block in blocks]
    return [one[:h, :w] for one, (h, w) in zip(whole, SHAPES, strict=True)]


@pytest.fixture(scope="module")
def folder(pictures, tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for number, picture in enumerate(pictures):
        file = root / str(number % 7) / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(file)
    return root


@pytest.fixture(scope="module")
def model():
    """A network whose answers differ from view to view."""
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


def resized(picture, side, filter=Image.Resampling.BILINEAR):
    height, width = picture.shape[:2]
    shorter = min(height, width)
    size = (side * width // shorter, side * height // shorter)
    return np.asarray(Image.fromarray(picture).resize(size, filter))


def views_of(picture, kind):
    """What a view is, said once more: arrays [height, width, 3]."""
    if kind == "multi_scale":
        one = [resized(picture, side) for side in (28, 32, 48, 60, 80)]
        return [view for each in one for view in (each, each[:, ::-1])]
    size, image = 28, resized(picture, 32)
    if kind != "ten_crop":
        middle = middle_of(image, size)
        return [middle] if kind == "one" else [middle, middle[:, ::-1]]
    found = []
    for view in (image, image[:, ::-1]):
        found += [view[:size, :size], view[:size, -size:], view[-size:, :size]]
        found += [view[-size:, -size:], middle_of(view, size)]
    return found


def middle_of(image, size):
    top, left = (int(np.rint((length - size) / 2)) for length in image.shape[:2])
    return image[top : top + size, left : left + size]


def expected(model, pictures, kind):
    """Scores of each picture, in double precision after the network."""
    means = []
    for picture in pictures:
        logits = [
            keras.ops.convert_to_numpy(model(view[None].astype("float32"), training=False))[0]
            for view in views_of(picture, kind)
        ]
        logits = np.asarray(logits, "float64")
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        probabilities = powers / powers.sum(-1, keepdims=True)
        means.append((probabilities if kind in ("ten_crop", "multi_scale") else logits).mean(0))
    return np.stack(means)


def shares(scores, labels):
    places = (scores > np.take_along_axis(scores, labels[:, None], 1)).sum(1)
    return (places < 1).mean(), (places < 5).mean()


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", ["one", "mirrored", "ten_crop", "multi_scale"])
def test_an_evaluation_is_that_of_each_picture_alone(kind, model, pictures, folder):
    recipe = RECIPE.replace(test_views=kind)
    # In the order of the folder: by class, and there by name.
    order = sorted(range(14), key=lambda number: (number % 7, f"{number}.png"))
    labels = np.array([number % 7 for number in order])
    scores = expected(model, [pictures[number] for number in order], kind)
    result = recipe.evaluate(model, folder, verbose=0)
    top1, top5 = shares(scores, labels)
    assert 0 < top1 < top5 < 1
    assert result["images"] == 14
    # Shares of 14 in single precision.
    assert result["top1"] == pytest.approx(top1, abs=1e-6)
    assert result["top5"] == pytest.approx(top5, abs=1e-6)
    assert ("loss" in result) == (kind in ("one", "mirrored"))
    seen, _ = over_views(recipe, model, True)
    look, *_ = views_in_the_pipeline(recipe)
    ours = []
    for number in order:
        images = [np.asarray(image)[None] for image in look(opened(pictures[number]))]
        ours.append(seen.predict_on_batch(images if len(images) > 1 else images[0])[0])
    # Pictures are Pillow's to the byte; a network in single precision on batches of another size.
    np.testing.assert_allclose(np.stack(ours), scores, rtol=2e-4, atol=2e-5)


@pytest.mark.every_backend
def test_probabilities_are_those_of_the_loss(model, pictures, folder):
    """Sigmoids after binary cross-entropy, as `krr predict` gives them; of a model with a softmax its own."""
    binary = krr.A3(network="ResNet20", test_size=28, classes=7, test_views="ten_crop")
    seen, logits = over_views(binary, model, True)
    assert not logits
    look = np.stack([views_in_the_pipeline(binary)[0](opened(p))[0] for p in pictures[:3]])
    each = keras.ops.convert_to_numpy(model(look.reshape(-1, 28, 28, 3).astype("float32")))
    sigmoids = (1 / (1 + np.exp(-each.astype("float64")))).reshape(3, 10, 7).mean(1)
    np.testing.assert_allclose(seen.predict_on_batch(look), sigmoids, rtol=2e-4, atol=2e-5)
    softmax = keras.Model(model.inputs, keras.ops.softmax(model.outputs[0]))
    own, _ = over_views(binary, softmax, False)
    powers = np.exp(each.astype("float64") - each.max(-1, keepdims=True))
    softmaxes = (powers / powers.sum(-1, keepdims=True)).reshape(3, 10, 7).mean(1)
    np.testing.assert_allclose(own.predict_on_batch(look), softmaxes, rtol=2e-4, atol=2e-5)


@pytest.mark.every_backend
def test_scores_of_half_precision_are_averaged_in_single():
    keras.utils.set_random_seed(1)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = network()
    finally:
        keras.config.set_dtype_policy(policy)
    for kind in ("mirrored", "ten_crop", "multi_scale"):
        seen, _ = over_views(RECIPE.replace(test_views=kind), half, True)
        assert seen.outputs[0].dtype == "float32"


def test_an_unreadable_picture_is_left_out_with_all_its_views(model, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "some")
    pictures = sorted((tmp_path / "some").rglob("*.png"))
    for copy in range(10):
        for file in pictures:
            shutil.copy(file, file.parent / f"{copy}-{file.name}")
    (tmp_path / "some" / "3" / "3-10.png").write_bytes(b"broken")
    for kind in ("mirrored", "ten_crop", "multi_scale"):
        with pytest.warns(UserWarning, match=r"1 unreadable image\(s\) of .*3-10.png"):
            result = RECIPE.replace(test_views=kind).evaluate(model, tmp_path / "some", verbose=0)
        assert result["images"] == 153


def test_during_fit_it_looks_once(folder):
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
    # Sums over threads may round differently.
    assert histories[1]["val_loss"] == pytest.approx(histories[0]["val_loss"], rel=1e-3)


def test_several_sizes_need_a_model_of_any_size(folder):
    recipe = RECIPE.replace(test_views="multi_scale")
    message = "must be another than 'multi_scale' for a model of one input size; .* 28 x 28 pixels"
    with pytest.raises(ValueError, match=message):
        recipe.evaluate(network(28), folder, verbose=0)
    with pytest.raises(
        ValueError, match="`test_views` must be one of 'one', 'mirrored', 'ten_crop'"
    ):
        recipe.replace(test_views="12_crop")
