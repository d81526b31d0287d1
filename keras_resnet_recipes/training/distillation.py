"""Distillation: a trained network whose outputs the one in training learns from."""

import hashlib
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.losses import DistillationLoss
from keras_resnet_recipes.recipe import BaseRecipe


class Teacher:
    """A trained network whose outputs another one learns from, in inference mode.

    In each training step it sees the same images, in the precision it was made with, and the loss is

        label_weight loss(labels, z) + weight T² H(softmax(r / T), z / T)

    with logits z of the network in training and r of the teacher. `keras.distillation.Distiller` of Keras 3.15 has
    another second term, the divergence, saves the teacher's weights in its own files and moves the student
    one level down.

    Args:
        network: From images to logits.
        label_weight: Weight of the loss with the labels, at least 0.
        weight: Weight of the loss with the teacher's outputs, at least 0.
        temperature: T, above 0.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> build = krr.applications.ResNet20
        >>> teacher = krr.Teacher(build(classes=2, classifier_activation=None), temperature=2.0)
        >>> model = krr.TrainingModel(build(classes=2, classifier_activation=None), teacher=teacher)
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        label_weight: float = 0.5,
        weight: float = 0.5,
        temperature: float = 1.0,
    ) -> None:
        self.weights = _Copies(network.variables)
        self._network, self._label_weight = network, label_weight
        self._loss = DistillationLoss(temperature, hard_weight=0.0, soft_weight=weight)

    def combined(self, loss: Any, images: Any, targets: Any, logits: Any) -> Any:
        """Returns the loss of a batch.

        Args:
            loss: The loss with the labels.
            images: What the network in training has seen.
            targets: Its targets.
            logits: Its outputs.
        """
        values = [ops.convert_to_tensor(weight) for weight in self.weights.weights]
        with keras.StatelessScope(list(zip(self._network.variables, values, strict=True))):
            outputs = self._network(images, training=False)
        return self._label_weight * loss + self._loss((targets, outputs), logits)


class _Copies(keras.layers.Layer):
    """Copies of variables on every device that trains; they are not saved.

    As variables they are inputs of a compiled step; constants would be a part of the program.
    """

    def __init__(self, variables: list[Any]) -> None:
        super().__init__(trainable=False, name="teacher")
        for variable in variables:
            copy = self.add_weight(
                shape=variable.shape,
                dtype=keras.backend.standardize_dtype(variable.dtype),
                initializer="zeros",
                trainable=False,
                name=variable.name,
            )
            copy.assign(ops.convert_to_numpy(variable))
        self.built = True

    def save_own_variables(self, store: Any) -> None:
        """Saves nothing."""

    def load_own_variables(self, store: Any) -> None:
        """Loads nothing."""


def teacher_of(recipe: BaseRecipe, network: keras.Model | None) -> Teacher | None:
    """The teacher of a recipe with distillation, made of the network that `Recipe.fit` was given."""
    if network is None:
        return None
    part = recipe.distillation
    return Teacher(
        network,
        label_weight=part.label_weight,
        weight=part.weight,
        temperature=part.temperature,
    )


def check(recipe: BaseRecipe, teacher: Any) -> None:
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


def facts(teacher: keras.Model | None) -> dict[str, Any]:
    """A teacher in run.json: its name, number of parameters, and SHA-256 of its weights."""
    if teacher is None:
        return dict.fromkeys(("teacher", "teacher_parameters", "teacher_sha256"))
    digest = hashlib.sha256()
    for weight in teacher.weights:
        digest.update(ops.convert_to_numpy(weight).tobytes())
    return {
        "teacher": teacher.name,
        "teacher_parameters": teacher.count_params(),
        "teacher_sha256": digest.hexdigest(),
    }


def _is_one(shape: Any) -> bool:
    """Returns whether it is the shape of one tensor."""
    return isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)


def _check_shapes(
    recipe: BaseRecipe, images: tuple[int | None, ...], logits: tuple[int | None, ...]
) -> None:
    size = recipe.train_size
    if len(images) != 4 or any(
        a not in (None, b) for a, b in zip(images[1:], (size, size, 3), strict=True)
    ):
        raise ValueError(
            f"`teacher` must take the training images, {size} x {size} pixels (`train_size`) with 3 channels, "
            f"0 to 255. Received: a teacher for inputs of shape {images}"
        )
    if len(logits) != 2 or recipe.classes not in (None, logits[1]):
        raise ValueError(
            f"`teacher` must return {recipe.classes} logits, one per class. Received: outputs of shape {logits}"
        )
