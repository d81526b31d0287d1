"""Models that do no more than their layers."""

import keras

# Methods of Keras' models by which a class changes the outputs, and all by which it changes training and evaluation.
OUTPUTS = ("call", "predict")
ALL = (
    *OUTPUTS,
    "compile",
    "compute_loss",
    "compute_metrics",
    "evaluate",
    "fit",
    "test_step",
    "train_step",
)


def check_plain(name: str, model: keras.Model, methods: tuple[str, ...] = ALL) -> None:
    """Raises ValueError if a model does more than its layers, which would silently be left out.

    Training, evaluation and export take the layers of a model and not its methods. KerasHub's `ImageClassifier`
    resizes and normalizes images in its own `fit` and `predict`.

    Args:
        name: The argument, for messages.
        model: A functional or Sequential model.
        methods: Names of the methods that must be those of Keras.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> check_plain("model", ResNet20())
    """
    own = [
        f"`{method}`"
        for method in methods
        if not getattr(getattr(type(model), method), "__module__", "").startswith("keras.src.")
    ]
    prepares = getattr(model, "preprocessor", None) is not None
    if not own and not prepares:
        return
    found = [*own, *(["`preprocessor`"] if prepares else [])]
    rebuilt = "keras.Model(model.inputs, model.outputs)"
    if prepares:
        rebuilt = (
            "converter = model.preprocessor.image_converter  # in KerasHub\n"
            f"    images = keras.Input({tuple(model.input_shape[1:])})  # pixels, 0 to 255\n"
            "    x = keras.layers.Rescaling(converter.scale, converter.offset)(images)\n"
            f"    model = keras.Model(images, {rebuilt}(x))"
        )
    raise ValueError(
        f"`{name}` must be a plain functional or Sequential model, because only its layers are used. "
        f"Received: {type(model).__name__}, whose own {', '.join(found)} would be left out. "
        f"Give the layers alone, from pixels to outputs:\n    {rebuilt}"
    )
