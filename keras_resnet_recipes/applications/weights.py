"""Loading and saving weights, in Keras' formats and with timm's names."""

import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np

from keras_resnet_recipes.applications import torch_file
from keras_resnet_recipes.applications.archives import check_weights, opened_weights
from keras_resnet_recipes.extras import install
from keras_resnet_recipes.files import local_path, replacing

FILES = (".safetensors", ".weights.h5", ".keras", *torch_file.ENDINGS)
_HEADS = ("fc", "linear")
_DAMAGED = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    BadZipFile,
)
_KERNELS = tuple(f"{head}.weight" for head in _HEADS)
_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def load_weights(model: keras.Model, source: str | os.PathLike[str]) -> None:
    """Loads the weights of a file into a network of this package.

    Only numbers are read: from a .keras file the weights, not the layers that it describes, and from a file of torch
    no object that could run code.

    Args:
        model: A network of `krr.applications`, built with any arguments.
        source: Path of a `.safetensors` or `.pth` file with timm's (or torchvision's) names and layouts, or of
            a `.weights.h5` or `.keras` file of the same network. For a model without a top, the classifier in
            a `.safetensors` or `.pth` file is ignored. `.pt`, `.pth.tar`, `.bin` and `.ckpt` are read as `.pth`.
            From a training checkpoint, the first of "state_dict_ema", "model_ema", "state_dict" and "model" is taken
            and printed: the EMA of the weights if it has one.

    Raises:
        ValueError: If the file does not exist, or has another format or the weights of another network; the
            message lists missing and unknown arrays and those of another shape. The model keeps its weights
            (for Keras' formats possibly only some of them).
        ImportError: If safetensors (the extra `hub`) or torch (the extra `torch`) is required and missing.

    Example:
        >>> import os, tempfile
        >>> import keras_resnet_recipes as krr
        >>> path = os.path.join(tempfile.mkdtemp(), "resnet20.safetensors")
        >>> trained = krr.applications.ResNet20()
        >>> krr.applications.save_timm_weights(trained, path)
        >>> krr.applications.load_weights(krr.applications.ResNet20(), path)

    References:
        Names: timm's `models/resnet.py`; formats: github.com/huggingface/safetensors, `torch.load`; names in
        checkpoints: timm's `models/_helpers.py`, torchvision's `references/classification/train.py`.
    """
    path = checked_path(source)
    if path.name.endswith((".weights.h5", ".keras")):
        _load_keras_file(model, path)
        return
    name, state = _named(path)
    if name:
        # Not to the output, which `krr predict --csv` writes to a file.
        print(f"`weights`: {name!r} of {str(path)!r}.", file=sys.stderr)
    set_timm_state(model, state)


def save_timm_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Saves a network's weights in a form that timm can load with `load_state_dict(strict=True)`.

    Args:
        model: A network of `krr.applications`. If timm does not have the network, the same style is used.
        path: A file named *.safetensors; an existing file is replaced once the new one is complete.

    Raises:
        ValueError: If `path` has another suffix, or the model a layer without a name in timm.
        ImportError: If safetensors is missing (the extra `hub`).
        OSError: If the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> import keras_resnet_recipes as krr
        >>> path = os.path.join(tempfile.mkdtemp(), "resnet20.safetensors")
        >>> krr.applications.save_timm_weights(krr.applications.ResNet20(), path)
        >>> os.path.getsize(path) > 4 * 269_722
        True

    References:
        Names: timm's `models/resnet.py`.
    """
    if not os.fspath(path).endswith(".safetensors"):
        raise ValueError(f"`path` must be a file named *.safetensors. Received: path={path!r}")
    safetensors = _safetensors()
    state = {name: np.asarray(array, order="C") for name, array in timm_state(model).items()}
    with replacing(path) as temporary:
        safetensors.numpy.save_file(state, temporary, metadata={"format": "pt"})


def checked_path(source: str | os.PathLike[str]) -> Path:
    """Returns the path of a weights file; raises ValueError unless it exists and has a supported format."""
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            "`weights` must be None, a tag such as 'a1_in1k', or the path of a file. "
            f"Received: weights={source!r}"
        )
    path = local_path("weights", source)
    if not path.name.endswith(FILES) or not path.is_file():
        raise ValueError(
            "`weights` must be the path of an existing .safetensors, .pth, .weights.h5 or .keras file. "
            f"Received: weights={source!r}"
        )
    return path


def read_state(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a .safetensors file, by name."""
    safetensors = _safetensors()
    try:
        return safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, TypeError) as error:
        # TypeError is raised for a dtype that NumPy does not have.
        raise ValueError(f"weights={str(path)!r} cannot be read: {error}") from error


def classes_in(path: Path) -> int | None:
    """Returns the number of classes of the classifier in a weights file, or None if it has no classifier.

    Raises:
        ValueError: If the file cannot be read.
    """
    if not path.name.endswith((".weights.h5", ".keras")):
        shapes = [array.shape for name, array in _named(path)[1].items() if name in _KERNELS]
        return shapes[0][0] if shapes else None
    try:
        with opened_weights(path) as layers:
            # Keras names layers in the file by their class; the networks here have one dense layer.
            kernel = layers.get("layers/dense/vars/0")
            return None if kernel is None else kernel.shape[1]
    except _DAMAGED as error:
        raise ValueError(f"weights={str(path)!r} cannot be read: {error}") from error


def timm_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns a network's weights with timm's names and layouts, like timm's `model.state_dict()`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> from keras_resnet_recipes.applications.weights import timm_state
        >>> timm_state(krr.applications.ResNet18())["layer2.0.conv1.weight"].shape
        (128, 64, 3, 3)
    """
    state = {}
    for name, variable in timm_variables(model).items():
        array = keras.ops.convert_to_numpy(variable)
        state[name] = to_torch(array).astype("float32")
        if name.endswith("running_mean"):
            # torch's count of batches is used only by BatchNorm without a momentum, which timm does not use.
            state[name.replace("running_mean", "num_batches_tracked")] = np.array(0, "int64")
    return state


def set_timm_state(
    model: keras.Model, state: Mapping[str, np.ndarray], *, head: bool = True
) -> None:
    """Sets a network's weights from arrays with timm's names and layouts.

    Args:
        model: A network of `krr.applications`.
        state: Arrays by name, in torch's layouts.
        head: Whether to set the classifier, too.

    Raises:
        ValueError: If an array is missing, unknown or of another shape; then nothing is set.
    """
    variables = timm_variables(model)
    heads = {_layer(name) for name in variables} & set(_HEADS) if head else set()

    def belongs(name: str) -> bool:
        return _layer(name) not in _HEADS or _layer(name) in heads

    variables = {name: variable for name, variable in variables.items() if belongs(name)}
    arrays = {
        name: from_torch(array)
        for name, array in state.items()
        if belongs(name) and not name.endswith("num_batches_tracked")
    }
    _check_arrays(variables, arrays)
    for name, variable in variables.items():
        variable.assign(arrays[name].astype("float32"))


def timm_variables(model: keras.Model) -> dict[str, Any]:
    """Returns a network's variables by their names in timm: the layer's with `.` for `_`, then the variable's."""
    variables = {}
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name not in _NAMES:
                raise ValueError(
                    "`model` must be a network of krr.applications. "
                    f"Received: layer {layer.name!r} with {variable.name!r}, which timm has no name for"
                )
            variables[f"{layer.name.replace('_', '.')}.{_NAMES[variable.name]}"] = variable
    return variables


def to_torch(array: np.ndarray) -> np.ndarray:
    """Converts an array of a Keras variable to torch's layout, in which kernels end with height and width."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T


def from_torch(array: np.ndarray) -> np.ndarray:
    """Converts an array of a torch parameter to Keras' layout, in which kernels begin with height and width."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _named(path: Path) -> tuple[str | None, dict[str, np.ndarray]]:
    """Returns the arrays with timm's names in a file, and the name of their state dict in a checkpoint."""
    if path.name.endswith(".safetensors"):
        return None, read_state(path)
    return torch_file.torch_state(path)


def _load_keras_file(model: keras.Model, path: Path) -> None:
    fault = None
    with warnings.catch_warnings(action="always", category=UserWarning, record=True) as warned:
        try:
            check_weights(path)
            model.load_weights(path)
        except Exception as error:
            fault = error
    # For layers missing in the file Keras only warns, and keeps their weights.
    skipped = [warning.message for warning in warned if warning.category is UserWarning]
    if fault or skipped:
        raise ValueError(
            f"weights={str(path)!r} is damaged or of another network: {fault or skipped[0]}"
        ) from fault


def _layer(name: str) -> str:
    return name.split(".")[0]


def _check_arrays(variables: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    shared = variables.keys() & arrays.keys()
    wrong = [
        f"{name} {to_torch(arrays[name]).shape}"
        f" instead of {to_torch(np.broadcast_to(0, variables[name].shape)).shape}"
        for name in sorted(shared)
        if arrays[name].shape != tuple(variables[name].shape)
    ]
    wrong += [
        f"{name} of {arrays[name].dtype}"
        for name in sorted(shared)
        if arrays[name].dtype.name not in ("float16", "bfloat16", "float32", "float64")
    ]
    faults = {
        "missing": sorted(variables.keys() - shared),
        "unknown": sorted(arrays.keys() - shared),
        "of another shape or type": wrong,
    }
    if any(faults.values()):
        lists = [f"{fault}: {_listed(names)}" for fault, names in faults.items() if names]
        only_head = all(name.startswith(_HEADS) for names in faults.values() for name in names)
        hint = _NEW_HEAD if only_head else ""
        raise ValueError(f"the weights must be those of this network. {'; '.join(lists)}.{hint}")


_NEW_HEAD = (
    " `classes` must be the number in the file. For others, load the features and add a new classifier: "
    "build the network with include_top=False, pooling='avg' as `body`, then "
    "keras.Model(body.input, keras.layers.Dense(classes)(body.output)); a recipe's `weights` does so by itself."
)


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            f"A .safetensors file requires safetensors: run {install('hub')}."
        ) from error
    return safetensors
