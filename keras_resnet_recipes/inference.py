"""A trained model as it is used: from a file, with probabilities as output."""

from collections.abc import Sequence
from pathlib import Path

import keras

from keras_resnet_recipes import losses
from keras_resnet_recipes.applications.network import deep_recursion

ACTIVATIONS = ("softmax", "sigmoid")


def gives_logits(model: keras.Model) -> bool:
    """Whether no activation follows the model's last layer.

    Args:
        model: A Keras model with one output.

    >>> from keras_resnet_recipes.applications import ResNet20
    >>> gives_logits(ResNet20()), gives_logits(ResNet20(classifier_activation=None))
    (False, True)
    """
    last = model
    while getattr(last, "layers", None):
        last = last.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return False
    activation = getattr(last, "activation", None)
    return activation in (None, keras.activations.linear)


def to_probabilities(model: keras.Model, activation: str | None = None) -> keras.Model:
    """The model with probabilities as output, computed in float32; layers are shared with it.

    A model trained with binary cross-entropy was asked of each class whether it is there: its
    probabilities are sigmoids, which need not add up to 1. All others end in the softmax.

    Args:
        model: A Keras model with logits or probabilities, `(batch, classes)`, as output.
        activation: "softmax" or "sigmoid", for logits; by default what the loss says that the model
            is compiled with, and softmax if it is not.

    Returns:
        The model itself if it gives probabilities already.

    Raises:
        ValueError: If `activation` is none of these, or given for a model that has one.

    >>> from keras_resnet_recipes.applications import ResNet20
    >>> to_probabilities(ResNet20(classifier_activation=None)).layers[-1].activation.__name__
    'softmax'
    """
    if activation not in (None, *ACTIVATIONS):
        raise ValueError(f"`activation` must be 'softmax' or 'sigmoid'; received {activation!r}.")
    if not gives_logits(model):
        if activation is not None:
            raise ValueError(
                f"`activation` is for a model that gives logits; {model.name} ends in an activation "
                f"already; received {activation!r}."
            )
        return model
    last = keras.layers.Activation(
        activation or _trained_as(model), dtype="float32", name="probabilities"
    )
    with deep_recursion():
        return keras.Model(model.inputs[0], last(model.outputs[0]), name=model.name)


def known_names(
    model: keras.Model, class_names: Sequence[str] | None = None
) -> Sequence[str] | None:
    """The names of a model's classes, in the order of its outputs.

    Args:
        model: A Keras model with one output.
        class_names: Names that are given; by default the model's attribute of that name, which
            `Recipe.fit` sets where the data set has names.

    Returns:
        The names, or None if they are not known.

    Raises:
        ValueError: If their number is not that of the outputs.

    >>> from keras_resnet_recipes.applications import ResNet20
    >>> known_names(ResNet20(classes=2), ["cat", "dog"])
    ['cat', 'dog']
    """
    names = getattr(model, "class_names", None) if class_names is None else class_names
    classes = model.output_shape[-1]
    if names is not None and len(names) != classes:
        raise ValueError(f"`class_names` must be {classes} names; received {len(names)}.")
    return names


def load_file(path: str | Path, *, compile: bool = True) -> keras.Model:
    """Reads a .keras file; one that holds code is refused, as Keras' safe mode does.

    Args:
        path: A file that `keras.Model.save` wrote.
        compile: Whether also its loss and optimizer, which may be of classes that are not known.

    Raises:
        ValueError: If there is no such file, or Keras cannot or will not read it.

    >>> import tempfile
    >>> from keras_resnet_recipes.applications import ResNet20
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ResNet20().save(folder + "/model.keras")
    ...     load_file(folder + "/model.keras").output_shape
    (None, 10)
    """
    path = Path(path)
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(f"`path` must be an existing .keras file; received {str(path)!r}.")
    try:
        with deep_recursion():
            return keras.models.load_model(path, compile=compile)
    except Exception as error:
        # Keras and the formats below it raise a dozen kinds of errors for a damaged file.
        raise ValueError(f"{str(path)!r} cannot be read: {shortened(error)}") from error


def shortened(error: Exception) -> str:
    r"""The message of another library's error in one line, without the arrays that some print.

    >>> shortened(ValueError("no\n\n  such thing"))
    'no such thing'
    """
    words = " ".join(str(error).split())
    return words if len(words) <= 300 else f"{words[:300]} …"


def _trained_as(model: keras.Model) -> str:
    binary = (losses.BinaryCrossentropy, keras.losses.BinaryCrossentropy)
    named = getattr(model.loss, "__name__", model.loss)
    is_binary = isinstance(model.loss, binary) or named == "binary_crossentropy"
    return "sigmoid" if is_binary else "softmax"
