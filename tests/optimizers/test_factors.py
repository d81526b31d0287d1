"""Separate learning rates and weight decays for some variables."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.distribution import repair_optimizer
from keras_resnet_recipes.optimizers import SGD, AdamW, Lamb, RMSpropTF, exclude_from_decay

pytestmark = pytest.mark.every_backend

OPTIMIZERS = [SGD, RMSpropTF, AdamW, Lamb]
NAMES = ("conv/kernel", "bn/beta", "fc/kernel", "fc/bias")
# Of each of these variables; the first pattern found in a path counts.
RATES = {"fc/bias$": 128.0, "fc/": 2.0, "(bias|beta)$": 64.0}
DECAYS = {"(bias|beta)$": 1 / 64}
RATE_OF, DECAY_OF = (1.0, 64.0, 2.0, 128.0), (1.0, 1 / 64, 1.0, 1 / 64)


def starts():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(3, 2)) for _ in NAMES]


def gradients(step):
    rng = np.random.default_rng(1 + step)
    return [rng.normal(size=(3, 2)) for _ in NAMES]


class Named(keras.layers.Layer):
    """A layer with one variable, whose path is "fc/bias" or the like."""

    def __init__(self, path, value):
        layer, self._weight = path.split("/")
        super().__init__(name=layer)
        self._value = value

    def build(self, shape):
        self.add_weight(
            shape=self._value.shape,
            name=self._weight,
            initializer=lambda shape, dtype: ops.convert_to_tensor(self._value, dtype),
        )


def variables():
    made = []
    for name, value in zip(NAMES, starts(), strict=True):
        layer = Named(name, value)
        layer.build(None)
        made += layer.trainable_variables
    assert [variable.path for variable in made] == list(NAMES)
    return made


def after(optimizer, rates=(0.01,)):
    """Returns the variables after one update for each of the rates."""
    made = variables()
    for step, rate in enumerate(rates):
        optimizer.learning_rate = rate
        optimizer.apply([ops.convert_to_tensor(g, "float32") for g in gradients(step)], made)
    return [ops.convert_to_numpy(variable) for variable in made]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_biases_as_in_page(accumulation):
    """RECIPES: d = -lr (g + wd w); v <- 0.9 v + d; w <- w + d + 0.9 v, in NumPy, in float64."""
    rates = np.interp([1, 2, 3, 4], [0, 2, 5], [0, 0.002, 0])
    optimizer = SGD(
        momentum=0.9,
        nesterov=True,
        weight_decay=0.256,
        learning_rate_in_velocity=True,
        learning_rate_factors=RATES,
        weight_decay_factors=DECAYS,
    )
    repaired = repair_optimizer(optimizer, accumulation_steps=accumulation)
    ours = variables()
    for step, rate in enumerate(rates):
        optimizer.learning_rate = rate
        for _ in range(accumulation):
            repaired.apply([ops.convert_to_tensor(g, "float32") for g in gradients(step)], ours)
    for index, w in enumerate(starts()):
        v = 0.0
        for step, rate in enumerate(rates):
            g = gradients(step)[index] + 0.256 * DECAY_OF[index] * w
            d = -rate * RATE_OF[index] * g
            v = 0.9 * v + d
            w = w + d + 0.9 * v
        # Four float32 updates of numbers up to 4.
        np.testing.assert_allclose(ops.convert_to_numpy(ours[index]), w, rtol=0, atol=3e-6)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_factors_multiply_rate_and_decay(kind):
    """Each variable is updated as with the products as the optimizer's rate and decay."""
    common = {"global_clipnorm": None}
    together = after(
        kind(weight_decay=0.5, learning_rate_factors=RATES, weight_decay_factors=DECAYS, **common),
        rates=(0.001, 0.002, 0.001),
    )
    for index in range(len(NAMES)):
        rates = [rate * RATE_OF[index] for rate in (0.001, 0.002, 0.001)]
        alone = after(kind(weight_decay=0.5 * DECAY_OF[index], **common), rates)
        # Three float32 updates, with the factors multiplied in another order.
        np.testing.assert_allclose(together[index], alone[index], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_factor_of_0_freezes_a_variable(kind):
    ended = after(kind(weight_decay=0.5, learning_rate_factors={"fc/": 0.0}), rates=(0.1, 0.1))
    kept = [np.array_equal(a, b.astype("float32")) for a, b in zip(ended, starts(), strict=True)]
    assert kept == [False, False, True, True]


@pytest.mark.full
@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_factors_are_used_in_training_and_saved(kind, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="hidden"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.Dense(2, name="fc"),
        ]
    )
    optimizer = kind(
        learning_rate_factors={"hidden/": 0.0, "^.*beta$": 0.0}, weight_decay_factors={"x": 2.0}
    )
    exclude_from_decay(optimizer, model, "kernels")
    model.compile(
        repair_optimizer(optimizer, loss_scaling=True), "mean_squared_error", auto_scale_loss=False
    )
    x, y = np.random.default_rng(0).normal(size=(2, 8, 4)).astype("float32")
    before = {v.path: ops.convert_to_numpy(v) for v in model.trainable_variables}
    model.fit(x, y[:, :2], batch_size=8, epochs=2, verbose=0)
    still = {v.name for v in model.trainable_variables if np.array_equal(v, before[v.path])}
    moved = {v.path for v in model.trainable_variables if not np.array_equal(v, before[v.path])}
    assert {path.split("/")[-2] for path in moved} <= {"bn", "fc"}
    assert "beta" in still
    assert {path.split("/")[-1] for path in moved} == {"gamma", "kernel", "bias"}
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras").optimizer.inner_optimizer
    assert copy.get_config() == optimizer.get_config()
