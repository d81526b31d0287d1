"""Components common to all networks: inputs, preprocessing, classifier, weights, signature."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import keras

from keras_resnet_recipes.applications.blocks import drop_path_rates
from keras_resnet_recipes.applications.convolution import Tensor, torch_uniform
from keras_resnet_recipes.applications.published import resolved, set_published
from keras_resnet_recipes.applications.weights import load_weights
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD

Trunk = Callable[[Tensor, float], Tensor]
Classifier = Callable[[Tensor, int], Tensor]
Color = tuple[float, float, float]


_DOCSTRING = """{summary}

Args:
    weights: None for random initialization; the tag of published weights, such as "a1_in1k", which are
        downloaded once (requires the extra `hub`) and also set mean and standard deviation; or the path of
        a file for `load_weights`. docs/weights.md lists the tags.
    include_top: Whether to include global pooling and a classifier.
    input_shape: `(height, width, channels)`, where height and width may be None. None means
        `(None, None, 3)`: images of any size.
    pooling: Pooling of the features without a top: None for `(batch, height, width, channels)`, "avg" or
        "max" for `(batch, channels)`. Unused with a top.
    classes: Number of outputs of the classifier. Unused without a top. If published weights have another
        number, the classifier is initialized randomly, and a message is printed.
    classifier_activation: Activation after the classifier, computed in float32 under every dtype
        policy, or None for logits.
    include_preprocessing: Whether the first layer normalizes raw RGB pixels, 0 to 255, uint8 or float,
        to (pixel - mean) / std, in float32, with mean {mean}
        and std {std}. Without it, images must be normalized already.
    drop_path_rate: Probability, from 0 to less than 1, of dropping the last residual branch of a sample
        in training; it increases linearly from 0 at the first block. Must be 0 for a network without
        residual branches.
    name: Name of the model, by default "{lower_name}".

Returns:
    A functional `keras.Model` from `(batch, height, width, 3)` to `(batch, classes)`. With published
    weights, its attribute `published` has the settings of their evaluation, used by `Recipe.evaluate`; a
    saved and loaded model has none.

Raises:
    ValueError: If `weights`, `input_shape`, `pooling`, `classes` or `drop_path_rate` is illegal.
    ConnectionError, FileNotFoundError: If published weights cannot be downloaded.
    ImportError: If the extra `hub` is required and missing.

Example:
    from keras_resnet_recipes.applications import {name}

    model = {name}(classes=7)
    model.output_shape  # (None, 7)

References:
    {reference}
"""


class Network(Protocol):
    """Signature of every network: that of `keras.applications`, with `drop_path_rate`."""

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
    name: str,
    trunk: Trunk,
    *,
    summary: str,
    reference: str,
    default_classes: int = 1000,
    classifier: Classifier | None = None,
    mean: Color = IMAGENET_MEAN,
    std: Color = IMAGENET_STD,
) -> Network:
    """Returns a function that builds a network, given its trunk and classifier.

    Args:
        name: Name of the function; in lower case, of its models.
        trunk: Function of normalized images, `(batch, height, width, 3)`, and the drop-path rate
            of the last block, that returns features, `(batch, height, width, channels)`.
        summary: First paragraph of its docstring.
        reference: Publication of the network.
        default_classes: Default number of classes.
        classifier: Function of features and a number of classes that returns logits. None means
            `mean_classifier`.
        mean: Mean of red, green and blue that is subtracted in preprocessing, 0 to 255.
        std: Standard deviations of red, green and blue, by which preprocessing divides.

    Returns:
        A function with the signature `Network`.

    Example:
        >>> from keras_resnet_recipes.applications.convolution import convolution
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
        _check_shape(input_shape, include_preprocessing)
        _check_numbers(classes, drop_path_rate)
        published, path = resolved(build.__name__, weights)
        color = (published.mean, published.std) if published else (mean, std)
        inputs = keras.Input(input_shape or (None, None, 3), name="images")
        images = _normalize(inputs, *color) if include_preprocessing else inputs
        outputs = trunk(images, drop_path_rate)
        if include_top:
            outputs = (classifier or mean_classifier)(outputs, classes)
            outputs = _activate(outputs, classifier_activation)
        else:
            outputs = pool(outputs, pooling)
        with deep_recursion():
            model = keras.Model(inputs, outputs, name=name or build.__name__.lower())
        if published is not None:
            set_published(model, published, path, classes if include_top else 0)
        elif path is not None:
            load_weights(model, path)
        return model

    build.__name__ = build.__qualname__ = name
    build.__module__ = __package__
    build.__doc__ = _DOCSTRING.format(
        name=name,
        lower_name=name.lower(),
        summary=summary,
        reference=reference,
        mean=mean,
        std=std,
    )
    return build


def without_branches(images: Tensor, drop_path_rate: float, *, features: Trunk) -> Tensor:
    """Returns the features of a network without residual branches, after a check of `drop_path_rate`.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Must be 0.
        features: Function of images and drop-path rate.

    Returns:
        The result of `features`.

    Raises:
        ValueError: If `drop_path_rate` is not 0.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.network import without_branches
        >>> without_branches(keras.Input((8, 8, 3)), 0.0, features=lambda x, rate: x).shape
        (None, 8, 8, 3)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), figure 3.
    """
    drop_path_rates(drop_path_rate, 0)
    return features(images, 0.0)


def mean_classifier(features: Tensor, classes: int) -> Tensor:
    """Applies global average pooling and the dense layer `fc`, with torch's default initializers.

    Args:
        features: Features, `(batch, height, width, channels)`.
        classes: Number of outputs, at least 1.

    Returns:
        Logits, `(batch, classes)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.network import mean_classifier
        >>> mean_classifier(keras.Input((7, 7, 512)), 10).shape
        (None, 10)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.3.
    """
    x = pool(features, "avg")
    channels = x.shape[-1]
    return keras.layers.Dense(
        classes,
        kernel_initializer=torch_uniform(channels),
        bias_initializer=torch_uniform(channels),
        name="fc",
    )(x)


def pool(features: Tensor, pooling: str | None) -> Tensor:
    """Pools features over all pixels, as by the argument `pooling` of `keras.applications`.

    Args:
        features: Features, `(batch, height, width, channels)`.
        pooling: None, "avg" or "max".

    Returns:
        The features themselves for None, else `(batch, channels)`.

    Raises:
        ValueError: If `pooling` is none of these.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.network import pool
        >>> pool(keras.Input((7, 7, 512)), "max").shape
        (None, 512)

    References:
        `keras.applications`.
    """
    poolings = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }
    if pooling is None:
        return features
    if pooling not in poolings:
        raise ValueError(f"`pooling` must be None, 'avg' or 'max'. Received: pooling={pooling!r}")
    return poolings[pooling](data_format="channels_last", name="global_pool")(features)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Context manager that allows Keras to traverse a deep model, with one Python call per layer.

    Only ResNet1202 needs it, wherever Keras creates a model from its layers: here, in `stages`, and in
    users' calls of `keras.Model(...)` and `keras.saving.load_model`.

    Yields:
        None; inside, Python's recursion limit is at least 20,000.

    Example:
        >>> import sys
        >>> from keras_resnet_recipes.applications.network import deep_recursion
        >>> with deep_recursion():
        ...     sys.getrecursionlimit() >= 20_000
        True

    References:
        `sys.setrecursionlimit`.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _normalize(images: Tensor, mean: Color, std: Color) -> Tensor:
    return keras.layers.Normalization(
        mean=mean,
        variance=[deviation**2 for deviation in std],
        dtype="float32",
        name="normalization",
    )(images)


def _activate(logits: Tensor, activation: str | None) -> Tensor:
    if activation is None:
        return logits
    return keras.layers.Activation(activation, dtype="float32", name="predictions")(logits)


def _check_shape(shape: tuple[int | None, ...] | None, include_preprocessing: bool) -> None:
    if shape is None:
        return
    if len(shape) != 3 or shape[2] is None:
        raise ValueError(
            "`input_shape` must be None or (height, width, channels), where height and width may be None. "
            f"Received: input_shape={shape!r}"
        )
    if include_preprocessing and shape[2] != 3:
        raise ValueError(
            "`input_shape` must have 3 channels (RGB) unless include_preprocessing=False. "
            f"Received: input_shape={shape!r}"
        )


def _check_numbers(classes: int, drop_path_rate: float) -> None:
    if classes < 1:
        raise ValueError(
            f"`classes` must be an integer of at least 1. Received: classes={classes!r}"
        )
    if not 0 <= drop_path_rate < 1:
        raise ValueError(
            f"`drop_path_rate` must be in [0, 1). Received: drop_path_rate={drop_path_rate!r}"
        )
