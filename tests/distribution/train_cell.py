"""Trains a tiny ResNet for four updates with given settings on 1, 2 or 4 CPU devices.

A separate program, because TensorFlow's devices are fixed at its start, and two MirroredStrategies of
different size in one process abort each other:

    python train_cell.py REPLICAS RESULT.npz < cells.json

cells.json is a list of settings (changes of `DEFAULTS`); RESULT.npz has for cell i the arrays "i/before" and
"i/after", all trainable weights in one row, "i/norms", the global norm of the gradient before clipping per
replica and update, "i/statistics", those of BatchNorm in one row per replica, "i/iterations" and "i/loss"; or
"i/error", a string. A cell with `shards` is a reference: it has "before", "after", "norms" and "iterations".
"""

import json
import os
import sys
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

from keras_resnet_recipes import averages, distribution, optimizers
from keras_resnet_recipes.training.model import TrainingModel

DEFAULTS = {
    "optimizer": "sgd",  # sgd, lamb, adaptive (SGD with adaptive clipping)
    "clip": None,  # limit of the global norm
    "accumulation": 1,  # micro-batches per update
    "precision": "float32",  # a dtype policy
    "batch_norm": None,  # replica, synchronized; None has none
    "ema": False,  # EMA of the weights
    "average": None,  # decay of an EMA of all weights, which then is in "after" and "statistics"
    "stock": False,  # Keras without repairs
    "shards": None,  # a reference: number of shards of each batch, processed one after the other on one device
    "overflow": None,  # index of an image in the second update that overflows float16
}
UPDATES, BATCH, CLASSES = 4, 16, 5
LOSS = keras.losses.CategoricalCrossentropy(from_logits=True)


def images_and_targets() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    images = rng.standard_normal((UPDATES * BATCH, 16, 16, 3)).astype("float32")
    return images, np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, len(images))]


def network(batch_norm: str | None) -> keras.Model:
    def normalized(x: Any) -> Any:
        return x if batch_norm is None else keras.layers.BatchNormalization(momentum=0.9)(x)

    def convolution(x: Any, size: int, strides: int = 1) -> Any:
        layer = keras.layers.Conv2D(8, size, strides=strides, padding="same", use_bias=False)
        return normalized(layer(x))

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.ReLU()(convolution(inputs, 3))
    for strides in (1, 2):
        branch = keras.layers.ReLU()(convolution(x, 3, strides))
        branch = convolution(branch, 3)
        shortcut = x if strides == 1 else convolution(x, 1, strides)
        x = keras.layers.ReLU()(keras.layers.Add()([branch, shortcut]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, dtype="float32")(x))


def normalized_network(batch_norm: str | None) -> keras.Model:
    model = network(batch_norm)
    if batch_norm == "synchronized":
        distribution.synchronize_statistics(model)
    return model


def watched_optimizer(cell: dict[str, Any], norms: list[float]) -> keras.optimizers.Optimizer:
    """Returns the cell's optimizer, which appends the norms before clipping to the list."""
    settings = {"global_clipnorm": cell["clip"], "use_ema": cell["ema"], "ema_momentum": 0.9}
    if cell["stock"] and cell["accumulation"] > 1:
        settings["gradient_accumulation_steps"] = cell["accumulation"]
    # With a small epsilon LAMB is independent of the gradient's scale, and rounding errors become whole steps.
    made = {
        "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, **settings),
        "lamb": lambda: optimizers.Lamb(0.01, weight_decay=0.02, epsilon=1e-3, **settings),
        "adaptive": lambda: optimizers.SGD(0.01, momentum=0.9, adaptive_clip=1e-3, **settings),
    }
    optimizer = made[cell["optimizer"]]()
    clip = optimizer._clip_gradients

    def watched_clip(gradients: list[Any]) -> list[Any]:
        tf.py_function(norms.append, [tf.linalg.global_norm(gradients)], [])
        return clip(gradients)

    optimizer._clip_gradients = watched_clip
    return optimizer


def compiled(
    cell: dict[str, Any], norms: list[float], average: averages.MovingAverage | None
) -> keras.Model:
    model = normalized_network(cell["batch_norm"])
    if average is not None:
        model = TrainingModel(model, average=average)
    optimizer = watched_optimizer(cell, norms)
    if not cell["stock"]:
        optimizer = distribution.repair_optimizer(
            optimizer,
            accumulation_steps=cell["accumulation"],
            loss_scaling=cell["precision"] == "mixed_float16",
        )
    model.compile(optimizer, LOSS, auto_scale_loss=cell["stock"], jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def train(cell: dict[str, Any]) -> dict[str, Any]:
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(cell["precision"])
    images, targets = images_and_targets()
    if cell["overflow"] is not None:
        images[BATCH + cell["overflow"]] = 6e4
    batches = tf.data.Dataset.from_tensor_slices((images, targets))
    batches = batches.batch(BATCH // cell["accumulation"], drop_remainder=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    norms = []
    average = None if cell["average"] is None else averages.MovingAverage(cell["average"])
    model = compiled(cell, norms, average)
    before = row(model.trainable_variables)
    callbacks = [] if cell["stock"] else [distribution.AveragedStatistics()]
    history = model.fit(
        batches.with_options(options), shuffle=False, verbose=0, callbacks=callbacks
    ).history
    if average is not None:
        average.finish()
    return {
        "before": before,
        "after": row(model.trainable_variables),
        "norms": np.array(norms),
        "statistics": statistics(model),
        "loss": history["loss"][0],
        "iterations": int(model.optimizer.iterations.numpy()),
    }


def train_by_shards(cell: dict[str, Any]) -> dict[str, Any]:
    """Computes the reference of `train` in a plain loop with unrepaired optimizers.

    An update uses the mean of the shards' gradients; BatchNorm normalizes one shard at a time.
    """
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(cell["precision"])
    images, targets = images_and_targets()
    model, norms = normalized_network(cell["batch_norm"]), []
    optimizer = watched_optimizer(cell, norms)
    if cell["precision"] == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    variables = model.trainable_variables
    optimizer.build(variables)
    before = row(variables)

    def gradients(shard: slice) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = LOSS(targets[shard], model(images[shard], training=True))
            loss = optimizer.scale_loss(loss)
        return tape.gradient(loss, [variable.value for variable in variables])

    size = BATCH // cell["shards"]
    for start in range(0, len(images), BATCH):
        starts = range(start, start + BATCH, size)
        each = [gradients(slice(start, start + size)) for start in starts]
        means = [tf.add_n(same) / cell["shards"] for same in zip(*each, strict=True)]
        optimizer.apply(means, variables)
    return {
        "before": before,
        "after": row(variables),
        "norms": np.array(norms),
        "iterations": int(optimizer.iterations.numpy()),
    }


def statistics(model: keras.Model) -> np.ndarray:
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    copies = [
        [value.numpy() for value in model.distribute_strategy.experimental_local_results(variable)]
        for layer in norms
        for variable in (layer.moving_mean.value, layer.moving_variance.value)
    ]
    return np.array([np.concatenate(replica) for replica in zip(*copies, strict=True)])


def row(variables: list[Any]) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(np.ravel(variable.numpy()) for variable in variables)])


def main(replicas: int, path: str) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    arrays = {}
    for number, changes in enumerate(json.load(sys.stdin)):
        cell = {**DEFAULTS, **changes}
        wanted = 1 if cell["shards"] else replicas
        with distribution.scope("mirrored" if wanted > 1 else "none") as made:
            assert made == wanted
            try:
                results = train_by_shards(cell) if cell["shards"] else train(cell)
            except Exception as error:
                results = {"error": f"{type(error).__name__}: {error}"}
        arrays.update({f"{number}/{name}": value for name, value in results.items()})
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
