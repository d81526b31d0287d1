"""A loss or weight that is not finite stops the run."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.distribution import repair_optimizer
from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.runs.non_finite import NonFinite

pytestmark = pytest.mark.every_backend


def model_of():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.25), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def data(*bad):
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
    y = x[:, :1].copy()
    for batch in bad:
        x[4 * batch + 1] = np.nan
    return x, y


def train(model, x, y, *callbacks, epochs=1):
    return model.fit(
        x, y, batch_size=4, shuffle=False, epochs=epochs, verbose=0, callbacks=[*callbacks]
    )


def test_the_error_names_the_step_and_the_checkpoint_is_finite(tmp_path):
    model, folder = model_of(), RunFolder(tmp_path, save_every=1)
    message = (
        r"the loss was nan in epoch 1, step 4 \(learning rate 0.25\)|was not finite in epoch 1"
    )
    with pytest.raises(FloatingPointError, match=message):
        train(model, *data(3), NonFinite(), folder)
    fresh = model_of()
    assert 1 <= RunFolder(tmp_path).restore(fresh).batches <= 3
    assert all(np.isfinite(weight).all() for weight in fresh.get_weights())


def test_the_step_is_exact_without_checkpoints():
    with pytest.raises(FloatingPointError, match="the loss was nan in epoch 1, step 3 "):
        train(model_of(), *data(2, 4), NonFinite())


def test_weights_are_checked_at_the_end_of_the_epoch():
    model = model_of()
    variance = next(weight for weight in model.weights if "moving_variance" in weight.path)
    variance.assign(np.full(3, np.inf, "float32"))
    with pytest.raises(
        FloatingPointError, match="moving_variance` was not finite at the end of epoch 1"
    ):
        train(model, *data(), NonFinite())


def test_an_overflowing_gradient_with_loss_scaling_is_not_an_error():
    model = model_of()
    scaled = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.01), initial_scale=2.0**127, dynamic_growth_steps=1000
    )
    model.compile(scaled, "mse")
    scaled.build(model.trainable_variables)
    x, y = data()
    history = train(model, 1e3 * x, 1e3 * y, NonFinite())
    assert np.isfinite(history.history["loss"]).all()
    assert float(scaled.dynamic_scale) < 2.0**127


def accumulating_model(*, loss_scaling):
    model = model_of()
    model.compile(
        repair_optimizer(
            keras.optimizers.Adam(0.25), accumulation_steps=2, loss_scaling=loss_scaling
        ),
        "mse",
    )
    model.optimizer.build(model.trainable_variables)
    return model


def test_the_error_counts_updates_and_reports_the_loss_scale():
    model = accumulating_model(loss_scaling=True)
    # 2 ** 15, possibly halved by the time the thread that checks the loss reads it.
    message = r"epoch 1, step 2 \(learning rate 0.25, loss scale (3.277|1.638)e\+04\)"
    with pytest.raises(FloatingPointError, match=message):
        train(model, *data(3), NonFinite(batches_per_update=2))
