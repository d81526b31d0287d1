"""Predictions of picture files: what an evaluation would have seen, named and in order."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import CenterCrop
from keras_resnet_recipes.evaluation.predictions import evaluation_crop, predict
from tests.applications.name_weights import fill

pytestmark = pytest.mark.every_backend

SOURCES = ("flower_tall_301x427", "china_small_50x41", "flower_97x64")
NAMES = [f"class {number}" for number in range(10)]
# One batch or another, on any backend: sums in another order.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def model():
    model = krr.applications.ResNet20(classifier_activation=None)
    fill(model)
    return model


@pytest.fixture(scope="module")
def small():
    """Where the network does not matter, one that is compiled at once."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=4)(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(10, activation="softmax")(x))


@pytest.fixture(scope="module")
def folder(golden, tmp_path_factory):
    """Golden pictures in a tree of folders; PNG keeps their bytes."""
    root = tmp_path_factory.mktemp("pictures")
    for place, name in zip(("b/c", "", "a"), SOURCES, strict=True):
        (root / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(golden("eval")[f"src/{name}"]).save(root / place / f"{name}.png")
    (root / "a" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (root / "notes.txt").write_text("not a picture")
    (root / ".hidden.png").write_bytes(b"not one to be seen")
    return root


def probabilities(model, pictures, activation="softmax"):
    logits = keras.ops.convert_to_numpy(model(pictures, training=False)).astype("float64")
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def by_index(prediction):
    return [probability for index, _, probability in sorted(prediction.labels)]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(("ratio", "interpolation"), [(0.95, "bicubic"), (0.875, "bilinear")])
def test_pictures_are_those_of_timms_evaluation(
    model, folder, golden, activation, ratio, interpolation
):
    crop = CenterCrop(64, crop_ratio=ratio, interpolation=interpolation)
    seen = predict(model, [folder], crop, activation=activation, top=10, class_names=NAMES)
    found = {prediction.path.split("/")[-1]: prediction for prediction in seen}
    for name in SOURCES:
        cropped = golden("eval")[f"{name}/cp{ratio}/{interpolation}/crop"]
        expected = probabilities(model, cropped[None], activation)[0]
        np.testing.assert_allclose(by_index(found[f"{name}.png"]), expected, atol=CLOSE)


@pytest.mark.parametrize(
    ("recipe", "activation"),
    [
        (krr.A3(test_size=64), "sigmoid"),
        (krr.DeiT(test_size=64), "softmax"),
    ],
)
def test_a_recipe_predicts_as_it_tests(model, folder, golden, recipe, activation):
    seen = recipe.predict(model, [folder], top=10, class_names=NAMES)
    found = {prediction.path.split("/")[-1]: prediction for prediction in seen}
    for name in SOURCES:
        crop = golden("eval")[f"{name}/cp{recipe.test_crop_ratio}/bicubic/crop"]
        expected = probabilities(model, crop[None], activation)[0]
        np.testing.assert_allclose(by_index(found[f"{name}.png"]), expected, atol=CLOSE)


def test_every_file_has_its_answer_in_its_place(small, folder):
    crop = CenterCrop(32)
    (alone,) = predict(small, [folder / "china_small_50x41.png"], crop)
    seen = {size: list(predict(small, [folder], crop, batch_size=size)) for size in (1, 2, 32)}
    for predictions in seen.values():
        assert [prediction.path.removeprefix(f"{folder}/") for prediction in predictions] == [
            "a/broken.jpg",
            "a/flower_97x64.png",
            "b/c/flower_tall_301x427.png",
            "china_small_50x41.png",
        ]
        assert predictions[0].labels == ()
        assert predictions[0].error
        assert [prediction.error for prediction in predictions[1:]] == [None] * 3
        np.testing.assert_allclose(by_index(predictions[3]), by_index(alone), atol=CLOSE)
        for one, other in zip(predictions[1:], seen[1][1:], strict=True):
            np.testing.assert_allclose(by_index(one), by_index(other), atol=CLOSE)
    assert by_index(seen[1][1]) != by_index(seen[1][2])


def test_unreadable_files_do_not_stop_the_others(small, folder, tmp_path):
    broken = [tmp_path / f"{number}.png" for number in range(5)]
    for file in broken:
        file.write_bytes(b"\x89PNG and nothing else")
    good = folder / "china_small_50x41.png"
    seen = list(predict(small, [*broken[:3], good, *broken[3:]], CenterCrop(32), batch_size=2))
    assert [prediction.error is None for prediction in seen] == [*[False] * 3, True, *[False] * 2]
    assert all(prediction.error for prediction in predict(small, broken))


def test_the_most_probable_come_first_with_their_names(small, folder):
    file = folder / "china_small_50x41.png"
    (seen,) = predict(small, [file], CenterCrop(32), top=3, class_names=NAMES)
    values = [probability for *_, probability in seen.labels]
    assert values == sorted(values, reverse=True)
    assert [name for _, name, _ in seen.labels] == [NAMES[index] for index, *_ in seen.labels]
    (numbered,) = predict(small, [file], CenterCrop(32), top=99)
    assert len(numbered.labels) == 10
    assert numbered.labels[0][1] == str(seen.labels[0][0])


def test_a_thousand_classes_are_those_of_imagenet(folder):
    images = keras.Input((8, 8, 3))
    # The golden retriever, whatever the picture.
    kernel, bias = np.zeros((3, 1000)), 9.0 * (np.arange(1000) == 207)
    layer = keras.layers.Dense(1000, activation="softmax")
    model = keras.Model(images, layer(keras.layers.GlobalAveragePooling2D()(images)))
    layer.set_weights([kernel, bias])
    (seen,) = predict(model, [folder / "china_small_50x41.png"], top=1)
    assert seen.labels[0][:2] == ("n02099601", "golden retriever")


def test_the_crop_is_that_of_published_weights(model):
    trials = (SimpleNamespace(size=160, crop_ratio=0.95), SimpleNamespace(size=288, crop_ratio=1.0))
    network = krr.applications.ResNet20()
    network.published = SimpleNamespace(
        trials=trials,
        interpolation="bilinear",
        trial=lambda size: min(trials, key=lambda trial: abs(trial.size - size)),
    )
    assert evaluation_crop(network) == CenterCrop(160, 0.95, "bilinear")
    assert evaluation_crop(network, 280) == CenterCrop(280, 1.0, "bilinear")
    assert evaluation_crop(model) == CenterCrop(224, 0.875, "bicubic")
    assert evaluation_crop(model, 64) == CenterCrop(64, 0.875, "bicubic")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"paths": ["nowhere.jpg"]}, "there is no 'nowhere.jpg'"),
        ({"paths": []}, "must hold pictures"),
        ({"top": 0}, "`top` and `batch_size` must be at least 1"),
        ({"batch_size": 0}, "`top` and `batch_size` must be at least 1"),
        ({"class_names": ["cat"]}, "`class_names` must be 10 names; received 1"),
        ({"activation": "relu"}, "`activation` must be"),
    ],
)
def test_mistakes_are_named_at_once(model, folder, changes, message):
    with pytest.raises(ValueError, match=message):
        predict(model, **{"paths": [folder], **changes})


def test_an_empty_folder_is_a_mistake(model, tmp_path):
    with pytest.raises(ValueError, match="there is none in"):
        predict(model, [tmp_path])
    with pytest.raises(ValueError, match=r"must be the model's 32; received 64"):
        evaluation_crop(krr.applications.ResNet20(input_shape=(32, 32, 3)), 64)
