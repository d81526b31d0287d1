"""A run folder: whose it is, and where training goes on."""

import contextlib
import json
import os
import platform
import shlex
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes import distribution
from keras_resnet_recipes.callbacks import RunFolder
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.recipe import BaseRecipe, compare, load_recipe
from keras_resnet_recipes.version import __version__

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset
    from keras_resnet_recipes.memory import ImageArrays

RECIPE = "recipe.json"
FACTS = "run.json"


def claim(path: str | Path, recipe: BaseRecipe, facts: Mapping[str, Any]) -> None:
    """Makes a folder the run's own, or makes sure that it is.

    Args:
        path: The folder; created if missing.
        recipe: The recipe, its classes known.
        facts: What else describes the run, written to run.json when the folder is new.

    Raises:
        ValueError: If the folder holds a run of another recipe, seed or classes.
    """
    path = Path(path)
    if (path / RECIPE).is_file():
        _check_same(path, recipe, facts)
        return
    # A run killed here a moment ago may have left the first of the two files, or a part of one.
    begun = {FACTS, f"new.{FACTS}", f"new.{RECIPE}"}
    if path.exists() and (not path.is_dir() or {file.name for file in path.iterdir()} - begun):
        raise ValueError(
            f"`run_dir` must be a run folder, empty, or new; {str(path)!r} holds something else."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
        with replacing(path / FACTS) as aside:
            aside.write_text(json.dumps({**facts, **_environment()}, indent=2) + "\n")
        with replacing(path / RECIPE) as aside:
            recipe.to_json(aside)
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(
            f"`run_dir` must be a folder that can be made and written to; received {str(path)!r} "
            f"({error.strerror})."
        ) from None


def check_arguments(run_dir: Any, callbacks: Any, seed: Any) -> None:
    """Raises ValueError for arguments of `Recipe.fit` of another type or range, before anything is done."""
    if run_dir is not None and not isinstance(run_dir, str | os.PathLike):
        raise ValueError(f"`run_dir` must be the path of a folder, or None; received {run_dir!r}.")
    if isinstance(callbacks, keras.callbacks.Callback) or not isinstance(callbacks, Iterable):
        raise ValueError(
            f"`callbacks` must be a list of Keras callbacks, perhaps empty; received {callbacks!r}."
        )
    # What the generators take that it is given to.
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 1 << 32:
        raise ValueError(
            f"`seed` must be a whole number from 0 to {(1 << 32) - 1}; received {seed!r}."
        )


def claim_with_hosts(path: str | Path, recipe: BaseRecipe, facts: Mapping[str, Any]) -> None:
    """`claim` by one of the hosts; the others make sure that it is the same run.

    Args:
        path: The folder, on a file system that all hosts share.
        recipe: The recipe, its classes known.
        facts: As for `claim`.

    Raises:
        ValueError: If the folder holds something else, or is not shared.
    """
    try:
        if distribution.is_writer():
            claim(path, recipe, facts)
    finally:
        # Also in case of an error, or the others would wait for ever.
        distribution.gather(0)
    if not distribution.is_writer():
        if not (Path(path) / RECIPE).is_file():
            raise ValueError(
                f"`run_dir` {str(path)!r} must be in a file system that all hosts share: host 0 has just "
                f"prepared it, or failed to, and host {distribution.host()[0]} sees no {RECIPE} there."
            )
        _check_same(Path(path), recipe, facts)


def check_shared(path: str | Path, finished: int) -> None:
    """Raises ValueError on every host unless all have found the same number of finished epochs."""
    found = distribution.gather(finished)
    if len(set(found)) > 1:
        raise ValueError(
            f"`run_dir` {str(path)!r} must be in a file system that all hosts share; they found {found} "
            "finished epochs there."
        )


def facts(
    data: "ImageDataset | ImageArrays",
    validation: "ImageDataset | ImageArrays | None",
    steps: int,
    seed: int,
    *,
    own_model: bool,
) -> dict[str, Any]:
    """What a run depends on beside its recipe, and what it is evaluated on."""
    names = None if data.class_names is None else list(data.class_names)
    return {
        "dataset": data.name,
        "validation_dataset": None if validation is None else validation.name,
        "images": data.size,
        "class_names": names,
        "steps_per_epoch": steps,
        "seed": seed,
        "own_model": own_model,
    }


def read_facts(path: str | Path) -> dict[str, Any]:
    """What run.json says; empty if there is none.

    Raises:
        ValueError: If the file is something else.
    """
    file = Path(path) / FACTS
    if not file.is_file():
        return {}
    try:
        known = json.loads(file.read_text())
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
    """Has the folder save and exit when SIGTERM comes, as schedulers send it before they kill."""
    # Only the main thread may change what a signal does.
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
        raise ValueError(
            f"`run_dir` {str(path)!r} holds a run of another recipe; the first column is what it holds:\n"
            f"{compare(before, recipe)}\nGive another `run_dir`, or the same recipe to go on."
        )
    known = read_facts(path)
    for name, value in facts.items():
        # A data set may move to another folder, and Keras counts up names; contents are what counts.
        if name not in ("dataset", "validation_dataset", "teacher") and known.get(name) != value:
            raise ValueError(
                f"`run_dir` {str(path)!r} holds a run with {name}={known.get(name)!r}; received {value!r}. "
                "Give another `run_dir`, or what it began with to go on."
            )


def _environment() -> dict[str, Any]:
    return {
        "versions": {
            "keras_resnet_recipes": __version__,
            "keras": keras.version(),
            "backend": keras.backend.backend(),
            # With pictures on the device another backend does without.
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
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]} ({len(models)} cores)" if models else platform.processor()


def _command(arguments: Sequence[str]) -> str:
    """What was typed, fit to be typed again."""
    path = Path(arguments[0])
    package = __name__.partition(".")[0]
    as_module = path.name == "__main__.py" and path.parent.name == package
    return shlex.join([*(["python", "-m", package] if as_module else [path.name]), *arguments[1:]])
