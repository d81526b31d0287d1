"""GradientAccumulation on one device and every backend; test_repairs.py tests several devices."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.distribution import (
    AgreeingLossScale,
    GradientAccumulation,
    repair_optimizer,
)
from keras_resnet_recipes.optimizers import Lamb

pytestmark = pytest.mark.every_backend

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(48, 6)).astype("float32"), RNG.normal(size=(48, 3)).astype("float32")


def model(optimizer):
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3)]
    )
    made.compile(optimizer, "mse", auto_scale_loss=False)
    return made


def fitted(optimizer, batch_size, epochs=1):
    made = model(optimizer)
    made.fit(X, Y, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    return made


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Lamb(0.05, weight_decay=0.02, global_clipnorm=0.1),
        lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5), momentum=0.9
        ),
        lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9),
        lambda: AgreeingLossScale(Lamb(0.05, global_clipnorm=0.1)),
    ],
    ids=["lamb", "schedule", "average", "loss scale"],
)
def test_micro_batches_make_the_update_of_the_batch(make, steps):
    whole = fitted(make(), 16, epochs=2)
    accumulated = fitted(GradientAccumulation(make(), steps), 16 // steps, epochs=2)
    assert int(accumulated.optimizer.iterations) == int(whole.optimizer.iterations) == 6
    for one, other in zip(whole.get_weights(), accumulated.get_weights(), strict=True):
        # float32 sums in another order, over six updates that move weights by about 0.1.
        np.testing.assert_allclose(other, one, rtol=0, atol=2e-6)


def test_an_overflow_in_one_micro_batch_skips_the_update():
    optimizer = GradientAccumulation(AgreeingLossScale(keras.optimizers.SGD(1.0)), 2)
    weight = keras.Variable([10.0])
    scales = []
    for gradient in (float("inf"), 1.0, 2.0, 2.0):
        if not optimizer.built:
            optimizer.build([weight])
        scale = float(optimizer.inner_optimizer.dynamic_scale)
        optimizer.apply([keras.ops.array([gradient * scale])], [weight])
        scales.append(float(optimizer.inner_optimizer.dynamic_scale))
    assert scales == [2.0**15, 2.0**14, 2.0**14, 2.0**14]
    assert keras.ops.convert_to_numpy(weight)[0] == 8.0


def test_properties_are_those_of_the_inner_optimizer():
    inner = keras.optimizers.SGD(0.5)
    optimizer = GradientAccumulation(inner, 3)
    optimizer.learning_rate = 0.25
    assert float(inner.learning_rate) == float(optimizer.learning_rate) == 0.25
    assert optimizer.iterations is inner.iterations
    scaled = GradientAccumulation(AgreeingLossScale(inner, initial_scale=8.0), 3)
    assert float(scaled.scale_loss(keras.ops.array(2.0))) == 16.0


def test_saving_between_two_updates(tmp_path):
    def halved():
        return GradientAccumulation(Lamb(0.05), 2)

    whole = model(halved())
    whole.fit(X[:24], Y[:24], batch_size=8, epochs=1, shuffle=False, verbose=0)
    whole.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, GradientAccumulation)
    assert isinstance(again.optimizer.inner_optimizer, Lamb)
    for made in (whole, again):
        made.fit(X[24:], Y[24:], batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert int(again.optimizer.iterations) == 3
    for one, other in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_on_one_device_an_optimizer_is_unchanged():
    optimizer = keras.optimizers.SGD(0.1, global_clipnorm=1.0)
    assert repair_optimizer(optimizer) is optimizer
    assert repair_optimizer(optimizer, loss_scaling=True).inner_optimizer is optimizer


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: GradientAccumulation(Lamb(), 1), "`steps` must be at least 2. Received: steps=1"),
        (
            lambda: GradientAccumulation(Lamb(gradient_accumulation_steps=2), 2),
            "`inner_optimizer` must not accumulate gradients itself",
        ),
        (lambda: repair_optimizer(Lamb(), accumulation_steps=0), "`accumulation_steps` must be"),
    ],
)
def test_illegal_arguments(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
