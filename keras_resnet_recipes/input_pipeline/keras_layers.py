"""Keras layers in a recipe's augmentation and mixing, applied to whole batches on the current backend."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer


class KerasLayers:
    """New Keras layers of a recipe.

    They are applied after the augmentations of single images. They use their own random seeds, not the run's.

    Args:
        recipe: The recipe.
    """

    def __init__(self, recipe: BaseRecipe) -> None:
        steps = recipe.augmentation
        self.layers = [step.build() for step in steps if isinstance(step, KerasLayer)]
        self.mix = recipe.mix.build() if isinstance(recipe.mix, KerasLayer) else None

    def augmented(self, images: np.ndarray) -> np.ndarray:
        """Returns the uint8 images after all layers."""
        for _, images in self.changes(images):  # noqa: B007, B020
            pass
        return images

    def changes(self, images: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Yields the name of each layer, and the uint8 images after it."""
        changed = images.astype(np.float32) if self.layers else images
        for layer in self.layers:
            before, changed = changed, _called(layer, changed)
            _check_shape("augmentation", layer, "images", changed, images)
            _check_is_augmentation(layer, before, changed)
            yield type(layer).__name__, _pixels(changed)

    def mixed(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns uint8 images and float32 labels after the mixing layer."""
        result = _called(self.mix, {"images": images.astype(np.float32), "labels": labels})
        changed, targets = result["images"], result["labels"]
        _check_shape("mix", self.mix, "images", changed, images)
        _check_shape("mix", self.mix, "labels", targets, labels)
        return _pixels(changed), targets.astype(np.float32)


def _called(layer: keras.Layer, inputs: Any) -> Any:
    """Returns the outputs of a layer as arrays; it runs on the CPU, concurrently with the accelerator."""
    with keras.device("cpu"):
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
        outputs = layer(tensors, training=True)
        return keras.tree.map_structure(_as_array, outputs)


def _as_array(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value) if hasattr(value, "shape") else value


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(images, 0.0, 255.0)).astype(np.uint8)


def _check_is_augmentation(layer: keras.Layer, before: np.ndarray, after: np.ndarray) -> None:
    if layer.trainable_weights:
        raise ValueError(
            f"`augmentation`: {type(layer).__name__} must have no trainable weights, because a recipe creates a "
            f"new layer. Received: {len(layer.trainable_weights)} trainable weights"
        )
    if after.max() <= 1 and before.max() > 2:
        raise ValueError(
            f"`augmentation`: {type(layer).__name__} must return images of 0..255, like its inputs. Received: "
            f"{after.min():.4g}..{after.max():.4g} (layers with `value_range` need value_range=(0, 255))"
        )


def _check_shape(field: str, layer: keras.Layer, what: str, result: Any, given: np.ndarray) -> None:
    shape = getattr(result, "shape", None)
    if shape != given.shape:
        received = type(result).__name__ if shape is None else tuple(shape)
        raise ValueError(
            f"`{field}`: {type(layer).__name__} must return {what} of the shape of its inputs, {given.shape}. "
            f"Received: {received}"
        )
