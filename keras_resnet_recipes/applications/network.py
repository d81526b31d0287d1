"""What all networks have in common: input, preprocessing, classifier, weights, signature."""

import os
from collections.abc import Callable
from typing import Protocol

import keras

from keras_resnet_recipes.applications.blocks import Tensor

Trunk = Callable[[Tensor, float], Tensor]

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

_DOCSTRING = """{summary}

Args:
    weights: None for initial values, or the path of a `.weights.h5` file that `save_weights` of
        the same network with the same `include_top` and `classes` wrote.
    include_top: Whether the network ends in global average pooling and the classifier `fc`.
    input_shape: `(height, width, channels)`, where height and width may be None. None means
        `(None, None, 3)`: images of any size.
    pooling: How features end without a top: None for `(batch, height, width, channels)`, "avg" or
        "max" for `(batch, channels)`. Not read with a top.
    classes: Number of outputs of the classifier. Not read without a top.
    classifier_activation: Activation after the classifier, computed in float32 under every dtype
        policy, or None for logits.
    include_preprocessing: Whether the first layer turns raw RGB pixels, 0 to 255, uint8 or float,
        into the usual (pixel / 255 - mean) / std of ImageNet, in float32. Without it, images are
        expected to be normalized already.
    drop_path_rate: Probability, from 0 to below 1, of leaving out the last residual branch of a
        sample in training; it rises linearly from 0 at the first block.
    name: Name of the model, "{lower_name}" unless given.

Returns:
    A functional `keras.Model` from `(batch, height, width, 3)` to `(batch, classes)`.

Raises:
    ValueError: If `weights`, `input_shape`, `pooling`, `classes` or `drop_path_rate` is not as
        above.

Example:
    >>> from keras_resnet_recipes.applications import {name}
    >>> {name}(classes=7).output_shape
    (None, 7)

References:
    {reference}
"""


class Network(Protocol):
    """Signature of every network: that of `keras.applications`, and `drop_path_rate`."""

    __name__: str

    def __call__(
        self,
        weights: str | os.PathLike[str] | None = None,
        *,
        include_top: bool = True,
        input_shape: tuple[int | None, int | None, int] | None = None,
        pooling: str | None = None,
        classes: int = ...,
        classifier_activation: str | None = "softmax",
        include_preprocessing: bool = True,
        drop_path_rate: float = 0.0,
        name: str | None = None,
    ) -> keras.Model:
        """Returns a new model."""
        ...


def network(
    name: str, trunk: Trunk, *, summary: str, reference: str, default_classes: int = 1000
) -> Network:
    """Makes the function that builds a network out of what sets the network apart.

    Args:
        name: Name of the function; in lower case, of its models.
        trunk: Function of normalized images, `(batch, height, width, 3)`, and the drop-path rate
            of the last block, that returns features, `(batch, height, width, channels)`.
        summary: First paragraph of its docstring.
        reference: Where the network was published.
        default_classes: Number of classes unless its caller gives one.

    Returns:
        A function with the signature `Network`.

    Example:
        >>> from keras_resnet_recipes.applications.blocks import convolution
        >>> from keras_resnet_recipes.applications.network import network
        >>> Tiny = network(
        ...     "Tiny",
        ...     lambda images, drop_path_rate: convolution(images, 8, 3, name="conv"),
        ...     summary="One convolution.",
        ...     reference="Nowhere.",
        ... )
        >>> Tiny(classes=2).output_shape
        (None, 2)
    """

    def build(
        weights: str | os.PathLike[str] | None = None,
        *,
        include_top: bool = True,
        input_shape: tuple[int | None, int | None, int] | None = None,
        pooling: str | None = None,
        classes: int = default_classes,
        classifier_activation: str | None = "softmax",
        include_preprocessing: bool = True,
        drop_path_rate: float = 0.0,
        name: str | None = None,
    ) -> keras.Model:
        _check_weights(weights)
        _check_shape(input_shape, include_preprocessing)
        _check_numbers(classes, drop_path_rate)
        inputs = keras.Input(input_shape or (None, None, 3), name="images")
        images = _normalize(inputs) if include_preprocessing else inputs
        features = trunk(images, drop_path_rate)
        outputs = (
            _classify(features, classes, classifier_activation)
            if include_top
            else _pool(features, pooling)
        )
        model = keras.Model(inputs, outputs, name=name or build.__name__.lower())
        if weights is not None:
            model.load_weights(weights)
        return model

    build.__name__ = build.__qualname__ = name
    build.__module__ = __package__
    build.__doc__ = _DOCSTRING.format(
        name=name, lower_name=name.lower(), summary=summary, reference=reference
    )
    return build


def _normalize(images: Tensor) -> Tensor:
    return keras.layers.Normalization(
        mean=[255 * mean for mean in _IMAGENET_MEAN],
        variance=[(255 * std) ** 2 for std in _IMAGENET_STD],
        dtype="float32",
        name="normalization",
    )(images)


def _classify(features: Tensor, classes: int, activation: str | None) -> Tensor:
    x = _pool(features, "avg")
    limit = x.shape[-1] ** -0.5
    x = keras.layers.Dense(
        classes,
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        bias_initializer=keras.initializers.RandomUniform(-limit, limit),
        name="fc",
    )(x)
    if activation is not None:
        x = keras.layers.Activation(activation, dtype="float32", name="predictions")(x)
    return x


def _pool(features: Tensor, pooling: str | None) -> Tensor:
    poolings = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }
    if pooling is None:
        return features
    if pooling not in poolings:
        raise ValueError(f'pooling={pooling!r}: expected None, "avg" or "max".')
    return poolings[pooling](data_format="channels_last", name="global_pool")(features)


def _check_weights(weights: str | os.PathLike[str] | None) -> None:
    if weights is None:
        return
    path = os.fspath(weights)
    if not path.endswith(".weights.h5") or not os.path.isfile(path):
        raise ValueError(
            f"weights={weights!r}: expected None or the path of an existing .weights.h5 file."
        )


def _check_shape(shape: tuple[int | None, ...] | None, include_preprocessing: bool) -> None:
    if shape is None:
        return
    if len(shape) != 3 or shape[2] is None:
        raise ValueError(
            f"input_shape={shape!r}: expected None or (height, width, channels), "
            "where height and width may be None."
        )
    if include_preprocessing and shape[2] != 3:
        raise ValueError(
            f"input_shape={shape!r}: expected 3 channels (RGB); "
            "other numbers need include_preprocessing=False."
        )


def _check_numbers(classes: int, drop_path_rate: float) -> None:
    if classes < 1:
        raise ValueError(f"classes={classes!r}: expected an integer of at least 1.")
    if not 0 <= drop_path_rate < 1:
        raise ValueError(f"drop_path_rate={drop_path_rate!r}: expected a number in [0, 1).")
