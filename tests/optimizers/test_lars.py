"""LARS against timm's and MLPerf's."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_resnet_recipes as krr
from keras_resnet_recipes.optimizers import Lars
from keras_resnet_recipes.training import build
from tests.optimizers.config import check_config
from tests.tiny import tiny_model

pytestmark = pytest.mark.every_backend

NAMES = ("kernel", "dense", "bias", "zeros")


def values_after(g, name, optimizer, falling):
    """Returns the variable after each golden step."""
    variable = keras.Variable(g[f"start/{name}"].astype("float32"), name=name)
    made, gradients = [], g[f"gradient/{name}"].astype("float32")
    for step, gradient in enumerate(gradients):
        optimizer.learning_rate = g.meta["rate"] * (1 - falling * step / len(gradients))
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        made.append(ops.convert_to_numpy(variable))
    return np.stack(made)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("side", ["timm", "mlperf"])
def test_it_equals_the_originals(golden, side, nesterov, name):
    g = golden("lars")
    optimizer = Lars(
        momentum=g.meta["momentum"],
        nesterov=nesterov,
        weight_decay=g.meta["weight_decay"],
        trust_coefficient=g.meta["trust_coefficient"],
        epsilon=g.meta["epsilon"],
        learning_rate_in_velocity=side == "mlperf",
        exclude_from_weight_decay=g.meta["undecayed"],
    )
    made = values_after(g, name, optimizer, falling=side == "mlperf")
    expected = g[f"{side}/{'nesterov' if nesterov else 'plain'}/{name}"]
    movement = np.abs(expected - g[f"start/{name}"]).max()
    assert np.abs(made - expected).max() < 1e-5 * movement


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_a_recipe_scales_and_decays_kernels_only(weight_decay):
    recipe = krr.A3(
        optimizer=krr.recipe.Lars(momentum=0.9, weight_decay=weight_decay),
        schedule=krr.schedules.Polynomial(),
        learning_rate=10,
        classes=2,
    )
    model = tiny_model(bias_initializer="ones")
    before = [ops.convert_to_numpy(one) for one in model.trainable_variables]
    optimizer = build.compiled(recipe, model, 1, 1).optimizer
    optimizer.apply([ops.ones(one.shape) for one in model.trainable_variables])
    rate, trust = recipe.learning_rate, recipe.trust_coefficient
    for variable, value in zip(model.trainable_variables, before, strict=True):
        step = np.ones_like(value)
        if len(value.shape) > 1:
            norms = np.linalg.norm(value), np.sqrt(value.size)
            ratio = trust * norms[0] / (norms[1] + weight_decay * norms[0])
            step = ratio * (1 + weight_decay * value)
        moved = value - ops.convert_to_numpy(variable)
        np.testing.assert_allclose(moved, rate * step, rtol=1e-4)


def test_config():
    changed = {
        "learning_rate": 3.0,
        "momentum": 0.5,
        "nesterov": True,
        "weight_decay": 0.5,
        "trust_coefficient": 0.01,
        "epsilon": 1e-6,
        "learning_rate_in_velocity": False,
        "exclude_from_weight_decay": ["bias$"],
        "weight_decay_factors": {"a": 2.0},
        "learning_rate_factors": {"b": 3.0},
        "global_clipnorm": 2.0,
        "name": "mine",
    }
    check_config(Lars, changed)


@pytest.mark.parametrize("name", ["trust_coefficient", "epsilon"])
def test_bad_numbers_are_errors(name):
    with pytest.raises(ValueError, match=f"`{name}` must be above 0. Received: {name}=0"):
        Lars(**{name: 0})


def test_keras_has_no_lars():
    """Otherwise it could be used."""
    assert not hasattr(keras.optimizers, "Lars")
    assert not hasattr(keras.optimizers, "LARS")
