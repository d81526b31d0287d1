"""Outputs of a classifier: logits or probabilities, and the names of its classes."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_resnet_recipes import losses
from keras_resnet_recipes.applications.network import deep_recursion
from keras_resnet_recipes.applications.plain import OUTPUTS, check_plain

ACTIVATIONS = ("softmax", "sigmoid")
# Keras' names of layers and operations after which scores are probabilities, or their logarithms.
ACTIVATING = frozenset(
    {"Softmax", "LogSoftmax", "Sigmoid", "LogSigmoid", "HardSigmoid", "Sparsemax"}
)
# And of those that leave scores what they are.
PASSING = frozenset({"Activation", "Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze"})
# Pixels of the images that a model of any size is tried with.
_SIDE = 64


def gives_logits(model: keras.Model) -> bool:
    """Returns whether a model's outputs are not those of an activation, such as softmax, in whatever form.

    The graph is followed back from the output through what leaves scores as they are: casts, reshapes, linear
    activations, dropout, models inside the model. A softmax that is written in other operations shows in the outputs,
    which add up to 1.

    Args:
        model: A functional or Sequential model with one output.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> gives_logits(ResNet20()), gives_logits(ResNet20(classifier_activation=None))
        (False, True)
        >>> model = ResNet20(classifier_activation=None)
        >>> gives_logits(keras.Model(model.input, keras.ops.softmax(model.output)))
        False
    """
    return not _ends_in_activation(model) and not _adds_up_to_one(model)


def _ends_in_activation(model: keras.Model) -> bool:
    tensor = model.outputs[0]
    while True:
        operation, node, index = tensor._keras_history
        if isinstance(operation, keras.Model):
            tensor = operation.outputs[index]
            continue
        if type(operation).__name__ in ACTIVATING:
            return True
        if getattr(operation, "activation", None) not in (None, keras.activations.linear):
            return True
        if type(operation).__name__ not in PASSING:
            return False
        tensor = operation._inbound_nodes[node].input_tensors[0]


def _adds_up_to_one(model: keras.Model) -> bool:
    """Returns whether the outputs for a few very different images, if it takes images, add up to 1."""
    shape = model.inputs[0].shape[1:]
    if len(shape) != 3 or shape[-1] is None:
        return False
    height, width, channels = (side or _SIDE for side in shape)
    noise = np.random.default_rng(0).integers(0, 256, (2, height, width, channels))
    images = np.concatenate([noise, 0 * noise[:1], noise[:1] // 8, 0 * noise[:1] + 255])
    outputs = model(keras.ops.convert_to_tensor(images, model.inputs[0].dtype), training=False)
    half = keras.backend.standardize_dtype(outputs.dtype) in ("float16", "bfloat16")
    values = keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32")).astype("float64")
    # Logits of one image may add up to 1 by chance, but not those of five.
    close = np.allclose(values.sum(axis=-1), 1, rtol=0, atol=5e-3 if half else 1e-5)
    return bool((values >= 0).all() and close)


def to_probabilities(model: keras.Model, activation: str | None = None) -> keras.Model:
    """Returns a model whose outputs are probabilities, computed in float32; it shares the model's layers.

    Binary cross-entropy trains an independent classifier per class: its probabilities are sigmoids, which
    need not add up to 1. Otherwise they are the softmax.

    Args:
        model: A Keras model whose outputs, `(batch, classes)`, are logits or probabilities.
        activation: "softmax" or "sigmoid", for logits; by default the one of the loss that the model
            is compiled with, and softmax if it is not compiled.

    Returns:
        The model itself if its outputs are probabilities already.

    Raises:
        ValueError: If `activation` is another one, or given for a model that has one.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> to_probabilities(ResNet20(classifier_activation=None)).layers[-1].activation.__name__
        'softmax'
    """
    activation = activation_after(model, activation)
    if activation is None:
        return model
    last = keras.layers.Activation(activation, dtype="float32", name="probabilities")
    with deep_recursion():
        return keras.Model(model.inputs[0], last(model.outputs[0]), name=model.name)


def activation_after(model: keras.Model, activation: str | None = None) -> str | None:
    """Returns the activation that makes a model's outputs probabilities, None if the model ends in one.

    Args:
        model: As for `to_probabilities`.
        activation: As for `to_probabilities`.

    Raises:
        ValueError: As `to_probabilities`.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> activation_after(ResNet20()), activation_after(ResNet20(classifier_activation=None))
        (None, 'softmax')
    """
    check_plain("model", model, OUTPUTS)
    if activation not in (None, *ACTIVATIONS):
        raise ValueError(
            f"`activation` must be 'softmax' or 'sigmoid'. Received: activation={activation!r}"
        )
    if gives_logits(model):
        return activation or _trained_as(model)
    if activation is not None:
        raise ValueError(
            f"`activation` must be None for a model that ends in an activation, such as {model.name!r}. "
            f"Received: activation={activation!r}"
        )
    return None


def probabilities(outputs: np.ndarray, activation: str | None) -> np.ndarray:
    """Returns the probabilities for outputs of a model, computed by NumPy in float64.

    Args:
        outputs: [n, classes].
        activation: "softmax", "sigmoid", or None after an activation.

    Raises:
        ValueError: If outputs after an activation are no probabilities, such as their logarithms.

    Example:
        >>> probabilities(np.array([[0.0, np.log(3.0)]]), "softmax").round(6).tolist()
        [[0.25, 0.75]]
    """
    outputs = outputs.astype("float64")
    if activation is None and not ((outputs >= 0) & (outputs <= 1 + 5e-3)).all():
        raise ValueError(
            "`model` must return logits or probabilities. "
            f"Received: outputs from {outputs.min():.3g} to {outputs.max():.3g} after an activation"
        )
    if activation is None:
        return outputs
    if activation == "sigmoid":
        return np.exp(-np.logaddexp(0, -outputs))
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def known_names(
    model: keras.Model, class_names: Sequence[str] | None = None
) -> Sequence[str] | None:
    """Returns the names of a model's classes, in the order of its outputs, or None if they are unknown.

    Args:
        model: A Keras model with one output.
        class_names: The names; by default the model's attribute `class_names`, which
            `Recipe.fit` sets where the data set has names.

    Raises:
        ValueError: If there are not as many names as outputs.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> known_names(ResNet20(classes=2), ["cat", "dog"])
        ['cat', 'dog']
    """
    names = getattr(model, "class_names", None) if class_names is None else class_names
    classes = model.output_shape[-1]
    if names is not None and len(names) != classes:
        raise ValueError(f"`class_names` must be {classes} names. Received: {len(names)} names")
    return names


def _trained_as(model: keras.Model) -> str:
    binary = (losses.BinaryCrossentropy, keras.losses.BinaryCrossentropy)
    named = getattr(model.loss, "__name__", model.loss)
    is_binary = isinstance(model.loss, binary) or named == "binary_crossentropy"
    return "sigmoid" if is_binary else "softmax"
