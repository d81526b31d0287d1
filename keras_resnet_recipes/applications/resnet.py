"""The ImageNet ResNets, version 1.5: 18, 34, 50, 101 and 152 layers."""

from collections.abc import Callable
from functools import partial

import keras

from keras_resnet_recipes.applications.blocks import (
    Tensor,
    basic_block,
    batch_normalization,
    bottleneck_block,
    convolution,
    drop_path_rates,
)
from keras_resnet_recipes.applications.network import network


def resnet_stem(images: Tensor) -> Tensor:
    """The first layers: a strided 7x7 convolution and a strided maximum, 4 pixels to 1.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.

    Returns:
        Features, `(batch, ceil(height / 4), ceil(width / 4), 64)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.resnet import resnet_stem
        >>> resnet_stem(keras.Input((224, 224, 3))).shape
        (None, 56, 56, 64)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), table 1.
    """
    x = convolution(images, 64, 7, strides=2, name="conv1")
    x = batch_normalization(x, name="bn1")
    x = keras.layers.ReLU(name="act1")(x)
    # Nothing after a ReLU is below zero, so zeros at the border never win the maximum.
    x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="maxpool_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, data_format="channels_last", name="maxpool")(x)


def resnet_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    stem: Callable[[Tensor], Tensor],
    block: Callable[..., Tensor],
    depths: tuple[int, ...],
) -> Tensor:
    """A stem and stages of residual blocks, each stage half the size and twice the width.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Stochastic depth of the last block, 0 to 1.
        stem: Function from images to the features of the first stage.
        block: Residual block, such as `basic_block`.
        depths: Number of blocks of each stage.

    Returns:
        Features, for four stages `(batch, ceil(height / 32), ceil(width / 32), channels)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import basic_block
        >>> from keras_resnet_recipes.applications.resnet import resnet_features, resnet_stem
        >>> images = keras.Input((64, 64, 3))
        >>> resnet_features(images, 0.0, stem=resnet_stem, block=basic_block, depths=(1, 1)).shape
        (None, 8, 8, 128)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), table 1.
    """
    rates = iter(drop_path_rates(drop_path_rate, sum(depths)))
    x = stem(images)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            x = block(
                x,
                64 * 2**stage,
                strides=2 if stage > 0 and index == 0 else 1,
                drop_path_rate=next(rates),
                name=f"layer{stage + 1}_{index}",
            )
    return x


_REFERENCE = """He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385),
    table 1; stride in the 3x3 convolution, zero last gammas, initial values and layer names:
    timm's `models/resnet.py`."""

_basic = partial(resnet_features, stem=resnet_stem, block=basic_block)
_bottleneck = partial(resnet_features, stem=resnet_stem, block=bottleneck_block)

ResNet18 = network(
    "ResNet18",
    partial(_basic, depths=(2, 2, 2, 2)),
    summary="ResNet-18: 8 basic blocks, 11,689,512 parameters at 1000 classes.",
    reference=_REFERENCE,
)
ResNet34 = network(
    "ResNet34",
    partial(_basic, depths=(3, 4, 6, 3)),
    summary="ResNet-34: 16 basic blocks, 21,797,672 parameters at 1000 classes.",
    reference=_REFERENCE,
)
ResNet50 = network(
    "ResNet50",
    partial(_bottleneck, depths=(3, 4, 6, 3)),
    summary="ResNet-50 v1.5: 16 bottleneck blocks, 25,557,032 parameters at 1000 classes.",
    reference=_REFERENCE,
)
ResNet101 = network(
    "ResNet101",
    partial(_bottleneck, depths=(3, 4, 23, 3)),
    summary="ResNet-101 v1.5: 33 bottleneck blocks, 44,549,160 parameters at 1000 classes.",
    reference=_REFERENCE,
)
ResNet152 = network(
    "ResNet152",
    partial(_bottleneck, depths=(3, 8, 36, 3)),
    summary="ResNet-152 v1.5: 50 bottleneck blocks, 60,192,808 parameters at 1000 classes.",
    reference=_REFERENCE,
)
