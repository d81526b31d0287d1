"""Learning rate factors of a recipe in its optimizer."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.training import build

pytestmark = pytest.mark.every_backend

SGD = krr.Recipe(
    network="ResNet20",
    classes=3,
    learning_rate=1.0,
    optimizer=krr.recipe.SGD(weight_decay=0.5, weight_decay_on="all"),
    schedule=krr.schedules.Step(boundaries=(1,)),
)


def after_one_update(recipe):
    """Returns every variable, by the end of its path, after one update from 1 with gradient 1."""
    model = build.network(recipe)
    optimizer = build.optimizer(recipe, model, steps=1)
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(keras.ops.ones(weight.shape))
    optimizer.apply([keras.ops.ones(weight.shape) for weight in weights], weights)
    return {
        "/".join(weight.path.split("/")[-2:]): float(keras.ops.convert_to_numpy(weight).mean())
        for weight in weights
    }


def test_biases_and_the_head_have_their_own_factors():
    updated = after_one_update(
        SGD.replace(bias_learning_rate_factor=4.0, head_learning_rate_factor=0.5)
    )
    assert len(updated) == 19 + 2 * 19 + 2
    for path, value in updated.items():
        rate, decay = 1.0, 0.5
        if path.endswith(("beta", "bias")):
            rate, decay = 4.0, 0.125
        if path.startswith("fc/"):
            rate *= 0.5
        # Exact, because all numbers are powers of two.
        assert value == 1 - rate * (1 + decay), path
    assert updated["fc/bias"] == 1 - 2 * 1.125


@pytest.mark.parametrize("optimizer", ["Lamb", "AdamW", "RMSpropTF"])
def test_every_optimizer_uses_the_head_factor(optimizer):
    kind = getattr(krr.recipe, optimizer)
    plain = krr.Recipe(network="ResNet20", classes=3, optimizer=kind(), learning_rate=0.25)
    before = after_one_update(plain)
    updated = after_one_update(plain.replace(head_learning_rate_factor=0.5))
    for path, value in updated.items():
        factor = 0.5 if path.startswith("fc/") else 1.0
        np.testing.assert_allclose(value - 1, factor * (before[path] - 1), rtol=1e-6)


def test_without_factors_the_optimizer_has_none():
    config = build.optimizer(SGD, build.network(SGD), steps=1).get_config()
    assert config["learning_rate_factors"] == config["weight_decay_factors"] == {}
