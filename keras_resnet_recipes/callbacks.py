"""What happens between epochs: the run folder's log and weights."""

import csv
import os
from pathlib import Path
from typing import Any

import h5py
import keras

from keras_resnet_recipes.distribution import alone, is_writer

LOG = "log.csv"
LAST = "last.weights.h5"
BEST = "best.weights.h5"


class RunFolder(keras.callbacks.Callback):
    """Writes log.csv, the last and the best weights into a folder after every epoch.

    Files are written aside and renamed, so that a run killed at any moment leaves the last finished
    epoch whole. The weight files hold the optimizer's state too and, as the attribute `epochs`, the
    number of finished epochs; Keras' BackupAndRestore deletes its file when training ends and
    keeps no log, ModelCheckpoint keeps no epoch.

    Args:
        path: An existing folder.
        monitor: Log whose largest value marks the best weights; without it in the logs
            (no validation) no best weights are written.

    >>> import tempfile, numpy as np, keras, keras_resnet_recipes as krr
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = krr.callbacks.RunFolder(folder)
    ...     _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=2, callbacks=[run], verbose=0)
    ...     len(krr.callbacks.read_log(folder))
    2
    """

    def __init__(self, path: str | Path, monitor: str = "val_top1") -> None:
        super().__init__()
        self.path = Path(path)
        self.monitor = monitor
        self.rows: list[dict[str, float]] = []

    def restore(self, model: keras.Model) -> int:
        """Loads the last weights into a compiled model and takes up the log.

        Args:
            model: The model, compiled as in the run before, its optimizer built.

        Returns:
            Finished epochs; 0 if there are none.
        """
        weights = self.path / LAST
        if not weights.is_file():
            return 0
        model.load_weights(weights)
        with h5py.File(weights) as file:
            epochs = int(file.attrs["epochs"])
        # A kill between the two files leaves a row without weights; that epoch is trained again.
        self.rows = read_log(self.path)[:epochs]
        return epochs

    def history(self) -> tuple[list[int], dict[str, list[float]]]:
        """The log as Keras' History holds it: epochs, and for each log its values."""
        names = dict.fromkeys(name for row in self.rows for name in row if name != "epoch")
        values = {name: [row[name] for row in self.rows if name in row] for name in names}
        return [int(row["epoch"]) for row in self.rows], values

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the files."""
        before = [row[self.monitor] for row in self.rows if self.monitor in row]
        self.rows.append(
            {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        )
        if not is_writer():
            return
        now = self.rows[-1].get(self.monitor)
        with alone():
            self._write_log()
            self._write_weights(LAST)
            if now is not None and now > max(before, default=float("-inf")):
                self._write_weights(BEST)

    def _write_log(self) -> None:
        aside = self.path / f"{LOG}.new"
        with aside.open("w", newline="") as file:
            writer = csv.DictWriter(
                file, list(dict.fromkeys(name for row in self.rows for name in row))
            )
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(aside, self.path / LOG)

    def _write_weights(self, name: str) -> None:
        # Keras insists on the suffix, so the mark of an unfinished file stands before it.
        aside = self.path / f"new.{name}"
        self.model.save_weights(aside)
        with h5py.File(aside, "r+") as file:
            file.attrs["epochs"] = len(self.rows)
        os.replace(aside, self.path / name)


def read_log(path: str | Path) -> list[dict[str, float]]:
    """The rows of a run folder's log.csv, one an epoch; empty if there is none.

    Args:
        path: The run folder.

    >>> import keras_resnet_recipes as krr
    >>> krr.callbacks.read_log("no such folder")
    []
    """
    file = Path(path) / LOG
    if not file.is_file():
        return []
    with file.open(newline="") as lines:
        return [
            {name: _number(text) for name, text in row.items() if text}
            for row in csv.DictReader(lines)
        ]


def _number(text: str) -> float:
    return int(text) if text.isdigit() else float(text)
