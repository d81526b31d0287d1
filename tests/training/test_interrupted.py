"""After an exception in `fit` the model is a usable Keras model, and `fit` trains it again."""

import os
import signal
import threading
import time

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr

pytestmark = pytest.mark.every_backend

RECIPE = krr.A3(
    network="ResNet20",
    classes=3,
    epochs=2,
    warmup_epochs=0,
    batch_size=4,
    train_size=8,
    test_size=8,
    rand_augment=None,
    ema=krr.recipe.EMA(decay=0.5),
)
ON_DEVICE = krr.DAWNBench(
    train_size=8, test_size=8, classes=3, epochs=2, knots=((0, 0), (1, 1), (2, 0)), batch_size=4,
    padding=2, cutout_size=3, test_views="mirrored", ema=krr.recipe.EMA(decay=0.5),
)  # fmt: skip
X = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), "uint8")
DATA = X, np.arange(12) % 3


def network():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 64, -2),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


class Interrupted(Exception):  # noqa: N818
    """Not an error that the package raises or catches."""


class RaiseAt(keras.callbacks.Callback):
    """Raises at the second call of one of Keras' hooks."""

    def __init__(self, hook, error):
        super().__init__()
        self.calls, self.error = 0, error
        setattr(self, hook, self.called)

    def called(self, *_, **__):
        self.calls += 1
        if self.calls == 2:
            raise self.error


HOOKS = [
    ("on_epoch_begin", Interrupted()),
    ("on_train_batch_begin", KeyboardInterrupt()),
    ("on_test_begin", Interrupted()),
    ("on_test_batch_begin", KeyboardInterrupt()),
    ("on_epoch_end", Interrupted()),
]


@pytest.mark.parametrize(("hook", "error"), HOOKS, ids=[hook for hook, _ in HOOKS])
def test_the_model_is_usable_after_an_exception(hook, error):
    recipe = ON_DEVICE if hook.startswith("on_test") else RECIPE
    model = network()
    options = {"model": model, "validation_data": DATA, "verbose": 0}
    with pytest.raises(type(error)):
        recipe.fit(DATA, callbacks=[RaiseAt(hook, error)], **options)
    assert not {"train_step", "test_step", "call", "compute_loss"} & set(vars(model))
    assert not [one.path for one in model.optimizer.variables if "average" in one.path]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    # Keras' own methods work, on images and with the recipe's loss.
    targets = np.eye(3, dtype="float32")[DATA[1]]
    model.evaluate(X, targets, verbose=0)
    model.fit(X, targets, verbose=0)
    assert model.predict(X, verbose=0).shape == (12, 3)
    # And so does the recipe, with the history of all its epochs.
    assert recipe.fit(DATA, **options).epoch == [0, 1]


def test_an_unreadable_batch_leaves_the_weights(tmp_path):
    """The exception comes from a thread that makes batches, in the middle of an epoch."""

    class Broken:
        def __len__(self):
            return 12

        def __getitem__(self, index):
            if index == 7:
                raise Interrupted
            return X[index], index % 3

    model = network()
    with pytest.raises(Interrupted):
        RECIPE.fit(Broken(), model=model, steps_per_epoch=3, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert RECIPE.fit(DATA, model=model, verbose=0).epoch == [0, 1]


class Deadline(keras.callbacks.Callback):
    """Ends a training that nobody interrupts."""

    def __init__(self, seconds):
        super().__init__()
        self.end = time.monotonic() + seconds

    def on_epoch_begin(self, epoch, logs=None):
        assert time.monotonic() < self.end, "the signal was lost"


def test_ctrl_c_leaves_a_usable_model():
    """At any line on TensorFlow and torch; on JAX, where it would leave a model without weights, after the batch."""
    # A shell starts background jobs with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    model = network()
    for delay in (0.5, 1.5, 2.0):
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            RECIPE.replace(epochs=100_000).fit(
                DATA, model=model, verbose=0, callbacks=[Deadline(120)]
            )
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        assert model.predict(X, verbose=0).shape == (12, 3)
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
