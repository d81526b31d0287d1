"""What a recipe's fields become: network, loss, optimizer, schedule."""

import contextlib
from collections.abc import Iterator

import keras

from keras_resnet_recipes import applications, distribution, losses, optimizers, schedules
from keras_resnet_recipes.data import ImageDataset
from keras_resnet_recipes.recipes import Recipe


def resolved_classes(recipe: Recipe, data: ImageDataset) -> int:
    """The number of classes, from the recipe or else from the data; known labels are checked against it."""
    if recipe.classes is None:
        return data.classes if data.classes is not None else _counted_classes(data)
    if data.classes is not None and data.classes != recipe.classes:
        raise ValueError(
            f"`classes` is {recipe.classes}, but {data.name} has {data.classes} classes."
        )
    data.check_labels(recipe.classes)
    return recipe.classes


def _counted_classes(data: ImageDataset) -> int:
    if data.labels is not None:
        largest = int(data.labels.max())
    elif data.size is None:
        raise ValueError(f"`classes` must be given for {data.name}, whose length is unknown.")
    else:
        # tf.data spreads a tuple over the arguments; an index or a dictionary arrives as one.
        labels = data.items(None).map(
            lambda *item: data.read(item if len(item) > 1 else item[0])[1]
        )
        largest = max(int(label) for label in labels)
    if largest < 1:
        raise ValueError(f"`labels` of {data.name} must be of two classes or more; all are 0.")
    print(f"`classes`: {largest + 1}, the largest label of {data.name} plus one.")
    return largest + 1


def steps_of(recipe: Recipe, data: ImageDataset, steps_per_epoch: int | None) -> int:
    """Updates of an epoch: what the user says, or floor(images / batch size)."""
    if steps_per_epoch is not None:
        if steps_per_epoch < 1:
            raise ValueError(f"`steps_per_epoch` must be at least 1; received {steps_per_epoch}.")
        return steps_per_epoch
    if data.size is None:
        raise ValueError(
            f"`steps_per_epoch` must be given: {data.name} is of unknown or infinite length."
        )
    if data.size < recipe.batch_size:
        raise ValueError(
            f"`batch_size` must be at most the number of images: received {recipe.batch_size} for the {data.size} "
            f"images of {data.name}. `recipe.rescaled({_smaller_batch(data.size)})` fits, "
            "with its learning rate scaled."
        )
    return data.size // recipe.batch_size


def _smaller_batch(images: int) -> int:
    return max(2, 2 ** (images // 8).bit_length())


def resolved_precision(recipe: Recipe) -> str:
    """The dtype policy: "auto" is mixed_float16 where Keras' backend sees a GPU, else float32."""
    if recipe.precision != "auto":
        return recipe.precision
    return (
        "mixed_float16" if any("gpu" in name for name in distribution.accelerators()) else "float32"
    )


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers made inside compute in this policy; the user's own is back afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def network(recipe: Recipe) -> keras.Model:
    """The recipe's network with logits as output."""
    build = getattr(applications, recipe.network)
    return build(
        classes=recipe.classes, classifier_activation=None, drop_path_rate=recipe.drop_path_rate
    )


def compiled(recipe: Recipe, model: keras.Model) -> keras.Model:
    """The model with the recipe's optimizer, loss and metrics."""
    steps = recipe.gradient_accumulation_steps
    optimizer = optimizers.Lamb(
        learning_rate=schedule(recipe)(0),
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.gradient_clip,
        gradient_accumulation_steps=steps if steps > 1 else None,
    )
    model.compile(optimizer=optimizer, loss=loss(recipe), metrics=metrics(recipe.classes))
    # Variables made in the first step would make TensorFlow trace that step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def loss(recipe: Recipe) -> keras.losses.Loss:
    """The recipe's loss on logits; label smoothing is in the targets already."""
    if recipe.loss == "binary_crossentropy":
        return losses.BinaryCrossentropy(target_threshold=recipe.target_threshold)
    return keras.losses.CategoricalCrossentropy(from_logits=True)


def metrics(classes: int) -> list[keras.metrics.Metric]:
    """Top-1, and top-5 where there are more than five classes."""
    top1 = keras.metrics.CategoricalAccuracy(name="top1")
    return [top1, keras.metrics.TopKCategoricalAccuracy(5, name="top5")] if classes > 5 else [top1]


def schedule(recipe: Recipe) -> schedules.Cosine:
    """The learning rate of each epoch."""
    return schedules.Cosine(
        recipe.learning_rate,
        epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
        warmup_learning_rate=recipe.warmup_learning_rate,
        minimum_learning_rate=recipe.minimum_learning_rate,
        cooldown_epochs=recipe.cooldown_epochs,
    )
