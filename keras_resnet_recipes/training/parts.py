"""What a recipe's fields become: network, loss, optimizer, metrics."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import (
    applications,
    averages,
    distribution,
)
from keras_resnet_recipes.applications.network import Network
from keras_resnet_recipes.recipe import BaseRecipe, NetworkFunction
from keras_resnet_recipes.training.foreign_network import foreign_network
from keras_resnet_recipes.training.frozen import freeze
from keras_resnet_recipes.training.rates import first_rate

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset, ImageStream
    from keras_resnet_recipes.memory import ImageArrays


def as_tested(recipe: BaseRecipe, model: keras.Model) -> BaseRecipe:
    """The recipe with the crop and resampling that the model's published weights are tested with.

    The test size stays, and so does what was changed in the recipe.
    """
    published = getattr(model, "published", None)
    if published is None:
        return recipe
    evaluation = published.evaluation(recipe.test.size)
    tested = {
        "test_crop_ratio": evaluation.crop_ratio,
        "test_interpolation": published.interpolation,
    }
    own = type(recipe)()
    changes = {
        name: value
        for name, value in tested.items()
        if getattr(recipe, name) == getattr(own, name) != value
    }
    if changes:
        said = ", ".join(f"`{name}`: {value}" for name, value in changes.items())
        print(f"{said}, as {published.repository} is tested at {evaluation.size}.")
    return recipe.replace(**changes)


def steps_of(
    recipe: BaseRecipe,
    data: "ImageDataset | ImageStream | ImageArrays",
    steps_per_epoch: int | None,
) -> int:
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
            f"images of {data.name}. `recipe.rescaled({_smaller_batch(data.size)})`, `--rescale` of krr, fits, "
            "with its learning rate scaled."
        )
    return data.size // recipe.batch_size


def _smaller_batch(images: int) -> int:
    return max(2, 2 ** (images // 8).bit_length())


def check_shards(recipe: BaseRecipe, replicas: int) -> None:
    """Raises ValueError unless a batch can be divided into shards, one per device."""
    part = recipe.batch_size // recipe.gradient_accumulation_steps
    if part % replicas:
        raise ValueError(
            f"`batch_size` / `gradient_accumulation_steps` must be a multiple of the {replicas} devices; "
            f"received {recipe.batch_size} / {recipe.gradient_accumulation_steps}."
        )
    if recipe.mixes and not recipe.mix_per_replica and distribution.host()[1] > 1:
        raise ValueError(
            "`mix_per_replica` must be True on several hosts with MixUp or CutMix, for each makes its part "
            "of a batch alone; received False."
        )
    if recipe.mixes_in_pairs and recipe.mix_per_replica and part // replicas % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` / devices must be even with MixUp or CutMix, which "
            f"pair images of one device; received {recipe.batch_size} / {recipe.gradient_accumulation_steps} / "
            f"{replicas}. Or use mix_per_replica=False."
        )


def resolved_precision(recipe: BaseRecipe) -> str:
    """The dtype policy: "auto" is mixed_float16 on GPUs, mixed_bfloat16 on TPUs, else float32."""
    if recipe.precision != "auto":
        return recipe.precision
    kinds = {name.split(":")[0] for name in distribution.accelerators()}
    if "tpu" in kinds:
        return "mixed_bfloat16"
    return "mixed_float16" if "gpu" in kinds else "float32"


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers made inside compute in this policy; the user's own is back afterwards."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def network(recipe: BaseRecipe) -> keras.Model:
    """The recipe's network with logits as output."""
    if isinstance(recipe.network, NetworkFunction):
        return foreign_network(recipe)
    model = architecture(recipe)(
        classes=recipe.classes, classifier_activation=None, drop_path_rate=recipe.drop_path_rate
    )
    begin = keras.ops.zeros if recipe.zero_gamma else keras.ops.ones
    for gamma in _last_gammas(model):
        gamma.assign(begin(gamma.shape))
    return model


def _last_gammas(model: keras.Model) -> Iterator[keras.Variable]:
    """The scales that end a residual branch, which begin at 0 in some networks and at 1 in the originals."""
    layers = {layer.name: layer for layer in model.layers}
    for block in (name.removesuffix("_add") for name in layers if name.endswith("_add")):
        last = layers.get(f"{block}_bn3") or layers.get(f"{block}_bn2")
        if last is not None:
            yield last.gamma


def architecture(recipe: BaseRecipe) -> Network:
    """The function that builds the recipe's network."""
    if isinstance(recipe.network, str):
        return getattr(applications, recipe.network)
    return recipe.network.function()


def compiled(recipe: BaseRecipe, model: keras.Model, replicas: int, steps: int) -> keras.Model:
    """The model with the recipe's optimizer, loss and metrics."""
    freeze(model, recipe.frozen_stages)
    if recipe.batch_norm == "synchronized" and replicas > 1:
        distribution.synchronize_statistics(model)
    made = distribution.repair_optimizer(
        optimizer(recipe, model, steps),
        accumulation_steps=recipe.gradient_accumulation_steps,
        loss_scaling=model.dtype_policy.name == "mixed_float16",
    )
    model.compile(optimizer=made, **objective(recipe, replicas), auto_scale_loss=False)
    # Variables made in the first step would make TensorFlow trace that step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer(recipe: BaseRecipe, model: keras.Model, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, which knows what of the model decays, for epochs of so many updates."""
    return recipe.optimizer.build(first_rate(recipe, steps), model)


def objective(recipe: BaseRecipe, replicas: int = 1) -> dict[str, Any]:
    """Returns the loss and the metrics as arguments of `compile`."""
    return {"loss": loss(recipe), "weighted_metrics": metrics(recipe, replicas)}


def loss(recipe: BaseRecipe, reduction: str | None = "sum_over_batch_size") -> keras.losses.Loss:
    """The recipe's loss on logits; label smoothing is in the targets already."""
    return recipe.loss.build(reduction)


@keras.saving.register_keras_serializable("keras_resnet_recipes")
class TopFive(keras.metrics.TopKCategoricalAccuracy):
    """Keras' metric, of logits in half precision, too, among which TensorFlow finds no largest."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; see Keras."""
        super().update_state(y_true, keras.ops.cast(y_pred, "float32"), sample_weight)


def metrics(recipe: BaseRecipe, replicas: int = 1) -> list[keras.metrics.Metric]:
    """Top-1, top-5 where there are more than five classes, and on several devices the loss.

    The last batch of an evaluation is filled up there with pictures of weight 0, which Keras' own
    loss counts; a metric of that name takes its place in the logs.
    """
    made = [keras.metrics.CategoricalAccuracy(name="top1")]
    if recipe.classes > 5:
        made.append(TopFive(5, name="top5"))
    if replicas > 1:
        made.append(keras.metrics.MeanMetricWrapper(loss(recipe, reduction=None), name="loss"))
    return made


def moving_average(recipe: BaseRecipe, steps: int) -> averages.MovingAverage | None:
    """The EMA of the weights, for epochs of so many updates, where the recipe has one."""
    if recipe.ema is None:
        return None
    return recipe.ema.build(steps, getattr(recipe.schedule, "warmup_epochs", 0))
