"""Times in the log, in the lines of progress and in TensorBoard."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
import time

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs import progress
from tests.runs.same_run import StopAt, StoppedError

RECIPE = krr.A3(
    classes=2,
    epochs=2,
    warmup_epochs=0,
    batch_size=4,
    train_size=16,
    test_size=16,
    rand_augment=None,
)


def images(count):
    x = np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3)).astype("uint8")
    return x, np.arange(count) % 2


def network():
    """A minimal network, because most of the time is compilation."""
    layers = [
        keras.layers.Conv2D(2, 3),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2),
    ]
    return keras.Sequential([keras.Input((16, 16, 3)), *layers])


class ManualClock:
    """A clock that the test advances."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


@pytest.fixture
def watch(monkeypatch):
    """A Progress of 10 batches of 8 images per epoch, 3 epochs, with a manual clock."""
    clock = ManualClock(monkeypatch)
    callback = krr.runs.Progress(images=8, batches=10)
    callback.set_model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    callback.set_params({"verbose": 1, "steps": 10, "epochs": 3})
    callback.on_train_begin()
    callback.clock = clock
    return callback


def test_the_log_separates_training_from_evaluation(watch):
    watch.on_epoch_begin(0)
    watch.clock.now += 4
    watch.on_test_begin()
    watch.clock.now += 1
    logs = {}
    watch.on_epoch_end(0, logs)
    assert logs == {"seconds": 5.0, "train_seconds": 4.0, "images_per_second": 20.0}
    # Without an evaluation both times are equal.
    watch.on_epoch_begin(1)
    watch.clock.now += 2
    watch.on_epoch_end(1, logs)
    assert logs == {"seconds": 2.0, "train_seconds": 2.0, "images_per_second": 40.0}


def drawn(capsys):
    """Returns the line as it was drawn last."""
    return capsys.readouterr().out.rpartition("\r")[2]


def test_the_bar_shows_speed_and_time_left(watch, capsys):
    watch.on_epoch_begin(0)
    watch.on_test_begin()
    watch.clock.now += 600
    watch.on_epoch_end(0, {})
    watch.on_epoch_begin(1)
    watch.clock.now += 50  # compiling
    capsys.readouterr()
    watch.on_train_batch_end(0, {"loss": 1.5})
    assert drawn(capsys) == ""
    watch.clock.now += 2
    watch.on_train_batch_end(1, {"loss": 1.25})
    # Batch 12 of 30 is done: 18 more of 2 seconds each, and two evaluations of 600.
    assert drawn(capsys) == "epoch 2/3 [=.......]  loss 1.2500  4 images/s  20.6 min left"
    watch.clock.now += 0.1
    watch.on_train_batch_end(2, {"loss": 1.0})
    assert drawn(capsys) == "", "updates come at most five times a second"


def test_a_line_per_epoch(watch, capsys):
    watch.set_params({"verbose": 2, "steps": 10, "epochs": 3})
    for epoch in range(3):
        watch.on_epoch_begin(epoch)
        for batch in range(10):
            watch.clock.now += 80 if batch == 0 else 2
            watch.on_train_batch_end(batch, {"loss": 1.5})
        watch.on_test_begin()
        watch.clock.now += 5
        watch.on_test_batch_end(0, {"loss": 9.0})
        watch.on_test_end({"loss": 9.0})
        watch.on_epoch_end(epoch, {"loss": 1.0, "f1": 0.25, "val_loss": 12.0, "val_f1": 0.00012345})
    metrics = "loss 1.0000  f1 0.2500  val_loss 12  val_f1 0.0001234  0.816 images/s"
    assert capsys.readouterr().out.splitlines() == [
        # Each further epoch takes ten batches of 2 seconds, and an evaluation of 5.
        f"epoch 1/3  {metrics}  50 s left",
        f"epoch 2/3  {metrics}  25 s left",
        f"epoch 3/3  {metrics}",
    ]


def test_a_run_resumed_within_an_epoch(watch, capsys):
    watch.set_params({"verbose": 1, "steps": 4, "epochs": 2})
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(0, {})
    watch.clock.now += 1
    watch.on_train_batch_end(1, {})
    # Six batches were done before the interruption.
    assert drawn(capsys) == "epoch 2/2 [======..]  8 images/s  2 s left"
    watch.clock.now += 1
    logs = {}
    watch.on_epoch_end(1, logs)
    assert logs["images_per_second"] == 16.0, "four batches of eight in two seconds"


LONG = {
    "loss": 0.123456,
    "mean_average_precision": 0.5,
    "top5": 0.75,
    "val_loss": 1e-7,
    "val_mean_average_precision": 0.25,
}


@pytest.mark.parametrize("width", [20, 40, 60, 79, 100, 200])
def test_a_line_never_exceeds_its_width(width):
    line = progress.fitted("epoch 300/300", LONG, ["12345 images/s", "20.6 min left"], width)
    assert len(line) <= width
    assert ("val_mean_average_precision 0.2500" in line) == (width >= 100)
    assert ("loss 0.1235" in line) == (width >= 40)


def test_the_metric_of_several_labels_comes_before_the_speed():
    logs = {
        "loss": 0.123456,
        "val_loss": 0.25,
        "val_mean_average_precision": 0.5,
        "val_f1": 0.75,
    }
    line = progress.fitted("epoch 300/300", logs, ["12345 images/s", "20.6 min left"], 100)
    expected = "epoch 300/300  loss 0.1235  val_loss 0.2500  val_mean_average_precision 0.5000  20.6 min left"
    assert line == expected
    line = progress.fitted("epoch 300/300", logs, ["12345 images/s", "20.6 min left"], 79)
    assert line == "epoch 300/300  loss 0.1235  val_loss 0.2500  val_mean_average_precision 0.5000"


class Screen:
    """A terminal that knows \\r and \\n, wraps lines as terminals do, and remembers whether it had to."""

    def __init__(self, columns):
        self.columns, self.lines, self.at, self.wrapped = columns, [""], 0, False

    def show(self, text):
        for one in text:
            if one == "\n":
                self.lines.append("")
            elif one != "\r":
                if self.at == self.columns:
                    self.wrapped, self.at = True, 0
                    self.lines.append("")
                line = self.lines[-1].ljust(self.at)
                self.lines[-1] = line[: self.at] + one + line[self.at + 1 :]
                self.at += 1
                continue
            self.at = 0


@contextlib.contextmanager
def terminal(monkeypatch, columns):
    """Context manager: stdout is a pseudo-terminal. Yields its screen, on which the progress is shown at the end."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    received, screen = [], Screen(columns)

    def read():
        with contextlib.suppress(OSError):  # the end of the other side
            while part := os.read(reading, 4096):
                received.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with open(writing, "w") as stdout, monkeypatch.context() as patched:
        patched.delenv("COLUMNS", raising=False)
        patched.setattr(sys, "stdout", stdout)
        patched.setattr(sys, "__stdout__", stdout)
        yield screen
    reader.join()
    os.close(reading)
    # The overview of the run comes before.
    screen.show("\r" + b"".join(received).decode().partition("\r\n\r\n\r")[2])


@pytest.mark.every_backend
@pytest.mark.parametrize("columns", [60, 80])
def test_the_bar_on_a_terminal(monkeypatch, columns):
    monkeypatch.setattr(progress, "_SHOWN_FOR", 0.0)
    data = images(16)
    recipe = RECIPE.replace(gradient_accumulation_steps=2)
    with terminal(monkeypatch, columns) as screen:
        recipe.fit(data, validation_data=data, model=network(), seed=0)
    assert not screen.wrapped
    # What the user sees at the end is one line per epoch, without remains of the bar.
    shown = [line.rstrip() for line in screen.lines if line.strip()]
    assert [line[:9] for line in shown] == ["epoch 1/2", "epoch 2/2"]
    for line in shown:
        assert "[" not in line
        assert " val_top1 " in line


@pytest.mark.every_backend
@pytest.mark.parametrize("schedule_per", ["epoch", "update"])
def test_lines_without_a_terminal(capsys, schedule_per):
    recipe = RECIPE.replace(schedule_per=schedule_per, gradient_accumulation_steps=2)
    history = recipe.fit(images(16), model=network(), validation_data=images(4))
    lines = capsys.readouterr().out.rpartition("\n\n")[2].splitlines()
    numbers = r"loss [\d.]+  top1 [\d.]+  val_loss [\d.]+  val_top1 [\d.]+"
    assert len(lines) == 2
    assert re.fullmatch(rf"epoch 1/2  {numbers}  [\d.]+ images/s  \d+ s left", lines[0])
    assert re.fullmatch(rf"epoch 2/2  {numbers}  [\d.]+ images/s", lines[1])
    shown = float(lines[1].split()[3])
    assert shown == pytest.approx(history.history["loss"][1], rel=1e-3)
    assert all(seconds > 0 for seconds in history.history["seconds"])
    names = ("train_seconds", "images_per_second")
    for seconds, speed in zip(*map(history.history.get, names), strict=True):
        # 16 images without evaluation; both numbers are rounded.
        assert speed == pytest.approx(16 / seconds, abs=0.06 + 16 * 0.001 / seconds**2)


def test_an_error_begins_a_line(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_SHOWN_FOR", 0.0)
    with pytest.raises(StoppedError):
        RECIPE.fit(images(16), model=network(), callbacks=[StopAt(1, 2)], verbose=1)
    out = capsys.readouterr().out
    assert re.search(r"\repoch 2/2 \[\S+  loss [^\n]*\n$", out)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_keras_shows_no_bar_of_its_own(capsys, verbose):
    """`Progress` is a ProgbarLogger, in whose place Keras puts none."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    watch = krr.runs.Progress(images=2, batches=2)
    options = {"validation_data": (x, y), "callbacks": [watch], "verbose": verbose}
    model.fit(x, y, batch_size=2, epochs=2, **options)
    out = capsys.readouterr().out
    assert out.count("\n") == (0 if verbose == 0 else 2)
    assert "step" not in out
    assert ("\r" in out) == (verbose == 1)


def test_tensorboard_has_the_curves_of_a_run_with_ema(tmp_path):
    import tensorflow as tf

    board = keras.callbacks.TensorBoard(tmp_path, write_graph=False)
    recipe = RECIPE.replace(ema=krr.recipe.EMA(decay=0.9))
    history = recipe.fit(
        images(8), model=network(), validation_data=images(4), callbacks=[board], verbose=0
    )
    found = {}
    for file in tmp_path.rglob("events.out*"):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                key = f"{file.parent.name}/{value.tag}"
                found.setdefault(key, []).append(float(tf.make_ndarray(value.tensor)))
    for name in ("loss", "top1", "images_per_second", "seconds", "learning_rate"):
        assert found[f"train/epoch_{name}"] == pytest.approx(history.history[name], rel=1e-6)
    for name in ("loss", "top1"):
        key = f"validation/epoch_{name}"
        assert found[key] == pytest.approx(history.history[f"val_{name}"], rel=1e-6)
