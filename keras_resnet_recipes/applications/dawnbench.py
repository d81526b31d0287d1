"""CIFAR-10 networks of David Page's speed run and its architecture search."""

from collections.abc import Callable, Collection
from functools import partial

import keras

from keras_resnet_recipes.applications.blocks import add, drop_path_rates
from keras_resnet_recipes.applications.convolution import Tensor
from keras_resnet_recipes.applications.dawnbench_blocks import (
    activation,
    convolved,
    dense,
    plain_convolution,
    whitened,
)
from keras_resnet_recipes.applications.network import Classifier, Network, Trunk, network, pool

Channels = tuple[int, int, int, int]


def preactivation_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    branches: bool = True,
    channels: Channels = (64, 128, 256, 256),
) -> Tensor:
    """Applies a 3x3 convolution and eight pre-activation blocks: the first network of the search.

    A block adds a branch of two 3x3 convolutions to its normalized input, with a 1x1 convolution in the
    shortcut where the shape changes. Nothing follows the last sum.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Rate of stochastic depth of the last branch, 0 to 1.
        branches: Whether there are branches. Without them, eight normalizations and three strided 1x1
            convolutions remain, the search's first backbone.
        channels: Channels of the blocks, two blocks for each number; the first is also that of the
            convolution.

    Returns:
        Features, `(batch, ceil(height / 8), ceil(width / 8), channels[3])`.

    Raises:
        ValueError: If `drop_path_rate` is not 0 without branches.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import preactivation_features
        >>> preactivation_features(keras.Input((32, 32, 3)), 0.0).shape
        (None, 4, 4, 256)

    References:
        `DAWN_net`, `res_block` and `shortcut_block` of `experiments.ipynb` in
        davidcpage/cifar10-fast.
    """
    rates = iter(drop_path_rates(drop_path_rate, 8 if branches else 0))
    x = plain_convolution(images, channels[0], 3, name="prep_conv")
    for layer, filters in enumerate(channels, start=1):
        for index in range(2):
            name = f"layer{layer}_block{index}"
            strides = 2 if layer > 1 and index == 0 else 1
            x = y = activation(x, uniform_gamma=True, name=f"{name}_1")
            if strides > 1 or x.shape[-1] != filters:
                x = plain_convolution(x, filters, 1, strides=strides, name=f"{name}_conv3")
            if branches:
                y = plain_convolution(y, filters, 3, strides=strides, name=f"{name}_conv1")
                y = activation(y, uniform_gamma=True, name=f"{name}_2")
                y = plain_convolution(y, filters, 3, name=f"{name}_conv2")
                x = add(y, x, next(rates), name=name)
    return x


def backbone_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    residual: Collection[int] = (),
    extra: Collection[int] = (),
    channels: Channels = (64, 128, 256, 512),
    kernel_size: int = 3,
    pooled: bool = True,
    uniform_gamma: bool = False,
    pool_before_batch_norm: bool = False,
    celu_alpha: float | None = None,
    ghost_batch_norm: int | None = None,
    frozen_batch_norm_scale: bool = False,
    whitening: bool = False,
) -> Tensor:
    """Applies four convolutions with batch normalization; the last three halve the size.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Rate of stochastic depth of the last residual branch, 0 to 1.
        residual: Layers, of 1, 2 and 3, followed by a residual branch of two convolutions.
        extra: Layers, of 1, 2 and 3, followed by an additional convolution.
        channels: Channels of the first convolution and of each layer.
        kernel_size: Height and width of the kernels in the three halving layers, odd; 3 in the others.
        pooled: Whether size is halved by 2x2 max pooling instead of a stride.
        uniform_gamma: Whether the scales of batch normalization are initialized uniformly in 0..1, as in
            torch 0.4, instead of to 1.
        pool_before_batch_norm: Whether to pool directly after the convolution instead of after the
            activation. This and the following arguments are the later tricks, of post 8.
        celu_alpha: Alpha of CELU instead of ReLU; in the post 0.075, then 0.3 with fixed scales.
        ghost_batch_norm: Images per group of ghost batch normalization; in the post 32.
        frozen_batch_norm_scale: Whether the scales of batch normalization are fixed at 1.
        whitening: Whether the first convolution is a fixed one with 27 filters, `prep_whiten`, followed by a
            trained 1x1 convolution. Before `whitening.whiten` computes its filters from the training images,
            they are a random rotation of patches.

    Returns:
        Features, `(batch, height // 8, width // 8, channels[3])`; with strides sizes are rounded up.

    Raises:
        ValueError: If `residual` or `extra` contains another layer, `drop_path_rate` is not 0 without
            residual branches, or scales are both uniform and frozen.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import backbone_features
        >>> backbone_features(keras.Input((32, 32, 3)), 0.0, extra=(1, 2, 3)).shape
        (None, 4, 4, 512)

    References:
        `net` and `shortcut_block` of `experiments.ipynb`, and `bag_of_tricks.ipynb`, in
        davidcpage/cifar10-fast; Page, "How to Train Your ResNet", part 8.
    """
    for argument, layers in (("residual", residual), ("extra", extra)):
        if not set(layers) <= {1, 2, 3}:
            raise ValueError(
                f"`{argument}` must contain only layers 1, 2 and 3. Received: {argument}={layers!r}"
            )
    if uniform_gamma and frozen_batch_norm_scale:
        raise ValueError(
            "`uniform_gamma` must be False with frozen_batch_norm_scale=True. "
            "Received: uniform_gamma=True"
        )
    rates = iter(drop_path_rates(drop_path_rate, len(set(residual))))
    finish = partial(
        activation,
        uniform_gamma=uniform_gamma,
        frozen_gamma=frozen_batch_norm_scale,
        group_size=ghost_batch_norm,
        celu_alpha=celu_alpha,
    )
    unit = partial(convolved, finish=finish)
    halved = {"pool": "before" if pool_before_batch_norm else "after"} if pooled else {"strides": 2}
    x = whitened(images, name="prep_whiten") if whitening else images
    x = unit(x, channels[0], kernel_size=1 if whitening else 3, name="prep")
    for layer in (1, 2, 3):
        filters = channels[layer]
        x = unit(x, filters, kernel_size=kernel_size, **halved, name=f"layer{layer}")
        if layer in residual:
            y = unit(x, filters, name=f"res{layer}a")
            y = unit(y, filters, name=f"res{layer}b")
            x = add(y, x, next(rates), name=f"res{layer}")
        if layer in extra:
            x = unit(x, filters, name=f"extra{layer}")
    return x


def maximum_classifier(
    features: Tensor,
    classes: int,
    *,
    use_bias: bool = False,
    scale: float = 0.125,
    initializer: Callable[[], keras.Initializer] | None = None,
) -> Tensor:
    """Applies global max pooling and a dense layer, by default without bias and scaled by 1/8.

    Args:
        features: Features, `(batch, height, width, channels)`.
        classes: Number of outputs, at least 1.
        use_bias: Whether the dense layer has a bias.
        scale: Factor applied to the outputs of the dense layer.
        initializer: Function that returns the kernel's initializer; None means torch's default.

    Returns:
        Logits, `(batch, classes)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import maximum_classifier
        >>> maximum_classifier(keras.Input((4, 4, 512)), 10).shape
        (None, 10)

    References:
        `basic_net` of `experiments.ipynb` in davidcpage/cifar10-fast.
    """
    logits = dense(pool(features, "max"), classes, use_bias=use_bias, initializer=initializer)
    return keras.layers.Rescaling(scale, name="classifier")(logits)


def concatenated_classifier(features: Tensor, classes: int) -> Tensor:
    """Applies global max and average pooling, concatenated, and a dense layer with bias.

    Args:
        features: Features, `(batch, height, width, channels)`.
        classes: Number of outputs, at least 1.

    Returns:
        Logits, `(batch, classes)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.dawnbench import concatenated_classifier
        >>> concatenated_classifier(keras.Input((4, 4, 256)), 10).shape
        (None, 10)

    References:
        `DAWN_net` of `experiments.ipynb` in davidcpage/cifar10-fast.
    """
    maximum = keras.layers.GlobalMaxPooling2D(data_format="channels_last", name="maxpool")
    mean = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="avgpool")
    x = keras.layers.Concatenate(name="concat")([maximum(features), mean(features)])
    return dense(x, classes, use_bias=True)


def dawnbench_network(
    name: str, *, summary: str, features: Trunk, classifier: Classifier = maximum_classifier
) -> Network:
    """Returns a function that builds a network of the architecture search.

    The table lists the steps of the search. Test accuracies in per cent and seconds on one V100 are from
    the headings of the notebook (in row 1 from its log), not from this package, for 20 epochs; 35 in row 1,
    60 in rows 8 and 9. `uniform` means `uniform_gamma=True`, `narrow` means `channels=(64, 128, 256, 256)`,
    `wide` means `channels=(128, 256, 512, 1024)`.

    |    | features                                           | classifier      |      |     |
    |----|----------------------------------------------------|-----------------|------|-----|
    | 1  | preactivation_features                             | concatenated    | 94.1 | 297 |
    | 2  | preactivation_features, branches=False             | concatenated    | 55.9 | 36  |
    | 3  | backbone, kernel_size=1, pooled=False, narrow, ... | concatenated    | 56.0 | 32  |
    |    | ... uniform                                        |                 |      |     |
    | 4  | backbone, pooled=False, narrow, uniform            | concatenated    | 85.6 | 36  |
    | 5  | backbone, narrow, uniform                          | concatenated    | 89.7 | 43  |
    | 6  | backbone, uniform                                  | use_bias=True, scale=1 | 90.7 | 47 |
    | 7  | backbone                                           | maximum         | 91.1 | 47  |
    | 8  | backbone, wide                                     | maximum         | 93.5 | 321 |
    | 9  | backbone, extra=(1, 2, 3)                          | maximum         | 95.0 | 180 |
    | 10 | backbone, residual=(1, 3): `ResNet9`               | maximum         | 93.7 | 66  |

    Between 8 and 10 the search tried other choices of layers with a branch or an extra convolution.

    Args:
        name: Name of the function; in lower case, of its models.
        summary: First paragraph of its docstring.
        features: `preactivation_features` or `backbone_features`, with arguments bound by
            `functools.partial`.
        classifier: `maximum_classifier` or `concatenated_classifier`.

    Returns:
        A function with the signature `Network`, for 10 classes and Page's normalization.

    Example:
        >>> from functools import partial
        >>> from keras_resnet_recipes.applications import dawnbench
        >>> Extra = dawnbench.dawnbench_network(
        ...     "Extra",
        ...     summary="Seven convolutions.",
        ...     features=partial(dawnbench.backbone_features, extra=(1, 2, 3)),
        ... )
        >>> Extra().output_shape
        (None, 10)

    References:
        Page, "How to Train Your ResNet", parts 1 and 4; `experiments.ipynb` in
        davidcpage/cifar10-fast.
    """
    return network(
        name,
        features,
        summary=summary,
        reference="Page, cifar10-fast (github.com/davidcpage/cifar10-fast), `experiments.ipynb`.",
        default_classes=10,
        classifier=classifier,
        mean=(125.31, 122.95, 113.87),
        std=(62.99, 62.09, 66.7),
    )


ResNet9 = dawnbench_network(
    "ResNet9",
    summary="ResNet-9 of the CIFAR-10 speed run: 8 convolutions, 6,573,120 parameters.",
    features=partial(backbone_features, residual=(1, 3)),
)
