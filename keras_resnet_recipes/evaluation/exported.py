"""Exported files compared with their Keras model on a data set."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.augment import CenterCrop, kernels
from keras_resnet_recipes.data import (
    ImageStream,
    UnreadableImage,
    UnreadableImages,
    from_source,
)
from keras_resnet_recipes.data.decode import opened
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.recipe import BaseRecipe

# Enough for stable ranges of the activations; more only take longer.
_CALIBRATION = 256


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Accuracy of an exported file and of its Keras model on the same images.

    Args:
        images: Number of images.
        file_top1: Top-1 accuracy of the file, 0 to 1.
        model_top1: Top-1 accuracy of the Keras model, 0 to 1.
        agreeing: Number of images for which both predict the same class.

    Example:
        >>> print(Agreement(images=200, file_top1=0.905, model_top1=0.91, agreeing=198))
        top1 0.9050, of the Keras model 0.9100; both predict the same class for 198 of 200 images
    """

    images: int
    file_top1: float
    model_top1: float
    agreeing: int

    def __str__(self) -> str:
        return (
            f"top1 {self.file_top1:.4f}, of the Keras model {self.model_top1:.4f}; both predict the same class for "
            f"{self.agreeing} of {self.images} images"
        )


def compare(
    run: Callable[[np.ndarray], np.ndarray], model: keras.Model, dataset: Any, crop: CenterCrop
) -> Agreement:
    """Evaluates an exported file and its Keras model on a data set.

    Args:
        run: Function from images to probabilities, such as `krr.export.load` returns.
        model: The Keras model.
        dataset: As for `Recipe.fit`.
        crop: Size, crop ratio and interpolation of the images.

    Returns:
        The accuracies, and the number of images on which they agree.

    Raises:
        ValueError: If the data is invalid or its classes differ from the model's.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> model = krr.applications.ResNet20(classes=2)
        >>> data = np.zeros((4, 32, 32, 3), "uint8"), np.arange(4) % 2
        >>> compare(model.predict_on_batch, model, data, CenterCrop(32)).agreeing
        4
    """
    columns = [
        (targets.argmax(1), run(images).argmax(1), model.predict_on_batch(images).argmax(1))
        for images, targets in _batches(model, dataset, crop)
    ]
    labels, by_file, by_model = map(np.concatenate, zip(*columns, strict=True))
    return Agreement(
        images=len(labels),
        file_top1=float(np.mean(by_file == labels)),
        model_top1=float(np.mean(by_model == labels)),
        agreeing=int(np.sum(by_file == by_model)),
    )


def _batches(
    model: keras.Model, dataset: Any, crop: CenterCrop
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    names = getattr(model, "class_names", None)
    data = from_source(dataset, split="validation", class_names=names)
    recipe = BaseRecipe(
        classes=model.output_shape[-1],
        batch_size=32,
        test_size=crop.size,
        test_crop_ratio=crop.crop_ratio,
        test_interpolation=crop.interpolation,
    )
    unreadable = UnreadableImages(data, recipe.unreadable_images)
    yield from EvaluationBatches(recipe, data, unreadable=unreadable)
    unreadable.warn()


def calibration_images(dataset: Any, crop: CenterCrop) -> np.ndarray:
    """Returns up to 256 images, spread evenly over a data set, to calibrate an int8 export.

    Args:
        dataset: As for `Recipe.fit`, but not one that can only be iterated.
        crop: Size, crop ratio and interpolation of the images.

    Returns:
        uint8 [n, size, size, 3].

    Raises:
        ValueError: If the data is invalid.

    Example:
        >>> data = np.zeros((300, 40, 40, 3), "uint8"), np.arange(300) % 2
        >>> calibration_images(data, CenterCrop(32)).shape
        (256, 32, 32, 3)
    """
    data = from_source(dataset)
    if isinstance(data, ImageStream):
        raise ValueError(
            f"`calibration` must be a data set that can be indexed. Received: {data.name}"
        )
    chosen = np.linspace(0, data.size - 1, min(_CALIBRATION, data.size)).round().astype(int)
    images = []
    for index in chosen:
        with contextlib.suppress(UnreadableImage):
            image, _ = data.read(int(index))
            with opened(image, data.max_pixels) as one:
                images.append(kernels.packing.unpack(crop.cut(one.packed())))
    if not images:
        raise ValueError(f"`calibration` must have images that can be read. Received: {data.name}")
    return np.stack(images)
