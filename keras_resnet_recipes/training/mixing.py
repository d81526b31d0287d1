"""The last step of the pipeline: targets, Keras layers, MixUp and CutMix."""

from collections.abc import Callable

import tensorflow as tf

from keras_resnet_recipes import augment
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.keras_layers import KerasLayers
from keras_resnet_recipes.training.pictures import folded


def targets_and_mix(
    recipe: BaseRecipe,
    epoch_seed: tf.Tensor,
    unreadable: UnreadableImages,
    replicas: int,
    host: tuple[int, int],
    layers: KerasLayers,
) -> Callable[[tf.Tensor, tuple[tf.Tensor, tf.Tensor]], tuple[tf.Tensor, tf.Tensor]]:
    """From (step, (images, labels)) to a batch with targets, mixed if the recipe mixes."""
    number, hosts = host
    # A recipe that mixes the whole batch and one of several hosts never come together.
    draws = (replicas if recipe.mix_per_replica else hosts) // hosts
    mix = recipe.mix

    @tf.autograph.experimental.do_not_convert
    def batch(
        step: tf.Tensor, pictures: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = pictures
        labels = unreadable.check_labels(labels, recipe.classes)
        targets = augment.one_hot(labels, recipe.classes, recipe.loss.label_smoothing)
        images = layers.augmented(images)
        shares = zip(tf.split(images, draws), tf.split(targets, draws), strict=True)
        mixed = [
            share
            if mix is None
            else layers.mixed(*share)
            if layers.mix is not None
            else mix(*share, mix_seed(epoch_seed, (step * hosts + number) * draws + place))
            for place, share in enumerate(shares)
        ]
        return (
            mixed[0]
            if draws == 1
            else tuple(tf.concat(part, 0) for part in zip(*mixed, strict=True))
        )

    return batch


def mix_seed(epoch_seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """The seed of the part of a batch that is mixed as one, by its number in the epoch."""
    # Rows of pictures use the seeds (epoch, block); -1 keeps those of batches apart.
    return folded(folded(epoch_seed, -1), number)
