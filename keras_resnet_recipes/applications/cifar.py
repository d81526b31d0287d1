"""Residual and plain networks of the 2015 paper for 32x32 images, with 6n + 2 layers."""

from functools import partial

import keras

from keras_resnet_recipes.applications.blocks import Shortcut, basic_block, drop_path_rates
from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
)
from keras_resnet_recipes.applications.network import Network, network, without_branches
from keras_resnet_recipes.applications.shortcuts import zero_padding


def cifar_features(
    images: Tensor, drop_path_rate: float, *, depth: int, shortcut: Shortcut | None = zero_padding
) -> Tensor:
    """Applies a 3x3 convolution and three stages of `depth` basic blocks with 16, 32 and 64 channels.

    The last gamma of a branch is initialized to 1.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Rate of stochastic depth of the last block, 0 to 1.
        depth: Number of blocks per stage, the paper's n.
        shortcut: Shortcut of the blocks, in the paper without parameters (option A); None for the
            plain network.

    Returns:
        Features, `(batch, ceil(height / 4), ceil(width / 4), 64)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.cifar import cifar_features
        >>> cifar_features(keras.Input((32, 32, 3)), 0.0, depth=1).shape
        (None, 8, 8, 64)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 4.2.
    """
    x = convolution(images, 16, 3, name="conv")
    x = batch_normalization(x, name="bn")
    x = keras.layers.ReLU(name="act")(x)
    for block, rate in enumerate(drop_path_rates(drop_path_rate, 3 * depth)):
        stage, index = divmod(block, depth)
        x = basic_block(
            x,
            16 * 2**stage,
            strides=2 if stage > 0 and index == 0 else 1,
            drop_path_rate=rate,
            name=f"blocks_{block}",
            shortcut=shortcut,
            last_gamma="ones",
        )
    return x


_REFERENCE = """He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385),
    section 4.2, which subtracts the per-pixel mean instead of ImageNet's."""


def _cifar_resnet(depth: int, parameters: str, remark: str = "") -> Network:
    layers = 6 * depth + 2
    return network(
        f"ResNet{layers}",
        partial(cifar_features, depth=depth),
        summary=f"ResNet-{layers} for CIFAR-10: {3 * depth} basic blocks, {parameters} parameters."
        f"{remark}",
        reference=_REFERENCE,
        default_classes=10,
    )


def _cifar_plain(depth: int, parameters: str) -> Network:
    layers = 6 * depth + 2
    features = partial(cifar_features, depth=depth, shortcut=None)
    return network(
        f"Plain{layers}",
        partial(without_branches, features=features),
        summary=f"Plain-{layers} for CIFAR-10: ResNet-{layers} without shortcuts, "
        f"{parameters} parameters.",
        reference=_REFERENCE,
        default_classes=10,
    )


ResNet20 = _cifar_resnet(3, "269,722")
ResNet32 = _cifar_resnet(5, "464,154")
ResNet44 = _cifar_resnet(7, "658,586")
ResNet56 = _cifar_resnet(9, "853,018")
ResNet110 = _cifar_resnet(18, "1,727,962")
ResNet1202 = _cifar_resnet(
    200,
    "19,421,274",
    """

Keras makes one recursive call per layer when it creates a model, more than Python allows by default.
This function raises the limit; before `keras.saving.load_model`, call `sys.setrecursionlimit(20_000)`,
or save only the weights, with `save_weights("x.weights.h5")`, and load them by
`ResNet1202("x.weights.h5")`.""",
)
Plain20 = _cifar_plain(3, "269,722")
Plain32 = _cifar_plain(5, "464,154")
Plain44 = _cifar_plain(7, "658,586")
Plain56 = _cifar_plain(9, "853,018")
Plain110 = _cifar_plain(18, "1,727,962")
