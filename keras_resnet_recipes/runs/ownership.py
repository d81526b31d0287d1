"""Ownership of a run folder: the recipe, data and seed that it belongs to."""

import contextlib
import csv
import dataclasses
import hashlib
import json
import os
import platform
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes import distribution
from keras_resnet_recipes.data.identity import differences, identity
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.recipe import BaseRecipe, compare, load_recipe
from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.runs.lock import LOCK, locked
from keras_resnet_recipes.runs.log import read_log
from keras_resnet_recipes.version import __version__

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset, ImageStream

RECIPE = "recipe.json"
FACTS = "run.json"
# What run.json holds of the data, and the arguments of `fit` that it comes from.
_DATA = {"data": "dataset", "validation_data": "validation_data"}
# What may change between two parts of a run: data sets may move, and Keras numbers the names of models.
_NAMES = ("dataset", "validation_dataset", "images", "teacher")


@contextlib.contextmanager
def owned(
    path: str | Path | None,
    recipe: BaseRecipe,
    facts: Mapping[str, Any] | None,
    accept_changed_data: bool,
) -> Iterator[None]:
    """Context manager: the folder is this run's, and no other process trains into it.

    On several hosts one claims and locks the folder; the others check that it is the same run.

    Args:
        path: The folder, on a file system that all hosts share, created if missing; None for a run without one.
        recipe: The recipe, its classes known.
        facts: Other facts about the run, written to run.json when the folder is new.
        accept_changed_data: Whether the data may differ from those that the run began with; run.json then says after
            which epoch they changed.

    Raises:
        ValueError: If the folder holds a run of another recipe, seed, classes or data, or something else, is in use, or
            is not shared.
    """
    if path is None:
        yield
        return
    path = Path(path)
    with contextlib.ExitStack() as lock:
        try:
            if distribution.is_writer():
                _make_folder(path)
                lock.enter_context(locked(path))
                _claim(path, recipe, facts, accept_changed_data)
        finally:
            # After an error too, or the others would wait forever.
            distribution.gather(0)
        if not distribution.is_writer():
            if not (path / RECIPE).is_file():
                raise ValueError(
                    "`run_dir` must be in a file system that all hosts share. "
                    f"Received: run_dir={str(path)!r}, where host {distribution.host()[0]} finds no {RECIPE} of host 0"
                )
            _check_same(path, recipe, facts)
        yield


def _make_folder(path: Path) -> None:
    """Makes a folder, if it is new; raises ValueError unless it is a run folder or may become one."""
    # A run that was killed at its beginning may have left the first of the two files, or a part of one.
    begun = {FACTS, f"new.{FACTS}", f"new.{RECIPE}", LOCK}
    if (path / RECIPE).is_file():
        return
    if path.exists() and (not path.is_dir() or {file.name for file in path.iterdir()} - begun):
        raise ValueError(
            "`run_dir` must be a run folder, an empty folder, or new. "
            f"Received: run_dir={str(path)!r}, which contains other files"
        )
    with _writable(path):
        path.mkdir(parents=True, exist_ok=True)


def _claim(
    path: Path, recipe: BaseRecipe, facts: Mapping[str, Any], accept_changed_data: bool
) -> None:
    if not (path / RECIPE).is_file():
        with _writable(path):
            _write_facts(path, {**facts, **_environment()})
            with replacing(path / RECIPE) as temporary:
                recipe.to_json(temporary)
        return
    if accept_changed_data:
        _accept_data(path, facts)
    _check_same(path, recipe, facts)


def _accept_data(path: Path, facts: Mapping[str, Any]) -> None:
    """Makes the given data those of the run, and records after which epoch."""
    known = read_facts(path)
    if all(known.get(name) == facts[name] for name in _DATA):
        return
    given = {name: facts[name] for name in ("images", *_DATA)}
    epochs = len(read_log(path))
    changed = [*known.get("data_changed_after_epochs", []), epochs]
    since = validated_since(path)
    if known.get("validation_data") != facts["validation_data"]:
        since = epochs
    added = {"data_changed_after_epochs": changed, "validated_since_epoch": since}
    _write_facts(path, {**known, **given, **added})


def validated_since(path: str | Path) -> int:
    """Returns the first epoch, from 0, that was validated on the images of now, which may have been changed."""
    return read_facts(path).get("validated_since_epoch", 0)


def _write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    with replacing(path / FACTS) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Context manager: a folder that cannot be written is the user's mistake."""
    try:
        yield
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(
            f"`run_dir` must be a writable folder. Received: run_dir={str(path)!r} ({error.strerror})"
        ) from None


def check_shared(path: str | Path, finished: int) -> None:
    """Raises ValueError on every host unless all have found the same number of finished epochs."""
    found = distribution.gather(finished)
    if len(set(found)) > 1:
        raise ValueError(
            "`run_dir` must be in a file system that all hosts share. "
            f"Received: run_dir={str(path)!r}, where they find {found} finished epochs"
        )


def facts(
    data: "ImageDataset | ImageStream",
    validation: "ImageDataset | ImageStream | None",
    steps: int,
    seed: int,
    *,
    own_model: bool,
    teacher: keras.Model | None,
) -> dict[str, Any]:
    """Returns what a run depends on besides its recipe, and the names of its data."""
    names = None if data.class_names is None else list(data.class_names)
    return {
        "dataset": data.name,
        "validation_dataset": None if validation is None else validation.name,
        "images": data.size,
        "data": identity(data),
        "validation_data": None if validation is None else identity(validation),
        "class_names": names,
        "multi_label": data.multi_label,
        "steps_per_epoch": steps,
        "seed": seed,
        "own_model": own_model,
        **_teacher_facts(teacher),
    }


def _teacher_facts(teacher: keras.Model | None) -> dict[str, Any]:
    """A teacher in run.json: its name, number of parameters, and SHA-256 of its weights."""
    if teacher is None:
        return dict.fromkeys(("teacher", "teacher_parameters", "teacher_sha256"))
    digest = hashlib.sha256()
    for weight in teacher.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return {
        "teacher": teacher.name,
        "teacher_parameters": teacher.count_params(),
        "teacher_sha256": digest.hexdigest(),
    }


def list_drawn(path: str | Path, validation: "ImageDataset | ImageStream | None") -> None:
    """Writes the validation images of a run to validation.csv, if they were drawn at random.

    Of image files it is a data set: `krr evaluate RUN --data RUN/validation.csv`.
    """
    file = Path(path) / "validation.csv"
    if validation is None or not validation.drawn or file.exists() or not distribution.is_writer():
        return
    names, several = validation.class_names, validation.multi_label
    columns = max(2, int(validation.labels.sum(axis=1).max())) if several else 1
    with replacing(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["path", *["label"] * columns])
        for index, label in enumerate(validation.all_labels):
            image = validation.describe(index)
            # Paths in a list are relative to its folder.
            image = os.path.abspath(image) if os.path.isfile(image) else image
            own = np.flatnonzero(label).tolist() if several else [label]
            words = own if names is None else [names[one] for one in own]
            rows.writerow([image, *words, *[""] * (columns - len(words))])


def read_facts(path: str | Path) -> dict[str, Any]:
    """Reads run.json; empty if there is none.

    Raises:
        ValueError: If the file is something else.
    """
    file = Path(path) / FACTS
    if not file.is_file():
        return {}
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        names = known["class_names"]
        if (names is None or all(isinstance(name, str) for name in names)) and isinstance(
            known["own_model"], bool
        ):
            return known
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise ValueError(f"{str(file)!r} does not describe a run.")


@contextlib.contextmanager
def stopping_on_sigterm(folder: RunFolder | None) -> Iterator[None]:
    """Context manager: on SIGTERM, which schedulers send before they kill, the run saves and exits."""
    # Only the main thread may set signal handlers.
    if folder is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        folder.stop_requested = True

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_same(path: Path, recipe: BaseRecipe, facts: Mapping[str, Any]) -> None:
    before = load_recipe(path)
    if before != recipe:
        compared = dataclasses.replace(compare(before, recipe), columns=("the run", "now"))
        raise ValueError(
            f"`run_dir` {str(path)!r} contains a run of another recipe:\n{compared}\n"
            "Give another `run_dir`, or the same recipe to resume."
        )
    known = read_facts(path)
    for name, argument in _DATA.items():
        if known.get(name) != facts[name]:
            raise ValueError(
                f"`{argument}` must be the data that the run in {str(path)!r} began with. "
                f"Received: {differences(known.get(name), facts[name])}. "
                "Put the data back, or resume with accept_changed_data=True (--accept-changed-data)."
            )
    for name, value in facts.items():
        if name not in (*_DATA, *_NAMES) and known.get(name) != value:
            raise ValueError(
                f"`run_dir` {str(path)!r} contains a run with {name}={known.get(name)!r}. Received: {name}={value!r}. "
                "Give another `run_dir`, or the same value to resume."
            )


def _environment() -> dict[str, Any]:
    return {
        "versions": {
            "keras_resnet_recipes": __version__,
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            "tensorflow": getattr(sys.modules.get("tensorflow"), "__version__", None),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "accelerators": distribution.accelerators(),
        },
        "command": _command(sys.argv),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = (
        info.read_text(encoding="utf-8", errors="replace").splitlines() if info.is_file() else []
    )
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]} ({len(models)} cores)" if models else platform.processor()


def _command(arguments: Sequence[str]) -> str:
    """Returns the command as it can be typed again."""
    path = Path(arguments[0])
    package = __name__.partition(".")[0]
    as_module = path.name == "__main__.py" and path.parent.name == package
    return shlex.join([*(["python", "-m", package] if as_module else [path.name]), *arguments[1:]])
