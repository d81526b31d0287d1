"""Feature maps of a network at every size, for heads that say where: detection, segmentation."""

import re
from itertools import accumulate

import keras

from keras_resnet_recipes.applications.network import deep_recursion

# Number of stages for `freeze` that freezes all but the classifier, of any network.
ALL_STAGES = 5
# Layers after the stem, in the names of timm and of Page; the rest is stem and classifier.
_IN_A_STAGE = re.compile(r"(layer\d+|blocks|res\d+|extra\d+)_")


def stages(model: keras.Model) -> keras.Model:
    """The feature maps that a network makes on its way, the last one of each size.

    It shares its layers with `model`: what trains, freezes or loads one does so to the other. A
    network without top is as good as one with it. Set `trainable = False` to freeze weights and
    the statistics of batch normalization.

    Args:
        model: Network of this package, new or loaded, for images of any size, with or without top.

    Returns:
        A functional `keras.Model` from images, `(batch, height, width, channels)`, to a dictionary
        of features: "stride4", "stride8", "stride16", "stride32" of an ImageNet
        network; "stride1", "stride2", "stride4" of a CIFAR network, of ResNet9 "stride8", too.
        "stride8" is `(batch, ceil(height / 8), ceil(width / 8), channels)`; ResNet9 and its kin
        round down.

    Raises:
        ValueError: If `model` is not a network of this package, or has one inside as a layer.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications import ResNet18, stages
        >>> features = stages(ResNet18(include_top=False))
        >>> maps = features(keras.Input((224, 320, 3)))
        >>> maps["stride4"].shape, maps["stride32"].shape
        ((None, 56, 80, 64), (None, 7, 10, 512))

    References:
        What feature pyramids call C2 to C5: Lin et al., "Feature Pyramid Networks"
        (arXiv:1612.03144), section 3.
    """
    if not any(_IN_A_STAGE.match(layer.name) for layer in getattr(model, "layers", ())):
        raise ValueError(
            f"model={model!r}: expected a network of keras_resnet_recipes.applications itself, "
            "not one that has it as a layer, nor another one."
        )
    with deep_recursion():
        return keras.Model(model.input, _stage_ends(model), name=f"{model.name}_stages")


def trunk(model: keras.Model, stages_in_it: int) -> list[keras.layers.Layer]:
    """The layers of a network's stem and of its first stages.

    Args:
        model: As for `stages`.
        stages_in_it: 0 is the stem alone; with more than there are it is all of them.

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


def freeze(model: keras.Model, stages: int) -> None:
    """Freezes the first stages of a model, BatchNorm statistics included.

    Args:
        model: A network of krr.applications; any model for 0 and 5 stages.
        stages: 0 freezes nothing, 1 the stem, each further number one more stage, 5 all but the classifier.

    Raises:
        ValueError: If the model has no known stages and `stages` is 1 to 4.
    """
    if stages == ALL_STAGES:
        layers = [layer for layer in model.layers if layer.weights][:-1]
    else:
        layers = trunk(model, stages - 1) if stages else []
    for layer in layers:
        layer.trainable = False


def _stage_ends(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The last feature map at each stride through which all that follows sees the image."""
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
    # While a block is under way, its shortcut is used later than here.
    in_use_until = accumulate([0, *last_use[:-1]], max)
    for index, (layer, until) in enumerate(zip(layers, in_use_until, strict=True)):
        padded = isinstance(layer, keras.layers.ZeroPadding2D)
        if until <= index and _IN_A_STAGE.match(layer.name) and not padded:
            ends[f"stride{strides[index]}"] = layer.output
    return ends
