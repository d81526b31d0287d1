"""`preprocess_input` and `decode_predictions`, as in `keras.applications`."""

import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any

import keras
import numpy as np

Label = tuple[str | int, str, float]


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Returns its input: the networks of this package take raw RGB pixels, 0 to 255.

    It exists for code written for `keras.applications`, where some networks need preprocessed inputs. Here
    preprocessing is the first layer, as in `keras.applications.EfficientNetB0`, unless a network is built
    with `include_preprocessing=False`.

    Args:
        x: RGB images, `(batch, height, width, 3)` or `(height, width, 3)`, 0 to 255.
        data_format: None or "channels_last", the only format of the networks.

    Returns:
        `x` itself.

    Raises:
        ValueError: If `data_format` is neither.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.applications import preprocess_input
        >>> int(preprocess_input(np.full((1, 2, 2, 3), 255, "uint8")).max())
        255

    References:
        `keras.applications.efficientnet.preprocess_input`.
    """
    if data_format not in (None, "channels_last"):
        raise ValueError(
            f"`data_format` must be None or 'channels_last'. Received: data_format={data_format!r}"
        )
    return x


def decode_predictions(
    predictions: Any, top: int = 5, class_names: Sequence[str] | None = None
) -> list[list[Label]]:
    """Returns the top classes of each sample with their names.

    Unlike the function of Keras, it downloads nothing, supports class names other than ImageNet's, and
    returns Python floats.

    Args:
        predictions: Output of a network, `(batch, classes)`, an array or tensor. Scores may be logits or
            probabilities: they are ranked and returned unchanged.
        top: Number of classes per sample, at least 1; limited to the number of all classes.
        class_names: A name for each class. None means the 1000 classes of ImageNet.

    Returns:
        For each sample the list of its top classes, best first, as `(synset, name, score)`, where the synset
        is ImageNet's, such as "n02123045", or with `class_names` the index of the class. For equal scores the
        lower index is first. Two of ImageNet's names, "crane" and "maillot", occur for two synsets.

    Raises:
        ValueError: If `predictions` does not have one score per class, or contains NaN, or `top` is
            less than 1.

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
        raise ValueError(f"`top` must be an integer of at least 1. Received: top={top!r}")
    scores = keras.ops.convert_to_numpy(predictions)
    if class_names is None:
        labels: Sequence[tuple[str | int, str]] = imagenet_classes()
    else:
        labels = list(enumerate(class_names))
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        hint = (
            ". Pass `class_names` for classes other than ImageNet's." if class_names is None else ""
        )
        raise ValueError(
            f"`predictions` must be (batch, {len(labels)}), one score per class. "
            f"Received: shape={scores.shape}{hint}"
        )
    if np.isnan(scores).any():
        samples = np.flatnonzero(np.isnan(scores).any(axis=1)).tolist()
        raise ValueError(f"`predictions` must not be NaN. Received: NaN in samples {samples[:10]}")
    ranks = np.argsort(-scores.astype("float64"), axis=1, kind="stable")[:, :top]
    return [
        [(*labels[index], float(row[index])) for index in best.tolist()]
        for row, best in zip(scores, ranks, strict=True)
    ]


@functools.cache
def imagenet_classes() -> tuple[tuple[str, str], ...]:
    """Returns the 1000 classes of ILSVRC-2012 in the order of their labels.

    Returns:
        `(synset, first lemma)` per class.

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
