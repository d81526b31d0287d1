"""Everything a training run needs to go on, in one file."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.files import is_sealed, replacing, write_sealed

_PLACE = "place"


@dataclasses.dataclass(frozen=True)
class Place:
    """How far a run has come.

    Args:
        epochs: Finished epochs.
        batches: Batches done of the epoch after those.
        metrics: Values of the metrics' variables, the running sums of that epoch.
    """

    epochs: int = 0
    batches: int = 0
    metrics: tuple[Any, ...] = ()


class _Memory(io.BytesIO):
    """Memory with the name that Keras asks of a file for weights."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save(
    path: str | Path,
    model: keras.Model,
    *,
    epochs: int,
    batches: int = 0,
    keep_as: Path | None = None,
) -> None:
    """Writes a compiled model's weights, optimizer, random seeds and running metrics to a file.

    The file is Keras' .weights.h5, which `keras.Model.load_weights` reads; Keras leaves out the states
    of random seeds and metrics, which are in its attribute `place`. Its last bytes are a checksum.

    Args:
        path: A file named *.weights.h5; a file there is replaced once the new one is whole.
        model: The model.
        epochs: Finished epochs.
        batches: Batches done of the next epoch; without any the metrics are not kept.
        keep_as: What to call the file that was there, instead of losing it.

    Raises:
        OSError: If the file cannot be written.

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(folder + "/a.weights.h5", model, epochs=3)
    ...     load(folder + "/a.weights.h5", model)
    Place(epochs=3, batches=0, metrics=())
    """
    place = {
        "epochs": epochs,
        "batches": batches,
        "seeds": [_numbers(seed) for seed in _seeds(model)],
        "metrics": [_numbers(value) for value in model.metrics_variables] if batches else [],
    }
    # On a full disk HDF5 ends the process with a segmentation fault.
    memory = _Memory()
    model.save_weights(memory)
    with h5py.File(memory, "r+") as file:
        file.attrs[_PLACE] = json.dumps(place)
    with replacing(path, keep_as) as aside:
        write_sealed(aside, memory.getbuffer())


def load(path: str | Path, model: keras.Model) -> Place:
    """Reads what `save` wrote into a model compiled and built like the saved one.

    Returns:
        How far the run had come; its metrics are to be set once the epoch has begun, see `resume_metrics`.

    Raises:
        ValueError: If the file is cut off or changed, or is of another model.
    """
    if not is_sealed(path):
        raise ValueError(f"{str(path)!r} is damaged: another SHA-256 than when written.")
    # An attribute of the file itself cannot point to another file, as data sets in it could.
    with h5py.File(path) as file:
        place = json.loads(file.attrs[_PLACE])
    model.load_weights(path)
    for seed, value in zip(_seeds(model), place.pop("seeds"), strict=True):
        seed.assign(np.asarray(value, seed.dtype))
    return Place(**{**place, "metrics": tuple(place["metrics"])})


def resume_metrics(model: keras.Model, place: Place) -> None:
    """Sets the running metrics of the epoch in whose middle a run goes on."""
    build_metrics(model)
    for variable, value in zip(model.metrics_variables, place.metrics, strict=True):
        variable.assign(np.asarray(value, variable.dtype))


def build_metrics(model: keras.Model) -> None:
    """Makes the compiled metrics known to the model, which the first batch does otherwise."""
    nothing = ops.zeros((1, *model.output_shape[1:]))
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()


def _seeds(model: keras.Model) -> list[Any]:
    """The states of the model's seed generators: all its variables but the weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _numbers(variable: Any) -> Any:
    return ops.convert_to_numpy(variable).tolist()
