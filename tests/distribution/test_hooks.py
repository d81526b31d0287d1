"""Undocumented parts of Keras that the repairs need; each test covers one."""

import keras
import numpy as np
import pytest


def applied(kind, calls):
    """Returns those of the given methods that an optimizer calls in an update, in order."""

    def recorded(name):
        def method(self, *arguments):
            calls.append(name)
            return getattr(kind, name)(self, *arguments)

        return method

    names = ("_clip_gradients", "_all_reduce_sum_gradients", "update_step")
    made = type("Recorded", (kind,), {name: recorded(name) for name in names})
    weight = keras.Variable([1.0])
    made(0.1, global_clipnorm=1.0).apply([keras.ops.array([1.0])], [weight])


def test_an_update_calls_the_methods_for_clipping_and_then_for_the_sum():
    calls = []
    applied(keras.optimizers.SGD, calls)
    assert calls == ["_clip_gradients", "_all_reduce_sum_gradients", "update_step"]


@pytest.mark.every_backend
def test_the_loss_scale_calls_check_finite(monkeypatch):
    monkeypatch.setattr(
        keras.optimizers.LossScaleOptimizer, "check_finite", lambda self, grads: grads[0][0] > 5
    )
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=1.0)
    weight = keras.Variable([10.0])
    optimizer.build([weight])
    if keras.backend.backend() == "jax":
        state = [variable.value for variable in optimizer.variables]
        (value,), _ = optimizer.stateless_apply(state, [keras.ops.array([4.0])], [weight.value])
    else:
        optimizer.apply([keras.ops.array([4.0])], [weight])
        value = weight
    assert keras.ops.convert_to_numpy(value)[0] == 10.0


@pytest.mark.every_backend
def test_optimizers_have_the_index_of_a_variable():
    variables = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(variables)
    assert [optimizer._get_variable_index(variable) for variable in variables] == [0, 1]
    assert optimizer._trainable_variables == variables


@pytest.mark.every_backend
def test_flatten_layers_finds_nested_layers():
    norm = keras.layers.BatchNormalization()
    inner = keras.Sequential([keras.Input((2,)), norm])
    outer = keras.Sequential([keras.Input((2,)), inner])
    assert norm in list(outer._flatten_layers())


@pytest.mark.every_backend
def test_a_metric_named_loss_replaces_the_loss():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    seven = keras.metrics.MeanMetricWrapper(lambda y, p: 7.0 + 0.0 * p[:, 0], name="loss")
    model.compile("sgd", "mse", weighted_metrics=[seven])
    x, y = np.ones((4, 2)), np.ones((4, 1))
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {"loss": 7.0}
    assert model.fit(x, y, verbose=0).history == {"loss": [7.0]}


def test_properties_of_tensorflows_strategies():
    import tensorflow as tf

    assert isinstance(tf.__internal__.distribute.strategy_supports_no_merge_call(), bool)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert model.distribute_strategy is tf.distribute.get_strategy()


def test_synchronized_is_read_at_every_call():
    norm = keras.layers.BatchNormalization()
    norm.build((None, 2))
    seen = []
    original = keras.ops.moments
    norm._moments = lambda inputs, mask: (
        seen.append(norm.synchronized) or original(inputs, [0], synchronized=False)
    )
    norm.synchronized = True
    norm(np.ones((2, 2), "float32"), training=True)
    assert seen == [True]
