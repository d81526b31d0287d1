"""The callbacks of a run: they begin and end once, and resume with it."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.runs.progress import Progress

# Weights of a best epoch that nobody has.
_NOT_KEPT: list[Any] = []


class RunCallbacks(keras.callbacks.CallbackList):
    """Callbacks of a run, for which training begins and ends once, in however many calls of `fit`.

    Keras cannot begin within an epoch, so a run that resumes there calls `fit` for the rest of the epoch, then for the
    others. In a run that resumes, the callbacks get the log of the finished epochs once training has begun:

    - `resume(rows)` of a callback that has this method is called, with one dictionary per epoch, as `read_log`
      returns them.
    - `EarlyStopping` continues with its best value and its count. It has the weights of its best epoch if these are
      the best ones of the run folder; else it can restore those of a later, better epoch only, which is printed.
    - `ModelCheckpoint` continues with its best value, and `CSVLogger` writes the finished epochs again.
    - Others begin anew, which is printed for the user's.

    Args:
        own: Callbacks of the model and its recipe, which are called first.
        users: The user's.
        folder: The run folder, if there is one, which is called last.
        model: The model that is trained.
        verbose: As in `Recipe.fit`.
        epochs: Epochs of the run.

    Example:
        >>> class Counter(keras.callbacks.Callback):
        ...     epochs = 0
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.epochs += 1
        ...     def resume(self, rows):
        ...         self.epochs = len(rows)
    """

    def __init__(
        self,
        own: Sequence[keras.callbacks.Callback],
        users: Sequence[keras.callbacks.Callback],
        folder: RunFolder | None,
        model: keras.Model,
        *,
        verbose: str | int,
        epochs: int,
    ) -> None:
        self._users, self._folder, self._last_logs = users, folder, None
        self._known = {"verbose": verbose, "epochs": epochs}
        # The folder comes last: its log then has what the others put into theirs.
        called = [*own, *users, *([folder] if folder else [])]
        super().__init__(called, True, verbose != 0, model, steps=None, **self._known)

    @property
    def save_every(self) -> int | None:
        """Batches between checkpoints within an epoch, if there are any."""
        return self._folder and self._folder.save_every

    def begin(self) -> None:
        """Begins training, and resumes the callbacks."""
        super().on_train_begin()
        rows = self._folder.rows if self._folder else []
        anew = [one for one in self.callbacks if rows and not self._resumed(one, rows)]
        names = dict.fromkeys(type(one).__name__ for one in anew if one in self._users)
        if names:
            print(f"`callbacks`: without `resume(rows)`, {', '.join(names)} begin anew.")

    def end(self) -> None:
        """Ends training."""
        for one in self.callbacks:
            if getattr(one, "best_weights", None) is _NOT_KEPT:
                one.best_weights = None
                print(
                    "`callbacks`: EarlyStopping has restored no weights; no later epoch was better."
                )
        super().on_train_end(self._last_logs)

    def break_off(self) -> None:
        """Ends the lines of progress after an error."""
        for one in self.callbacks:
            if isinstance(one, Progress):
                one.break_off()

    def set_steps(self, steps: int) -> None:
        """Sets the number of batches per epoch in the next call of `fit`; an epoch that resumes has fewer."""
        self.set_params({**self._known, "steps": steps})

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Does nothing at the beginning of a call of `fit`: training has begun."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Keeps the logs of a call of `fit` for the end of training."""
        self._last_logs = logs

    def _resumed(self, callback: keras.callbacks.Callback, rows: list[dict[str, float]]) -> bool:
        """Resumes a callback; returns whether that was possible."""
        if hasattr(callback, "resume"):
            callback.resume(rows)
        elif isinstance(callback, keras.callbacks.EarlyStopping):
            self._resume_early_stopping(callback, rows)
        elif isinstance(callback, keras.callbacks.ModelCheckpoint):
            _resume_best(callback, rows)
        elif isinstance(callback, keras.callbacks.CSVLogger):
            if not callback.append:
                _replay(callback, rows)
        else:
            # TensorBoard continues its files.
            return isinstance(callback, keras.callbacks.TensorBoard)
        return True

    def _resume_early_stopping(
        self, callback: keras.callbacks.EarlyStopping, rows: list[dict[str, float]]
    ) -> None:
        restores, callback.restore_best_weights = callback.restore_best_weights, False
        _replay(callback, rows)
        callback.restore_best_weights = restores
        if not restores or callback.best is None:
            return
        best = self._folder.best_row()
        if (
            best
            and callback.monitor == self._folder.monitor
            and best["epoch"] == callback.best_epoch
        ):
            callback.best_weights = self._folder.best_weights()
            return
        # Keras would take the weights of the next epoch, better or not, for a best epoch without weights.
        callback.best_weights = _NOT_KEPT
        print(
            "`callbacks`: EarlyStopping cannot restore the weights of its best epoch so far, "
            f"{callback.best_epoch + 1}, which were not kept, but those of a later, better one; best.weights.h5 of the "
            f"run folder has the best {self._folder.monitor}."
        )


def _replay(callback: keras.callbacks.Callback, rows: list[dict[str, float]]) -> None:
    for row in rows:
        logs = {name: value for name, value in row.items() if name != "epoch"}
        callback.on_epoch_end(int(row["epoch"]), logs)


def _resume_best(callback: keras.callbacks.ModelCheckpoint, rows: list[dict[str, float]]) -> None:
    """Sets the best value; a replay would write files."""
    if not callback.save_best_only:
        return
    # Keras has no public way to compare values as the callback does.
    if callback.monitor_op is None:
        callback._set_monitor_op()
    for value in (row[callback.monitor] for row in rows if callback.monitor in row):
        if callback._is_improvement(value, callback.best):
            callback.best = value
