"""Step, Exponential and PiecewiseLinear against timm's, GluonCV's and Page's."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.schedules import (
    Cosine,
    Exponential,
    PerUpdate,
    PiecewiseLinear,
    Plateau,
    Step,
)

pytestmark = pytest.mark.every_backend

# The same formula in Python floats.
EPOCH_TOLERANCE = 1e-12
# A few float32 roundings of numbers below 1.
UPDATE_TOLERANCE = 1e-6

KNOTS = ((0, 0.0), (5, 0.4), (24, 0.0))
SCHEDULES = [
    Step(0.1, boundaries=(3, 6.5), warmup_epochs=2),
    Exponential(0.1, every_epochs=2.5, factor=0.9, warmup_epochs=2, warmup_learning_rate=0.01),
    PiecewiseLinear(knots=KNOTS),
]


def rates_of(updates, steps):
    # One call for all steps, because the formulas are elementwise.
    rates = ops.convert_to_numpy(updates(ops.convert_to_tensor(steps, "int32")))
    assert rates.dtype == np.float32
    return rates


@pytest.mark.parametrize("case", ["stairs", "epochs", "plain"])
def test_exponential_equals_timm(golden, case):
    g = golden("schedules")
    given = g.meta["cases"][case]
    schedule = Exponential(
        given["lr"],
        every_epochs=given["decay_t"],
        factor=given["decay_rate"],
        warmup_epochs=given["warmup_t"],
        warmup_learning_rate=given["warmup"],
    )
    rates = [schedule(epoch) for epoch in range(len(g[case]))]
    np.testing.assert_allclose(rates, g[case], rtol=0, atol=EPOCH_TOLERANCE)
    # 2.4 epochs of 5 updates are 12 updates, so both agree at the start of every epoch.
    updates = rates_of(schedule.per_update(5), 5 * np.arange(len(g[case])))
    np.testing.assert_allclose(updates, g[case], rtol=10 * UPDATE_TOLERANCE)  # powers up to 99


def test_step_equals_timm_without_warmup(golden):
    schedule = Step(0.1, boundaries=(30, 60, 90))
    rates = [schedule(epoch) for epoch in range(100)]
    np.testing.assert_allclose(rates, golden("schedules")["plain"], rtol=0, atol=EPOCH_TOLERANCE)


def test_step_equals_gluon(golden):
    g = golden("cifar_and_lr")
    schedule = Step(0.4, boundaries=(30, 60, 90), warmup_epochs=5, reach_ends=True)
    rates = rates_of(schedule.per_update(1251), g["lr/gluon_u"])
    np.testing.assert_allclose(rates, g["lr/gluon_step30_60_90"], rtol=UPDATE_TOLERANCE)


def test_piecewise_linear_equals_page(golden):
    g = golden("cifar_and_lr")
    schedule = PiecewiseLinear(knots=KNOTS, count_from=1)
    ends = g["lr/page24_per_epoch_end"]
    rates = [schedule(epoch + 1) for epoch in range(24)]
    np.testing.assert_allclose(rates, ends, rtol=0, atol=EPOCH_TOLERANCE)
    # Counted from 1, the last update of an epoch is at its end.
    updates = rates_of(schedule.per_update(97), 97 * np.arange(1, 25) - 1)
    np.testing.assert_allclose(updates, ends, rtol=UPDATE_TOLERANCE, atol=1e-9)
    first = rates_of(schedule.per_update(97), np.arange(10)) / 512
    np.testing.assert_allclose(first, g["nesterov/lrs"], rtol=UPDATE_TOLERANCE)


def test_piecewise_linear_is_constant_outside_its_knots():
    schedule = PiecewiseLinear(knots=((2, 0.1), (4, 0.3), (5, 0.2)))
    epochs = np.arange(0, 28) / 4
    # NumPy's interpolation is the reference.
    expected = np.interp(epochs, [2, 4, 5], [0.1, 0.3, 0.2])
    np.testing.assert_allclose([schedule(e) for e in epochs], expected, rtol=1e-12)
    updates = rates_of(schedule.per_update(4), np.arange(28))
    np.testing.assert_allclose(updates, expected, rtol=UPDATE_TOLERANCE)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_updates_of_one_step_per_epoch_are_epochs(schedule):
    expected = [schedule(update / 10) for update in range(300)]
    updates = rates_of(schedule.per_update(10), np.arange(300))
    # Updates are fractions of an epoch, also in the warm-up.
    np.testing.assert_allclose(updates, expected, rtol=3 * UPDATE_TOLERANCE, atol=1e-9)


def test_step_by_updates():
    rates = rates_of(
        Step(0.1, boundaries=(32_000, 48_000)).per_update(1), [0, 31_999, 32_000, 48_000]
    )
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.001], rtol=UPDATE_TOLERANCE)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_serialization(schedule):
    updates = schedule.per_update(3)
    schedules = keras.optimizers.schedules
    for copy in (
        PerUpdate.from_config(updates.get_config()),
        schedules.deserialize(schedules.serialize(updates)),
        keras.optimizers.SGD.from_config(keras.optimizers.SGD(updates).get_config())._learning_rate,
    ):
        assert type(copy) is PerUpdate
        assert copy.schedule == schedule
        assert copy.steps_per_epoch == 3


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_schedules_are_frozen_values(schedule):
    names = {kind.__name__: kind for kind in (Step, Exponential, PiecewiseLinear)}
    assert eval(repr(schedule), names) == schedule
    assert hash(schedule) == hash(dataclasses.replace(schedule))
    assert schedule(7, 123.0) == schedule(7)
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.factor = 2


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_a_model_trains_with_it(schedule):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model.compile(keras.optimizers.SGD(schedule.per_update(2)), "mse")
    model.fit(x, y, batch_size=2, verbose=0)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    scheduler = keras.callbacks.LearningRateScheduler(schedule)
    logs = model.fit(x, y, epochs=4, verbose=0, callbacks=[scheduler]).history
    expected = [schedule(epoch) for epoch in range(4)]
    np.testing.assert_allclose(logs["learning_rate"], expected, rtol=1e-6)


def test_a_recipe_sets_peak_and_epochs():
    schedule = Step(boundaries=(2,)).for_run(0.5, 4)
    assert schedule == Step(0.5, 4, boundaries=(2,))
    assert PiecewiseLinear(knots=KNOTS).for_run(0.5, 24)(5) == 0.2
    assert Plateau(patience=3).for_run(0.5, 24)(20) == 0.5


def test_plateaus_with_the_callback_of_keras():
    """Keras' callback divides the rate by ten when the error stops decreasing, as in 2015."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    plateau = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=2, min_delta=0.01)
    plateau.set_model(model)
    plateau.on_train_begin()
    rates = []
    for epoch, loss in enumerate([1.0, 0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5]):
        plateau.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(ops.convert_to_numpy(model.optimizer.learning_rate)))
    expected = [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (
            Step,
            {"boundaries": (3, 2)},
            r"`boundaries` must be positive and in ascending.*\(3.0, 2.0\)$",
        ),
        (Step, {"boundaries": (0,)}, r"`boundaries` must be positive and in ascending.*\(0.0,\)$"),
        (Step, {"factor": 0.0}, "`factor` must be a number above 0 and at most 1.*=0.0$"),
        (Step, {"learning_rate": -1}, "`learning_rate` must be a number at least 0 or None.*=-1$"),
        (Step, {"warmup_epochs": -1}, "`warmup_epochs` must be an integer at least 0.*=-1$"),
        (Step, {"per": "step"}, "`per` must be one of 'epoch', 'update'.*per='step'$"),
        (Exponential, {"every_epochs": 0}, "`every_epochs` must be a number above 0.*=0$"),
        (Exponential, {"factor": 1.5}, "`factor` must be a number above 0 and at most 1.*=1.5$"),
        (Exponential, {"warmup_learning_rate": -1}, "`warmup_learning_rate` must be.*0.*=-1$"),
        (Plateau, {"patience": 0}, "`patience` must be an integer at least 1.*=0$"),
        (Plateau, {"patience": 1, "factor": 1}, "`factor` must be less than 1.*=1.0$"),
        (
            Plateau,
            {"patience": 1, "per": "update"},
            "`per` must be 'epoch' for a plateau.*'update'$",
        ),
    ],
)
def test_illegal_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**{"learning_rate": 0.1, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"knots": ()}, "`knots` must be pairs of epoch and rate, in ascending order"),
        ({"knots": ((1, 0.1), (1, 0.2))}, "`knots` must be pairs of epoch and rate"),
        ({"knots": ((1, -0.1),)}, "rates of `knots` must be 0 or more"),
        (
            {"knots": KNOTS, "count_from": 2},
            "`count_from` must be an integer at least 0 and at most 1.*=2$",
        ),
    ],
)
def test_illegal_knots(arguments, message):
    with pytest.raises(ValueError, match=message):
        PiecewiseLinear(**arguments)


def test_illegal_steps_per_epoch():
    with pytest.raises(ValueError, match=r"`steps_per_epoch` must be above 0.*=0"):
        Step(0.1).per_update(0)


@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(1.0, 8, warmup_epochs=2, lag_epochs=2),
        Step(1.0, boundaries=(4,), warmup_epochs=2),
        PiecewiseLinear(1.0, knots=((0, 0.0), (2, 1.0), (8, 0.0))),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_half_the_steps_per_epoch_are_the_schedule_in_half_the_updates(schedule):
    whole, half = schedule.per_update(5), schedule.per_update(2.5)
    for update in range(25):
        assert float(half(update)) == pytest.approx(float(whole(2 * update)), abs=1e-6)
