"""A trained model as a file that needs neither Keras nor this package."""

import contextlib
import importlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_resnet_recipes.applications.keras_file import shortened
from keras_resnet_recipes.applications.network import deep_recursion
from keras_resnet_recipes.applications.outputs import known_names, to_probabilities
from keras_resnet_recipes.files import replacing

FORMATS = ("saved_model", "onnx", "litert")
# Relative to a picture's largest probability. Sums in another order make it 2e-6 for ResNet-50
# (docs/export.md); fifty times that is left for deeper networks and other processors.
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
) -> float:
    """Writes a model as a SavedModel, ONNX or LiteRT file, runs that and compares.

    The file takes a batch of any number of decoded RGB pictures, uint8 `(batch, height, width, 3)`,
    0 to 255, and gives float32 probabilities `(batch, classes)`. It computes in float32, whatever
    the model was trained in: float16 was for the training device's speed, and the weights are
    float32 already. Beside the file stands, where the names of the classes are known,
    `<path>.labels.txt` (in a SavedModel's folder `labels.txt`), one a line in the order of the output.

    Args:
        model: A functional Keras model with raw 0..255 pixels in, such as those of
            `krr.applications`, and logits or probabilities out. The Keras backend must be TensorFlow.
        path: What to write, in a folder that exists: a new folder for "saved_model", a file *.onnx
            for "onnx", *.tflite for "litert". Nothing is overwritten.
        format: "saved_model", "onnx" (the extra `export`) or "litert" (the extra `export`).
        activation: As for `to_probabilities`.
        size: Height and width of the pictures in pixels; by default the model's own, where that is
            free any.
        class_names: As for `known_names`.

    Returns:
        The largest deviation from the Keras model on random pictures, relative to the largest
        probability of the picture. A model with another precision than float32 is compared with
        itself in float32.

    Raises:
        ValueError: If an argument is not as above, or the model cannot be converted.
        FloatingPointError: If the file deviates by more than 1e-4. It is gone then.
        ImportError: If a package is missing.
        OSError: If the file cannot be written.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> model = krr.applications.ResNet20()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     deviation = export(model, folder + "/model", "saved_model", size=32)
    >>> deviation < 1e-4
    True
    """
    path = Path(path)
    _check(model, path, format, size)
    names = known_names(model, class_names)
    original = to_probabilities(model, activation)
    exported = _serving(original, size)
    in_float32 = all(
        getattr(layer, "compute_dtype", "float32") == "float32" for layer in model.layers
    )
    with tempfile.TemporaryDirectory(prefix="new.", dir=path.parent) as folder:
        made = Path(folder, path.name)
        with _converting(format):
            _write(exported, made, format)
            runner = {"saved_model": _saved_model, "onnx": _onnx, "litert": _litert}[format](made)
            deviation = _largest_deviation(runner, original if in_float32 else exported, exported)
        if not deviation <= LARGEST_DEVIATION:
            raise FloatingPointError(
                f"the {format} file deviates from the Keras model by {deviation:.1e} of the largest "
                f"probability, more than {LARGEST_DEVIATION:.0e}; {str(path)!r} was not written."
            )
        _put_labels(made, path, names)
        os.replace(made, path)
    return deviation


def _check(model: keras.Model, path: Path, format: str, size: int | None) -> None:
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}; received {format!r}.")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "`export` needs TensorFlow as the Keras backend, for whatever was trained with another: set "
            f"KERAS_BACKEND=tensorflow; it is {keras.backend.backend()}."
        )
    suffix = _SUFFIXES.get(format, path.suffix)
    if path.suffix != suffix:
        raise ValueError(f"`path` must end with {suffix} for {format}; received {str(path)!r}.")
    if os.path.lexists(path):
        raise ValueError(f"`path` must be new; {str(path)!r} exists.")
    if not path.parent.is_dir():
        raise ValueError(
            f"`path` must be in an existing folder; there is no folder {str(path.parent)!r}."
        )
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if [type(shape) for shape in shapes] != [tuple, tuple] or [*map(len, shapes)] != [4, 2]:
        raise ValueError(
            "`model` must take images (batch, height, width, 3) and give (batch, classes); it takes "
            f"{shapes[0]} and gives {shapes[1]}."
        )
    own = model.input_shape[1:3]
    if size is not None and (size < 1 or any(side not in (None, size) for side in own)):
        raise ValueError(f"`size` must be at least 1 and fit the model's {own}; received {size}.")
    for package in _PACKAGES.get(format, ()):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"the format {format} needs {package}: pip install 'keras-resnet-recipes[export]' ({error})."
            ) from None


def _serving(model: keras.Model, size: int | None) -> keras.Model:
    """From uint8 pictures to float32 probabilities: the layers again, in float32."""
    height, width = (size, size) if size else model.input_shape[1:3]
    try:
        with deep_recursion():
            copy = keras.models.clone_model(model, clone_function=_exportable, recursive=True)
        copy.set_weights(model.get_weights())
    except Exception as error:
        raise ValueError(
            f"`model` must be a functional model whose layers can be made again: {shortened(error)}"
        ) from error
    pictures = keras.Input((height, width, model.input_shape[-1]), dtype="uint8", name="images")
    return keras.Model(pictures, copy(keras.ops.cast(pictures, "float32")), name=model.name)


def _exportable(layer: keras.Operation) -> keras.Operation:
    """The layer again in float32, and in a form that every exporter understands."""
    if not isinstance(layer, keras.Layer):
        return type(layer).from_config(layer.get_config())  # an operation of keras.ops
    config = {**layer.get_config(), "dtype": "float32"}
    if isinstance(layer, keras.layers.Normalization) and layer.input_mean is not None:
        # tf2onnx 1.17 makes inputs of the tensors that this layer keeps; Rescaling's are numbers.
        mean, variance = (np.ravel(config[name]) for name in ("mean", "variance"))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        offset = -mean * scale
        return keras.layers.Rescaling(
            scale.tolist(), offset.tolist(), dtype="float32", name=layer.name
        )
    return type(layer).from_config(config)


@contextlib.contextmanager
def _converting(format: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Keras 3.15 asks numpy for `np.object` when it prepares tf2onnx.
            warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
            yield
    except OSError:
        raise
    except Exception as error:
        # Converters and runtimes raise whatever comes, down to AttributeError.
        raise ValueError(f"`model` cannot be converted to {format}: {shortened(error)}") from error


def _write(model: keras.Model, path: Path, format: str) -> None:
    if format == "litert":
        import tensorflow as tf

        # Without the operations of TensorFlow that Keras allows besides: a plain LiteRT runtime has none.
        operations = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
        model.export(path, format="litert", verbose=False, target_spec=operations)
    else:
        names = {"saved_model": "tf_saved_model", "onnx": "onnx"}
        model.export(path, format=names[format], verbose=False, input_signature=model.inputs)


def _saved_model(path: Path) -> Runner:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda pictures: loaded.serve(pictures).numpy()


def _onnx(path: Path) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(None, {"images": pictures})[0]


def _litert(path: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    place = interpreter.get_input_details()[0]["index"]

    def run(pictures: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(place, pictures.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, pictures)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return run


def _largest_deviation(runner: Runner, reference: keras.Model, exported: keras.Model) -> float:
    """On pictures of noise, two batches of other numbers and, where it is free, other sizes."""
    rng = np.random.default_rng(0)
    deviations = []
    for number, *free in ((3, 64, 96), (1, 96, 64)):
        own = exported.input_shape[1:3]
        size = [side or other for side, other in zip(own, free, strict=True)]
        # Each picture of its own brightness and tint: noise alone looks the same to a network.
        noise = rng.uniform(size=(number, *size, 3)) * rng.uniform(size=(number, 1, 1, 3))
        pictures = (256 * noise).astype("uint8")
        # On the CPU: with TensorFloat-32 a GPU differs from the exact result by more than the file.
        with keras.device("cpu:0"):
            expected = keras.ops.convert_to_numpy(reference(pictures, training=False))
            difference = np.abs(runner(pictures) - expected).max(axis=1)
        deviations.append(difference / expected.max(axis=1))
    return float(np.concatenate(deviations).max())


def _put_labels(made: Path, path: Path, names: Sequence[str] | None) -> None:
    if names is None:
        return
    # A folder may have a line break in its name; here a line is a class.
    text = "".join(" ".join(name.splitlines()) + "\n" for name in names)
    if made.is_dir():
        (made / "labels.txt").write_text(text)
        return
    with replacing(path.with_name(f"{path.name}.labels.txt")) as aside:
        aside.write_text(text)
