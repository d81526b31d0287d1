"""Class activation maps are exact: their mean plus the bias is the logit."""

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import CenterCrop
from keras_resnet_recipes.evaluation import ClassActivationMaps, predict
from keras_resnet_recipes.evaluation.class_maps import framed, thumbnail
from tests.backends import some
from tests.tiny import tiny_model

pytestmark = pytest.mark.every_backend

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), "uint8")


def check(model, logits):
    outputs, predicted_maps = ClassActivationMaps(model)(IMAGES)
    predicted = outputs.argmax(1)
    kernel, bias = model.get_layer("fc").get_weights()
    for index in range(kernel.shape[1]):
        _, maps = ClassActivationMaps(model)(IMAGES, [index, index])
        np.testing.assert_allclose(maps.mean((1, 2)) + bias[index], logits[:, index], **CLOSE)
        chosen = predicted == index
        np.testing.assert_array_equal(maps[chosen], predicted_maps[chosen])


# Sums of 64 to 512 float32 products.
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.mark.parametrize(
    "name",
    some(
        ["ResNet20", "ResNet18", "ResNet18D", "SEResNet18", "BlurResNet18"],
        everywhere=["ResNet20", "SEResNet18"],
    ),
)
def test_the_mean_of_a_map_plus_the_bias_is_the_logit(name):
    keras.utils.set_random_seed(0)
    model = getattr(krr.applications, name)(classes=3, classifier_activation=None)
    logits = np.asarray(model.predict_on_batch(IMAGES))
    assert np.ptp(logits) > 1e-3
    check(model, logits)


def test_dropout_before_and_softmax_after_the_dense_layer_do_not_matter():
    inner = krr.applications.ResNet20(include_top=False)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True)(inner.output)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(pooled))
    logits = keras.layers.Dense(3, name="fc")(x)
    model = keras.Model(inner.input, keras.ops.cast(keras.layers.Softmax()(logits), "float32"))
    given = keras.Model(inner.input, logits).predict_on_batch(IMAGES)
    check(model, np.asarray(given))


def test_mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = krr.applications.ResNet20(classes=3)
    finally:
        keras.config.set_dtype_policy(policy)
    outputs, maps = ClassActivationMaps(model)(IMAGES)
    assert (outputs.dtype, maps.dtype, maps.shape) == ("float32", "float32", (2, 16, 12))


def relu_between():
    image = keras.Input((8, 8, 3))
    x = keras.layers.ReLU()(keras.layers.GlobalAveragePooling2D()(image))
    return keras.Model(image, keras.layers.Dense(2)(x))


def no_dense():
    image = keras.Input((8, 8, 3))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))


@pytest.mark.parametrize(
    ("build", "ending"),
    [
        (krr.applications.ResNet9, "Rescaling"),
        (relu_between, "ReLU and Dense"),
        (no_dense, "GlobalAveragePooling2D"),
        (lambda: keras.Sequential([keras.Input((8, 8, 3)), tiny_model()]), "Functional"),
    ],
)
def test_other_endings_are_errors(build, ending):
    with pytest.raises(ValueError, match=rf"dense layer to have exact .* which ends in {ending}$"):
        ClassActivationMaps(build())


def test_the_box_is_what_the_crop_keeps():
    rows, columns = np.mgrid[:90, :150]
    image = np.stack([rows, columns, 0 * rows], -1).astype("uint8")
    crop = CenterCrop(30, crop_ratio=0.5, interpolation="bilinear")
    top, left, height, width = crop.box(90, 150)
    cut = crop(image)
    # The center of a resized pixel is the mean of the pixels that it covers.
    assert cut[0, :, 0].mean() == pytest.approx(top + height / 60 - 0.5, abs=0.5)
    assert cut[:, 0, 1].mean() == pytest.approx(left + width / 60 - 0.5, abs=0.5)
    assert (top, left, height, width) == (22.5, 52.5, 45, 45)


def test_a_map_covers_the_crop_alone():
    image = np.full((40, 80, 3), 100, "uint8")
    drawn = framed(image, CenterCrop(20, crop_ratio=0.5), np.array([[0.0, 0.0], [0.0, 1.0]]))
    outside = np.ones((40, 80), bool)
    # With a line around it.
    outside[9:31, 29:51] = False
    assert (drawn[outside] == 100).all()
    assert (drawn[10, 30:50] == 255).all(), "the frame"
    gray_and_black, gray_and_yellow = drawn[12, 32].astype(int), drawn[27, 47].astype(int)
    assert (abs(gray_and_black - np.array([50, 50, 52])) <= 1).all()
    assert (abs(gray_and_yellow - np.array([176, 178, 132])) <= 1).all()


def test_thumbnails_keep_the_aspect():
    assert thumbnail(np.zeros((600, 400, 3), "uint8"), 160).shape == (160, 107, 3)
    assert thumbnail(np.zeros((100, 40, 3), "uint8"), 160).shape == (100, 40, 3)
    small = thumbnail(IMAGES[0], 160)
    assert small.shape == (128, 96, 3)
    np.testing.assert_array_equal(small[::2, ::2], IMAGES[0])
    np.testing.assert_array_equal(small[1::2, 1::2], IMAGES[0])


@pytest.mark.full
def test_predictions_are_explained(tmp_path):
    Image.fromarray(IMAGES[0]).save(tmp_path / "one.png")
    (tmp_path / "two.png").write_bytes(b"no image")
    model = krr.applications.ResNet20(classes=3)
    plain = list(predict(model, [tmp_path], CenterCrop(32)))
    explained = list(predict(model, [tmp_path], CenterCrop(32), explain=True))
    assert plain[0].explanation is None
    assert explained[0].explanation.shape == (640, 480, 3)
    for one, same in zip(plain, explained, strict=True):
        assert [name for _, name, _ in one.labels] == [name for _, name, _ in same.labels]
        assert one.error == same.error
    cut = CenterCrop(32)(IMAGES[0])[None]
    _, maps = ClassActivationMaps(model)(cut)
    expected = framed(thumbnail(IMAGES[0], 640), CenterCrop(32), maps[0])
    # The maps of two compiled models may differ in the last bit.
    assert abs(explained[0].explanation.astype(int) - expected).max() <= 1
