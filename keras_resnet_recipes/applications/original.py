"""ImageNet networks of the 2015 paper: stride in the first 1x1 convolution, shortcuts A to C, plain."""

from functools import partial

from keras_resnet_recipes.applications.blocks import basic_block, bottleneck_block
from keras_resnet_recipes.applications.convolution import Tensor
from keras_resnet_recipes.applications.network import Network, network, without_branches
from keras_resnet_recipes.applications.resnet import resnet, resnet_features
from keras_resnet_recipes.applications.shortcuts import projection, zero_padding
from keras_resnet_recipes.applications.stems import resnet_stem

_REFERENCE = """He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385),
    table 1 and section 4.1; layer names and padding of the max pooling: timm."""

_first = partial(bottleneck_block, stride_first=True, last_gamma="ones")
_basic = partial(basic_block, last_gamma="ones")
_a = partial(_basic, shortcut=zero_padding)
_c = partial(_basic, shortcut=partial(projection, everywhere=True))


def _original(
    name: str, depths: tuple[int, ...], parameters: str, *, block: partial[Tensor], pieces: str
) -> Network:
    return resnet(name, depths, parameters, block=block, pieces=pieces, reference=_REFERENCE)


def _plain(layers: int, depths: tuple[int, ...], parameters: str) -> Network:
    block = partial(_basic, shortcut=None)
    features = partial(resnet_features, stem=resnet_stem, block=block, depths=depths)
    return network(
        f"Plain{layers}",
        partial(without_branches, features=features),
        summary=f"Plain-{layers}: ResNet-{layers} without shortcuts, {parameters} parameters "
        "at 1000\nclasses.",
        reference=_REFERENCE,
    )


_A = "basic blocks with shortcuts of option A (zeros for new channels)"
_B = "basic blocks with shortcuts of option B (projections where the shape changes)"
_C = "basic blocks with shortcuts of option C (projections everywhere)"
_FIRST = "bottleneck blocks with the stride in the first 1x1"

ResNet18V1A = _original("ResNet18V1A", (2, 2, 2, 2), "11,515,688", block=_a, pieces=_A)
ResNet34V1A = _original("ResNet34V1A", (3, 4, 6, 3), "21,623,848", block=_a, pieces=_A)
ResNet34V1B = _original("ResNet34V1B", (3, 4, 6, 3), "21,797,672", block=_basic, pieces=_B)
ResNet34V1C = _original("ResNet34V1C", (3, 4, 6, 3), "22,716,840", block=_c, pieces=_C)
ResNet50V1 = _original("ResNet50V1", (3, 4, 6, 3), "25,557,032", block=_first, pieces=_FIRST)
ResNet101V1 = _original("ResNet101V1", (3, 4, 23, 3), "44,549,160", block=_first, pieces=_FIRST)
ResNet152V1 = _original("ResNet152V1", (3, 8, 36, 3), "60,192,808", block=_first, pieces=_FIRST)
Plain18 = _plain(18, (2, 2, 2, 2), "11,515,688")
Plain34 = _plain(34, (3, 4, 6, 3), "21,623,848")
