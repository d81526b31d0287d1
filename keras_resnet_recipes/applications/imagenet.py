"""What users of `keras.applications` call before and after a network: pixels in, names out."""

import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any

import keras
import numpy as np

Label = tuple[str | int, str, float]


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Returns its input: the networks of this package take raw RGB pixels, 0 to 255.

    It is here so that code written for `keras.applications` runs, where some networks expect their
    own arithmetic done beforehand. These have theirs as first layer, like
    `keras.applications.EfficientNetB0`, unless built with `include_preprocessing=False`.

    Args:
        x: RGB images, `(batch, height, width, 3)` or `(height, width, 3)`, 0 to 255.
        data_format: None or "channels_last", the only one that the networks take.

    Returns:
        `x` itself.

    Raises:
        ValueError: If `data_format` is another one.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.applications import preprocess_input
        >>> int(preprocess_input(np.full((1, 2, 2, 3), 255, "uint8")).max())
        255

    References:
        `keras.applications.efficientnet.preprocess_input`.
    """
    if data_format not in (None, "channels_last"):
        raise ValueError(f'data_format={data_format!r}: expected None or "channels_last".')
    return x


def decode_predictions(
    predictions: Any, top: int = 5, class_names: Sequence[str] | None = None
) -> list[list[Label]]:
    """The best classes of each sample with their names.

    Unlike Keras' own, it downloads nothing, knows the names of other classes than ImageNet's and
    gives plain numbers.

    Args:
        predictions: Output of a network, `(batch, classes)`, an array or tensor. Any scores do,
            logits as well as probabilities: they are ranked and returned as they are.
        top: How many classes of each sample, at least 1; at most all there are come back.
        class_names: A name for each class. None means the 1000 classes of ImageNet.

    Returns:
        For each sample the list of its best classes, best first, as `(synset, name, score)`, where
        the synset is ImageNet's, such as "n02123045", or with `class_names` the index of the class.
        Of equal scores the lower index is first. Two of ImageNet's names, "crane" and "maillot",
        are those of two synsets.

    Raises:
        ValueError: If `predictions` is not a batch of one score for each class, or has a NaN; if
            `top` is below 1.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.applications import decode_predictions
        >>> decode_predictions(np.eye(1000)[[207]], top=1)
        [[('n02099601', 'golden retriever', 1.0)]]
        >>> decode_predictions([[0.25, 0.75]], class_names=["cat", "dog"])
        [[(1, 'dog', 0.75), (0, 'cat', 0.25)]]

    References:
        `keras.applications.imagenet_utils.decode_predictions`; the synsets of ILSVRC-2012 and the
        first lemma of each in WordNet 3.0.
    """
    if top < 1:
        raise ValueError(f"top={top!r}: expected an integer of at least 1.")
    scores = keras.ops.convert_to_numpy(predictions)
    if class_names is None:
        labels: Sequence[tuple[str | int, str]] = imagenet_classes()
    else:
        labels = list(enumerate(class_names))
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        whose = "ImageNet's classes; give class_names for others" if class_names is None else ""
        raise ValueError(
            f"predictions of shape {scores.shape}: expected (batch, {len(labels)}), a score for "
            f"each of {whose or 'class_names'}."
        )
    if np.isnan(scores).any():
        samples = np.flatnonzero(np.isnan(scores).any(axis=1)).tolist()
        raise ValueError(f"predictions: expected numbers, not the NaN of samples {samples[:10]}.")
    ranks = np.argsort(-scores.astype("float64"), axis=1, kind="stable")[:, :top]
    return [
        [(*labels[index], float(row[index])) for index in best.tolist()]
        for row, best in zip(scores, ranks, strict=True)
    ]


@functools.cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """The 1000 classes of ILSVRC-2012 in the order of their labels.

    Returns:
        `(synset, first lemma)` of each class.

    Example:
        >>> from keras_resnet_recipes.applications.imagenet import imagenet_classes
        >>> imagenet_classes()[999]
        ('n15075141', 'toilet tissue')

    References:
        ILSVRC-2012; WordNet 3.0.
    """
    text = resources.files(__package__).joinpath("imagenet_classes.csv").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return tuple(tuple(line.split(",")) for line in lines)
