"""Training on several devices and, with JAX, several hosts, and what Keras gets wrong there, repaired.

What Keras 3.15 computes wrongly under `tf.distribute.MirroredStrategy`, each in a file of its own:

    clip_after_sum        clips the gradient of each replica before they are summed
    AgreeingLossScale     asks the first replica alone whether an update overflowed
    GradientAccumulation  cannot accumulate; elsewhere it averages variables too often
    AveragedStatistics    leaves every replica its own BatchNorm statistics, and saves the first's

`repair_optimizer` puts the first three around any Keras optimizer. On several hosts `join_hosts`, `host`,
`is_writer`, `alone` and `gather` tell who does what.
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
from keras_resnet_recipes.distribution.scope import accelerators, scope, scope_of

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
]
