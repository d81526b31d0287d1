"""What the files of a run folder say about the run."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_resnet_recipes.recipe import BaseRecipe, load_recipe
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, PREVIOUS, is_intact
from keras_resnet_recipes.runs.log import LOG, read_log
from keras_resnet_recipes.runs.ownership import FACTS, RECIPE, read_facts

# A run whose epochs take so long may have come to none: nothing is known of its pace yet.
_FIRST_EPOCH = 3600.0


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder as it was when it was read.

    Args:
        path: The folder.
        name: What the run is called: the name of the folder.
        recipe: Its recipe.
        rows: Its log, one row an epoch.
        facts: What run.json says; empty where that is missing or damaged.
        state: "finished", "running" or "stopped".
        idle: Seconds since something was written.
        problems: What is wrong with its files.
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
        """Epochs of the whole run."""
        return self.recipe.total_epochs

    @property
    def headline(self) -> str:
        """The state in words."""
        if self.state == "finished":
            return f"finished: {self.epochs} epochs"
        place = f"epoch {len(self.rows)} of {self.epochs}"
        if self.state == "running":
            return f"running: epoch {len(self.rows) + 1} of {self.epochs}"
        return f"broken off after {place}" if self.rows else "broken off before an epoch ended"

    @property
    def best(self) -> dict[str, float] | None:
        """The row of the first epoch with the largest accuracy on validation data."""
        rows = [row for row in self.rows if "val_top1" in row]
        return max(rows, key=lambda row: row["val_top1"], default=None)

    @property
    def validated_on(self) -> str:
        """The validation data by its name."""
        if self.best is None:
            return "none"
        name = self.facts.get("validation_dataset") or "validation data whose name is not recorded"
        return str(name)

    @property
    def versions(self) -> dict[str, Any]:
        """What the run was made with; empty if that is not recorded."""
        known = self.facts.get("versions")
        return known if isinstance(known, dict) else {}

    def column(self, name: str) -> list[tuple[float, float]]:
        """(epoch from 1, value) of a column of the log."""
        return [(row["epoch"] + 1, row[name]) for row in self.rows if name in row]


def read_run(path: str | Path, now: float | None = None) -> Run:
    """Reads a run folder, finished, running or broken.

    Args:
        path: A folder that `Recipe.fit(run_dir=...)` wrote.
        now: Time in seconds since 1970; by default what the clock says.

    Raises:
        ValueError: If the folder holds no recipe, or one that cannot be read.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = krr.A3().to_json(folder + "/recipe.json")
    ...     read_run(folder).rows
    []
    """
    path, problems = Path(path), []
    recipe = load_recipe(path)

    def read(reader: Callable[[Path], Any], otherwise: Any) -> Any:
        try:
            return reader(path)
        except ValueError as error:
            problems.append(str(error))
            return otherwise

    rows, facts = read(read_log, []), read(read_facts, {})
    files = [path / name for name in (LAST, PREVIOUS, BEST) if (path / name).is_file()]
    problems += [f"{file.name} is damaged." for file in files if not is_intact(file)]
    if not files:
        problems.append("There are no weights.")
    elif rows and path / LAST not in files:
        problems.append(f"{LAST} is missing.")
    told = [path / name for name in (RECIPE, FACTS, LOG, LAST, BEST) if (path / name).is_file()]
    idle = (time.time() if now is None else now) - max(file.stat().st_mtime for file in told)
    state = _state(rows, recipe.total_epochs, idle)
    return Run(path, path.resolve().name, recipe, rows, facts, state, idle, tuple(problems))


def _state(rows: list[dict[str, float]], epochs: int, idle: float) -> str:
    """Nothing in the folder says whether a process is alive: that is told by its pace."""
    if len(rows) >= epochs:
        return "finished"
    longest = max((row.get("seconds", _FIRST_EPOCH) for row in rows), default=_FIRST_EPOCH)
    return "running" if idle < 60 + 2 * longest else "stopped"
