"""Export of trained models to files that require neither Keras nor this package."""

import contextlib
import importlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_resnet_recipes.applications.network import deep_recursion
from keras_resnet_recipes.applications.outputs import (
    activation_after,
    known_names,
    probabilities,
    to_probabilities,
)
from keras_resnet_recipes.export.quantization import (
    check_quantization,
    write_float16,
    write_int8,
)
from keras_resnet_recipes.extras import install
from keras_resnet_recipes.files import local_path, replacing
from keras_resnet_recipes.hints import shortened
from keras_resnet_recipes.names import printable

FORMATS = ("saved_model", "onnx", "litert")
# Relative to the largest probability of an image. Another summation order gives 2e-6 for ResNet-50
# (docs/export.md); the limit leaves a factor of fifty for deeper networks and other processors.
LARGEST_DEVIATION = 1e-4

_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
_PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}

Runner = Callable[[np.ndarray], np.ndarray]


def export(
    model: keras.Model,
    path: str | Path,
    format: str,
    *,
    activation: str | None = None,
    size: int | None = None,
    class_names: Sequence[str] | None = None,
    quantize: str | None = None,
    calibration: np.ndarray | None = None,
) -> float:
    """Exports a model to SavedModel, ONNX or LiteRT, and compares the file's output with the model as it was given.

    The exported model maps a batch of decoded RGB images, uint8 `(batch, height, width, 3)` in 0..255 with any
    batch size, to float32 probabilities `(batch, classes)`. It computes in float32 whatever the training
    precision, because the weights are float32 and float16 only speeds up the training device, unless `quantize` is
    given. If the class
    names are known, they are written to `<path>.labels.txt` (for a SavedModel, to `labels.txt` in its
    folder), one per line in the order of the output.

    Args:
        model: Functional Keras model with pixels in 0..255 as input, such as those of `krr.applications`, and
            logits or probabilities as output. The Keras backend must be TensorFlow.
        path: Path to write, in an existing folder: a new folder for "saved_model", a new file *.onnx for
            "onnx", *.tflite for "litert". Nothing is overwritten.
        format: "saved_model", "onnx" (the extra `export`) or "litert" (the extra `export`).
        activation: As for `to_probabilities`.
        size: Height and width of the images in pixels; by default those of the model, which may be variable.
        class_names: As for `known_names`.
        quantize: For "litert": "float16", weights in half precision, or "int8", weights and activations as integers.
            Operations of which LiteRT has no integer version remain in float32, with a message.
        calibration: Images that show the range of the activations for "int8", some hundred, preprocessed as in an
            evaluation: uint8 [n, size, size, 3].

    Returns:
        The largest deviation on random images, or on the first of `calibration`, from the outputs of the model as it
        was given: themselves, if it gives probabilities, otherwise their softmax or sigmoid by NumPy. It is relative to
        the largest probability of each image. A model in another precision than float32 is compared with its float32
        version.

    Raises:
        ValueError: If an argument is invalid, or the model cannot be converted.
        FloatingPointError: If the deviation is above 1e-4, or, of a quantized file, not finite; no file is written.
        ImportError: If a package is missing.
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> model = krr.applications.ResNet20()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     deviation = export(model, folder + "/model", "saved_model", size=32)
        >>> deviation < 1e-4
        True
    """
    path = local_path("path", path)
    _check(model, path, format, size)
    side = size or model.input_shape[1]
    check_quantization(quantize, format, calibration, side)
    names = known_names(model, class_names)
    added = activation_after(model, activation)
    images = _images(size, model) if calibration is None else [calibration[:3], calibration[3:4]]
    given = _outputs(model, images)
    expected = [probabilities(one, added) for one in given]
    served = _with_probabilities(model, activation, np.concatenate(given))
    with tempfile.TemporaryDirectory(prefix="new.", dir=path.parent) as folder:
        temporary = Path(folder, path.name)
        with _converting(format):
            if quantize == "int8":
                write_int8(_serving(served, size, "float32"), temporary, calibration)
            elif quantize == "float16":
                write_float16(_serving(served, size), temporary)
            else:
                _write(_serving(served, size), temporary, format)
            deviation = _largest_deviation(load(temporary, format), images, expected)
        limit = LARGEST_DEVIATION if quantize is None else np.inf
        if not deviation <= limit:
            raise FloatingPointError(
                f"Probabilities of the {format} file differ from the Keras model's by {deviation:.1e} of the "
                f"largest one, more than {limit:.0e}. {str(path)!r} was not written."
            )
        _write_labels(temporary, path, names)
        os.replace(temporary, path)
    return deviation


def load(path: str | Path, format: str) -> Runner:
    """Loads an exported file with its own runtime, on the CPU.

    Args:
        path: The file or folder.
        format: As for `export`.

    Returns:
        A function from images, uint8 [n, height, width, 3], to probabilities, float32 [n, classes].
    """
    return {"saved_model": _saved_model, "onnx": _onnx, "litert": _litert}[format](Path(path))


def _check(model: keras.Model, path: Path, format: str, size: int | None) -> None:
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}. Received: format={format!r}"
        )
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "KERAS_BACKEND must be 'tensorflow' to export, also for models trained with another backend. "
            f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
        )
    suffix = _SUFFIXES.get(format, path.suffix)
    if path.suffix != suffix:
        raise ValueError(
            f"`path` must end with {suffix} for {format}. Received: path={str(path)!r}"
        )
    if os.path.lexists(path):
        raise ValueError(f"`path` must not exist. Received: path={str(path)!r}")
    if not path.parent.is_dir():
        raise ValueError(f"`path` must be in an existing folder. Received: path={str(path)!r}")
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if [type(shape) for shape in shapes] != [tuple, tuple] or [*map(len, shapes)] != [4, 2]:
        raise ValueError(
            "`model` must have the input shape (batch, height, width, 3) and the output shape (batch, classes). "
            f"Received: input_shape={shapes[0]}, output_shape={shapes[1]}"
        )
    own = model.input_shape[1:3]
    if size is not None and (size < 1 or any(side not in (None, size) for side in own)):
        raise ValueError(
            f"`size` must be at least 1 and match the model's {own}. Received: size={size}"
        )
    for package in _PACKAGES.get(format, ()):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"The format {format} requires {package}: run {install('export')} ({error})."
            ) from None


def _with_probabilities(
    model: keras.Model, activation: str | None, outputs: np.ndarray
) -> keras.Model:
    """Returns a model of probabilities; says so where a model's graph does not tell what its outputs are."""
    added = activation_after(model, activation)
    # The loss of a model of this package tells.
    unknown = activation is None and getattr(model, "loss", None) is None
    if added and unknown and ((outputs >= 0) & (outputs <= 1)).all():
        print(
            f"`model`: its outputs are between 0 and 1, but end in no activation of Keras. They are taken as logits; "
            f"the {added} is added."
        )
    return to_probabilities(model, activation)


def _serving(model: keras.Model, size: int | None, dtype: str = "uint8") -> keras.Model:
    """Returns a float32 copy of the model that takes images of a dtype, in 0..255."""
    height, width = (size, size) if size else model.input_shape[1:3]
    copy = _copy(model, _exportable)
    images = keras.Input((height, width, model.input_shape[-1]), dtype=dtype, name="images")
    return keras.Model(images, copy(keras.ops.cast(images, "float32")), name=model.name)


def _copy(
    model: keras.Model, clone_function: Callable[[keras.Operation], keras.Operation]
) -> keras.Model:
    try:
        with deep_recursion():
            copy = keras.models.clone_model(model, clone_function=clone_function, recursive=True)
        copy.set_weights(model.get_weights())
        return copy
    except Exception as error:
        raise ValueError(
            "`model` must be a functional model whose layers can be rebuilt from their configuration. "
            f"Received: {type(model).__name__} ({shortened(error)})"
        ) from error


def _in_float32(layer: keras.Operation) -> keras.Operation:
    """Returns a float32 copy of a layer, or a copy of an operation of keras.ops."""
    is_layer = isinstance(layer, keras.Layer)
    return type(layer).from_config(layer.get_config() | ({"dtype": "float32"} if is_layer else {}))


def _exportable(layer: keras.Operation) -> keras.Operation:
    """Returns a float32 copy of a layer in a form that every exporter supports."""
    if isinstance(layer, keras.layers.Normalization) and layer.input_mean is not None:
        # tf2onnx 1.17 turns the tensors of this layer into model inputs; Rescaling has plain numbers.
        mean, variance = (np.ravel(layer.get_config()[name]) for name in ("mean", "variance"))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        offset = -mean * scale
        return keras.layers.Rescaling(
            scale.tolist(), offset.tolist(), dtype="float32", name=layer.name
        )
    return _in_float32(layer)


@contextlib.contextmanager
def _converting(format: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Keras 3.15 accesses `np.object` when it prepares tf2onnx.
            warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
            yield
    except OSError:
        raise
    except Exception as error:
        # Converters and runtimes raise errors of all types, even AttributeError.
        raise ValueError(f"`model` cannot be converted to {format}: {shortened(error)}") from error


def _write(model: keras.Model, path: Path, format: str) -> None:
    if format == "litert":
        import tensorflow as tf

        # Excludes TensorFlow operations, which Keras allows, because a plain LiteRT runtime lacks them.
        operations = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
        model.export(path, format="litert", verbose=False, target_spec=operations)
    else:
        names = {"saved_model": "tf_saved_model", "onnx": "onnx"}
        model.export(path, format=names[format], verbose=False, input_signature=model.inputs)


def _saved_model(path: Path) -> Runner:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda images: loaded.serve(images).numpy()


def _onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def _litert(path: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    index = interpreter.get_input_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(index, images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(index, images)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return run


def _images(size: int | None, model: keras.Model) -> list[np.ndarray]:
    """Returns two batches of noise, of different batch sizes and, if variable, image sizes."""
    rng = np.random.default_rng(0)
    batches = []
    for batch_size, *default_size in ((3, 64, 96), (1, 96, 64)):
        own = (size, size) if size else model.input_shape[1:3]
        shape = [side or default for side, default in zip(own, default_size, strict=True)]
        # Each image has its own brightness and tint, because a network maps all plain noise to one output.
        noise = rng.uniform(size=(batch_size, *shape, 3)) * rng.uniform(size=(batch_size, 1, 1, 3))
        batches.append((256 * noise).astype("uint8"))
    return batches


def _outputs(model: keras.Model, batches: list[np.ndarray]) -> list[np.ndarray]:
    """Returns a model's outputs, in float32."""
    layers = model._flatten_layers(include_self=False)
    if {layer.compute_dtype for layer in layers} & {"float16", "bfloat16", "float64"}:
        model = _copy(model, _in_float32)
    # On the CPU, because TensorFloat-32 on a GPU causes larger deviations than the export.
    with keras.device("cpu:0"):
        return [keras.ops.convert_to_numpy(model(images, training=False)) for images in batches]


def _largest_deviation(
    runner: Runner, batches: list[np.ndarray], expected: list[np.ndarray]
) -> float:
    """Returns the largest deviation, relative to the largest probability of the image."""
    deviations = [
        np.abs(runner(images) - one).max(axis=1) / one.max(axis=1)
        for images, one in zip(batches, expected, strict=True)
    ]
    return float(np.concatenate(deviations).max())


def _write_labels(exported: Path, path: Path, names: Sequence[str] | None) -> None:
    if names is None:
        return
    # Class names come from folder names, which may contain line breaks.
    text = "".join(f"{printable(name)}\n" for name in names)
    if exported.is_dir():
        (exported / "labels.txt").write_text(text, encoding="utf-8")
        return
    with replacing(path.with_name(f"{path.name}.labels.txt")) as temporary:
        temporary.write_text(text, encoding="utf-8")
