"""ImageNet networks with channel attention in every block: SE and ECA."""

from functools import partial

from keras_resnet_recipes.applications.attention import (
    efficient_channel_attention,
    squeeze_and_excitation,
)
from keras_resnet_recipes.applications.blocks import basic_block, bottleneck_block
from keras_resnet_recipes.applications.resnet import averaging_block, resnet, tiered_stem
from keras_resnet_recipes.applications.stems import deep_stem

_SE = """Hu et al., "Squeeze-and-Excitation Networks" (arXiv:1709.01507); everything
    else: timm's `models/resnet.py`."""
_ECA = """Wang et al., "ECA-Net" (arXiv:1910.03151); everything else: timm's
    `models/resnet.py`."""

_se = partial(
    resnet,
    block=partial(bottleneck_block, attention=squeeze_and_excitation),
    pieces="bottleneck blocks with squeeze and excitation",
    reference=_SE,
)
_se_basic = partial(
    _se,
    block=partial(basic_block, attention=squeeze_and_excitation),
    pieces="basic blocks with squeeze and excitation",
)
_se_d = partial(
    _se,
    block=partial(averaging_block, attention=squeeze_and_excitation),
    stem=deep_stem,
    pieces="bottleneck blocks with squeeze and excitation, stem and shortcuts of ResNet-D",
)
_se_next = partial(
    _se,
    block=partial(bottleneck_block, attention=squeeze_and_excitation, groups=32, group_width=4),
    pieces="bottleneck blocks of 32 groups with squeeze and excitation",
)
_eca = partial(
    resnet,
    block=partial(averaging_block, attention=efficient_channel_attention),
    stem=deep_stem,
    pieces="bottleneck blocks with efficient channel attention, stem and shortcuts of ResNet-D",
    reference=_ECA,
)

SEResNet18 = _se_basic("SEResNet18", (2, 2, 2, 2), "11,779,624")
SEResNet34 = _se_basic("SEResNet34", (3, 4, 6, 3), "21,960,416")
SEResNet50 = _se("SEResNet50", (3, 4, 6, 3), "28,088,024")
SEResNet101 = _se("SEResNet101", (3, 4, 23, 3), "49,326,872")
SEResNet152 = _se("SEResNet152", (3, 8, 36, 3), "66,821,848")
SEResNet152D = _se_d("SEResNet152D", (3, 8, 36, 3), "66,841,080")
SEResNeXt50_32x4d = _se_next("SEResNeXt50_32x4d", (3, 4, 6, 3), "27,559,896")
SEResNeXt101_32x4d = _se_next("SEResNeXt101_32x4d", (3, 4, 23, 3), "48,955,416")
ECAResNet26T = _eca("ECAResNet26T", (2, 2, 2, 2), "16,011,916", stem=tiered_stem)
ECAResNet50D = _eca("ECAResNet50D", (3, 4, 6, 3), "25,576,350")
ECAResNet50T = _eca("ECAResNet50T", (3, 4, 6, 3), "25,573,814", stem=tiered_stem)
ECAResNet101D = _eca("ECAResNet101D", (3, 4, 23, 3), "44,568,563")
