"""A second network, whose answers the first one learns from."""

import hashlib
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.inference import gives_logits
from keras_resnet_recipes.losses import DistillationLoss
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts


class Taught(keras.Model):
    """A model in training with a teacher: other losses, the same layers, inputs and outputs.

    While it trains, the teacher looks at the same images, in inference mode and in the precision it was
    made with, and the loss is

        label_weight loss(labels, z) + distillation_weight T² H(softmax(r / T), z / T)

    with logits z of the model and r of the teacher. Evaluations know of no teacher, and its
    weights are saved nowhere: the files are those of the model. On several devices the `loss` in the
    log is that of the labels, for the metric of `parts.metrics` takes its place.

    `keras.distillation.Distiller` of Keras 3.15 has another second term, the divergence, and keeps the
    teacher's weights in its own files and the student one level down.
    """

    def __init__(
        self, model: keras.Model, teacher: keras.Model, *, label_weight: float, loss: Any
    ) -> None:
        super().__init__(model.inputs[0], model.outputs[0], name=model.name)
        self.copies = _Copies(teacher.variables)
        self._label_weight, self._loss_of_answers = label_weight, loss

        # Keras would take a model that it finds among the attributes for a part of this one.
        def ask(images: Any) -> Any:
            values = [ops.convert_to_tensor(weight) for weight in self.copies.weights]
            with keras.StatelessScope(list(zip(teacher.variables, values, strict=True))):
                return teacher(images, training=False)

        self._ask = ask

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch: in training of both terms, else of the labels alone."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        return self._label_weight * loss + self._loss_of_answers((y, self._ask(x)), y_pred)


class _Copies(keras.layers.Layer):
    """Copies of variables on every device that trains, which no file gets to hold.

    As variables they enter a compiled step; constants would be a part of the program.
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


def taught(
    recipe: BaseRecipe, model: keras.Model, teacher: keras.Model | None, replicas: int
) -> keras.Model:
    """What is trained: a compiled model itself or, where there is a teacher, with its optimizer `Taught`.

    Raises:
        ValueError: If there is a teacher and the model has no layers that can be put into another one.
    """
    if teacher is None:
        return model
    if not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must be a functional or sequential Keras model to learn from a teacher; "
            f"received {type(model).__name__}."
        )
    how = recipe.distillation
    loss = DistillationLoss(how.temperature, hard_weight=0.0, soft_weight=how.weight)
    learner = Taught(model, teacher, label_weight=how.label_weight, loss=loss)
    learner.compile(
        optimizer=model.optimizer,
        loss=parts.loss(recipe),
        weighted_metrics=parts.metrics(recipe, replicas),
        auto_scale_loss=False,
    )
    return learner


def check(recipe: BaseRecipe, teacher: Any) -> None:
    """Raises ValueError where a recipe lacks its teacher, or has one that cannot teach it.

    Args:
        recipe: The recipe; unless its classes are known they are not compared.
        teacher: What `Recipe.fit` was given.
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
            "`teacher` must be a functional or sequential Keras model from images to logits, one a class; "
            f"received {teacher!r}."
        )
    _check_shapes(recipe, *shapes)
    if not gives_logits(teacher):
        raise ValueError(
            f"`teacher` must give logits, which no softmax follows; {teacher.name} ends in "
            f"{teacher.layers[-1].name!r}. Build it with classifier_activation=None, or use "
            "keras.Model(teacher.input, ...) up to its logits."
        )


def facts(teacher: keras.Model | None) -> dict[str, Any]:
    """What run.json says of a teacher: its name, parameters, and a digest of its weights."""
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
    """Whether it is the shape of one tensor."""
    return isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape)


def _check_shapes(
    recipe: BaseRecipe, images: tuple[int | None, ...], logits: tuple[int | None, ...]
) -> None:
    size = recipe.train_size
    if len(images) != 4 or any(
        a not in (None, b) for a, b in zip(images[1:], (size, size, 3), strict=True)
    ):
        raise ValueError(
            f"`teacher` must see the training pictures, {size} x {size} pixels (`train_size`) of 3 colours, "
            f"raw 0 to 255; received one for inputs of shape {images}."
        )
    if len(logits) != 2 or recipe.classes not in (None, logits[1]):
        raise ValueError(
            f"`teacher` must give {recipe.classes} logits, one a class; received outputs of shape {logits}."
        )
