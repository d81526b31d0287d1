"""FFCV's recipes at all published lengths: sizes, rates, weights that decay."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_resnet_recipes as krr
from keras_resnet_recipes.training import build
from keras_resnet_recipes.training.learning_rate import first_rate

RECIPES = [krr.FFCVResNet50, krr.FFCVResNet18]
LENGTHS = (16, 24, 32, 40, 56, 88)


@pytest.mark.parametrize("epochs", LENGTHS)
@pytest.mark.parametrize("kind", RECIPES)
def test_sizes_of_every_epoch_equal_the_configurations(golden, kind, epochs):
    recipe = kind(epochs=epochs)
    sizes = [recipe.train_size_in(epoch) for epoch in range(epochs)]
    np.testing.assert_array_equal(sizes, golden("ffcv")[f"sizes_{epochs}"])
    assert recipe.train_sizes == [160, 192]


@pytest.mark.every_backend
@pytest.mark.parametrize("epochs", LENGTHS)
@pytest.mark.parametrize("kind", RECIPES)
def test_rates_of_updates_equal_numpys_interpolation(golden, kind, epochs):
    g, name = golden("ffcv"), kind.__name__
    steps = int(g[f"{name}_steps"])
    rates = g[f"{name}_{epochs}"]
    updates = np.arange(len(rates)) * g.meta["every"]
    schedule = first_rate(kind(epochs=epochs), steps)
    made = ops.convert_to_numpy(schedule(ops.convert_to_tensor(updates, "int32")))
    # A few roundings of float32.
    np.testing.assert_allclose(made, rates, rtol=5e-7, atol=0)


@pytest.mark.parametrize("kind", RECIPES)
def test_every_length_has_its_figure(kind):
    assert tuple(epochs for epochs, _ in kind.published_lengths) == LENGTHS
    for epochs, top1 in kind.published_lengths:
        recipe = kind(epochs=epochs)
        assert recipe.published == top1
        assert f"published top-1 {top1} %" in str(recipe)
        assert f"| {epochs} | {top1} % |" in kind.__doc__


def test_weights_that_decay_are_those_without_bn_in_their_name():
    # Begins at the peak, with a visible decay.
    recipe = krr.FFCVResNet18(
        classes=3, schedule=krr.schedules.Polynomial(), learning_rate=1, weight_decay=0.25
    )
    network = build.network(recipe)
    optimizer = build.compiled(recipe, network, 1, 10).optimizer
    grown = [ops.ones(variable.shape) for variable in network.trainable_variables]
    for variable, value in zip(network.trainable_variables, grown, strict=True):
        variable.assign(value)
    optimizer.apply([ops.zeros(value.shape) for value in grown])
    decayed = {
        variable.path: float(np.mean(1 - ops.convert_to_numpy(variable)))
        for variable in network.trainable_variables
    }
    # With a gradient of 0, a step of SGD subtracts the decay times the weight.
    expected = {path: 0.0 if "bn" in path else recipe.weight_decay for path in decayed}
    assert decayed == expected
    named = {path for path, value in decayed.items() if value}
    assert {"layer2_0_downsample_1/gamma", "layer2_0_downsample_1/beta", "fc/bias"} <= named
    assert not {"bn1/gamma", "layer2_0_bn2/beta"} & named


def test_a_length_that_was_not_published_has_sizes_and_rates():
    recipe = krr.FFCVResNet50(epochs=20)
    assert recipe.published == 78.4
    assert [recipe.train_size_in(epoch) for epoch in (13, 14, 15, 19)] == [160, 160, 192, 192]
    assert keras.ops.convert_to_numpy(first_rate(recipe, 10)(199)) == pytest.approx(1.7 / 180)
