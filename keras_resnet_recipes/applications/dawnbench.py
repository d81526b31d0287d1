"""The CIFAR-10 networks of David Page's speed run and of its architecture search."""

from collections.abc import Collection
from functools import partial

import keras

from keras_resnet_recipes.applications.blocks import add, drop_path_rates
from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
    torch_uniform,
)
from keras_resnet_recipes.applications.network import Network, network, pool, without_branches


def backbone_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    residual: Collection[int] = (),
    extra: Collection[int] = (),
    channels: tuple[int, int, int, int] = (64, 128, 256, 512),
) -> Tensor:
    """Four 3x3 convolutions, the last three of them pooled, with more in the layers named.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Stochastic depth of the last residual branch, 0 to 1; not read without one.
        residual: Layers, of 1, 2 and 3, after which a branch of two convolutions is added.
        extra: Layers, of 1, 2 and 3, after which one more convolution follows.
        channels: Channels of the first convolution and of each layer.

    Returns:
        Features, `(batch, height // 8, width // 8, channels[3])`.

    Raises:
        ValueError: If `residual` or `extra` names another layer.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import backbone_features
        >>> backbone_features(keras.Input((32, 32, 3)), 0.0, extra=(1, 2, 3)).shape
        (None, 4, 4, 512)

    References:
        `net` of `dawn.py` in davidcpage/cifar10-fast.
    """
    for argument, layers in (("residual", residual), ("extra", extra)):
        if not set(layers) <= {1, 2, 3}:
            raise ValueError(f"{argument}={layers!r}: expected layers of 1, 2 and 3.")
    rates = iter(drop_path_rates(drop_path_rate, max(1, len(set(residual)))))
    x = _unit(images, channels[0], name="prep")
    for layer in (1, 2, 3):
        filters = channels[layer]
        x = _unit(x, filters, name=f"layer{layer}")
        x = keras.layers.MaxPooling2D(2, data_format="channels_last", name=f"layer{layer}_pool")(x)
        if layer in residual:
            y = _unit(x, filters, name=f"res{layer}a")
            y = _unit(y, filters, name=f"res{layer}b")
            x = add(y, x, next(rates), name=f"res{layer}")
        if layer in extra:
            x = _unit(x, filters, name=f"extra{layer}")
    return x


def maximum_classifier(features: Tensor, classes: int) -> Tensor:
    """Global maximum pooling and a layer without bias, scaled by 1/8.

    Args:
        features: Features, `(batch, height, width, channels)`.
        classes: Number of outputs, at least 1.

    Returns:
        Logits, `(batch, classes)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import maximum_classifier
        >>> maximum_classifier(keras.Input((4, 4, 512)), 10).shape
        (None, 10)

    References:
        `basic_net` of `dawn.py` in davidcpage/cifar10-fast.
    """
    x = pool(features, "max")
    x = keras.layers.Dense(
        classes, use_bias=False, kernel_initializer=torch_uniform(x.shape[-1]), name="linear"
    )(x)
    return keras.layers.Rescaling(0.125, name="classifier")(x)


def dawnbench_network(
    name: str,
    *,
    summary: str,
    residual: Collection[int] = (),
    extra: Collection[int] = (),
    channels: tuple[int, int, int, int] = (64, 128, 256, 512),
) -> Network:
    """Makes the function that builds a network of the architecture search.

    The search went through the bare backbone, the seven choices of layers with a residual branch
    and the seven with an extra convolution; `ResNet9` has branches in layers 1 and 3.

    Args:
        name: Name of the function; in lower case, of its models.
        summary: First paragraph of its docstring.
        residual: Layers, of 1, 2 and 3, after which a branch of two convolutions is added.
        extra: Layers, of 1, 2 and 3, after which one more convolution follows.
        channels: Channels of the first convolution and of each layer.

    Returns:
        A function with the signature `Network`, for 10 classes and Page's normalization.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench import dawnbench_network
        >>> Extra = dawnbench_network("Extra", summary="Seven convolutions.", extra=(1, 2, 3))
        >>> Extra().output_shape
        (None, 10)

    References:
        Page, "How to Train Your ResNet", part 4; `experiments.ipynb` in davidcpage/cifar10-fast.
    """
    features = partial(backbone_features, residual=residual, extra=extra, channels=channels)
    return network(
        name,
        features if residual else partial(without_branches, features=features),
        summary=summary,
        reference="Page, cifar10-fast (github.com/davidcpage/cifar10-fast), `dawn.py`.",
        default_classes=10,
        classifier=maximum_classifier,
        mean=(125.31, 122.95, 113.87),
        std=(62.99, 62.09, 66.7),
    )


def _unit(x: Tensor, filters: int, *, name: str) -> Tensor:
    initializer = partial(torch_uniform, 9 * x.shape[-1])
    x = convolution(x, filters, 3, initializer=initializer, name=f"{name}_conv")
    x = batch_normalization(x, name=f"{name}_bn")
    return keras.layers.ReLU(name=f"{name}_relu")(x)


ResNet9 = dawnbench_network(
    "ResNet9",
    summary="ResNet-9 of the CIFAR-10 speed run: 8 convolutions, 6,573,120 parameters.",
    residual=(1, 3),
)
