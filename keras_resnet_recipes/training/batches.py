"""Batches per epoch, and the shards of a batch."""

from typing import TYPE_CHECKING

from keras_resnet_recipes import distribution
from keras_resnet_recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset, ImageStream
    from keras_resnet_recipes.data.arrays import ImageArrays


def steps_per_epoch(
    recipe: BaseRecipe,
    data: "ImageDataset | ImageStream | ImageArrays",
    given: int | None,
) -> int:
    """Returns the updates per epoch: the given number, or floor(images / batch size)."""
    if given is not None:
        if given < 1:
            raise ValueError(
                f"`steps_per_epoch` must be at least 1. Received: steps_per_epoch={given!r}"
            )
        return given
    if data.size is None:
        raise ValueError(
            f"`steps_per_epoch` must be given for data of unknown or infinite length, such as {data.name}."
        )
    if data.size < recipe.batch_size:
        raise ValueError(
            f"`batch_size` must be at most the number of images. Received: batch_size={recipe.batch_size} for the "
            f"{data.size} images of {data.name}. `recipe.rescaled({_smaller_batch(data.size)})`, `--rescale` of "
            "krr, fits, with its learning rate scaled."
        )
    return data.size // recipe.batch_size


def _smaller_batch(images: int) -> int:
    return max(2, 2 ** (images // 8).bit_length())


def check_shards(recipe: BaseRecipe, replicas: int) -> None:
    """Raises ValueError unless a batch can be divided into shards, one per device."""
    micro_batch = recipe.batch_size // recipe.gradient_accumulation_steps
    if micro_batch % replicas:
        raise ValueError(
            f"`batch_size` / `gradient_accumulation_steps` must be a multiple of the {replicas} devices. "
            f"Received: {recipe.batch_size} / {recipe.gradient_accumulation_steps}"
        )
    if recipe.mixes and not recipe.mix_per_replica and distribution.host()[1] > 1:
        raise ValueError(
            "`mix_per_replica` must be True on several hosts with MixUp or CutMix, because each host makes its own "
            "shard of a batch. Received: mix_per_replica=False"
        )
    if recipe.mixes_in_pairs and recipe.mix_per_replica and micro_batch // replicas % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` / devices must be even with MixUp or CutMix, which pair "
            f"images of one device, or mix_per_replica=False. Received: {recipe.batch_size} / "
            f"{recipe.gradient_accumulation_steps} / {replicas}"
        )
