"""Multi-scale feature maps of a network, for detection and segmentation heads."""

import re
from itertools import accumulate

import keras

from keras_resnet_recipes.applications.network import deep_recursion

# Layers between stem and classifier, in the naming of timm and of Page.
_IN_A_STAGE = re.compile(r"(layer\d+|blocks|res\d+|extra\d+)_")


def stages(model: keras.Model) -> keras.Model:
    """Returns a model that outputs the last feature map of each size in a network.

    It shares its layers with `model`: training, freezing or loading one changes the other, too. Set
    `trainable = False` to freeze weights and the statistics of batch normalization.

    Args:
        model: Network of this package, new or loaded, for images of any size, with or without top.

    Returns:
        A functional `keras.Model` from images, `(batch, height, width, channels)`, to a dictionary
        of features: "stride4", "stride8", "stride16", "stride32" for an ImageNet network; "stride1",
        "stride2", "stride4" for a CIFAR network, and also "stride8" for ResNet9. "stride8" is
        `(batch, ceil(height / 8), ceil(width / 8), channels)`; networks like ResNet9 round down.

    Raises:
        ValueError: If `model` is not a network of this package, or contains one as a layer.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications import ResNet18, stages
        >>> features = stages(ResNet18(include_top=False))
        >>> maps = features(keras.Input((224, 320, 3)))
        >>> maps["stride4"].shape, maps["stride32"].shape
        ((None, 56, 80, 64), (None, 7, 10, 512))

    References:
        C2 to C5 of feature pyramids: Lin et al., "Feature Pyramid Networks" (arXiv:1612.03144),
        section 3.
    """
    if not any(_IN_A_STAGE.match(layer.name) for layer in getattr(model, "layers", ())):
        raise ValueError(
            "`model` must be a network of keras_resnet_recipes.applications, not a model that contains one "
            f"as a layer. Received: model={model!r}"
        )
    with deep_recursion():
        return keras.Model(model.input, _stage_ends(model), name=f"{model.name}_stages")


def trunk(model: keras.Model, stages_in_it: int) -> list[keras.layers.Layer]:
    """Returns the layers of a network's stem and first stages.

    Args:
        model: As for `stages`.
        stages_in_it: Number of stages; 0 means the stem alone, more than the network has means all stages.

    Raises:
        ValueError: If `model` is not a network of this package.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet18
        >>> from keras_resnet_recipes.applications.features import trunk
        >>> trunk(ResNet18(), 1)[-1].name
        'layer1_1_act2'
    """
    ends = list(stages(model).output.values())
    with deep_recursion():
        layers = keras.Model(model.input, ends[: max(stages_in_it, 1)][-1]).layers
    return [layer for layer in layers if stages_in_it or not _IN_A_STAGE.match(layer.name)]


def _stage_ends(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Returns for each stride the last feature map on which all later layers depend."""
    layers = model.layers
    position = {
        id(tensor): index
        for index, layer in enumerate(layers)
        for tensor in keras.tree.flatten(layer.output)
    }
    strides, last_use = [1] * len(layers), list(range(len(layers)))
    for index, layer in enumerate(layers[1:], start=1):
        sources = [position[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
        step = getattr(layer, "strides", (1,))[0]
        strides[index] = step * strides[sources[0]]
        for source in sources:
            last_use[source] = index
    ends = {}
    # Inside a block, the input of its shortcut is still used by a later layer.
    in_use_until = accumulate([0, *last_use[:-1]], max)
    for index, (layer, until) in enumerate(zip(layers, in_use_until, strict=True)):
        padded = isinstance(layer, keras.layers.ZeroPadding2D)
        if until <= index and _IN_A_STAGE.match(layer.name) and not padded:
            ends[f"stride{strides[index]}"] = layer.output
    return ends
