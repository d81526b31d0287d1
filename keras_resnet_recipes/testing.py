"""Test-time procedures: an image is looked at several times, and the scores are averaged.

A network of this package takes images of any size (`input_shape=None`): its classifier is the mean
over all positions and a dense layer. As both are linear, that is the mean of the logits that the
dense layer, as a convolution of one pixel, gives at every position. This is the fully convolutional
form of the papers, and nothing needs to be converted for it.
"""

from collections.abc import Iterable
from typing import Any

import keras

from keras_resnet_recipes.augment.views import five_corners

Tensor = Any
"""A tensor of the running backend."""


def ten_crop(images: Tensor, size: int) -> Tensor:
    """Ten squares of each image: the corners and the middle, and those of its mirror image.

    In `tf.data`, which also resizes, `krr.augment.TenCrop` does it.

    Args:
        images: [n, height, width, channels], any type; at least as large as the squares.
        size: Height and width of the squares in pixels.

    Returns:
        [10 * n, size, size, channels], those of an image one after another: above left and right,
        below left and right, in the middle; then the same of the mirror image.

    Raises:
        ValueError: If an image is smaller than the squares.

    Source: Krizhevsky et al., 'ImageNet classification with deep convolutional neural networks',
    section 4.1; torchvision `transforms/functional.py`, ten_crop.

    >>> import numpy as np
    >>> tuple(ten_crop(np.zeros((2, 9, 12, 3), "uint8"), 8).shape)
    (20, 8, 8, 3)
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
    """The mean over the views of each image.

    Args:
        scores: [n * views, classes], those of an image one after another, as after `ten_crop`.
        views: How many an image has.

    Returns:
        [n, classes].

    Raises:
        ValueError: If the number of scores is no multiple of the views.

    >>> import numpy as np
    >>> np.array(average_scores(np.array([[0.0, 1.0], [1.0, 0.0]]), 2)).tolist()
    [[0.5, 0.5]]
    """
    count, classes = scores.shape
    if count is not None and count % views:
        raise ValueError(f"views must divide the number of scores, {count}, got {views}")
    return keras.ops.mean(keras.ops.reshape(scores, (-1, views, classes)), axis=1)


def view_averaged(
    model: keras.Model, views: int, size: int, activation: str | None = "softmax"
) -> keras.Model:
    """A model of several views of an image that averages their scores.

    It is for `evaluate` and `predict`, which batch and spread the work: the ten-crop test is
    `view_averaged(model, views=10, size=224)` on images mapped by `krr.augment.TenCrop`.

    Args:
        model: From images [n, size, size, channels] to scores [n, classes].
        views: How many an image has.
        size: Height and width of a view in pixels.
        activation: What is done to the scores before they are averaged: "softmax" for a model that
            gives logits and the mean of probabilities, None for a model that gives probabilities,
            or for the mean of logits.

    Returns:
        Model from [n, views, size, size, channels] to [n, classes].

    Source: He et al. (arXiv 1512.03385), section 3.4; KaimingHe/deep-residual-networks, README:
    the mean of the probabilities.

    >>> model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()])
    >>> view_averaged(model, views=10, size=4).output_shape
    (None, 48)
    """
    channels = model.input_shape[-1]
    shape = (views, size, size, channels)
    images = keras.Input(shape, dtype=model.inputs[0].dtype, name="views")
    scores = _scores(model, keras.ops.reshape(images, (-1, *shape[1:])), activation)
    return keras.Model(images, average_scores(scores, views), name=f"{model.name}_{views}_views")


def mirror_averaged(model: keras.Model) -> keras.Model:
    """A model that averages its scores of an image and of the mirror image.

    Args:
        model: From images [n, height, width, channels] to scores [n, classes], logits in the source.

    Returns:
        Model of the same inputs and outputs, for `evaluate` and `predict`.

    Source: Page, 'How to train your ResNet', part 8: the mean of logits; cifar10-fast
    `torch_backend.py`, forward_tta.

    >>> model = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.Flatten()])
    >>> import numpy as np
    >>> mirror_averaged(model).predict(np.array([[[[1.0], [2.0]]]]), verbose=0).tolist()
    [[1.5, 1.5]]
    """
    images = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="images")
    both = [_scores(model, view, None) for view in (images, keras.ops.flip(images, axis=2))]
    return keras.Model(images, keras.ops.add(*both) / 2, name=f"{model.name}_mirror_averaged")


def multi_scale_scores(
    model: keras.Model,
    scales: Iterable[Tensor],
    *,
    mirrored: bool = False,
    activation: str | None = "softmax",
) -> Tensor:
    """Scores of images that a network sees whole, in several sizes.

    The network is applied to the whole image at every size, see the head of this module; images of a
    batch are of one size. The paper averages the scores of all sizes and does not say whether before
    or after the softmax, and whether of mirror images too, as Simonyan and Zisserman do (after it,
    and of both).

    Args:
        model: From images [n, height, width, channels] of any size to scores [n, classes].
        scales: The same images [n, height, width, channels] in each size, as `krr.augment.resize_to_scales`
            makes of one.
        mirrored: Whether to average over mirror images too.
        activation: What is done to the scores before they are averaged; see `view_averaged`.

    Returns:
        [n, classes].

    Raises:
        ValueError: If there is no size, or the model takes one size only.

    Source: He et al. (arXiv 1512.03385), section 3.4, with shorter edges of 224, 256, 384, 480 and
    640; Simonyan and Zisserman (arXiv 1409.1556), section 3.2.

    >>> import numpy as np
    >>> pool = keras.layers.GlobalAveragePooling2D()
    >>> model = keras.Sequential([keras.Input((None, None, 2)), pool])
    >>> scales = [np.full((1, size, size, 2), size / 8) for size in (4, 8, 12)]
    >>> np.array(multi_scale_scores(model, scales, activation=None)).tolist()
    [[1.0, 1.0]]
    """
    height, width = model.input_shape[1:3]
    if height is not None or width is not None:
        raise ValueError(f"model must take images of any size, got one for {height}x{width}")
    scores = []
    for images in scales:
        images = keras.ops.convert_to_tensor(images)
        views = [images, keras.ops.flip(images, axis=2)] if mirrored else [images]
        scores += [_scores(model, view, activation) for view in views]
    if not scores:
        raise ValueError("scales must hold at least one size, got none")
    return keras.ops.mean(keras.ops.stack(scores), axis=0)


def multi_scale_averaged(
    model: keras.Model,
    scales: int,
    *,
    mirrored: bool = False,
    activation: str | None = "softmax",
) -> keras.Model:
    """A model of an image in several sizes, for `evaluate` and `predict`: `multi_scale_scores` of them.

    Args:
        model: As for `multi_scale_scores`.
        scales: In how many sizes, at least 1.
        mirrored: Whether to average over mirror images too.
        activation: What is done to the scores before they are averaged; see `view_averaged`.

    Returns:
        Model from a list of `scales` batches [n, height, width, channels], each of its own height and
        width, to [n, classes].

    Raises:
        ValueError: If there is no size, or the model takes one size only.

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
    """Scores in float32, so that a mean of half-precision ones is not rounded to theirs."""
    scores = keras.ops.cast(model(images, training=False), "float32")
    return keras.activations.get(activation)(scores)
