"""The run folder: log and checkpoints of a run, written while it trains."""

import contextlib
import csv
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.averages import MovingAverage
from keras_resnet_recipes.distribution import alone, average_statistics, is_writer
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.runs import checkpoints
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, Position
from keras_resnet_recipes.runs.log import LOG, read_log
from keras_resnet_recipes.runs.non_finite import check_weights

# The exit status of a process that SIGTERM ended, as shells report it.
TERMINATED = 143


class RunFolder(keras.callbacks.Callback):
    """Writes a log, a checkpoint to resume from and the best weights into a folder after every epoch.

    Files are written to a temporary name, read back and renamed, so a run that is killed at any moment leaves
    an intact checkpoint; weights that are not finite are never saved. The weights are in Keras' format, the best
    ones without the optimizer; checkpoints.json holds their SHA-256 and the states of random seeds and metrics. Keras'
    `BackupAndRestore` deletes its file when training ends, writes no log and loses the states of random
    seeds; `ModelCheckpoint` does not save the epoch.

    Set `stop_requested` from anywhere, such as a signal handler, and the run saves after the current
    step (after the epoch, during an evaluation) and exits with status 143.

    Args:
        path: An existing folder.
        monitor: Log whose largest value marks the best weights; where it is missing
            (no validation) no best weights are written.
        save_every: Batches within an epoch after which to save; None saves after epochs only.
        average: EMA of the weights; the best weights are then its values.
        best_since: First epoch, from 0, that may be the best: earlier ones were validated on other images.

    Example:
        >>> import tempfile, numpy as np, keras, keras_resnet_recipes as krr
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = krr.runs.RunFolder(folder)
        ...     _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[run], verbose=0)
        ...     len(krr.runs.read_log(folder))
        2
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_top1",
        *,
        save_every: int | None = None,
        average: MovingAverage | None = None,
        best_since: int = 0,
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self.monitor = monitor
        self.save_every = save_every
        self.average = average
        self.best_since = best_since
        self.stop_requested = False
        self.rows: list[dict[str, float]] = []
        self._begun = Position()
        self._resumes = False
        self._left_out: set[str] = set()

    def restore(self, model: keras.Model) -> Position:
        """Loads the last checkpoint into a compiled model, and the log.

        Args:
            model: The model, compiled as in the run before, its optimizer built.

        Returns:
            The position of the run; the beginning if nothing was saved.

        Raises:
            ValueError: If the checkpoint is damaged, the best one is missing, or the log lacks an epoch.
        """
        file = checkpoints.last(self.path)
        if file is None:
            # A kill in the first save leaves one row at most.
            if len(read_log(self.path)) > 1:
                raise ValueError(
                    f"{str(self.path)!r} has no checkpoint, but the log of a run. Put {LAST} and "
                    f"{checkpoints.MANIFEST} back, or give another `run_dir` to start again."
                )
            return self._begun
        self._begun = position = checkpoints.load(file, model)
        # A kill between the two files leaves a row without weights; that epoch is trained again.
        self.rows = read_log(self.path)[: position.epochs]
        if len(self.rows) < position.epochs:
            raise ValueError(
                f"{str(self.path / LOG)!r} has {len(self.rows)} of the {position.epochs} finished epochs; "
                "put the file back."
            )
        if checkpoints.sha256_of_rows(self.rows) != position.log_sha256:
            raise ValueError(
                f"{str(self.path / LOG)!r} is not as the run wrote it; put the file back."
            )
        # Only better weights would be saved, and the last ones taken for the best.
        if self.best_row() and not (self.path / BEST).is_file():
            raise ValueError(
                f"{str(self.path / BEST)!r} is missing; put the file back, or give another `run_dir` to start again."
            )
        return position

    def best_row(self) -> dict[str, float] | None:
        """Returns the row of the first epoch with the largest monitored value; None if there is none."""
        rows = [row for row in self.rows[self.best_since :] if self.monitor in row]
        return max(rows, key=lambda row: row[self.monitor], default=None)

    def best_weights(self) -> list[np.ndarray]:
        """Returns the best weights in the order of the model's `get_weights`; the model keeps its own."""
        return checkpoints.weights_of(self.path / BEST, self.model)

    def history(self) -> tuple[list[int], dict[str, list[float]]]:
        """Returns the log as Keras' `History` has it: epochs, and the values of each log."""
        names = dict.fromkeys(name for row in self.rows for name in row if name != "epoch")
        values = {name: [row[name] for row in self.rows if name in row] for name in names}
        return [int(row["epoch"]) for row in self.rows], values

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restores the metrics of an epoch that resumes."""
        self._resumes = epoch == self._begun.epochs and self._begun.batches > 0
        if self._resumes:
            checkpoints.resume_metrics(self.path / LAST, self.model, self._begun)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves between two batches, if a save is due or the run is to stop.

        Not at the end of a batch: Keras calls that late, from another thread.
        """
        done = batch + (self._begun.batches if self._resumes else 0)
        if batch and (self.stop_requested or (self.save_every and not done % self.save_every)):
            self._save(LAST, done)
        self._exit_if_requested()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the files."""
        best = self.best_row()
        self.rows.append({"epoch": epoch, **self._numbers(logs or {})})
        now = self.rows[-1].get(self.monitor)
        if now is not None and (best is None or now > best[self.monitor]):
            with self.average.in_place() if self.average else contextlib.nullcontext():
                self._save(BEST)
        # The last weights come last: with them the epoch is finished.
        with self.average.trained_in_place() if self.average else contextlib.nullcontext():
            self._save(LAST)
        self._exit_if_requested()

    def _numbers(self, logs: dict[str, Any]) -> dict[str, float]:
        """Returns the logs that are numbers; the others, of the user's callbacks, are named once."""
        numbers = {}
        for name, value in logs.items():
            with contextlib.suppress(TypeError, ValueError, RuntimeError):  # the last is torch's
                if name != "epoch":
                    numbers[name] = float(value)
        left_out = [name for name in logs if name not in (numbers.keys() | self._left_out)]
        if left_out:
            self._left_out.update(left_out)
            names = ", ".join(map(repr, left_out))
            print(f"`callbacks`: {names} are left out of {LOG}, which has numbers, by epoch.")
        return numbers

    def _save(self, name: str, batches: int = 0) -> None:
        epochs = len(self.rows)
        check_weights(self.model, epochs - (not batches), batches)
        average_statistics(self.model)
        if not is_writer():
            return
        try:
            if not batches:
                self._write_log()
            with alone():
                # A callback that stops training does so for good.
                stopped = self.model.stop_training and not batches
                position = Position(
                    epochs,
                    batches,
                    stopped=stopped,
                    log_sha256=checkpoints.sha256_of_rows(self.rows),
                )
                checkpoints.save(self.path / name, self.model, position)
        except OSError as error:
            raise OSError(
                error.errno,
                f"Cannot save to {str(self.path)!r}: {error.strerror or error}. The previous checkpoint is kept; "
                "the same command resumes from it once the folder can be written to.",
            ) from error

    def _exit_if_requested(self) -> None:
        if self.stop_requested:
            print(f"Stopped. The same command resumes {str(self.path)!r}.", file=sys.stderr)
            raise SystemExit(TERMINATED)

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with (
            replacing(self.path / LOG) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)
