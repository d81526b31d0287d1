"""Weights in files of torch, which are pickles: read with `weights_only=True`, which runs no code."""

import argparse
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np

from keras_resnet_recipes.applications.archives import check_stored
from keras_resnet_recipes.hints import shortened

ENDINGS = (".pth", ".pt", ".pth.tar", ".bin", ".ckpt")
# Names in the checkpoints of timm and torchvision. EMA comes first, as in timm's `load_checkpoint`.
_STATES = ("state_dict_ema", "model_ema", "state_dict", "model")
# Added to names by DataParallel, DistributedDataParallel and AveragedModel, and by torch.compile.
_WRAPPED = re.compile(r"^(?:module\.|_orig_mod\.)+")
# AveragedModel counts its updates in it.
_COUNTER = "n_averaged"


def torch_state(path: Path) -> tuple[str | None, dict[str, np.ndarray]]:
    """Reads the arrays of a file that `torch.save` wrote; needs torch, under any backend of Keras.

    Args:
        path: A file with a state dict, or with a training checkpoint of timm or torchvision.

    Returns:
        The name of the state dict in the checkpoint, None for a plain state dict; and its arrays by name, without the
        prefixes "module." and "_orig_mod.".

    Raises:
        ValueError: If the file is damaged, or has objects other than tensors, numbers, strings, containers and the
            `argparse.Namespace` of a training script.
        ImportError: If torch is missing.

    Example:
        >>> import tempfile, torch
        >>> path = Path(tempfile.mkdtemp(), "a.pth")
        >>> torch.save({"state_dict": {"module.fc.bias": torch.zeros(2)}}, path)
        >>> torch_state(path)
        ('state_dict', {'fc.bias': array([0., 0.], dtype=float32)})
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} requires torch: pip install torch. A .safetensors file does not."
        ) from error
    try:
        name, state = _state(_loaded(torch, path))
        arrays = {key: _array(torch, one) for key, one in state.items() if torch.is_tensor(one)}
        return name, _unwrapped(arrays)
    except Exception as error:
        # Torch raises errors of all types for a damaged file.
        raise ValueError(f"weights={str(path)!r} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Returns torch's message in one line, without its advice to run the code in the file."""
    text = str(error)
    if found := re.search(r"GLOBAL (\S+)", text):
        return f"{found[1]} in it is no tensor, number or container. Save torch's model.state_dict() alone."
    damaged = isinstance(error, OSError) or text.startswith("Weights only load failed")
    return "it is damaged" if damaged else shortened(error)


def _loaded(torch: Any, path: Path) -> Any:
    if is_zipfile(path):
        with ZipFile(path) as archive:
            check_stored(archive)
    # A Namespace only takes attributes.
    with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _state(loaded: Any) -> tuple[str | None, Mapping[str, Any]]:
    if not isinstance(loaded, Mapping):
        raise ValueError(f"it must have a state dict. Received: {type(loaded).__name__}")
    for name in _STATES:
        if isinstance(loaded.get(name), Mapping):
            return name, loaded[name]
    return None, loaded


def _array(torch: Any, tensor: Any) -> np.ndarray:
    """Returns a view of a tensor; a tensor may declare any shape for the few numbers that it has."""
    tensor = tensor.detach()
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy()
    import ml_dtypes

    return tensor.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)


def _unwrapped(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    named = [(_WRAPPED.sub("", name), array) for name, array in arrays.items() if name != _COUNTER]
    unwrapped = dict(named)
    if len(unwrapped) < len(named):
        raise ValueError(
            "it has two arrays of one name but for the prefix 'module.' or '_orig_mod.'"
        )
    if not unwrapped:
        raise ValueError(
            f"it must have a state dict, plain or named {' or '.join(_STATES)}. Received: no tensors"
        )
    return unwrapped
