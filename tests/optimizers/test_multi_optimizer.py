"""Several optimizers as one: its learning rate, its state, and what wraps it."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.distribution import repair_optimizer
from keras_resnet_recipes.optimizers import SGD, MultiOptimizer, Muon
from keras_resnet_recipes.schedules import Cosine

pytestmark = pytest.mark.every_backend


def optimizer(rate=0.5, other=0.25, **settings):
    groups = {"(.*/)?conv/kernel": Muon(other, **settings)}
    return MultiOptimizer(keras.optimizers.OptimizerMap(SGD(rate, **settings), groups))


def rates(made):
    return [float(ops.convert_to_numpy(one.learning_rate)) for one in made.inner_optimizers]


def test_the_learning_rate_is_that_of_the_default_and_sets_all_in_proportion():
    made = optimizer()
    assert float(ops.convert_to_numpy(made.learning_rate)) == 0.5
    for rate in (0.0, 2.0):
        made.learning_rate = rate
        assert rates(made) == [rate / 2, rate]


def test_a_schedule_is_read_at_the_update_and_cannot_be_set():
    schedule = Cosine(1.0, 4, warmup_epochs=0, minimum_learning_rate=0.0).per_update(1)
    made = optimizer(schedule, 0.25)
    # Only the Muon has variables.
    layer = keras.layers.Dense(2, use_bias=False, name="conv")
    layer.build((None, 2))
    for _ in range(2):
        made.apply([ops.ones((2, 2))], [layer.kernel])
    assert float(ops.convert_to_numpy(made.learning_rate)) == pytest.approx(0.5)
    assert float(ops.convert_to_numpy(made.inner_optimizers[0].learning_rate)) == 0.25
    with pytest.raises(TypeError, match="not settable"):
        made.learning_rate = 0.1


def test_keras_optimizer_still_has_no_learning_rate():
    """Otherwise `keras.optimizers.MultiOptimizer` could be used."""
    made = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(SGD(0.1)))
    with pytest.raises(AttributeError, match="Learning rate cannot be accessed"):
        _ = made.learning_rate


def model(made):
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False, name="conv"),
            keras.layers.BatchNormalization(name="bn"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="fc"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(made, loss, auto_scale_loss=False)
    return network


def images_and_labels(count=8):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 3)).astype("float32"), np.arange(count) % 3


@pytest.mark.parametrize("wrapped", [{}, {"loss_scaling": True, "accumulation_steps": 2}])
def test_keras_callbacks_schedule_it(wrapped):
    made, seen = optimizer(), []
    network = model(repair_optimizer(made, **wrapped))
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / 2**epoch),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(rates(made))),
    ]
    history = network.fit(*images_and_labels(), epochs=2, verbose=0, callbacks=callbacks)
    assert seen == [[0.25, 0.5], [0.125, 0.25]]
    assert history.history["learning_rate"] == [0.5, 0.25]


@pytest.mark.parametrize("repaired", [False, True])
def test_loading_does_not_change_the_next_update(tmp_path, repaired):
    made = optimizer(0.05, 0.1)
    if repaired:
        made = repair_optimizer(made, accumulation_steps=2, loss_scaling=True)
    network, (images, labels) = model(made), images_and_labels()
    for _ in range(3):
        network.train_on_batch(images, labels)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for _ in range(3):
        network.train_on_batch(images, labels)
        loaded.train_on_batch(images, labels)
    for kept, restored in zip(network.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(restored, kept)


def test_an_overflow_skips_the_update_of_all():
    made = repair_optimizer(optimizer(), loss_scaling=True)
    network, (images, labels) = model(made), images_and_labels()
    before = [ops.convert_to_numpy(weight) for weight in network.trainable_weights]
    network.train_on_batch(np.inf * np.ones_like(images), labels)
    for one, other in zip(before, network.trainable_weights, strict=True):
        np.testing.assert_array_equal(one, ops.convert_to_numpy(other))
    assert int(ops.convert_to_numpy(made.iterations)) == 0
    network.train_on_batch(images, labels)
    assert int(ops.convert_to_numpy(made.iterations)) == 1
