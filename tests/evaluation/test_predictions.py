"""Predictions of image files: preprocessed as in an evaluation, with class names, in order."""

import os
import tracemalloc

import keras
import numpy as np
import pytest
from PIL import ExifTags, Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications import published
from keras_resnet_recipes.augment import CenterCrop
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation.predictions import evaluation_crop, predict
from tests.applications.name_weights import fill

pytestmark = pytest.mark.every_backend

SOURCES = ("flower_tall_301x427", "china_small_50x41", "flower_97x64")
NAMES = [f"class {number}" for number in range(10)]
# float32 sums in a different order, depending on batch size and backend.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def model():
    model = krr.applications.ResNet20(classifier_activation=None)
    fill(model)
    return model


@pytest.fixture(scope="module")
def small():
    """A model that compiles quickly, for tests in which the architecture does not matter."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=4)(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(10, activation="softmax")(x))


@pytest.fixture(scope="module")
def folder(golden, tmp_path_factory):
    """Golden images in nested folders, as PNG, which is lossless."""
    root = tmp_path_factory.mktemp("images")
    for subfolder, name in zip(("b/c", "", "a"), SOURCES, strict=True):
        (root / subfolder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(golden("eval")[f"src/{name}"]).save(root / subfolder / f"{name}.png")
    (root / "a" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (root / "notes.txt").write_text("not an image")
    (root / ".hidden.png").write_bytes(b"hidden")
    return root


def probabilities(model, images, activation="softmax"):
    logits = keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def by_index(prediction):
    return [probability for index, _, probability in sorted(prediction.labels)]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("ratio", "interpolation"), [(0.95, "bicubic"), (0.875, "bilinear")])
def test_images_are_cropped_as_by_timm(model, folder, golden, activation, ratio, interpolation):
    crop = CenterCrop(64, crop_ratio=ratio, interpolation=interpolation)
    predictions = predict(model, [folder], crop, activation=activation, top=10, class_names=NAMES)
    found = {prediction.path.split("/")[-1]: prediction for prediction in predictions}
    for name in SOURCES:
        cropped = golden("eval")[f"{name}/cp{ratio}/{interpolation}/crop"]
        expected = probabilities(model, cropped[None], activation)[0]
        np.testing.assert_allclose(by_index(found[f"{name}.png"]), expected, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("recipe", "activation"),
    [
        (krr.A3(test_size=64), "sigmoid"),
        (krr.DeiT(test_size=64), "softmax"),
    ],
    ids=["A3", "DeiT"],
)
def test_recipe_predict_uses_the_test_crop_and_activation(
    model, folder, golden, recipe, activation
):
    predictions = recipe.predict(model, [folder], top=10, class_names=NAMES)
    found = {prediction.path.split("/")[-1]: prediction for prediction in predictions}
    for name in SOURCES:
        crop = golden("eval")[f"{name}/cp{recipe.test_crop_ratio}/bicubic/crop"]
        expected = probabilities(model, crop[None], activation)[0]
        np.testing.assert_allclose(by_index(found[f"{name}.png"]), expected, atol=TOLERANCE)


def test_predictions_are_in_the_order_of_the_files(small, folder):
    crop = CenterCrop(32)
    (alone,) = predict(small, [folder / "china_small_50x41.png"], crop)
    by_size = {size: list(predict(small, [folder], crop, batch_size=size)) for size in (1, 2, 32)}
    for predictions in by_size.values():
        assert [prediction.path.removeprefix(f"{folder}/") for prediction in predictions] == [
            "a/broken.jpg",
            "a/flower_97x64.png",
            "b/c/flower_tall_301x427.png",
            "china_small_50x41.png",
        ]
        assert predictions[0].labels == ()
        assert predictions[0].error
        assert [prediction.error for prediction in predictions[1:]] == [None] * 3
        np.testing.assert_allclose(by_index(predictions[3]), by_index(alone), atol=TOLERANCE)
        for one, other in zip(predictions[1:], by_size[1][1:], strict=True):
            np.testing.assert_allclose(by_index(one), by_index(other), atol=TOLERANCE)
    assert by_index(by_size[1][1]) != by_index(by_size[1][2])


def test_unreadable_files_do_not_affect_the_others(small, folder, tmp_path):
    broken = [tmp_path / f"{number}.png" for number in range(5)]
    for file in broken:
        file.write_bytes(b"\x89PNG and nothing else")
    good = folder / "china_small_50x41.png"
    predictions = list(
        predict(small, [*broken[:3], good, *broken[3:]], CenterCrop(32), batch_size=2)
    )
    assert [prediction.error is None for prediction in predictions] == [
        *[False] * 3,
        True,
        *[False] * 2,
    ]
    assert all(prediction.error for prediction in predict(small, broken))


def test_labels_are_sorted_by_probability_and_named(small, folder):
    file = folder / "china_small_50x41.png"
    (prediction,) = predict(small, [file], CenterCrop(32), top=3, class_names=NAMES)
    values = [probability for *_, probability in prediction.labels]
    assert values == sorted(values, reverse=True)
    assert [name for _, name, _ in prediction.labels] == [
        NAMES[index] for index, *_ in prediction.labels
    ]
    (numbered,) = predict(small, [file], CenterCrop(32), top=99)
    assert len(numbered.labels) == 10
    assert numbered.labels[0][1] == str(prediction.labels[0][0])


@pytest.mark.parametrize("end", ["hand", "log_softmax"])
def test_a_softmax_is_applied_once(end, small, folder):
    logits = 9 * keras.ops.log(small.outputs[0])
    exponentials = keras.ops.exp(logits)
    file = folder / "china_small_50x41.png"
    if end == "log_softmax":
        model = keras.Model(small.inputs[0], keras.ops.log_softmax(logits))
        with pytest.raises(ValueError, match="must return logits or probabilities"):
            list(predict(model, [file], CenterCrop(32)))
        return
    by_hand = exponentials / keras.ops.sum(exponentials, axis=1, keepdims=True)
    models = [keras.Model(small.inputs[0], one) for one in (logits, by_hand)]
    (expected,), (found,) = (predict(model, [file], CenterCrop(32), top=10) for model in models)
    assert [label for label, *_ in found.labels] == [label for label, *_ in expected.labels]
    for (*_, ours), (*_, theirs) in zip(found.labels, expected.labels, strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)


def test_a_thousand_classes_get_the_names_of_imagenet(folder):
    images = keras.Input((8, 8, 3))
    # Predicts golden retriever for every image.
    kernel, bias = np.zeros((3, 1000)), 9.0 * (np.arange(1000) == 207)
    layer = keras.layers.Dense(1000, activation="softmax")
    model = keras.Model(images, layer(keras.layers.GlobalAveragePooling2D()(images)))
    layer.set_weights([kernel, bias])
    (prediction,) = predict(model, [folder / "china_small_50x41.png"], top=1)
    assert prediction.labels[0][:2] == ("n02099601", "golden retriever")


def test_a_file_that_is_too_large_for_an_image_is_not_read(small, tmp_path):
    (tmp_path / "a.png").touch()
    os.truncate(tmp_path / "a.png", 1 << 31)
    tracemalloc.start()
    (prediction,) = predict(small, [tmp_path], CenterCrop(32))
    assert prediction.error == "a file of 2.1 GB is not an image"
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_the_default_crop_is_that_of_the_published_weights(model):
    network = krr.applications.ResNet20()
    network.published = published.find("ResNet50", "tv2_in1k")
    assert evaluation_crop(network) == CenterCrop(176, 0.875, "bilinear")
    assert evaluation_crop(network, 240) == CenterCrop(240, 0.965, "bilinear")
    assert evaluation_crop(model) == CenterCrop(224, 0.875, "bicubic")
    assert evaluation_crop(model, 64) == CenterCrop(64, 0.875, "bicubic")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"paths": []}, "`paths` must be at least one image or folder"),
        ({"top": 0}, "`top` and `batch_size` must be at least 1"),
        ({"batch_size": 0}, "`top` and `batch_size` must be at least 1"),
        ({"class_names": ["cat"]}, "`class_names` must be 10 names. Received: 1"),
        ({"activation": "relu"}, "`activation` must be"),
    ],
    ids=["no path", "top", "batch_size", "class_names", "activation"],
)
def test_invalid_arguments_raise_immediately(model, folder, changes, message):
    with pytest.raises(ValueError, match=message):
        predict(model, **{"paths": [folder], **changes})


def test_a_missing_path_and_an_empty_folder_are_predictions_with_an_error(model, folder, tmp_path):
    image = folder / "china_small_50x41.png"
    missing, first, empty = predict(model, [tmp_path / "nowhere.jpg", image, tmp_path])
    assert missing.error == "No such file or directory"
    assert (len(first.labels), first.error) == (5, None)
    assert empty.error == "the folder contains no image that can be read"
    assert missing.labels == empty.labels == ()


def test_a_wrong_size_is_an_error():
    with pytest.raises(ValueError, match=r"`size` must be the model's 32. Received: size=64"):
        evaluation_crop(krr.applications.ResNet20(input_shape=(32, 32, 3)), 64)


def test_logits_that_add_up_to_one_by_chance_are_logits(tmp_path):
    """Whether outputs are probabilities is a matter of the model, not of one image."""
    images = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(2)(pooled))
    model.set_weights([np.array([[1 / 3, 0]] * 3), np.array([0, 0.7])])
    Image.new("RGB", (8, 8), (76, 76, 76)).save(tmp_path / "gray.png")
    crop = krr.augment.CenterCrop(8, crop_ratio=1)
    (found,) = predict(model, [tmp_path / "gray.png"], crop, activation="sigmoid")
    values = sorted(value for *_, value in found.labels)
    assert values == pytest.approx([1 / (1 + np.exp(-76 / 255)), 1 / (1 + np.exp(-0.7))], abs=1e-6)


@pytest.fixture
def sideways(golden, tmp_path):
    """An image as a phone on its side saves it."""
    image = Image.fromarray(golden("eval")["src/flower_tall_301x427"])
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = 6
    image.rotate(90, expand=True).save(tmp_path / "sideways.png", exif=exif)
    image.save(tmp_path / "upright.png")
    return tmp_path


def test_the_exif_orientation_is_applied_on_demand(small, sideways):
    as_stored, upright = predict(small, [sideways], CenterCrop(32))
    turned, same = predict(small, [sideways], CenterCrop(32), exif_rotate=True)
    assert (as_stored.orientation, upright.orientation) == (6, 1)
    assert turned.labels == upright.labels == same.labels
    assert as_stored.labels != upright.labels


def test_the_command_tells_of_an_ignored_orientation(small, sideways, capsys):
    model, images = sideways / "model.keras", sideways / "images"
    images.mkdir()
    for name in ("sideways.png", "upright.png"):
        (sideways / name).rename(images / name)
    small.save(model)
    assert main(["predict", str(model), str(images), "--size", "32"]) == 0
    out, err = capsys.readouterr()
    ignored = "has an EXIF orientation that is ignored, as in training; --exif-rotate applies it\n"
    assert err == f"krr: {images / 'sideways.png'} {ignored}"
    words = ["predict", str(model), str(images), "--size", "32", "--exif-rotate"]
    assert main([*words, "--explain", str(sideways / "maps")]) == 0
    turned, err = capsys.readouterr()
    assert err == f"{sideways / 'maps'}: the images with their class activation maps\n"
    assert turned != out
    names = ["0001-sideways.jpg", "0002-upright.jpg"]
    assert sorted(os.listdir(sideways / "maps")) == names
    for name in names:
        with Image.open(sideways / "maps" / name) as drawn:
            assert drawn.size == (301, 427)
    assert main([*words, "--explain", str(sideways / "maps")]) == 2
    assert "`--explain` must be a new or empty folder" in capsys.readouterr().err
