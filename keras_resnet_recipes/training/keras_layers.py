"""Keras layers in a recipe's augmentation and mixing: on whole batches, in TensorFlow."""

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer


class KerasLayers:
    """The Keras layers of a recipe, built anew.

    Their random numbers are their own, not of the run's seed.

    Args:
        recipe: The recipe.
    """

    def __init__(self, recipe: BaseRecipe) -> None:
        steps = recipe.augmentation
        self.layers = [step.build() for step in steps if isinstance(step, KerasLayer)]
        self.mix = recipe.mix.build() if isinstance(recipe.mix, KerasLayer) else None

    @property
    def workers(self) -> int | None:
        """Calls at a time: one in turn, or random numbers that have a state would come in any order."""
        return None if self.layers or self.mix is not None else tf.data.AUTOTUNE

    def augmented(self, images: tf.Tensor) -> tf.Tensor:
        """uint8 images after all layers."""
        *_, (_, changed) = [("", images), *self.changes(images)]
        return changed

    def changes(self, images: tf.Tensor) -> Iterator[tuple[str, tf.Tensor]]:
        """The name of each layer, and the uint8 images after it."""
        changed = tf.cast(images, tf.float32)
        for layer in self.layers:
            changed = _called(layer, changed)
            _check_shape("augmentation", layer, "images", changed, images)
            yield type(layer).__name__, _pixels(changed, images)

    def mixed(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """uint8 images and float32 labels after the layer that mixes."""
        result = _called(self.mix, {"images": tf.cast(images, tf.float32), "labels": labels})
        changed, targets = result["images"], result["labels"]
        _check_shape("mix", self.mix, "images", changed, images)
        _check_shape("mix", self.mix, "labels", targets, labels)
        targets = tf.ensure_shape(tf.cast(targets, tf.float32), labels.shape)
        return _pixels(changed, images), targets


def _called(layer: keras.Layer, inputs: Any) -> Any:
    # tf.function turns Python's `if` on tensors into TensorFlow's, which the pipeline around it does not.
    return tf.function(lambda tensors: layer(tensors, training=True))(inputs)


def _pixels(images: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    nearest = tf.round(tf.clip_by_value(tf.cast(images, tf.float32), 0.0, 255.0))
    return tf.ensure_shape(tf.cast(nearest, tf.uint8), like.shape)


def _check_shape(field: str, layer: keras.Layer, what: str, result: Any, given: tf.Tensor) -> None:
    shape = getattr(result, "shape", None)
    if shape is None or not given.shape.is_compatible_with(shape):
        raise ValueError(
            f"`{field}`: {type(layer).__name__} must return {what} of the shape {tuple(given.shape)} that it is "
            f"given. Received: {type(result).__name__ if shape is None else tuple(shape)}"
        )
