"""Cosine against timm's schedules, DeiT's, torchvision's and GluonCV's."""

import dataclasses
import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_resnet_recipes as krr
from keras_resnet_recipes.schedules import Cosine, PerUpdate
from keras_resnet_recipes.training.learning_rate import schedule as rates_of

pytestmark = pytest.mark.every_backend

RECIPES = {"A1": (5e-3, 600), "A2": (5e-3, 300), "A3": (8e-3, 100)}
# The same formula in Python floats: rates below 1e-2 to fifteen digits.
EPOCH_TOLERANCE = 1e-12
# A few float32 roundings, also where the rate is a thousandth of the peak.
UPDATE_TOLERANCE = 1e-6


@pytest.mark.parametrize("era", ["rsb_era", "rsb_nocool", "now"])
@pytest.mark.parametrize("name", RECIPES)
def test_epochs_equal_timm(golden, name, era):
    g = golden("lr_schedule")
    case = g.meta["cases"][f"{name}/{era}"]
    schedule = Cosine(
        case["lr"],
        case["epochs"],
        warmup_epochs=case["warmup_epochs"],
        warmup_learning_rate=case["warmup_lr"],
        minimum_learning_rate=case["min_lr"],
        cooldown_epochs=case["cooldown_epochs"],
    )
    assert schedule.total_epochs == case["total_epochs"]
    rates = [schedule(epoch) for epoch in range(schedule.total_epochs)]
    np.testing.assert_allclose(rates, g[f"{name}/{era}"], rtol=0, atol=EPOCH_TOLERANCE)


@pytest.mark.parametrize("name", RECIPES)
def test_warmup_prefix_equals_timm(golden, name):
    schedule = Cosine(*RECIPES[name], warmup_prefix=True)
    expected = golden("lr_schedule")[f"{name}/warmup_prefix"]
    assert schedule.total_epochs == len(expected)
    rates = [schedule(epoch) for epoch in range(schedule.total_epochs)]
    np.testing.assert_allclose(rates, expected, rtol=0, atol=EPOCH_TOLERANCE)


@pytest.mark.parametrize("name", RECIPES)
def test_updates_equal_timm(golden, name):
    g = golden("lr_schedule")
    updates = Cosine(*RECIPES[name]).per_update(625)
    # One call for all steps, because the formula is elementwise.
    rates = ops.convert_to_numpy(updates(ops.convert_to_tensor(g[f"{name}/updates_u"], "int32")))
    assert rates.dtype == np.float32
    np.testing.assert_allclose(rates, g[f"{name}/updates_lr"], rtol=UPDATE_TOLERANCE)


def test_torchvision_epochs_are_a_cosine_after_the_warmup(golden):
    schedule = Cosine(0.5, 595, 5, 0.005, 0.0, warmup_prefix=True)
    rates = [schedule(epoch) for epoch in range(schedule.total_epochs)]
    # torch multiplies 600 rounded factors.
    expected = golden("cifar_and_lr")["lr/torchvision_v2_epoch"]
    np.testing.assert_allclose(rates, expected, rtol=0, atol=EPOCH_TOLERANCE)


@pytest.mark.parametrize(
    ("name", "recipe"), [("deit", krr.DeiT), ("deit_fine_tuning", krr.FineTune)]
)
def test_recipes_of_deits_code_have_the_rates_of_its_loop(golden, name, recipe):
    recipe, expected = recipe(), golden("schedules")[name]
    assert recipe.total_epochs == len(expected)
    rates = [rates_of(recipe)(epoch) for epoch in range(recipe.total_epochs)]
    np.testing.assert_allclose(rates, expected, rtol=0, atol=EPOCH_TOLERANCE)


@pytest.mark.parametrize("lag_epochs", [0, 1, 3])
@pytest.mark.parametrize("warmup_prefix", [False, True])
def test_a_lagging_rate_is_that_of_an_earlier_epoch_or_update(lag_epochs, warmup_prefix):
    ahead = Cosine(0.1, 20, warmup_epochs=2, cooldown_epochs=2, warmup_prefix=warmup_prefix)
    behind = dataclasses.replace(ahead, lag_epochs=lag_epochs)
    assert behind.total_epochs == ahead.total_epochs
    for epoch in range(ahead.total_epochs):
        assert behind(epoch) == ahead(max(epoch - lag_epochs, 0))
    for update in range(5 * ahead.total_epochs):
        earlier = max(update - 5 * lag_epochs, 0)
        assert float(behind.per_update(5)(update)) == float(ahead.per_update(5)(earlier))


def test_gluon_updates_reach_both_ends(golden):
    g = golden("cifar_and_lr")
    updates = Cosine(0.4, 115, 5, 0.0, 0.0, warmup_prefix=True, reach_ends=True).per_update(1251)
    rates = ops.convert_to_numpy(updates(ops.convert_to_tensor(g["lr/gluon_u"], "int32")))
    np.testing.assert_allclose(rates, g["lr/gluon_cosine"], rtol=UPDATE_TOLERANCE)
    assert float(updates(5 * 1251 - 1)) == float(updates(5 * 1251)) == pytest.approx(0.4)
    assert float(updates(120 * 1251 - 1)) == 0.0


def test_epochs_reach_both_ends():
    schedule = Cosine(0.4, 9, 3, 0.1, 0.02, warmup_prefix=True, reach_ends=True)
    rates = [schedule(epoch) for epoch in range(schedule.total_epochs)]
    assert rates[:4] == pytest.approx([0.1, 0.25, 0.4, 0.4])
    assert rates[-1] == pytest.approx(0.02)
    updates = schedule.per_update(1)
    assert [float(updates(epoch)) for epoch in range(12)] == pytest.approx(rates, rel=1e-6)


@pytest.mark.parametrize("warmup_epochs", [0, 5])
@pytest.mark.parametrize("warmup_prefix", [False, True])
def test_updates_of_one_step_per_epoch_are_epochs(warmup_epochs, warmup_prefix):
    schedule = Cosine(
        0.1, 20, warmup_epochs=warmup_epochs, cooldown_epochs=3, warmup_prefix=warmup_prefix
    )
    updates = schedule.per_update(1)
    for epoch in range(schedule.total_epochs + 2):
        assert float(updates(epoch)) == pytest.approx(schedule(epoch), rel=UPDATE_TOLERANCE)


def test_epoch_0_has_the_warmup_start_and_no_epoch_has_the_peak():
    schedule = Cosine(5e-3, epochs=600)
    assert schedule(0) == 1e-4
    assert schedule(5) == pytest.approx(4.99914e-3, rel=1e-6)  # published with six digits
    assert Cosine(5e-3, epochs=600, warmup_prefix=True)(5) == 5e-3
    assert Cosine(5e-3, epochs=600, warmup_epochs=0)(0) == 5e-3


def test_the_current_rate_is_unused():
    assert Cosine(5e-3, epochs=10)(7, 123.0) == Cosine(5e-3, epochs=10)(7)


def small_model(optimizer):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


class RecordRate(keras.callbacks.Callback):
    """Records the optimizer's rate after each batch."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(ops.convert_to_numpy(self.model.optimizer.learning_rate)))


def test_learning_rate_scheduler_sets_and_logs_the_rate():
    schedule = Cosine(0.05, epochs=4, warmup_epochs=2)
    model, seen = small_model(keras.optimizers.SGD(1.0)), RecordRate()
    scheduler = keras.callbacks.LearningRateScheduler(schedule)
    images, targets = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    history = model.fit(
        images, targets, batch_size=2, epochs=4, verbose=0, callbacks=[scheduler, seen]
    )
    expected = [schedule(epoch) for epoch in range(4)]
    # The optimizer's variable is float32.
    np.testing.assert_allclose(history.history["learning_rate"], expected, rtol=1e-6)
    np.testing.assert_allclose(seen.rates, np.repeat(expected, 2), rtol=1e-6)


def test_an_optimizer_follows_per_update():
    schedule = Cosine(0.05, epochs=4, warmup_epochs=1)
    model = small_model(keras.optimizers.SGD(schedule.per_update(2)))
    model.set_weights([np.zeros((3, 1)), np.zeros(1)])
    images = np.zeros((2, 3), "float32")
    bias, expected = [], [0.0]
    for step in range(6):
        model.train_on_batch(images, np.ones((2, 1), "float32"))
        bias.append(float(model.get_weights()[1][0]))
        # The gradient of (b - 1)² is 2 (b - 1); fractional epochs give the same curve.
        rate = schedule(step / 2)
        expected.append(expected[-1] - rate * 2 * (expected[-1] - 1))
    np.testing.assert_allclose(bias, expected[1:], rtol=1e-5)  # six float32 updates


def test_serialization_of_per_update():
    updates = Cosine(5e-3, epochs=9, warmup_prefix=True, cooldown_epochs=2).per_update(3)
    schedules = keras.optimizers.schedules
    copies = (
        PerUpdate.from_config(updates.get_config()),
        schedules.deserialize(schedules.serialize(updates)),
        keras.optimizers.SGD.from_config(keras.optimizers.SGD(updates).get_config())._learning_rate,
    )
    for copy in copies:
        assert type(copy) is PerUpdate
        assert copy.schedule == updates.schedule
        assert copy.steps_per_epoch == 3


def test_a_recipes_epochs_include_the_warmup():
    before = Cosine(warmup_epochs=5, warmup_prefix=True, cooldown_epochs=2).for_run(0.1, 20)
    assert before == Cosine(0.1, 15, 5, warmup_prefix=True, cooldown_epochs=2)
    assert Cosine(cooldown_epochs=2).for_run(0.1, 20) == Cosine(0.1, 20, cooldown_epochs=2)
    assert Cosine(cooldown_epochs=2).total_epochs_of(20) == 22


def test_cosine_is_a_frozen_value():
    assert hash(Cosine(0.1, 5)) == hash(Cosine(0.1, 5))
    assert eval(repr(Cosine(0.1, 5))) == Cosine(0.1, 5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Cosine(0.1, 5).epochs = 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "`epochs` must be an integer at least 1.*epochs=0$"),
        ({"warmup_epochs": 11}, r"`warmup_epochs` must be at most `epochs` \(10\).*=11$"),
        ({"warmup_epochs": -1}, "`warmup_epochs` must be an integer at least 0.*=-1$"),
        ({"learning_rate": -0.1}, "`learning_rate` must be a number at least 0.*=-0.1$"),
        ({"learning_rate": math.nan}, "`learning_rate` must be a number at least 0.*=nan$"),
        ({"warmup_learning_rate": -1.0}, "`warmup_learning_rate` must be a number at least 0.*=-1"),
        ({"minimum_learning_rate": -1.0}, "`minimum_learning_rate` must be.*at least 0.*=-1"),
        ({"lag_epochs": -1}, "`lag_epochs` must be an integer at least 0.*lag_epochs=-1$"),
        ({"cooldown_epochs": -1}, "`cooldown_epochs` must be an integer at least 0.*=-1$"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Cosine(**{"learning_rate": 0.1, "epochs": 10, **arguments})


def test_illegal_steps_per_epoch():
    with pytest.raises(ValueError, match=r"`steps_per_epoch` must be above 0.*=0"):
        Cosine(0.1, 10).per_update(0)
