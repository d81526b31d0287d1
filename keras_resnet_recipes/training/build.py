"""Builds the parts of a recipe, in its precision: network, optimizer, loss, metrics, EMA."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import keras

from keras_resnet_recipes import applications, averages, distribution
from keras_resnet_recipes.applications.freezing import freeze
from keras_resnet_recipes.applications.network import Network
from keras_resnet_recipes.recipe import BaseRecipe, NetworkFunction, grouped_optimizer
from keras_resnet_recipes.training.checks import compute_dtypes
from keras_resnet_recipes.training.foreign_network import foreign_network
from keras_resnet_recipes.training.learning_rate import first_rate


def resolved_precision(recipe: BaseRecipe) -> str:
    """Returns the dtype policy; "auto" is mixed_float16 on GPUs, mixed_bfloat16 on TPUs, else float32."""
    if recipe.precision != "auto":
        return recipe.precision
    kinds = {name.split(":")[0] for name in distribution.accelerators()}
    if "tpu" in kinds:
        return "mixed_bfloat16"
    return "mixed_float16" if "gpu" in kinds else "float32"


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Context manager: layers are created with a dtype policy; the user's own is restored."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def network(recipe: BaseRecipe) -> keras.Model:
    """Returns the recipe's network; its outputs are logits."""
    if isinstance(recipe.network, NetworkFunction):
        return foreign_network(recipe)
    model = architecture(recipe)(
        classes=recipe.classes, classifier_activation=None, drop_path_rate=recipe.drop_path_rate
    )
    if recipe.initialization is not None:
        recipe.initialization.initialize(model)
    begin = keras.ops.zeros if recipe.zero_gamma else keras.ops.ones
    for gamma in _last_gammas(model):
        gamma.assign(begin(gamma.shape))
    return model


def _last_gammas(model: keras.Model) -> Iterator[keras.Variable]:
    """Yields the scales of the last BatchNorm in each residual branch."""
    layers = {layer.name: layer for layer in model.layers}
    for block in (name.removesuffix("_add") for name in layers if name.endswith("_add")):
        last = layers.get(f"{block}_bn3") or layers.get(f"{block}_bn2")
        if last is not None:
            yield last.gamma


def architecture(recipe: BaseRecipe) -> Network:
    """Returns the function that builds the recipe's network."""
    if isinstance(recipe.network, str):
        return getattr(applications, recipe.network)
    return recipe.network.function()


def compiled(
    recipe: BaseRecipe, model: keras.Model, replicas: int, steps: int, multi_label: bool = False
) -> keras.Model:
    """Returns the model, compiled with the recipe's optimizer, loss and metrics."""
    freeze(model, recipe.frozen_stages)
    if recipe.batch_norm == "synchronized" and replicas > 1:
        distribution.synchronize_statistics(model)
    made = distribution.repair_optimizer(
        optimizer(recipe, model, steps),
        accumulation_steps=recipe.gradient_accumulation_steps,
        loss_scaling="float16" in compute_dtypes(model),
    )
    model.compile(optimizer=made, **objective(recipe, replicas, multi_label), auto_scale_loss=False)
    # Variables created in the first step would make TensorFlow trace it twice.
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer(recipe: BaseRecipe, model: keras.Model, steps: int) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimizer, for a number of updates per epoch; the model tells it which weights decay."""
    if not recipe.groups:
        return recipe.optimizer.build(first_rate(recipe, steps), model)
    rate = functools.partial(first_rate, recipe, steps)
    return grouped_optimizer(recipe.optimizer, recipe.groups, rate, model)


def objective(recipe: BaseRecipe, replicas: int = 1, multi_label: bool = False) -> dict[str, Any]:
    """Returns the loss and the metrics as arguments of `compile`."""
    return {"loss": loss(recipe), "weighted_metrics": metrics(recipe, replicas, multi_label)}


def loss(recipe: BaseRecipe, reduction: str | None = "sum_over_batch_size") -> keras.losses.Loss:
    """Returns the recipe's loss on logits; label smoothing is part of the targets."""
    return recipe.loss.build(reduction)


@keras.saving.register_keras_serializable("keras_resnet_recipes")
def top_k_hits(y_true: Any, y_pred: Any, k: int) -> Any:
    """Returns for each sample whether the target's largest class is among the k largest scores, 0 or 1.

    Exactly k classes count, as in `torch.topk`; a sample with a NaN score does not. Keras' top-k metrics count every
    class that ties with the k-th, which in half precision are many, and on JAX all NaN.

    Args:
        y_true: Targets [n, classes].
        y_pred: Scores [n, classes].
        k: At least 1.

    Example:
        >>> scores = keras.ops.ones((4, 4))
        >>> print(keras.ops.convert_to_numpy(top_k_hits(keras.ops.eye(4), scores, 2)).sum())
        2.0
    """
    scores = keras.ops.cast(y_pred, "float32")
    _, best = keras.ops.top_k(scores, k)
    label = keras.ops.cast(keras.ops.argmax(y_true, axis=-1), best.dtype)
    hits = keras.ops.any(keras.ops.equal(best, label[:, None]), axis=-1)
    unknown = keras.ops.any(keras.ops.isnan(scores), axis=-1)
    return keras.ops.cast(keras.ops.logical_and(hits, keras.ops.logical_not(unknown)), "float32")


def metrics(
    recipe: BaseRecipe, replicas: int = 1, multi_label: bool = False
) -> list[keras.metrics.Metric]:
    """Returns top-1, top-5 for more than five classes, and on several devices the loss.

    Images with several labels have no top-1; the metrics of their evaluations are those of `multi_label.scores`.

    There the last batch of an evaluation is padded with images of weight 0, which Keras' own
    loss counts; a metric of that name replaces it in the logs.
    """
    wrapped = keras.metrics.MeanMetricWrapper
    made = [
        wrapped(top_k_hits, name=f"top{k}", k=k)
        for k in (() if multi_label else (1, 5))
        if k == 1 or recipe.classes > k
    ]
    for accuracy in made:
        # From this private attribute Keras' callbacks know whether to maximize a metric.
        accuracy._direction = "up"
    if replicas > 1:
        made.append(wrapped(loss(recipe, reduction=None), name="loss"))
    return made


def moving_average(recipe: BaseRecipe, steps: int) -> averages.MovingAverage | None:
    """Returns the EMA of the weights, for a number of updates per epoch, if the recipe has one."""
    if recipe.ema is None:
        return None
    return recipe.ema.build(steps, getattr(recipe.schedule, "warmup_epochs", 0))
