"""Reading of run folders."""

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_resnet_recipes.files import without_folders
from keras_resnet_recipes.recipe import BaseRecipe, load_recipe
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, is_intact, verified
from keras_resnet_recipes.runs.log import LOG, read_log
from keras_resnet_recipes.runs.ownership import FACTS, RECIPE, read_facts

# The facts that leave this machine.
PUBLIC_FACTS = (
    "dataset",
    "class_names",
    "multi_label",
    "own_model",
    "images",
    "steps_per_epoch",
    "seed",
    "versions",
)
# Assumed seconds per epoch while no epoch is finished.
_FIRST_EPOCH = 3600.0


@dataclasses.dataclass(frozen=True)
class Run:
    """Snapshot of a run folder.

    Args:
        path: The folder.
        name: Name of the run, that of the folder.
        recipe: Recipe of the run.
        rows: Rows of the log, one per epoch.
        facts: Contents of run.json; empty if it is missing or damaged.
        state: "finished", "running" or "stopped".
        idle: Seconds since the last write.
        problems: Messages about missing or damaged files.
    """

    path: Path
    name: str
    recipe: BaseRecipe
    rows: list[dict[str, float]]
    facts: dict[str, Any]
    state: str
    idle: float
    problems: tuple[str, ...]

    @property
    def epochs(self) -> int:
        """Number of epochs of the complete run."""
        return self.recipe.total_epochs

    @property
    def headline(self) -> str:
        """State of the run as text."""
        if self.state == "finished" and len(self.rows) < self.epochs:
            return f"finished: stopped early, after epoch {len(self.rows)} of {self.epochs}"
        if self.state == "finished":
            return f"finished: {self.epochs} epochs"
        if self.state == "running":
            return f"running: epoch {len(self.rows) + 1} of {self.epochs}"
        if not self.rows:
            return "stopped before the end of the first epoch"
        return f"stopped after epoch {len(self.rows)} of {self.epochs}"

    @property
    def multi_label(self) -> bool:
        """Whether the images have several labels."""
        return bool(self.facts.get("multi_label"))

    @property
    def scores(self) -> dict[str, str]:
        """Titles of the metrics by the names of their logs; the first one tells which epoch is the best."""
        if self.multi_label:
            return {"mean_average_precision": "mean average precision", "f1": "F1"}
        return {"top1": "top-1", "top5": "top-5"}

    @property
    def monitor(self) -> str:
        """The log whose largest value marks the best epoch."""
        return f"val_{next(iter(self.scores))}"

    @property
    def best(self) -> dict[str, float] | None:
        """Row of the first epoch with the highest validation accuracy."""
        since = self.facts.get("validated_since_epoch", 0)
        rows = [row for row in self.rows[since:] if self.monitor in row]
        return max(rows, key=lambda row: row[self.monitor], default=None)

    @property
    def validated_on(self) -> str:
        """Name of the validation data."""
        if self.best is None:
            return "none"
        name = self.facts.get("validation_dataset") or "validation data whose name is not recorded"
        return str(name)

    @property
    def versions(self) -> dict[str, Any]:
        """Versions of the software used; empty if not recorded."""
        versions = self.facts.get("versions")
        return versions if isinstance(versions, dict) else {}

    def column(self, name: str) -> list[tuple[float, float]]:
        """Returns (epoch, value) pairs of a column of the log, with epochs counted from 1."""
        return [(row["epoch"] + 1, row[name]) for row in self.rows if name in row]


def read_run(path: str | Path, now: float | None = None) -> Run:
    """Reads a run folder, whether the run is finished, running or stopped.

    Args:
        path: Run folder written by `Recipe.fit(run_dir=...)`.
        now: Time in seconds since 1970; by default the current time.

    Returns:
        The run.

    Raises:
        ValueError: If the folder contains no valid recipe.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = krr.A3().to_json(folder + "/recipe.json")
        ...     read_run(folder).rows
        []
    """
    path, problems = Path(path), []
    recipe = load_recipe(path)

    def read(reader: Callable[[Path], Any], default: Any) -> Any:
        try:
            return reader(path)
        except ValueError as error:
            problems.append(str(error))
            return default

    rows, facts = read(read_log, []), read(read_facts, {})
    files = [path / name for name in (LAST, BEST) if (path / name).is_file()]
    damaged = read(lambda _: [file.name for file in files if not is_intact(file)], [])
    problems += [f"{name} is damaged." for name in damaged]
    if not files:
        problems.append("There are no weights.")
    elif rows and path / LAST not in files:
        problems.append(f"{LAST} is missing.")
    written = [path / name for name in (RECIPE, FACTS, LOG, LAST, BEST) if (path / name).is_file()]
    idle = (time.time() if now is None else now) - max(file.stat().st_mtime for file in written)
    for epoch in facts.get("data_changed_after_epochs", ()):
        problems.append(f"The data changed after epoch {epoch}.")
    ended = (
        LAST not in damaged
        and path / LAST in files
        and read(lambda _: verified(path / LAST)["stopped"], False)
    )
    state = "finished" if ended else _state(rows, recipe.total_epochs, idle)
    return Run(path, path.resolve().name, recipe, rows, facts, state, idle, tuple(problems))


def public(run: Run) -> Run:
    """Returns a run as it may leave this machine: with file names instead of paths, without command and hardware.

    The run folder itself keeps them, because resuming needs them. Whatever is uploaded or written into a model card
    comes from this run.
    """
    with tempfile.TemporaryDirectory() as folder:
        values = json.loads(run.recipe.to_json())
        # The groups' patterns of variable paths have slashes, too.
        values = without_folders(values) | {"groups": values["groups"]}
        Path(folder, RECIPE).write_text(json.dumps(values), encoding="utf-8")
        recipe = load_recipe(folder)
    facts = without_folders({name: run.facts[name] for name in PUBLIC_FACTS if name in run.facts})
    # A class may be named as a path is, such as /m/01g317.
    names = {name: run.facts[name] for name in ("class_names",) if name in run.facts}
    return dataclasses.replace(run, recipe=recipe, facts=facts | names)


def _state(rows: list[dict[str, float]], epochs: int, idle: float) -> str:
    """Infers the state from the time of the last write, because the folder does not record a live process."""
    if len(rows) >= epochs:
        return "finished"
    longest = max((row.get("seconds", _FIRST_EPOCH) for row in rows), default=_FIRST_EPOCH)
    return "running" if idle < 60 + 2 * longest else "stopped"
