"""All repairs of an optimizer in one function."""

import keras

from keras_resnet_recipes.distribution.accumulation import GradientAccumulation
from keras_resnet_recipes.distribution.clipping import clip_after_sum
from keras_resnet_recipes.distribution.loss_scale import AgreeingLossScale


def repair_optimizer(
    optimizer: keras.optimizers.Optimizer,
    *,
    accumulation_steps: int = 1,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Returns an optimizer that is correct on any number of replicas.

    Call it inside `scope`, and compile with `auto_scale_loss=False`.

    Args:
        optimizer: Any Keras optimizer without gradient accumulation. On several replicas it is changed
            in place.
        accumulation_steps: Number of micro-batches per update, at least 1.
        loss_scaling: Whether to scale the loss dynamically, as needed for float16.

    Returns:
        An optimizer with the same settings; on one device without accumulation and loss scaling, the
        optimizer itself.

    Raises:
        ValueError: If the optimizer accumulates gradients already, or `accumulation_steps` is less than 1.

    Example:
        >>> optimizer = repair_optimizer(keras.optimizers.SGD(0.1), accumulation_steps=4)
        >>> optimizer.steps
        4
    """
    if accumulation_steps < 1:
        raise ValueError(
            "`accumulation_steps` must be at least 1. "
            f"Received: accumulation_steps={accumulation_steps!r}"
        )
    if isinstance(optimizer, GradientAccumulation | keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            f"`optimizer` must not be repaired or wrapped already. Received: {type(optimizer).__name__}"
        )
    if _on_replicas():
        if optimizer.gradient_accumulation_steps:
            raise ValueError(
                "`optimizer` must not accumulate gradients itself on several replicas "
                "(keras-team/keras issue 20582); use `accumulation_steps`. Received: "
                f"gradient_accumulation_steps={optimizer.gradient_accumulation_steps!r}"
            )
        optimizer = clip_after_sum(optimizer)
    if loss_scaling:
        optimizer = AgreeingLossScale(optimizer)
    if accumulation_steps > 1:
        optimizer = GradientAccumulation(optimizer, accumulation_steps)
    return optimizer


def _on_replicas() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync > 1
