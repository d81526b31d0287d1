"""Selection of the variables with weight decay, by the rules of the papers."""

from typing import Any, Literal

import keras

from keras_resnet_recipes.optimizers.lamb import Lamb

_NORMS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def exclude_from_decay(
    optimizer: keras.optimizers.Optimizer,
    model: keras.Model,
    keep: Literal["kernels", "all", "all_but_norm"],
) -> None:
    """Restricts the weight decay of an optimizer to some variables of a model.

    Call it before the optimizer is built. It calls `optimizer.exclude_from_weight_decay(var_list=…)`;
    the optimizers of this package save the exclusion, Keras' own lose it.

    Args:
        optimizer: Any Keras optimizer, or one that wraps another (`inner_optimizer`).
        model: The model, built.
        keep: Variables that are decayed. "kernels": variables with two or more dimensions that are not
            named "bias" ("ResNet strikes back", Bag of Tricks, DeiT). "all": every trainable variable (He
            2015, Page). "all_but_norm": all except the scales and shifts of normalization layers, so
            that the classifier's bias is decayed, too (torchvision).

    Raises:
        ValueError: If `keep` is none of these, the model is not built, or `keep` is not "kernels"
            with `Lamb`, which decays kernels only.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="fc")])
        >>> optimizer = keras.optimizers.SGD(0.1, weight_decay=0.5)
        >>> exclude_from_decay(optimizer, model, "kernels")
        >>> [optimizer._use_weight_decay(variable) for variable in model.trainable_variables]
        [True, False]

    References:
        `param_groups_weight_decay` of timm (huggingface/pytorch-image-models); `set_weight_decay`
        of torchvision's training script; dawn.py of davidcpage/cifar10-fast.
    """
    if keep not in ("kernels", "all", "all_but_norm"):
        raise ValueError(
            f"`keep` must be 'kernels', 'all' or 'all_but_norm'. Received: keep={keep!r}"
        )
    if not model.built:
        raise ValueError(
            f"`model` must be built, so that it has variables. Received: model={model.name!r}"
        )
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    if keep != "kernels" and isinstance(optimizer, Lamb):
        raise ValueError(
            f"`keep` must be 'kernels' with Lamb, which decays only kernels. Received: keep={keep!r}"
        )
    if undecayed := _undecayed(model, keep):
        optimizer.exclude_from_weight_decay(var_list=undecayed)


def _undecayed(model: keras.Model, keep: str) -> list[Any]:
    if keep == "all":
        return []
    if keep == "kernels":
        return [v for v in model.trainable_variables if len(v.shape) < 2 or v.name == "bias"]
    norms = (layer for layer in model._flatten_layers() if isinstance(layer, _NORMS))
    return [variable for norm in norms for variable in norm.trainable_variables]
