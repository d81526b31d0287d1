"""Times in the log, in the progress bar and in TensorBoard."""

import time

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs import progress

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
def progress_bar(monkeypatch):
    """A Progress of 10 batches of 8 images per epoch, 3 epochs, with a manual clock."""
    clock = ManualClock(monkeypatch)
    callback = krr.runs.Progress(images=8, batches=10, epochs=3, rate_at=lambda batch: batch / 100)
    callback.set_model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    callback.set_params({"verbose": 1, "steps": 10, "epochs": 3})
    callback.clock = clock
    return callback


def test_the_log_separates_training_from_evaluation(progress_bar):
    progress_bar.on_epoch_begin(0)
    progress_bar.clock.now += 4
    progress_bar.on_test_begin()
    progress_bar.clock.now += 1
    logs = {}
    progress_bar.on_epoch_end(0, logs)
    assert logs == {"seconds": 5.0, "train_seconds": 4.0, "images_per_second": 20.0}
    # Without an evaluation both times are equal.
    progress_bar.on_epoch_begin(1)
    progress_bar.clock.now += 2
    progress_bar.on_epoch_end(1, logs)
    assert logs == {"seconds": 2.0, "train_seconds": 2.0, "images_per_second": 40.0}


def test_the_bar_shows_rate_speed_and_time_left(progress_bar):
    progress_bar.on_epoch_begin(0)
    progress_bar.on_test_begin()
    progress_bar.clock.now += 6
    progress_bar.on_epoch_end(0, {})
    progress_bar.on_epoch_begin(1)
    progress_bar.clock.now += 50  # compiling
    first, second, third, later = {}, {}, {}, {}
    progress_bar.on_train_batch_end(0, first)
    assert first == {}
    progress_bar.clock.now += 2
    progress_bar.on_train_batch_end(1, second)
    # Batch 12 of 30 is done: 18 more of 2 seconds each, and two evaluations of 6.
    assert second == {
        "images_per_second": 4.0,
        "learning_rate": 0.11,
        "minutes_left": pytest.approx((18 * 2 + 2 * 6) / 60),
    }
    progress_bar.clock.now += 0.1
    progress_bar.on_train_batch_end(2, third)
    assert third == second, "updates come at most every half second"
    progress_bar.clock.now += 1.9
    progress_bar.on_train_batch_end(2, later)
    assert later["learning_rate"] == 0.12


def test_a_run_resumed_within_an_epoch(progress_bar):
    progress_bar.set_params({"verbose": 1, "steps": 4, "epochs": 2})
    progress_bar.on_epoch_begin(1)
    progress_bar.on_train_batch_end(0, {})
    progress_bar.clock.now += 1
    logs = {}
    progress_bar.on_train_batch_end(1, logs)
    assert logs["learning_rate"] == 0.17, "six batches were done before the interruption"
    progress_bar.clock.now += 1
    progress_bar.on_epoch_end(1, logs)
    assert logs["images_per_second"] == 16.0, "four batches of eight in two seconds"


def test_without_a_bar_batches_add_no_logs(progress_bar):
    progress_bar.set_params({"verbose": 2, "steps": 10, "epochs": 3})
    progress_bar.on_epoch_begin(0)
    for batch in range(3):
        progress_bar.clock.now += 1
        logs = {}
        progress_bar.on_train_batch_end(batch, logs)
        assert logs == {}


@pytest.mark.every_backend
@pytest.mark.parametrize("schedule_per", ["epoch", "update"])
def test_keras_shows_the_logs(monkeypatch, capsys, schedule_per):
    monkeypatch.setattr(progress, "_SHOWN_FOR", 0.0)
    recipe = RECIPE.replace(schedule_per=schedule_per, gradient_accumulation_steps=2)
    history = recipe.fit(images(16), model=network(), verbose=1)
    out = capsys.readouterr().out
    for name in ("images_per_second", "learning_rate", "minutes_left"):
        assert f" - {name}: " in out
    assert "minutes_left" not in history.history
    assert all(seconds > 0 for seconds in history.history["seconds"])
    names = ("train_seconds", "images_per_second")
    for seconds, speed in zip(*map(history.history.get, names), strict=True):
        # 16 images without evaluation; both numbers are rounded.
        assert speed == pytest.approx(16 / seconds, abs=0.06 + 16 * 0.001 / seconds**2)


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
