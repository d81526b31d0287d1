"""What happens between epochs: the run folder's log and weights."""

import contextlib
import csv
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import keras

from keras_resnet_recipes import checkpoints
from keras_resnet_recipes.averages import MovingAverage
from keras_resnet_recipes.checkpoints import Place
from keras_resnet_recipes.clock import Progress as Progress
from keras_resnet_recipes.distribution import alone, average_statistics, is_writer
from keras_resnet_recipes.files import is_sealed, replacing
from keras_resnet_recipes.watchdog import check_weights

LOG = "log.csv"
LAST = "last.weights.h5"
PREVIOUS = "previous.weights.h5"
BEST = "best.weights.h5"
# What a shell reports for a process that SIGTERM ended.
TERMINATED = 143


class RunFolder(keras.callbacks.Callback):
    """Writes log.csv, the last and the best weights into a folder after every epoch.

    Files are written aside and renamed, so that a run killed at any moment leaves the last save
    whole. The weight files are those of `checkpoints.save` and hold all that is needed to go on, with
    a checksum; the last but one is kept for the case that the last is damaged later. Weights that are not
    finite are never saved. Keras' BackupAndRestore deletes its file when training ends, keeps no
    log and forgets the states of random seeds; ModelCheckpoint keeps no epoch.

    Set `stop_requested` from anywhere, such as a signal handler, and the run saves after the step
    it is in (after the epoch, during an evaluation) and exits with the status 143.

    Args:
        path: An existing folder.
        monitor: Log whose largest value marks the best weights; without it in the logs
            (no validation) no best weights are written.
        save_every: Batches of an epoch after which to save, too; None saves after epochs only.
        average: EMA of the weights; the best weights are then its values.

    >>> import tempfile, numpy as np, keras, keras_resnet_recipes as krr
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = krr.callbacks.RunFolder(folder)
    ...     _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[run], verbose=0)
    ...     len(krr.callbacks.read_log(folder))
    2
    """

    def __init__(
        self,
        path: str | Path,
        monitor: str = "val_top1",
        *,
        save_every: int | None = None,
        average: MovingAverage | None = None,
    ) -> None:
        super().__init__()
        self.path = Path(path)
        self.monitor = monitor
        self.save_every = save_every
        self.average = average
        self.stop_requested = False
        self.rows: list[dict[str, float]] = []
        self._begun = Place()
        self._resumes = False

    def restore(self, model: keras.Model) -> Place:
        """Loads the last save into a compiled model and takes up the log.

        Args:
            model: The model, compiled as in the run before, its optimizer built.

        Returns:
            How far the run has come; nowhere if nothing was saved.

        Raises:
            ValueError: If no save is whole, or the log lacks an epoch.
        """
        file = self.last_save()
        if file is None:
            return self._begun
        if file.name == PREVIOUS:
            # A damaged file must not become the one to fall back on.
            os.replace(file, self.path / LAST)
        self._begun = place = checkpoints.load(self.path / LAST, model)
        # A kill between the two files leaves a row without weights; that epoch is trained again.
        self.rows = read_log(self.path)[: place.epochs]
        if len(self.rows) < place.epochs:
            raise ValueError(
                f"{str(self.path / LOG)!r} has {len(self.rows)} of the {place.epochs} epochs that are finished; "
                "put the file back."
            )
        return place

    def last_save(self) -> Path | None:
        """The newest file that is whole, with a warning if the last is damaged; None if nothing was saved.

        Raises:
            ValueError: If all are damaged.
        """
        files = [self.path / name for name in (LAST, PREVIOUS) if (self.path / name).is_file()]
        if not files:
            return None
        whole = next((file for file in files if is_sealed(file)), None)
        if whole is not None:
            if whole is not files[0]:
                warnings.warn(
                    f"{str(files[0])!r} is damaged; the save before it is used.", stacklevel=3
                )
            return whole
        raise ValueError(
            f"no save in {str(self.path)!r} is whole; give another `run_dir` to begin anew."
        )

    def history(self) -> tuple[list[int], dict[str, list[float]]]:
        """The log as Keras' History holds it: epochs, and for each log its values."""
        names = dict.fromkeys(name for row in self.rows for name in row if name != "epoch")
        values = {name: [row[name] for row in self.rows if name in row] for name in names}
        return [int(row["epoch"]) for row in self.rows], values

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes up the metrics of an epoch that another run began."""
        self._resumes = epoch == self._begun.epochs and self._begun.batches > 0
        if self._resumes:
            checkpoints.resume_metrics(self.model, self._begun)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves between two batches, if it is time or the run is to stop.

        The end of a batch would not do: Keras tells of it late, from another thread.
        """
        done = batch + (self._begun.batches if self._resumes else 0)
        if batch and (self.stop_requested or (self.save_every and not done % self.save_every)):
            self._save(LAST, done)
        self._exit_if_requested()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the files."""
        before = [row[self.monitor] for row in self.rows if self.monitor in row]
        self.rows.append(
            {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        )
        now = self.rows[-1].get(self.monitor)
        better = now is not None and now > max(before, default=float("-inf"))
        if better:
            with self.average.in_place() if self.average else contextlib.nullcontext():
                self._save(BEST)
        # The last weights come last: with them the epoch is finished.
        self._save(LAST)
        self._exit_if_requested()

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
                checkpoints.save(
                    self.path / name,
                    self.model,
                    epochs=epochs,
                    batches=batches,
                    keep_as=self.path / PREVIOUS if name == LAST else None,
                )
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot save to {str(self.path)!r}: {error.strerror or error}. The save before is kept; "
                "the same command goes on from there once the folder can be written to.",
            ) from error

    def _exit_if_requested(self) -> None:
        if self.stop_requested:
            print(f"stopped; the same command goes on with {str(self.path)!r}", file=sys.stderr)
            raise SystemExit(TERMINATED)

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with replacing(self.path / LOG) as aside, aside.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


def read_log(path: str | Path) -> list[dict[str, float]]:
    """The rows of a run folder's log.csv, one an epoch; empty if there is none.

    Args:
        path: The run folder.

    Raises:
        ValueError: If the file is something else.

    >>> import keras_resnet_recipes as krr
    >>> krr.callbacks.read_log("no such folder")
    []
    """
    file = Path(path) / LOG
    if not file.is_file():
        return []
    try:
        with file.open(newline="") as lines:
            return [
                {name: _number(str(text)) for name, text in row.items() if text}
                for row in csv.DictReader(lines)
            ]
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{str(file)!r} is no log of a run: {error}.") from None


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)
