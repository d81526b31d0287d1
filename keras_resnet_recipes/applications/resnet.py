"""ImageNet ResNets, version 1.5, and their variants C, D, S and T of stem and shortcuts."""

from collections.abc import Callable
from functools import partial

from keras_resnet_recipes.applications.blocks import (
    Block,
    basic_block,
    bottleneck_block,
    drop_path_rates,
)
from keras_resnet_recipes.applications.convolution import Tensor
from keras_resnet_recipes.applications.network import Network, network
from keras_resnet_recipes.applications.shortcuts import average_projection, projection
from keras_resnet_recipes.applications.stems import deep_stem, resnet_stem

Stem = Callable[[Tensor], Tensor]


def resnet_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    stem: Stem,
    block: Block,
    depths: tuple[int, ...],
) -> Tensor:
    """Applies a stem and stages of residual blocks; each stage halves the size and doubles the width.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Rate of stochastic depth of the last block, 0 to 1.
        stem: Function from images to the features of the first stage.
        block: Residual block, such as `basic_block`.
        depths: Number of blocks per stage.

    Returns:
        Features, for four stages `(batch, ceil(height / 32), ceil(width / 32), channels)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import basic_block
        >>> from keras_resnet_recipes.applications.resnet import resnet_features
        >>> from keras_resnet_recipes.applications.stems import resnet_stem
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
TRICKS = """He et al., "Bag of Tricks for Image Classification" (arXiv:1812.01187), section 4;
    zero last gammas, initial values and layer names: timm's `models/resnet.py`."""


def resnet(
    name: str,
    depths: tuple[int, ...],
    parameters: str,
    *,
    block: Block,
    stem: Stem = resnet_stem,
    pieces: str,
    reference: str = _REFERENCE,
) -> Network:
    """Returns a function that builds an ImageNet network of a stem and stages of blocks.

    Args:
        name: Name of the function; in lower case, of its models.
        depths: Number of blocks per stage.
        parameters: Number of trainable parameters, for the docstring.
        block: Residual block, such as `basic_block`.
        stem: Function from images to the features of the first stage.
        pieces: Description of the blocks in the docstring.
        reference: Publication of the network.

    Returns:
        A function with the signature `Network`.

    Example:
        >>> from keras_resnet_recipes.applications.blocks import basic_block
        >>> from keras_resnet_recipes.applications.resnet import resnet
        >>> ResNet10 = resnet(
        ...     "ResNet10", (1, 1, 1, 1), "5,418,792", block=basic_block, pieces="basic blocks"
        ... )
        >>> ResNet10(classes=2).output_shape
        (None, 2)
    """
    return network(
        name,
        partial(resnet_features, stem=stem, block=block, depths=depths),
        summary=f"{name}: {sum(depths)} {pieces},\n{parameters} parameters at 1000 classes.",
        reference=reference,
    )


_basic = partial(resnet, block=basic_block, pieces="basic blocks")
_bottleneck = partial(resnet, block=bottleneck_block, pieces="bottleneck blocks, v1.5")

ResNet18 = _basic("ResNet18", (2, 2, 2, 2), "11,689,512")
ResNet34 = _basic("ResNet34", (3, 4, 6, 3), "21,797,672")
ResNet50 = _bottleneck("ResNet50", (3, 4, 6, 3), "25,557,032")
ResNet101 = _bottleneck("ResNet101", (3, 4, 23, 3), "44,549,160")
ResNet152 = _bottleneck("ResNet152", (3, 8, 36, 3), "60,192,808")

_blur = {"blur": True, "shortcut": partial(projection, blur=True)}
_FFCV = """libffcv/ffcv-imagenet, `apply_blurpool` of train_imagenet.py; layer names: timm's
    `models/resnet.py`. timm's resnetblur50 is another network."""

_blurred = partial(
    resnet, pieces="residual blocks, blurred before strided convolutions", reference=_FFCV
)
BlurResNet18 = _blurred(
    "BlurResNet18", (2, 2, 2, 2), "11,689,512", block=partial(basic_block, **_blur)
)
BlurResNet50 = _blurred(
    "BlurResNet50", (3, 4, 6, 3), "25,557,032", block=partial(bottleneck_block, **_blur)
)

tiered_stem = partial(deep_stem, widths=(24, 32, 64))
averaging_block = partial(bottleneck_block, shortcut=average_projection)
_averaging_basic = partial(basic_block, shortcut=average_projection)
_c = partial(
    _bottleneck,
    stem=deep_stem,
    pieces="bottleneck blocks and a stem of 3x3 convolutions",
    reference=TRICKS,
)
_s = partial(_c, stem=partial(deep_stem, widths=(64, 64, 128)))
_d = partial(
    _c,
    block=averaging_block,
    pieces="bottleneck blocks with averaging shortcuts, a stem of 3x3 convolutions",
)
_t = partial(_d, stem=tiered_stem)
_basic_d = partial(
    _d,
    block=_averaging_basic,
    pieces="basic blocks with averaging shortcuts, a stem of 3x3 convolutions",
)

ResNet50C = _c("ResNet50C", (3, 4, 6, 3), "25,576,264")
ResNet101C = _c("ResNet101C", (3, 4, 23, 3), "44,568,392")
ResNet152C = _c("ResNet152C", (3, 8, 36, 3), "60,212,040")
ResNet18D = _basic_d("ResNet18D", (2, 2, 2, 2), "11,708,744")
ResNet34D = _basic_d("ResNet34D", (3, 4, 6, 3), "21,816,904")
ResNet50D = _d("ResNet50D", (3, 4, 6, 3), "25,576,264")
ResNet101D = _d("ResNet101D", (3, 4, 23, 3), "44,568,392")
ResNet152D = _d("ResNet152D", (3, 8, 36, 3), "60,212,040")
ResNet50S = _s("ResNet50S", (3, 4, 6, 3), "25,680,808")
ResNet101S = _s("ResNet101S", (3, 4, 23, 3), "44,672,936")
ResNet152S = _s("ResNet152S", (3, 8, 36, 3), "60,316,584")
ResNet10T = _basic_d("ResNet10T", (1, 1, 1, 1), "5,435,488", stem=tiered_stem)
ResNet14T = _t("ResNet14T", (1, 1, 1, 1), "10,081,632")
ResNet26T = _t("ResNet26T", (2, 2, 2, 2), "16,011,872")
ResNet50T = _t("ResNet50T", (3, 4, 6, 3), "25,573,728")
