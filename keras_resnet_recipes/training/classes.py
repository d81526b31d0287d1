"""The number of classes of a run."""

from typing import TYPE_CHECKING

from keras_resnet_recipes.data import ImageDataset
from keras_resnet_recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageStream
    from keras_resnet_recipes.data.arrays import ImageArrays


def resolved_classes(recipe: BaseRecipe, data: "ImageDataset | ImageStream | ImageArrays") -> int:
    """Returns the number of classes, from the recipe or the data; labels are checked against it."""
    if data.classes == 1:
        raise ValueError(
            f"`classes` must be at least 2; {data.name} has one, {(data.class_names or (0,))[0]!r}. Give the folder "
            "with one subfolder per class."
        )
    if recipe.classes is None:
        return data.classes if data.classes is not None else _counted_classes(data)
    if data.classes is not None and data.classes != recipe.classes:
        raise ValueError(
            f"`classes` must be the {data.classes} of {data.name}. Received: classes={recipe.classes}"
        )
    data.check_labels(recipe.classes)
    return recipe.classes


def _counted_classes(data: "ImageDataset | ImageStream | ImageArrays") -> int:
    if data.labels is not None:
        largest = int(data.labels.max())
    elif data.size is None:
        raise ValueError(
            f"`classes` must be given for data of unknown length, such as {data.name}."
        )
    else:
        examples = (
            (data.read(index) for index in range(data.size))
            if isinstance(data, ImageDataset)
            else (pair for _, *pair in data.in_order())
        )
        largest = max(label for _, label in examples)
    if largest < 1:
        raise ValueError(
            f"`labels` of {data.name} must be of two classes or more. Received: labels that are all 0"
        )
    print(f"`classes`: {largest + 1}, the largest label of {data.name} plus one.")
    return largest + 1
