"""ReaL: every right answer for the validation pictures of ImageNet."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_resnet_recipes.data import ImageDataset

# What follows the number in ILSVRC2012_val_00000001.JPEG depends on who packed the pictures.
_NUMBER = re.compile(r"_val_(\d{8})(?!\d)")


def real_labels(path: str | Path, data: "ImageDataset", classes: int) -> "tf.RaggedTensor":
    """The ReaL labels of each image of a data set.

    Args:
        path: A JSON file: a list, in the order of the numbers in ILSVRC2012_val_00000001.JPEG and so on,
            of lists of class numbers, of which some are empty.
        data: Images whose file names have these numbers.
        classes: Number of classes.

    Returns:
        int64 [images, None].

    Raises:
        ValueError: If the file is something else, or does not fit the images.

    Source: Beyer et al., 'Are we done with ImageNet?' (arXiv 2006.07159).
    """
    # Data on the device does without TensorFlow, and without these.
    import tensorflow as tf

    labels = _read(Path(path), classes)
    places = _places(data, len(labels), path)
    chosen = [labels[place] for place in places]
    with tf.device("CPU:0"):
        return tf.RaggedTensor.from_row_lengths(
            np.array([number for row in chosen for number in row], np.int64),
            np.array([len(row) for row in chosen], np.int64),
        )


def with_real(model: keras.Model) -> keras.Model:
    """The model with its scores twice, as `scores` and as `real`, for two kinds of targets."""
    scores = model.outputs[0]
    return keras.Model(model.inputs, {"scores": scores, "real": keras.ops.copy(scores)})


def real_top1() -> keras.metrics.Mean:
    """A metric: the share of pictures whose best class is among the targets, zeros and ones."""

    def right(targets: Any, scores: Any) -> Any:
        best = keras.ops.argmax(scores, axis=-1)
        return keras.ops.take_along_axis(targets, best[:, None], axis=-1)[:, 0]

    return keras.metrics.MeanMetricWrapper(right, name="real_top1")


def _read(path: Path, classes: int) -> list[list[int]]:
    if not path.is_file():
        raise ValueError(f"`real` must be an existing JSON file; received {str(path)!r}.")
    try:
        rows = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`real` must be a JSON file; {str(path)!r} is none: {error}") from None
    if not (isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows)):
        raise ValueError(
            f"`real` must hold a list of lists of class numbers; {str(path)!r} does not."
        )
    for place, row in enumerate(rows):
        for number in row:
            if type(number) is not int or not 0 <= number < classes:
                raise ValueError(
                    f"`real` must hold class numbers within 0..{classes - 1}; {str(path)!r} has {number!r} "
                    f"for picture {place + 1}."
                )
    return rows


def _places(data: "ImageDataset", count: int, path: str | Path) -> list[int]:
    """Where in the list the labels of each image are, by its number."""
    if not data.indexed:
        raise ValueError(f"`real` needs pictures with file names; those of {data.name} have none.")
    places = []
    for index in range(data.size):
        name = data.describe(index)
        found = _NUMBER.findall(name)
        if not found:
            raise ValueError(
                "`real` needs pictures with the file names of ImageNet's validation set, such as "
                f"ILSVRC2012_val_00000001.JPEG; received {name!r}."
            )
        places.append(int(found[-1]) - 1)
    highest = max(places) + 1
    if min(places) < 0 or highest > count:
        raise ValueError(
            f"`real` must have labels for every picture: {str(path)!r} has {count}, and {data.name} the number "
            f"{highest if highest > count else 0}."
        )
    return places
