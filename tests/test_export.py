"""Exported files, run by their own runtimes and compared with the Keras model."""

import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes import export as exporting
from keras_resnet_recipes.augment import CenterCrop
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation import compare
from keras_resnet_recipes.export import export
from tests.applications.name_weights import fill

NAMES = {"saved_model": "model", "onnx": "model.onnx", "litert": "model.tflite"}
# Float32 sums in another order through about twenty layers; a wrong file deviates by tenths.
CLOSE = 1e-5


def filled(network=krr.applications.ResNet20, **options):
    model = network(classes=10, classifier_activation=None, **options)
    fill(model)
    return model


@pytest.fixture(scope="module")
def model():
    return filled()


@pytest.fixture(scope="module")
def small():
    """A network that converts quickly, for tests in which the architecture does not matter."""
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=4)(keras.layers.Rescaling(1 / 255)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(10)(x))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    contrast = rng.uniform(size=(5, 1, 1, 3))
    return (256 * contrast * rng.uniform(size=(5, 32, 32, 3))).astype("uint8")


def logits_of(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def run(path, format, images):
    if format == "saved_model":
        loaded = tf.saved_model.load(str(path))
        return loaded.serve(images).numpy()
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        assert [(one.name, one.type) for one in session.get_inputs()] == [
            ("images", "tensor(uint8)")
        ]
        return session.run(None, {"images": images})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], images.shape)
    runner = interpreter.get_signature_runner()
    return next(iter(runner(images=images).values()))


@pytest.mark.full
@pytest.mark.parametrize("format", NAMES)
@pytest.mark.parametrize("size", [None, 32])
def test_the_file_returns_the_probabilities_of_the_model(model, images, tmp_path, format, size):
    path = tmp_path / NAMES[format]
    deviation = export(model, path, format, size=size)
    assert 0 <= deviation < CLOSE
    expected = softmax(logits_of(model, images))
    # The outputs must differ between images, or a constant would pass.
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(run(path, format, images), expected, atol=CLOSE)
    assert [file.name for file in tmp_path.iterdir()] == [NAMES[format]]


@pytest.mark.parametrize("size", [None, 32])
def test_the_image_size_is_variable_or_fixed(small, tmp_path, size):
    export(small, tmp_path / "model", "saved_model", size=size)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    wide = np.zeros((2, 40, 48, 3), "uint8")
    if size is None:
        expected = softmax(logits_of(small, wide))
        np.testing.assert_allclose(loaded.serve(wide).numpy(), expected, atol=CLOSE)
    else:
        with pytest.raises((ValueError, TypeError)):
            loaded.serve(wide)


def test_a_model_trained_in_float16_is_exported_in_float32(images, tmp_path):
    import onnx

    exact = filled(krr.applications.ResNet10T)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = filled(krr.applications.ResNet10T, drop_path_rate=0.1)
    finally:
        keras.config.set_dtype_policy(before)
    assert mixed.get_layer("layer1_0_conv1").compute_dtype == "float16"
    export(mixed, tmp_path / "model.onnx", "onnx")
    expected = softmax(logits_of(exact, images))
    np.testing.assert_allclose(run(tmp_path / "model.onnx", "onnx", images), expected, atol=CLOSE)
    # The deviation of float16 is larger than the tolerance.
    assert np.abs(softmax(logits_of(mixed, images)) - expected).max() > CLOSE
    stored = {weight.data_type for weight in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT in stored
    assert onnx.TensorProto.FLOAT16 not in stored


@pytest.mark.parametrize(
    "loss",
    [krr.losses.BinaryCrossentropy(), keras.losses.BinaryCrossentropy(True), "binary_crossentropy"],
)
def test_binary_crossentropy_becomes_a_sigmoid(images, loss):
    model = filled()
    model.compile("sgd", loss)
    sigmoid = 1 / (1 + np.exp(-logits_of(model, images)))
    probabilities = exporting.to_probabilities(model)(images, training=False).numpy()
    np.testing.assert_allclose(probabilities, sigmoid, atol=CLOSE)


def test_the_activation_can_be_given(small, images, tmp_path):
    export(small, tmp_path / "model", "saved_model", activation="sigmoid")
    sigmoid = 1 / (1 + np.exp(-logits_of(small, images)))
    probabilities = run(tmp_path / "model", "saved_model", images)
    np.testing.assert_allclose(probabilities, sigmoid, atol=CLOSE)


def by_hand(z):
    """A softmax that Keras does not know as one."""
    exponentials = keras.ops.exp(z - keras.ops.max(z, axis=1, keepdims=True))
    return exponentials / keras.ops.sum(exponentials, axis=1, keepdims=True)


ENDS = {
    "layer": keras.layers.Softmax(),
    "ops": keras.ops.softmax,
    "activations": keras.activations.softmax,
    "cast": lambda z: keras.ops.cast(keras.ops.softmax(z), "float32"),
    "identity": lambda z: keras.layers.Identity()(keras.layers.Softmax()(z)),
    "linear": lambda z: keras.layers.Activation("linear", dtype="float32")(keras.ops.softmax(z)),
    "by hand": by_hand,
}


@pytest.mark.parametrize("end", ENDS)
def test_a_model_of_probabilities_is_exported_as_it_is(small, images, tmp_path, end):
    model = keras.Model(small.inputs[0], ENDS[end](small.outputs[0]))
    export(model, tmp_path / "model", "saved_model")
    probabilities = run(tmp_path / "model", "saved_model", images)
    np.testing.assert_allclose(probabilities, softmax(logits_of(small, images)), atol=CLOSE)


@pytest.mark.parametrize("end", ["layer", "ops", "activations", "cast", "identity"])
def test_a_second_softmax_fails_the_check(small, tmp_path, monkeypatch, end):
    """The reference is the model as it was given, not the model that is converted."""
    model = keras.Model(small.inputs[0], ENDS[end](small.outputs[0]))
    twice = keras.Model(model.inputs[0], keras.ops.softmax(model.outputs[0]))
    monkeypatch.setattr(exporting, "to_probabilities", lambda *_: twice)
    with pytest.raises(FloatingPointError, match="more than 1e-04"):
        export(model, tmp_path / "model", "saved_model")
    assert not list(tmp_path.iterdir())


def test_a_missing_softmax_fails_the_check(small, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "to_probabilities", lambda model, *_: model)
    with pytest.raises(FloatingPointError, match="more than 1e-04"):
        export(small, tmp_path / "model", "saved_model")


@pytest.mark.parametrize("end", ["log_softmax", "log_sigmoid", "relu"])
def test_other_activations_are_errors(small, tmp_path, end):
    body = keras.Model(small.inputs, small.outputs)
    model = keras.Model(
        body.inputs[0],
        keras.layers.Activation(end)(keras.layers.Rescaling(0.1, 5)(body.outputs[0])),
    )
    with pytest.raises(ValueError, match=r"must return logits or probabilities\. .* after an act"):
        export(model, tmp_path / "model", "saved_model")


def test_outputs_that_may_be_either_are_reported(small, tmp_path, capsys):
    model = keras.Model(small.inputs[0], 1 / (1 + keras.ops.exp(-small.outputs[0])))
    export(model, tmp_path / "model", "saved_model")
    assert "They are taken as logits; the softmax is added." in capsys.readouterr().out
    export(model, tmp_path / "other", "saved_model", activation="sigmoid")
    assert "taken as logits" not in capsys.readouterr().out


def test_class_names_are_written_next_to_the_file(small, tmp_path):
    names = [f"class {number}" for number in range(9)] + ["two\nlines"]
    text = "".join(f"class {number}\n" for number in range(9)) + "two\\nlines\n"
    export(small, tmp_path / "model", "saved_model", class_names=names)
    assert (tmp_path / "model" / "labels.txt").read_text() == text
    export(small, tmp_path / "model.onnx", "onnx", class_names=names)
    assert (tmp_path / "model.onnx.labels.txt").read_text() == text


def test_a_deviating_file_is_an_error_and_not_written(small, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_onnx", lambda path: lambda x: np.full((len(x), 10), 0.1))
    with pytest.raises(FloatingPointError, match="more than 1e-04"):
        export(small, tmp_path / "model.onnx", "onnx")
    monkeypatch.setattr(exporting, "_onnx", lambda path: lambda x: np.full((len(x), 10), np.nan))
    with pytest.raises(FloatingPointError, match="by nan"):
        export(small, tmp_path / "model.onnx", "onnx", class_names=["x"] * 10)
    assert not list(tmp_path.iterdir())


def test_a_failed_conversion_is_an_error_and_writes_nothing(tmp_path):
    # tf2onnx does not support the FFT.
    images = keras.Input((8, 8, 3))
    peak = keras.ops.fft2((images, images))[0]
    model = keras.Model(images, keras.layers.Dense(2)(keras.ops.max(peak, axis=(1, 2))))
    with pytest.raises(ValueError, match="cannot be converted to onnx"):
        export(model, tmp_path / "model.onnx", "onnx")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def square():
    """A network for images of 16 pixels, whose classes are far apart."""
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, strides=2)(keras.layers.Rescaling(1 / 64, -2)(images))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(images, keras.layers.Dense(10, kernel_initializer="he_normal")(x))


@pytest.fixture(scope="module")
def tinted():
    """Images, each of a color of its own."""
    rng = np.random.default_rng(2)
    color = rng.uniform(size=(64, 1, 1, 3))
    return (256 * color * rng.uniform(0.8, 1, size=(64, 16, 16, 3))).astype("uint8")


def tensors_of(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (first,) = interpreter.get_input_details()
    types = [np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details()]
    return first, types


def test_float16_halves_the_weights_and_keeps_the_probabilities(square, tinted, tmp_path):
    path = tmp_path / "model.tflite"
    deviation = export(square, path, "litert", quantize="float16")
    # A weight in float16 has 11 bits.
    assert 0 < deviation < 1e-2
    first, types = tensors_of(path)
    assert first["dtype"] == np.uint8
    assert types.count("float16") >= 2, "kernels"
    expected = softmax(logits_of(square, tinted))
    np.testing.assert_allclose(run(path, "litert", tinted), expected, atol=5e-3)


def test_int8_computes_in_integers(square, tinted, tmp_path, capsys):
    path = tmp_path / "model.tflite"
    deviation = export(square, path, "litert", quantize="int8", calibration=tinted)
    assert 0 < deviation < 0.5
    first, types = tensors_of(path)
    assert (first["dtype"], first["quantization"]) == (np.uint8, (1.0, 0))
    assert types.count("float32") == 1, "the probabilities"
    assert "float32" not in capsys.readouterr().out
    assert types.count("int8") > 4
    expected = softmax(logits_of(square, tinted))
    found = run(path, "litert", tinted)
    assert abs(found - expected).mean() < 0.01
    data = tinted, expected.argmax(1)
    agreement = compare(
        exporting.load(path, "litert"), square, data, CenterCrop(16, crop_ratio=1.0)
    )
    assert (agreement.images, agreement.model_top1) == (64, 1.0)
    assert agreement.agreeing == (found.argmax(1) == expected.argmax(1)).sum()
    assert agreement.file_top1 == agreement.agreeing / 64


def test_operations_without_an_integer_version_are_reported(square, tinted, tmp_path, capsys):
    path = tmp_path / "model.tflite"
    model = keras.Model(square.input, keras.ops.elu(square.output))
    export(model, path, "litert", quantize="int8", calibration=tinted)
    assert "2 tensors of the file remain in float32." in capsys.readouterr().out
    first, types = tensors_of(path)
    assert first["dtype"] == np.uint8
    assert types.count("float32") == 3
    expected = softmax(logits_of(model, tinted))
    assert abs(run(path, "litert", tinted) - expected).mean() < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantize": "int4"}, "`quantize` must be 'float16', 'int8' or None"),
        ({"format": "onnx", "path": "a.onnx", "quantize": "int8"}, "None for other formats"),
        ({"quantize": "int8"}, "`calibration` must be given for quantize='int8'"),
        ({"quantize": "float16", "calibration": 16}, "and only for it"),
        ({"calibration": 16}, "`calibration` must be None unless quantize='int8'"),
        (
            {"quantize": "int8", "calibration": 8},
            r"of the exported size, 16. Received: uint8 \[2, 8, 8",
        ),
    ],
)
def test_invalid_quantization(square, tmp_path, changes, message):
    arguments = {"path": "a.tflite", "format": "litert", **changes}
    side = arguments.get("calibration")
    if side:
        arguments["calibration"] = np.zeros((2, side, side, 3), "uint8")
    with pytest.raises(ValueError, match=message):
        export(square, tmp_path / arguments.pop("path"), **arguments)
    assert not list(tmp_path.iterdir())


def test_the_command_calibrates_and_compares(square, tinted, tmp_path, capsys):
    square.save(tmp_path / "model.keras")
    labels = logits_of(square, tinted).argmax(1)
    np.savez(
        tmp_path / "a.npz", x_train=tinted, y_train=labels, x_test=tinted[:9], y_test=labels[:9]
    )
    data = str(tmp_path / "a.npz")
    words = ["export", str(tmp_path / "model.keras"), "--to", "litert", "--out"]
    words += [
        str(tmp_path / "a.tflite"),
        "--quantize",
        "int8",
        "--calibration",
        data,
        "--data",
        data,
    ]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "on calibration images, probabilities differ" in out
    assert re.search(
        r"top1 \d\.\d{4}, of the Keras model 1\.0000; both predict the same class for \d of 9 images",
        out,
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = filled()

    def call(self, images):
        return self.inner(images)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "tflite"}, "`format` must be one of saved_model, onnx, litert"),
        ({"path": "model.tflite"}, "`path` must end with .onnx for onnx"),
        ({"path": "nowhere/model.onnx"}, "must be in an existing folder"),
        ({"path": "taken.onnx"}, "must not exist. Received: .*taken.onnx'"),
        ({"path": "link.onnx"}, "must not exist. Received: .*link.onnx'"),
        ({"size": 0}, "`size` must be at least 1"),
        ({"activation": "relu"}, "`activation` must be 'softmax' or 'sigmoid'"),
        ({"class_names": ["a"]}, "`class_names` must be 10 names. Received: 1 names"),
    ],
)
def test_invalid_arguments(model, tmp_path, changes, message):
    (tmp_path / "taken.onnx").write_text("precious")
    (tmp_path / "link.onnx").symlink_to(tmp_path / "nothing")
    arguments = {"path": "model.onnx", "format": "onnx", **changes}
    with pytest.raises(ValueError, match=message):
        export(model, tmp_path / arguments.pop("path"), **arguments)
    assert (tmp_path / "taken.onnx").read_text() == "precious"


def test_models_that_cannot_be_exported(model, tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="must have the input shape"):
        export(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), path, "onnx")
    fixed = filled(input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"match the model's \(32, 32\)\. Received: size=64"):
        export(fixed, path, "onnx", size=64)
    with_softmax = krr.applications.ResNet20()
    with pytest.raises(
        ValueError, match="`activation` must be None for a model that ends in an activation"
    ):
        export(with_softmax, path, "onnx", activation="sigmoid")
    subclassed = Subclassed()
    subclassed(np.zeros((1, 8, 8, 3)))
    with pytest.raises(ValueError, match="`model` must"):
        export(subclassed, path, "onnx")


@pytest.mark.parametrize(
    ("package", "format"),
    [("tf2onnx", "onnx"), ("onnxruntime", "onnx"), ("ai_edge_litert", "litert")],
)
def test_a_missing_package_names_the_extra(model, tmp_path, monkeypatch, package, format):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install '\.\[export\]'"):
        export(model, tmp_path / NAMES[format], format)


def test_another_backend_is_an_error(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="Received: KERAS_BACKEND='jax'"):
        export(model, tmp_path / "model", "saved_model")


def test_keras_still_exports_normalization_as_inputs(tmp_path):
    # When this fails, `_exportable` no longer needs Rescaling.
    import onnxruntime

    images = keras.Input((8, 8, 3), name="images")
    layer = keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 3.0])
    with exporting._converting("onnx"):
        model = keras.Model(images, layer(images))
        path = tmp_path / "model.onnx"
        model.export(path, format="onnx", verbose=False, input_signature=model.inputs)
    assert len(onnxruntime.InferenceSession(path).get_inputs()) == 3
