"""Checks of a run before it begins: recipe, data, model, teacher and devices fit together."""

import os
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes import distribution
from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.applications.plain import check_plain
from keras_resnet_recipes.data import ImageDataset
from keras_resnet_recipes.distribution.scope import check_distribution
from keras_resnet_recipes.files import local_path
from keras_resnet_recipes.recipe import BaseRecipe, check_complete
from keras_resnet_recipes.training.model import TrainingModel

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageStream


_CHANGING_RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def check_arguments(
    recipe: BaseRecipe,
    model: Any,
    teacher: Any,
    run_dir: Any,
    save_every_steps: int | None,
    callbacks: Any,
    seed: Any,
    devices: str,
) -> None:
    """Raises ValueError for arguments of `Recipe.fit` that are wrong whatever the data are."""
    check_complete(recipe)
    check_distribution(devices)
    check_weights(recipe, model)
    check_teacher(recipe, teacher)
    if save_every_steps is not None and (not _is_count(save_every_steps) or run_dir is None):
        raise ValueError(
            "`save_every_steps` must be an integer of at least 1 and needs a `run_dir`. "
            f"Received: save_every_steps={save_every_steps!r}, run_dir={run_dir!r}"
        )
    if run_dir is not None and not isinstance(run_dir, str | os.PathLike):
        raise ValueError(
            f"`run_dir` must be the path of a folder, or None. Received: run_dir={run_dir!r}"
        )
    if run_dir is not None:
        local_path("run_dir", run_dir)
    # A generator would be empty after this check.
    if not isinstance(callbacks, list | tuple):
        raise ValueError(
            f"`callbacks` must be a list of Keras callbacks. Received: callbacks={callbacks!r}"
        )
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                f"`callbacks` must be a list of Keras callbacks. Received: {callback!r} in it"
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not have BackupAndRestore: `run_dir` resumes a run, with states that it loses. "
                "Received: BackupAndRestore"
            )
        if isinstance(callback, _CHANGING_RATES):
            raise ValueError(
                "`callbacks` must not change the learning rate, which the recipe's `schedule` sets: any schedule of "
                f"krr.schedules or keras.optimizers.schedules. Received: {type(callback).__name__}"
            )
    # Range accepted by the random generators that receive the seed.
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 1 << 32:
        raise ValueError(
            f"`seed` must be an integer from 0 to {(1 << 32) - 1}. Received: seed={seed!r}"
        )


def check_together(
    recipe: BaseRecipe,
    model: keras.Model | None,
    teacher: keras.Model | None,
    replicas: int,
    *,
    validated: bool,
) -> None:
    """Raises ValueError unless recipe, model, teacher and devices fit together, once the classes are known."""
    check_teacher(recipe, teacher)
    check_shards(recipe, replicas)
    if model is not None:
        check_trainable(recipe, model, validated=validated)


def check_in_memory(data: "ImageDataset | ImageStream") -> None:
    """Raises ValueError unless images and labels are in memory, as `data_on_device` needs them."""
    if getattr(data, "arrays", None) is None:
        raise ValueError(
            "`dataset` must be arrays (x, y) or an .npz file with x_train, y_train, x_test and y_test with "
            f"data_on_device=True. Received: {data.name}. data_on_device=False takes any data set."
        )


def resolved_classes(recipe: BaseRecipe, data: "ImageDataset | ImageStream") -> int:
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


def resolved_steps(
    recipe: BaseRecipe,
    data: "ImageDataset | ImageStream",
    given: int | None,
) -> int:
    """Returns the updates per epoch: the given number, or floor(images / batch size)."""
    if given is not None:
        if not _is_count(given):
            raise ValueError(
                f"`steps_per_epoch` must be an integer of at least 1. Received: steps_per_epoch={given!r}"
            )
        return int(given)
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


def check_weights(recipe: BaseRecipe, model: keras.Model | None) -> None:
    """Raises ValueError if `weights` or `frozen_stages` contradict `model`."""
    if recipe.weights is not None and model is not None:
        raise ValueError(
            f"`weights` must be None with `model`, which has its own. Received: weights={recipe.weights!r}"
        )
    if recipe.weights is None and model is None and recipe.frozen_stages:
        raise ValueError(
            "`weights` or `model` must be given with `frozen_stages`, or random weights would be frozen. "
            f"Received: frozen_stages={recipe.frozen_stages}"
        )


def check_trainable(recipe: BaseRecipe, model: keras.Model, *, validated: bool) -> None:
    """Raises ValueError unless a recipe can train a model.

    Args:
        recipe: The recipe, its `classes` known.
        model: The model.
        validated: Whether it also gets images of `test_size`.
    """
    check_input(model)
    if isinstance(model, TrainingModel):
        raise ValueError(
            "`model` must be the network itself. Received: a TrainingModel; use its network()"
        )
    check_plain("model", model)
    if model.output_shape[-1] != recipe.classes:
        raise ValueError(
            f"`model` must have {recipe.classes} outputs, one per class. Received: {model.output_shape[-1]} outputs"
        )
    for size in recipe.train_sizes:
        check_size(model, "train_size", size)
    if validated:
        check_size(model, "test_size", recipe.test_size)
    if not gives_logits(model):
        raise ValueError(
            "`model` must return logits, because the recipe's loss applies the softmax or sigmoid. "
            "Received: a model that ends in an activation. Networks of keras.applications take "
            "classifier_activation=None."
        )
    dtypes = compute_dtypes(model) - {"float32"} or {"float32"}
    if recipe.precision != "auto" and recipe.precision.removeprefix("mixed_") not in dtypes:
        raise ValueError(
            f"`precision` must be 'auto' with `model`, whose layers compute in {', '.join(sorted(dtypes))}. "
            f"Received: precision={recipe.precision!r}"
        )


def compute_dtypes(model: keras.Model) -> set[str]:
    """Returns the dtypes in which layers of a model compute; its own policy is not saved in .keras files."""
    layers = model._flatten_layers(include_self=False)
    return {layer.compute_dtype for layer in layers if layer.weights and layer.compute_dtype}


def check_input(model: keras.Model) -> None:
    """Raises ValueError unless a model maps one batch of images to one of scores."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model, such as krr.applications.ResNet50(...). Received: model={model!r}"
        )
    try:
        taken, given = model.input_shape, model.output_shape
    except (AttributeError, ValueError):
        raise ValueError(
            "`model` must be a functional or Sequential model that is built, with keras.Input. "
            f"Received: {model.name!r}, whose input is not known yet"
        ) from None
    if isinstance(taken, list | dict) or isinstance(given, list | dict) or len(given) != 2:
        raise ValueError(
            "`model` must have one input, images, and one output, (batch, classes). "
            f"Received: a model from {taken} to {given}"
        )


def check_size(model: keras.Model, name: str, size: int) -> None:
    """Raises ValueError unless a model takes images of a size, the recipe's field `name`."""
    shape = model.input_shape
    if len(shape) != 4 or shape[-1] not in (None, 3):
        raise ValueError(
            f"`model` must take RGB images, (batch, height, width, 3). Received: a model for {shape}"
        )
    height, width = shape[1:3]
    if height not in (None, size) or width not in (None, size):
        raise ValueError(
            f"`{name}` must be the input size of `model`, {height} x {width}. Received: {name}={size}"
        )


def check_teacher(recipe: BaseRecipe, teacher: Any) -> None:
    """Raises ValueError unless a recipe has the teacher that it needs, and can learn from it.

    Args:
        recipe: The recipe; its classes are compared if they are known.
        teacher: The argument of `Recipe.fit`.
    """
    name = type(recipe).__name__
    how = recipe.distillation
    if teacher is None and how is None:
        return
    if teacher is None:
        network = how.teacher or "ResNet152D"
        raise ValueError(
            f"`teacher` must be given: {name} learned from a trained {network}. Use {name}(...)"
            ".fit(data, teacher=model) with a Keras model of the same classes with logits as output, "
            f"such as krr.applications.{network}(weights=..., classifier_activation=None), or "
            "distillation=None as a field to learn from the labels alone."
        )
    if how is None:
        raise ValueError(
            f"`teacher` must be None with {name}, which has no distillation. Give it as a part: "
            f"{name}(distillation=krr.recipe.Distillation())."
        )
    shapes = getattr(teacher, "input_shape", None), getattr(teacher, "output_shape", None)
    if not isinstance(teacher, keras.Model) or not all(map(_is_one, shapes)):
        raise ValueError(
            "`teacher` must be a functional or sequential Keras model from images to logits, one per class. "
            f"Received: teacher={teacher!r}"
        )
    _check_shapes(recipe, *shapes)
    if not gives_logits(teacher):
        raise ValueError(
            f"`teacher` must return logits. Received: {teacher.name!r}, which ends in "
            f"{teacher.layers[-1].name!r}. Build it with classifier_activation=None, or use "
            "keras.Model(teacher.input, ...) up to its logits."
        )


def _counted_classes(data: "ImageDataset | ImageStream") -> int:
    if data.labels is None and data.size is None:
        raise ValueError(
            f"`classes` must be given for data of unknown length, such as {data.name}."
        )
    if data.multi_label:
        return data.labels.shape[1]
    labels = data.all_labels
    largest, smallest = int(labels.max()), int(labels.min())
    if largest < 1:
        raise ValueError(
            f"`labels` of {data.name} must be of two classes or more. Received: labels that are all 0"
        )
    print(f"`classes`: {largest + 1}, the largest label of {data.name} plus one.")
    if smallest > 0:
        print(
            f"`classes`: no image has a label below {smallest}. If labels begin with {smallest}, use "
            f"krr.data.from_source(..., label_offset={smallest}), --label-offset {smallest} of krr."
        )
    return largest + 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and value >= 1


def _smaller_batch(images: int) -> int:
    return max(2, 2 ** (images // 8).bit_length())


def _is_one(shape: Any) -> bool:
    """Returns whether it is the shape of one tensor."""
    return isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)


def _check_shapes(
    recipe: BaseRecipe, images: tuple[int | None, ...], logits: tuple[int | None, ...]
) -> None:
    for size in recipe.train_sizes:
        shape = (size, size, 3)
        if len(images) != 4 or any(
            a not in (None, b) for a, b in zip(images[1:], shape, strict=True)
        ):
            raise ValueError(
                f"`teacher` must take the training images, {size} x {size} pixels (`train_size`) with 3 channels, "
                f"0 to 255. Received: a teacher for inputs of shape {images}"
            )
    if len(logits) != 2 or recipe.classes not in (None, logits[1]):
        raise ValueError(
            f"`teacher` must return {recipe.classes} logits, one per class. Received: outputs of shape {logits}"
        )
