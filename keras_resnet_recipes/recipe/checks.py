"""Consistency checks across the parts of a recipe."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from keras_resnet_recipes.augment.erasing import Cutout
from keras_resnet_recipes.augment.pad_and_crop import PadAndCrop
from keras_resnet_recipes.augment.scale_jitter_crop import ScaleJitterCrop
from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.recipe.groups import check_groups
from keras_resnet_recipes.recipe.keras_objects import KerasLayer, KerasSchedule
from keras_resnet_recipes.recipe.networks import NetworkFunction

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


def check_together(recipe: "BaseRecipe") -> None:
    """Checks that the parts of a recipe are consistent.

    Raises:
        ValueError: If two parts contradict each other.
    """
    _check_batch(recipe)
    _check_schedule(recipe)
    check_groups(recipe)
    _check_sizes(recipe)
    _check_augmentation(recipe)
    _check_on_device(recipe)


def check_complete(recipe: "BaseRecipe", fields: Collection[str] = ()) -> None:
    """Checks that every unpublished number of a recipe was given a value.

    Args:
        recipe: The recipe.
        fields: Fields to check; by default all.

    Raises:
        ValueError: If numbers are missing; the message names them.
    """
    missing = [
        one.name
        for one in recipe.numbers()
        if one.value is UNPUBLISHED and (not fields or one.path[0] in fields)
    ]
    if missing:
        name, values = type(recipe).__name__, ", ".join(f"{field}=..." for field in missing)
        raise ValueError(
            f"`{'`, `'.join(missing)}` must be given, because no value was published for {name}. "
            f"Use {name}({values})."
        )


def _known(*values: object) -> bool:
    return UNPUBLISHED not in values


def _check_batch(recipe: "BaseRecipe") -> None:
    batch, micro_batches = recipe.batch_size, recipe.gradient_accumulation_steps
    if recipe.balanced_sampling and getattr(recipe.loss, "class_weights", None) == "balanced":
        raise ValueError(
            "`balanced_sampling` must be False with class_weights='balanced': both would balance the classes. "
            "Received: balanced_sampling=True"
        )
    if not recipe.mix_per_replica and recipe.mix is None:
        raise ValueError(
            "`mix_per_replica` must be True if `mix` is None. Received: mix_per_replica=False"
        )
    ghost = getattr(recipe.network, "ghost_batch_norm", None)
    if ghost is not None and recipe.batch_norm == "synchronized":
        raise ValueError(
            "`ghost_batch_norm` must be None with batch_norm='synchronized', which computes the statistics "
            f"of the whole batch. Received: ghost_batch_norm={ghost}"
        )
    if not _known(batch, micro_batches):
        return
    size, remainder = divmod(batch, micro_batches)
    if remainder:
        raise ValueError(
            f"`gradient_accumulation_steps` must divide `batch_size` ({batch}). "
            f"Received: gradient_accumulation_steps={micro_batches}"
        )
    if ghost is not None and size % ghost:
        raise ValueError(
            "`ghost_batch_norm` must divide `batch_size` / `gradient_accumulation_steps` "
            f"({batch} / {micro_batches}). Received: ghost_batch_norm={ghost}"
        )
    if recipe.mixes_in_pairs and size % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` must be even with MixUp or CutMix, which pair image i "
            f"with image n-1-i. Received: batch_size={batch}, gradient_accumulation_steps={micro_batches}"
        )


def _check_schedule(recipe: "BaseRecipe") -> None:
    schedule, own = recipe.schedule, isinstance(recipe.schedule, KerasSchedule)
    if own != (recipe.learning_rate is None):
        legal = "a number"
        if own:
            legal = "None with a Keras schedule, which has its own rates: schedule=..., learning_rate=None"
        raise ValueError(
            f"`learning_rate` must be {legal}. Received: learning_rate={recipe.learning_rate!r}"
        )
    if own:
        return
    for name in ("learning_rate", "epochs"):
        if getattr(schedule, name) is not None:
            raise ValueError(
                f"`{name}` must not be set in `schedule`, which uses the recipe's `{name}`. "
                f"Received: schedule={schedule!r}"
            )
    numbers = [recipe.epochs, *(getattr(schedule, n, 0) for n in ("warmup_epochs", "boundaries"))]
    warmup = numbers[1]
    if _known(*numbers[:2]) and warmup > recipe.epochs:
        raise ValueError(
            f"`warmup_epochs` must be at most `epochs` ({recipe.epochs}), which include the warm-up. "
            f"Received: warmup_epochs={warmup}. `krr.{type(recipe).__name__}().shortened({recipe.epochs})` scales it."
        )
    if numbers[2] == ():
        raise ValueError("`step_epochs` must not be empty with Step. Received: step_epochs=()")


def _check_sizes(recipe: "BaseRecipe") -> None:
    size = recipe.progressive_size
    if size is None or not _known(recipe.train_size, size.first_size):
        return
    if size.first_size > recipe.train_size:
        raise ValueError(
            f"`progressive_first_size` must be at most `train_size` ({recipe.train_size}). "
            f"Received: progressive_first_size={size.first_size}"
        )
    if isinstance(recipe.network, NetworkFunction):
        raise ValueError(
            "`progressive_size` must be None with a network of another package, which is built for one size. "
            f"Received: progressive_size={size!r}"
        )


def _check_augmentation(recipe: "BaseRecipe") -> None:
    steps = recipe.augmentation
    for index, step in enumerate(steps):
        if getattr(step, "crops", False) and index:
            raise ValueError(
                "`augmentation` must have at most one step that crops, and it must be the first. "
                f"Received: {step!r} at index {index}"
            )
        if index and isinstance(steps[index - 1], KerasLayer) and not isinstance(step, KerasLayer):
            raise ValueError(
                "`augmentation` must end with its Keras layers, which process whole batches. "
                f"Received: {step!r} after {steps[index - 1]!r}"
            )
    if not _known(recipe.train_size):
        return
    smallest, largest = recipe.train_sizes[0], recipe.train_sizes[-1]
    limits = {PadAndCrop: ("padding", smallest - 1), Cutout: ("size", smallest)}
    for kind, (name, limit) in limits.items():
        step = recipe.augmentation_of(kind)
        if step is not None and _known(getattr(step, name)) and getattr(step, name) > limit:
            raise ValueError(
                f"`{name}` of {kind.__name__} must be at most {limit} for training images of {smallest} pixels. "
                f"Received: {name}={getattr(step, name)}"
            )
    jitter = recipe.augmentation_of(ScaleJitterCrop)
    if jitter is not None and _known(jitter.shorter_edge) and jitter.shorter_edge[0] < largest:
        raise ValueError(
            f"`shorter_edge` must be at least `train_size` ({recipe.train_size}), the size of the crop. "
            f"Received: shorter_edge={jitter.shorter_edge}"
        )


def _check_on_device(recipe: "BaseRecipe") -> None:
    if not recipe.data_on_device:
        return
    kinds = [type(step) for step in recipe.augmentation]
    for step in recipe.augmentation:
        if not getattr(step, "on_device", False) or kinds.count(type(step)) > 1:
            raise ValueError(
                "`augmentation` must consist of PadAndCrop, RandomFlip and Cutout, each at most once, with "
                f"data_on_device=True. Received: {step!r}"
            )
    legal = {
        "progressive_size": (None,),
        "mix": (None,),
        "repeated_augmentation": (1,),
        "test_views": ("one", "mirrored", "shifted"),
        "test_crop_ratio": (1.0,),
        "batch_norm": ("replica",),
        "unreadable_images": ("skip",),
    }
    for name, values in legal.items():
        if getattr(recipe, name) not in values:
            raise ValueError(
                f"`{name}` must be {' or '.join(map(repr, values))} with data_on_device=True. "
                f"Received: {name}={getattr(recipe, name)!r}"
            )
