"""Training on several devices and, with JAX, several hosts, with repairs of faults in Keras.

Each of these repairs a fault of Keras 3.15 under `tf.distribute.MirroredStrategy`:

    clip_after_sum        gradients are clipped per replica, before they are summed
    AgreeingLossScale     only the first replica is checked for overflow
    GradientAccumulation  accumulation fails; elsewhere EMAs are updated too often
    AveragedStatistics    every replica keeps its own BatchNorm statistics, and the first's are saved

`repair_optimizer` applies the first three to any Keras optimizer. On several hosts `join_hosts`, `host`,
`is_writer`, `alone` and `gather` coordinate the processes.
"""

from keras_resnet_recipes.distribution.accumulation import GradientAccumulation
from keras_resnet_recipes.distribution.batch_norm import (
    AveragedStatistics,
    average_statistics,
    synchronize_statistics,
)
from keras_resnet_recipes.distribution.clipping import clip_after_sum
from keras_resnet_recipes.distribution.hosts import alone, gather, host, is_writer, join_hosts
from keras_resnet_recipes.distribution.loss_scale import AgreeingLossScale
from keras_resnet_recipes.distribution.repair import repair_optimizer
from keras_resnet_recipes.distribution.scope import (
    accelerators,
    scope,
    scope_of,
    unused_accelerator,
)

__all__ = [
    "AgreeingLossScale",
    "AveragedStatistics",
    "GradientAccumulation",
    "accelerators",
    "alone",
    "average_statistics",
    "clip_after_sum",
    "gather",
    "host",
    "is_writer",
    "join_hosts",
    "repair_optimizer",
    "scope",
    "scope_of",
    "synchronize_statistics",
    "unused_accelerator",
]
