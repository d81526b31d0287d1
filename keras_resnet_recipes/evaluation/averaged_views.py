"""Test-time augmentation: scores averaged over several views of an image.

A network of this package takes images of any size (`input_shape=None`): its classifier is the mean
over all positions and a dense layer. Both are linear, so the result is the mean of the logits of the
dense layer, as a 1x1 convolution, at every position: the fully convolutional form of the papers, without
conversion.
"""

from collections.abc import Iterable
from typing import Any

import keras

from keras_resnet_recipes.augment.views import five_corners
from keras_resnet_recipes.layers.views import averaged

Tensor = Any
"""A tensor of the running backend."""


def ten_crop(images: Tensor, size: int) -> Tensor:
    """Returns ten crops of each image: the corners and the center, of the image and of its mirror image.

    `krr.augment.TenCrop` also resizes.

    Args:
        images: [n, height, width, channels], any type; at least as large as the crops.
        size: Height and width of the crops in pixels.

    Returns:
        [10 * n, size, size, channels], those of an image in sequence: top left, top right, bottom left, bottom
        right, center; then the same of the mirror image.

    Raises:
        ValueError: If an image is smaller than the crops.

    Example:
        >>> import numpy as np
        >>> tuple(ten_crop(np.zeros((2, 9, 12, 3), "uint8"), 8).shape)
        (20, 8, 8, 3)

    References:
        - Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", section 4.1
        - torchvision `transforms/functional.py`, ten_crop
    """
    images = keras.ops.convert_to_tensor(images)
    _, height, width, channels = images.shape
    squares = [
        view[:, top : top + size, left : left + size]
        for view in (images, keras.ops.flip(images, axis=2))
        for top, left in five_corners(height, width, size)
    ]
    return keras.ops.reshape(keras.ops.stack(squares, axis=1), (-1, size, size, channels))


def average_scores(scores: Tensor, views: int) -> Tensor:
    """Returns the mean over the views of each image.

    Args:
        scores: [n * views, classes], those of an image in sequence, as after `ten_crop`.
        views: Number of views per image.

    Returns:
        [n, classes].

    Raises:
        ValueError: If the number of scores is not a multiple of `views`.

    Example:
        >>> import numpy as np
        >>> np.array(average_scores(np.array([[0.0, 1.0], [1.0, 0.0]]), 2)).tolist()
        [[0.5, 0.5]]
    """
    count, classes = scores.shape
    if count is not None and count % views:
        raise ValueError(
            f"`views` must divide the number of scores, {count}. Received: views={views!r}"
        )
    return keras.ops.mean(keras.ops.reshape(scores, (-1, views, classes)), axis=1)


def view_averaged(
    model: keras.Model, views: int, size: int, activation: str | None = "softmax"
) -> keras.Model:
    """Returns a model that averages the scores of several views of an image.

    For `evaluate` and `predict`: the ten-crop test is `view_averaged(model, views=10, size=224)` on
    views made by `krr.augment.TenCrop`.

    Args:
        model: From images [n, size, size, channels] to scores [n, classes].
        views: Number of views per image.
        size: Height and width of a view in pixels.
        activation: Applied to the scores before they are averaged: "softmax" for logits and a
            mean of probabilities, None for probabilities or a mean of logits.

    Returns:
        A model from [n, views, size, size, channels] to [n, classes].

    Example:
        >>> model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
        >>> view_averaged(model, views=10, size=4).output_shape
        (None, 48)

    References:
        - He et al. (arXiv 1512.03385), section 3.4
        - KaimingHe/deep-residual-networks, README: the mean of the probabilities
    """
    channels = model.input_shape[-1]
    shape = (views, size, size, channels)
    images = keras.Input(shape, dtype=model.inputs[0].dtype, name="views")
    scores = _scores(model, keras.ops.reshape(images, (-1, *shape[1:])), activation)
    return keras.Model(images, average_scores(scores, views), name=f"{model.name}_{views}_views")


def mirror_averaged(model: keras.Model) -> keras.Model:
    """Returns a model that averages the scores of an image and of its mirror image.

    Args:
        model: From images [n, height, width, channels] to scores [n, classes], logits in the source.

    Returns:
        A model with the same inputs and outputs.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten()])
        >>> mirror_averaged(model).predict(np.array([[[[1.0], [2.0]]]]), verbose=0).tolist()
        [[1.5, 1.5]]

    References:
        - Page, "How to train your ResNet", part 8: the mean of logits
        - cifar10-fast `torch_backend.py`, forward_tta
    """
    return _averaged(model, "mirrored", f"{model.name}_mirror_averaged")


def shift_averaged(model: keras.Model) -> keras.Model:
    """Returns a model that averages the scores of six views of an image.

    These are the image and its mirror image, with a weight of 1/4 each, and the same of the image shifted by a
    pixel down and right, and up and left, with a weight of 1/8 each. Pixels are shifted in by reflection.

    Args:
        model: From images [n, height, width, channels] to scores [n, classes], logits in the source.

    Returns:
        A model with the same inputs and outputs.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten()])
        >>> model = shift_averaged(model)
        >>> model.predict(np.array([[[[8.0], [0.0]], [[0.0], [0.0]]]]), verbose=0).tolist()
        [[2.0, 2.0, 2.0, 2.0]]

    References:
        - Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv 2404.00498), section 3.5
        - cifar10-airbench `airbench94_muon.py`, infer
    """
    return _averaged(model, "shifted", f"{model.name}_shift_averaged")


def _averaged(model: keras.Model, views: str, name: str) -> keras.Model:
    images = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="images")
    scores = averaged(lambda view: model(view, training=False), images, views)
    return keras.Model(images, scores, name=name)


def multi_scale_scores(
    model: keras.Model,
    scales: Iterable[Tensor],
    *,
    mirrored: bool = False,
    activation: str | None = "softmax",
) -> Tensor:
    """Returns scores of whole images, averaged over several sizes.

    The network is applied to the whole image at every size, see the module's docstring; images of a
    batch have one size. The paper averages the scores of all sizes and does not say whether before
    or after the softmax, or whether with mirror images, as Simonyan and Zisserman do (after it,
    with both).

    Args:
        model: From images [n, height, width, channels] of any size to scores [n, classes].
        scales: The same images [n, height, width, channels] in each size, as from
            `krr.augment.resize_to_scales`.
        mirrored: Whether to average over mirror images too.
        activation: Applied to the scores before they are averaged; see `view_averaged`.

    Returns:
        [n, classes].

    Raises:
        ValueError: If there is no size, or the model has a fixed input size.

    Example:
        >>> import numpy as np
        >>> pool = keras.layers.GlobalAveragePooling2D()
        >>> model = keras.Sequential([keras.Input((None, None, 2)), pool])
        >>> scales = [np.full((1, size, size, 2), size / 8) for size in (4, 8, 12)]
        >>> np.array(multi_scale_scores(model, scales, activation=None)).tolist()
        [[1.0, 1.0]]

    References:
        - He et al. (arXiv 1512.03385), section 3.4: shorter edges of 224, 256, 384, 480 and 640
        - Simonyan and Zisserman (arXiv 1409.1556), section 3.2
    """
    height, width = model.input_shape[1:3]
    if height is not None or width is not None:
        raise ValueError(
            f"`model` must take images of any size. Received: a model for {height} x {width} pixels"
        )
    scores = []
    for images in scales:
        images = keras.ops.convert_to_tensor(images)
        views = [images, keras.ops.flip(images, axis=2)] if mirrored else [images]
        scores += [_scores(model, view, activation) for view in views]
    if not scores:
        raise ValueError("`scales` must contain at least one size. Received: no size")
    return keras.ops.mean(keras.ops.stack(scores), axis=0)


def multi_scale_averaged(
    model: keras.Model,
    scales: int,
    *,
    mirrored: bool = False,
    activation: str | None = "softmax",
) -> keras.Model:
    """Returns a model that averages over several sizes of an image, with `multi_scale_scores`.

    Args:
        model: As for `multi_scale_scores`.
        scales: Number of sizes, at least 1.
        mirrored: Whether to average over mirror images too.
        activation: Applied to the scores before they are averaged; see `view_averaged`.

    Returns:
        A model from a list of `scales` batches [n, height, width, channels], each with its own height and
        width, to [n, classes].

    Raises:
        ValueError: If there is no size, or the model has a fixed input size.

    Example:
        >>> pool = keras.layers.GlobalAveragePooling2D()
        >>> model = keras.Sequential([keras.Input((None, None, 2)), pool])
        >>> len(multi_scale_averaged(model, 5).inputs)
        5
    """
    dtype = model.inputs[0].dtype
    images = [keras.Input(model.input_shape[1:], dtype=dtype) for _ in range(scales)]
    scores = multi_scale_scores(model, images, mirrored=mirrored, activation=activation)
    return keras.Model(images, scores, name=f"{model.name}_{scales}_scales")


def _scores(model: keras.Model, images: Tensor, activation: str | None) -> Tensor:
    """Returns scores in float32, so that a mean of half-precision scores is not rounded."""
    scores = keras.ops.cast(model(images, training=False), "float32")
    return keras.activations.get(activation)(scores)
