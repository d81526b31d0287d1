"""Checkpoints of a run: Keras' weights files and one manifest.

- `last.weights.h5` is everything that training needs to resume bit by bit: weights, optimizer, EMA, and in the manifest
  the random seeds and the running metrics.
- `best.weights.h5` is the weights alone, since nothing is trained from it bit by bit.
- `checkpoints.json`, the manifest, has the position of the run and the SHA-256 of each file.

A file is written under another name, flushed, read back from the disk and compared, and only then renamed, so a crash,
a full disk or a bad write at any moment leaves one complete, verified checkpoint. No previous one is kept, which with
LAMB's two moments would be three times the weights again. A ResNet-18 with LAMB takes four times its weights, 179 MB
(187 MB with 1000 classes), and three times more while the last file is written. What this gives up: if the file is
damaged later, where it lies, the run cannot resume, and a new one begins from the best weights, if it has validation.
"""

import dataclasses
import errno
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.files import read_back, replacing, sha256

LAST = "last.weights.h5"
BEST = "best.weights.h5"
MANIFEST = "checkpoints.json"
# Entries that the manifest keeps of each file: of the file, and of saves that a crash cut short.
_KEPT = 16


@dataclasses.dataclass(frozen=True)
class Position:
    """Position of a run.

    Args:
        epochs: Finished epochs.
        batches: Finished batches of the next epoch.
        metrics: Values of the metrics' variables, the running sums of that epoch.
        stopped: Whether a callback, such as `EarlyStopping`, ended training after these epochs.
        log_sha256: SHA-256 of the rows of the log, if there is one.
    """

    epochs: int = 0
    batches: int = 0
    metrics: tuple[Any, ...] = ()
    stopped: bool = False
    log_sha256: str | None = None


class _Memory(io.BytesIO):
    """Memory with a name, by which Keras recognizes a weights file."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save(path: str | Path, model: keras.Model, position: Position) -> None:
    """Saves a compiled model: its weights, and in a last checkpoint optimizer, random seeds and running metrics.

    The file is Keras' .weights.h5, which `keras.Model.load_weights` reads. The manifest next to it is written before
    the file is renamed and keeps the entries of earlier files, so a crash at any moment leaves an intact checkpoint
    with its entry.

    Args:
        path: The file, named last.weights.h5 or best.weights.h5; one that exists is replaced.
        model: The model.
        position: The position of the run; its metrics are the model's, if the position is within an epoch.

    Raises:
        OSError: If the file cannot be written, or is not on the disk what was written; the earlier one is kept.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder + "/last.weights.h5", model, Position(epochs=3))
        ...     load(folder + "/last.weights.h5", model).epochs
        3
    """
    path = Path(path)
    # On a full disk HDF5 ends the process with a segmentation fault.
    memory = _Memory()
    keras.saving.save_weights(model, memory, objects_to_skip=_left_out(path, model))
    entry = {
        "file": path.name,
        "sha256": sha256(memory.getbuffer()),
        **dataclasses.asdict(position),
        "shapes": _shapes(path, model),
        "seeds": [_numbers(seed) for seed in _seeds(model)],
    }
    if position.batches:
        entry["metrics"] = [_numbers(value) for value in model.metrics_variables]
    with replacing(path) as temporary:
        temporary.write_bytes(memory.getbuffer())
        if sha256(read_back(temporary)) != entry["sha256"]:
            raise OSError(errno.EIO, "The disk returns other bytes than were written", str(path))
        _write_manifest(path.parent, entry)


def load(path: str | Path, model: keras.Model) -> Position:
    """Loads a last checkpoint into a model that is compiled and built like the saved one.

    Returns:
        The position of the run; its metrics are set once the epoch has begun, see `resume_metrics`.

    Raises:
        ValueError: If the file is damaged, or is of another model.
    """
    entry = _load_weights(path, model)
    _assign(path, _seeds(model), entry["seeds"])
    return Position(**{field.name: entry[field.name] for field in dataclasses.fields(Position)})


def weights_of(path: str | Path, model: keras.Model) -> list[np.ndarray]:
    """Returns the weights of a best checkpoint in the order of `get_weights`; the model keeps its own.

    Raises:
        ValueError: If the file is damaged, or is of another model.
    """
    variables = model.variables
    own = [ops.convert_to_numpy(variable) for variable in variables]
    try:
        _load_weights(path, model)
        return model.get_weights()
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)


def sha256_of_rows(rows: list[dict[str, float]]) -> str:
    """Returns the SHA-256 of the rows of a log, which tells whether it was edited."""
    return sha256(memoryview(json.dumps(rows, sort_keys=True).encode()))


def _load_weights(path: str | Path, model: keras.Model) -> dict[str, Any]:
    """Loads what a checkpoint has of a model, and returns its entry in the manifest."""
    entry = verified(path)
    # Keras loads what fits of another network's weights, with a warning.
    if entry["shapes"] != _shapes(path, model):
        raise ValueError(
            f"{str(path)!r} has the weights of another network, or of another optimizer. "
            "Give the model that the run began with."
        )
    model.load_weights(path, objects_to_skip=_left_out(path, model))
    return entry


def verified(path: str | Path) -> dict[str, Any]:
    """Returns a checkpoint's entry in the manifest, found by its SHA-256.

    Raises:
        ValueError: If the file is damaged, or the manifest is damaged or missing.
    """
    path = Path(path)
    index = _position_of(path)
    if index is None:
        raise ValueError(
            f"{str(path)!r} is damaged, or not a checkpoint of this run: {MANIFEST} does not list its SHA-256."
        )
    return _entries(path.parent)[index]


def last(folder: Path) -> Path | None:
    """Returns the last checkpoint of a run; None if nothing was saved.

    Raises:
        ValueError: If it is damaged or was removed, or the manifest is damaged or missing.
    """
    file, best = folder / LAST, folder / BEST
    if not file.is_file():
        saves = [entry for entry in _entries(folder, required=False) if entry["file"] == LAST]
        # After the first of two saves there was a file; a crash in the very first one leaves none.
        if len(saves) > 1:
            raise ValueError(
                f"{str(file)!r} is missing, but {MANIFEST} lists {len(saves)} saves of it. {_instead(best)}"
            )
        return None
    if not is_intact(file):
        raise ValueError(f"{str(file)!r} is damaged, so the run cannot resume. {_instead(best)}")
    return file


def _instead(best: Path) -> str:
    """Returns what to do without a last checkpoint."""
    if not best.is_file() or not is_intact(best):
        return "Put it back from a copy, or give another `run_dir` to start again."
    start = str(best.parent)
    return (
        f"Put it back from a copy, or begin a new run from the best weights, which are intact: weights={start!r} "
        f"(--set weights={start}) and another `run_dir`."
    )


def was_saved(path: Path) -> bool:
    """Returns whether the manifest lists a checkpoint of this name, whether or not the file is still there."""
    return any(entry["file"] == path.name for entry in _entries(path.parent, required=False))


def is_intact(path: Path) -> bool:
    """Returns whether a checkpoint is as it was written.

    Raises:
        ValueError: If the manifest is damaged or missing.
    """
    return _position_of(path) is not None


def _position_of(path: Path) -> int | None:
    """Returns the index of a checkpoint's entry in the manifest, newest first; None if it is damaged."""
    digest = sha256(path)
    for index, entry in enumerate(_entries(path.parent)):
        if (entry["file"], entry["sha256"]) == (path.name, digest):
            return index
    return None


def resume_metrics(path: str | Path, model: keras.Model, position: Position) -> None:
    """Sets the running metrics of the epoch within which a run resumes.

    Raises:
        ValueError: If the manifest next to the checkpoint at `path` has the metrics of another model.
    """
    nothing = ops.zeros((1, *model.output_shape[1:]))
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()
    _assign(path, model.metrics_variables, position.metrics)


def _assign(path: str | Path, variables: list[Any], values: Sequence[Any]) -> None:
    try:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(np.asarray(value, variable.dtype))
    except (ValueError, TypeError):
        manifest = Path(path).with_name(MANIFEST)
        raise ValueError(f"{str(manifest)!r} describes another model.") from None


def _write_manifest(folder: Path, entry: dict[str, Any]) -> None:
    try:
        earlier = _entries(folder, required=False)
    except ValueError:
        # A damaged manifest must not end a run that can write a new one.
        earlier = []
    kept = [old for old in earlier if old["file"] == entry["file"]][: _KEPT - 1]
    others = [old for old in earlier if old["file"] != entry["file"]]
    with replacing(folder / MANIFEST) as temporary:
        listed = [{**one, "check": _check(one)} for one in (entry, *kept, *others)]
        temporary.write_text(json.dumps({"checkpoints": listed}, indent=1) + "\n", encoding="utf-8")


def _entries(folder: Path, *, required: bool = True) -> list[dict[str, Any]]:
    file = folder / MANIFEST
    if not file.is_file():
        if required:
            raise ValueError(
                f"{str(file)!r} is missing: without it no checkpoint of the run can be verified. Put it back."
            )
        return []
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["checkpoints"]
        if all(entry.pop("check") == _check(entry) and _is_entry(entry) for entry in entries):
            return entries
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise ValueError(f"{str(file)!r} is damaged: no checkpoint of the run can be verified.")


def _is_entry(entry: dict[str, Any]) -> bool:
    """Returns whether an entry has all values, within their ranges."""
    numbers = entry["epochs"], entry["batches"]
    lists = entry["metrics"], entry["seeds"]
    return (
        all(isinstance(number, int) and number >= 0 for number in numbers)
        and all(isinstance(values, list) for values in lists)
        and isinstance(entry["stopped"], bool)
        and {"file", "sha256", "shapes", "log_sha256"} <= set(entry)
    )


def _check(entry: dict[str, Any]) -> str:
    """Returns the SHA-256 of an entry without its check, which tells edited entries."""
    known = {name: value for name, value in entry.items() if name != "check"}
    return sha256(memoryview(json.dumps(known, sort_keys=True).encode()))


def _left_out(path: str | Path, model: keras.Model) -> list[Any]:
    """Returns the objects of a model that are not in a checkpoint: best weights have no optimizer."""
    optimizer = getattr(model, "optimizer", None)
    return [optimizer] if optimizer and Path(path).name == BEST else []


def _shapes(path: str | Path, model: keras.Model) -> str:
    """Returns a digest of the shapes of everything in a checkpoint."""
    optimizer = getattr(model, "optimizer", None)
    saved = [] if optimizer is None or _left_out(path, model) else optimizer.variables
    shapes = [list(variable.shape) for variable in [*model.weights, *saved]]
    return sha256(memoryview(json.dumps(shapes).encode()))


def _seeds(model: keras.Model) -> list[Any]:
    """The states of the model's seed generators: all its variables except the weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _numbers(variable: Any) -> Any:
    return ops.convert_to_numpy(variable).tolist()
