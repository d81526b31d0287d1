"""What a recipe's fields become: network, loss, optimizer, metrics."""

import contextlib
import functools
import importlib
import re
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import (
    applications,
    averages,
    distribution,
    losses,
    optimizers,
)
from keras_resnet_recipes.applications import dawnbench
from keras_resnet_recipes.applications.network import Network
from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.training import pretrained
from keras_resnet_recipes.training.rates import schedule

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset
    from keras_resnet_recipes.memory import ImageArrays


def source(recipe: Recipe) -> ModuleType:
    """The module that reads the recipe's data and feeds its model: `resident` or `streamed`, both alike."""
    # The second is TensorFlow code, which the first does without on another backend.
    name = "resident" if recipe.data_on_device else "streamed"
    return importlib.import_module(f"keras_resnet_recipes.training.{name}")


def resolved_classes(recipe: Recipe, data: "ImageDataset | ImageArrays") -> int:
    """The number of classes, from the recipe or else from the data; known labels are checked against it."""
    if data.classes == 1:
        raise ValueError(
            f"`classes` must be at least 2; {data.name} has one, {(data.class_names or (0,))[0]!r}: give the folder "
            "that holds one subfolder a class."
        )
    if recipe.classes is None:
        return data.classes if data.classes is not None else _counted_classes(data)
    if data.classes is not None and data.classes != recipe.classes:
        raise ValueError(
            f"`classes` is {recipe.classes}, but {data.name} has {data.classes} classes."
        )
    data.check_labels(recipe.classes)
    return recipe.classes


def _counted_classes(data: "ImageDataset | ImageArrays") -> int:
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


def as_tested(recipe: Recipe, model: keras.Model) -> Recipe:
    """The recipe with the crop and resampling that the model's published weights are tested with.

    The test size stays, and so does what was changed in the recipe.
    """
    published = getattr(model, "published", None)
    if published is None:
        return recipe
    evaluation = published.evaluation(recipe.test_size)
    tested = {
        "test_crop_ratio": evaluation.crop_ratio,
        "test_interpolation": published.interpolation,
    }
    changes = {
        field: value
        for field, value in tested.items()
        if getattr(recipe, field) == getattr(type(recipe), field) != value
    }
    if changes:
        said = ", ".join(f"`{field}`: {value}" for field, value in changes.items())
        print(f"{said}, as {published.repository} is tested at {evaluation.size}.")
    return recipe.replace(**changes)


def steps_of(
    recipe: Recipe, data: "ImageDataset | ImageArrays", steps_per_epoch: int | None
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


def check_share(recipe: Recipe, replicas: int) -> None:
    """Raises ValueError where a batch cannot be dealt out to the devices."""
    part = recipe.batch_size // recipe.gradient_accumulation_steps
    if part % replicas:
        raise ValueError(
            f"`batch_size` / `gradient_accumulation_steps` must be a multiple of the {replicas} devices; "
            f"received {recipe.batch_size} / {recipe.gradient_accumulation_steps}."
        )
    if mixing(recipe) and not recipe.mix_per_replica and distribution.host()[1] > 1:
        raise ValueError(
            "`mix_per_replica` must be True on several hosts with MixUp or CutMix, for each makes its part "
            "of a batch alone; received False."
        )
    reverses = mixing(recipe) and recipe.mix_partner == "reversed"
    if reverses and recipe.mix_per_replica and part // replicas % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` / devices must be even with MixUp or CutMix, which "
            f"pair images of one device; received {recipe.batch_size} / {recipe.gradient_accumulation_steps} / "
            f"{replicas}. Or use mix_per_replica=False."
        )


def resolved_precision(recipe: Recipe) -> str:
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


def network(recipe: Recipe) -> keras.Model:
    """The recipe's network with logits as output."""
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


def architecture(recipe: Recipe) -> Network:
    """The function that builds the recipe's network."""
    if recipe.network != "ResNet9":
        return getattr(applications, recipe.network)
    features = functools.partial(
        dawnbench.backbone_features,
        residual=(1, 3),
        pool_before_batch_norm=recipe.pool_before_batch_norm,
        celu_alpha=recipe.celu_alpha,
        ghost_batch_norm=recipe.ghost_batch_norm,
        frozen_batch_norm_scale=recipe.frozen_batch_norm_scale,
        whitening=recipe.whitening,
    )
    classifier = functools.partial(dawnbench.maximum_classifier, scale=recipe.logit_scale)
    return dawnbench.dawnbench_network(
        recipe.network, summary="ResNet9", features=features, classifier=classifier
    )


def compiled(recipe: Recipe, model: keras.Model, replicas: int, steps: int) -> keras.Model:
    """The model with the recipe's optimizer, loss and metrics."""
    pretrained.freeze(model, recipe.frozen_stages)
    if recipe.batch_norm == "synchronized" and replicas > 1:
        distribution.synchronize_statistics(model)
    made = distribution.repair_optimizer(
        optimizer(recipe, model, steps),
        accumulation_steps=recipe.gradient_accumulation_steps,
        loss_scaling=model.dtype_policy.name == "mixed_float16",
    )
    model.compile(
        optimizer=made,
        loss=loss(recipe),
        weighted_metrics=metrics(recipe, replicas),
        auto_scale_loss=False,
    )
    # Variables made in the first step would make TensorFlow trace that step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer(recipe: Recipe, model: keras.Model, steps: int) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, which knows what of the model decays, for epochs of so many updates."""
    rates = schedule(recipe)
    classifier = f"(^|/){re.escape(_classifier(model))}/"
    settings: dict[str, Any] = {
        "learning_rate": rates(0) if recipe.schedule_per == "epoch" else rates.per_update(steps),
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.gradient_clip,
        **_factors(recipe, classifier),
    }
    if recipe.optimizer == "lamb":
        made = optimizers.Lamb(**settings)
    elif recipe.optimizer == "adamw":
        made = optimizers.AdamW(**settings)
    else:
        settings |= {
            "momentum": recipe.momentum,
            "adaptive_clip": recipe.adaptive_gradient_clip,
            # The original leaves out the last layer.
            "exclude_from_adaptive_clip": [classifier],
        }
        if recipe.optimizer == "rmsprop_tf":
            made = optimizers.RMSpropTF(**settings)
        else:
            velocity = recipe.learning_rate_in_velocity
            made = optimizers.SGD(
                nesterov=recipe.nesterov, learning_rate_in_velocity=velocity, **settings
            )
    optimizers.exclude_from_decay(made, model, recipe.weight_decay_on)
    return made


# Paths of the shifts of normalizations, too, which are biases to torch.
_BIASES = "(^|/)(bias|beta)$"


def _factors(recipe: Recipe, classifier: str) -> dict[str, dict[str, float]]:
    """Rates and decays of the variables that have their own, by path; the first one found counts."""
    head, bias = recipe.head_learning_rate_factor, recipe.bias_learning_rate_factor
    if head == bias == 1:
        return {}
    rates = {f"{classifier}(.*/)?(bias|beta)$": head * bias, classifier: head, _BIASES: bias}
    return {"learning_rate_factors": rates, "weight_decay_factors": {_BIASES: 1 / bias}}


def _classifier(model: keras.Model) -> str:
    """The name of the last layer that has weights."""
    return [layer for layer in model.layers if layer.trainable_weights][-1].name


def loss(recipe: Recipe, reduction: str | None = "sum_over_batch_size") -> keras.losses.Loss:
    """The recipe's loss on logits; label smoothing is in the targets already."""
    if recipe.loss == "binary_crossentropy":
        return losses.BinaryCrossentropy(
            target_threshold=recipe.target_threshold, reduction=reduction
        )
    return keras.losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)


@keras.saving.register_keras_serializable("keras_resnet_recipes")
class TopFive(keras.metrics.TopKCategoricalAccuracy):
    """Keras' metric, of logits in half precision, too, among which TensorFlow finds no largest."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; see Keras."""
        super().update_state(y_true, keras.ops.cast(y_pred, "float32"), sample_weight)


def metrics(recipe: Recipe, replicas: int = 1) -> list[keras.metrics.Metric]:
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


def mixing(recipe: Recipe) -> bool:
    """Whether the recipe mixes images."""
    return recipe.mix_probability > 0 and (recipe.mixup_alpha > 0 or recipe.cutmix_alpha > 0)


def moving_average(recipe: Recipe, steps: int) -> averages.MovingAverage | None:
    """The average of the weights, for epochs of so many updates, where the recipe has one."""
    if recipe.ema_decay is None:
        return None
    if not recipe.ema_after_warmup:
        return averages.MovingAverage(recipe.ema_decay, every=recipe.ema_every)
    return averages.MovingAverage(
        recipe.ema_decay,
        every=recipe.ema_every,
        copy_updates=recipe.warmup_epochs * steps + 1,
        steps_per_epoch=steps,
    )
