"""One forward and backward pass in training mode on the current backend."""

from typing import NamedTuple

import keras
import numpy as np


class Step(NamedTuple):
    """Results of a pass; the dictionaries are keyed by `(layer name, variable name)`."""

    loss: np.ndarray
    logits: np.ndarray
    gradients: dict
    moving: dict


def training_step(model, images, loss_of):
    """Runs `model(images, training=True)` and differentiates `loss_of(logits)`."""
    run = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[keras.backend.backend()]
    loss, logits, gradients, moving = run(model, images, loss_of)
    to_numpy = keras.ops.convert_to_numpy
    return Step(
        loss=to_numpy(loss),
        logits=to_numpy(logits),
        gradients=dict(
            zip(_keys(model.trainable_variables), map(to_numpy, gradients), strict=True)
        ),
        moving=dict(zip(_keys(model.non_trainable_variables), map(to_numpy, moving), strict=True)),
    )


def _keys(variables):
    return [tuple(variable.path.split("/")[-2:]) for variable in variables]


def _tensorflow(model, images, loss_of):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = loss_of(logits)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    moving = [variable.numpy() for variable in model.non_trainable_variables]
    return loss, logits, gradients, moving


def _jax(model, images, loss_of):
    import jax

    def forward(trainable):
        non_trainable = [variable.value for variable in model.non_trainable_variables]
        logits, moving = model.stateless_call(trainable, non_trainable, images, training=True)
        return loss_of(logits), (logits, moving)

    trainable = [variable.value for variable in model.trainable_variables]
    step = jax.jit(jax.value_and_grad(forward, has_aux=True))
    (loss, (logits, moving)), gradients = step(trainable)
    return loss, logits, gradients, moving


def _torch(model, images, loss_of):
    model.zero_grad()
    logits = model(images, training=True)
    loss = loss_of(logits)
    loss.backward()
    gradients = [variable.value.grad for variable in model.trainable_variables]
    moving = [variable.numpy() for variable in model.non_trainable_variables]
    return loss.detach(), logits.detach(), gradients, moving
