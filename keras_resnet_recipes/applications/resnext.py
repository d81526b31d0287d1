"""Wider ImageNet networks: grouped convolutions (ResNeXt) and wide bottlenecks."""

from functools import partial

from keras_resnet_recipes.applications.blocks import bottleneck_block
from keras_resnet_recipes.applications.network import Network
from keras_resnet_recipes.applications.resnet import averaging_block, resnet
from keras_resnet_recipes.applications.stems import deep_stem

_REFERENCE = """Xie et al., "Aggregated Residual Transformations" (arXiv:1611.05431), table 1; stride
    in the 3x3 convolution, zero last gammas, initial values and layer names: timm."""
_WIDE = """Zagoruyko and Komodakis, "Wide Residual Networks" (arXiv:1605.07146), section 3.4; zero
    last gammas, initial values and layer names: timm."""


def _resnext(
    name: str, depths: tuple[int, ...], parameters: str, groups: int, width: int
) -> Network:
    return resnet(
        name,
        depths,
        parameters,
        block=partial(bottleneck_block, groups=groups, group_width=width),
        pieces=f"bottleneck blocks of {groups} groups of {width} channels and more",
        reference=_REFERENCE,
    )


_wide = partial(
    resnet,
    block=partial(bottleneck_block, group_width=128),
    pieces="bottleneck blocks twice as wide inside",
    reference=_WIDE,
)

ResNeXt50_32x4d = _resnext("ResNeXt50_32x4d", (3, 4, 6, 3), "25,028,904", 32, 4)
ResNeXt50D_32x4d = resnet(
    "ResNeXt50D_32x4d",
    (3, 4, 6, 3),
    "25,048,136",
    block=partial(averaging_block, groups=32, group_width=4),
    stem=deep_stem,
    pieces="bottleneck blocks of 32 groups, the stem and shortcuts of ResNet-D",
    reference=_REFERENCE,
)
ResNeXt101_32x4d = _resnext("ResNeXt101_32x4d", (3, 4, 23, 3), "44,177,704", 32, 4)
ResNeXt101_32x8d = _resnext("ResNeXt101_32x8d", (3, 4, 23, 3), "88,791,336", 32, 8)
ResNeXt101_64x4d = _resnext("ResNeXt101_64x4d", (3, 4, 23, 3), "83,455,272", 64, 4)
WideResNet50_2 = _wide("WideResNet50_2", (3, 4, 6, 3), "68,883,240")
WideResNet101_2 = _wide("WideResNet101_2", (3, 4, 23, 3), "126,886,696")
