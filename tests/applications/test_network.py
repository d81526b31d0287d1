"""Properties common to all networks, tested with ResNet20: preprocessing, tops, weights, dtypes and errors."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications import ResNet20

pytestmark = pytest.mark.every_backend


def images(size=32, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, (4, size, size, 3)).astype(dtype)


def run(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.fixture
def mixed_float16():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def preprocess(model, x):
    probe = keras.Model(model.input, model.get_layer("normalization").output)
    return keras.ops.convert_to_numpy(probe(x))


def normalized(x):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return (x - 255 * mean) / (255 * std)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_preprocessing_subtracts_the_mean_and_divides(dtype):
    x = images(dtype=dtype)
    # float32 rounding of values up to 2.7
    np.testing.assert_allclose(preprocess(ResNet20(), x), normalized(x), atol=1e-6)


def test_preprocessing_is_the_first_layer_and_optional():
    with_it, without = ResNet20(), ResNet20(include_preprocessing=False)
    assert [layer.name for layer in with_it.layers[:2]] == ["images", "normalization"]
    assert [layer.name for layer in without.layers[:2]] == ["images", "conv"]
    without.set_weights(with_it.get_weights())
    x = images()
    # Different rounding before twenty layers
    np.testing.assert_allclose(
        run(with_it, x), run(without, normalized(x).astype("float32")), rtol=1e-4
    )


def test_mixed_precision_keeps_preprocessing_and_probabilities_in_float32(mixed_float16):
    model, x = ResNet20(), images()
    assert model.get_layer("conv").compute_dtype == "float16"
    assert model.get_layer("fc").compute_dtype == "float16"
    assert preprocess(model, x).dtype == "float32"
    np.testing.assert_allclose(preprocess(model, x), normalized(x), atol=1e-6)
    probabilities = run(model, x)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_one_model_takes_images_of_any_size():
    model = ResNet20()
    assert [run(model, images(size)).shape for size in (64, 96, 33)] == [(4, 10)] * 3


def test_logits_and_probabilities():
    probabilities, logits = ResNet20(), ResNet20(classifier_activation=None)
    logits.set_weights(probabilities.get_weights())
    assert logits.layers[-1].name == "fc"
    assert probabilities.layers[-1].name == "predictions"
    softmax = keras.ops.convert_to_numpy(keras.ops.softmax(run(logits, images())))
    np.testing.assert_array_equal(run(probabilities, images()), softmax)


def test_features_and_poolings():
    top = ResNet20()
    weights = top.get_weights()[:-2]
    outputs = {}
    for pooling in (None, "avg", "max"):
        model = ResNet20(include_top=False, pooling=pooling)
        model.set_weights(weights)
        outputs[pooling] = run(model, images())
    assert outputs[None].shape == (4, 8, 8, 64)
    # Sums of 64 float32 numbers in another order
    np.testing.assert_allclose(outputs["avg"], outputs[None].mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(outputs["max"], outputs[None].max(axis=(1, 2)))


def test_name_input_shape_and_channels():
    model = ResNet20(name="mine", input_shape=(48, None, 1), include_preprocessing=False, classes=4)
    assert model.name == "mine"
    assert model.input_shape == (None, 48, None, 1)
    assert model.output_shape == (None, 4)


def test_channels_first_setting_changes_nothing():
    keras.config.set_image_data_format("channels_first")
    try:
        model = ResNet20()
    finally:
        keras.config.set_image_data_format("channels_last")
    assert run(model, images()).shape == (4, 10)


def test_keras_file_round_trip_is_exact(tmp_path):
    model = ResNet20(drop_path_rate=0.1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(run(again, images()), run(model, images()))


def test_weights_file_round_trip_is_exact(tmp_path):
    model = ResNet20()
    path = tmp_path / "resnet20.weights.h5"
    model.save_weights(path)
    for weights in (path, str(path)):
        np.testing.assert_array_equal(run(ResNet20(weights), images()), run(model, images()))


@pytest.mark.parametrize(
    "arguments",
    [
        {"drop_path_rate": 0.0},
        {"drop_path_rate": 0.1, "classifier_activation": None},
        {"include_preprocessing": False},
    ],
)
def test_a_weights_file_fits_networks_that_differ_in_layers_without_weights(arguments, tmp_path):
    model = ResNet20(drop_path_rate=0.2)
    path = tmp_path / "resnet20.weights.h5"
    model.save_weights(path)
    again = ResNet20(path, **arguments)
    for ours, theirs in zip(variables(again), variables(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def variables(model):
    """Returns the values of the layers' variables, without the seeds of stochastic depth."""
    return [
        variable.numpy()
        for layer in model.layers
        if not layer.name.endswith("_drop_path")
        for variable in layer.variables
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagenet"}, r"`weights` of ResNet20 must be .*there are none.*='imagenet'"),
        ({"weights": "missing.weights.h5"}, r"`weights` must be the path.*='missing.weights.h5'"),
        ({"include_top": False, "pooling": "mean"}, r"`pooling` must be None, 'avg'.*='mean'"),
        ({"input_shape": (32, 32)}, r"`input_shape` must be None or \(height.*=\(32, 32\)"),
        ({"input_shape": (3, 32, 32)}, r"`input_shape` must have 3 channels.*=\(3, 32, 32\)"),
        ({"classes": 0}, r"`classes` must be an integer of at least 1.*classes=0"),
        ({"drop_path_rate": 1.0}, r"`drop_path_rate` must be in \[0, 1\).*=1.0"),
        ({"drop_path_rate": -0.1}, r"`drop_path_rate` must be in \[0, 1\).*=-0.1"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNet20(**arguments)
