"""Distillation: a trained network whose outputs the one in training learns from."""

from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.applications.plain import check_plain
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
        label_weight: Weight of the loss with the labels, and of losses that layers add, at least 0.
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
        for name, value in (("label_weight", label_weight), ("weight", weight)):
            if not isinstance(value, float | int) or value < 0:
                raise ValueError(f"`{name}` must be at least 0. Received: {name}={value!r}")
        if not getattr(network, "outputs", None) or not gives_logits(network):
            raise ValueError(
                "`network` must be a functional or Sequential model that is built and returns logits. "
                f"Received: network={network!r}"
            )
        check_plain("network", network, ())
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
