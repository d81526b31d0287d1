"""What fields of a recipe must agree on."""

import dataclasses
import itertools
from collections.abc import Collection
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.recipes.fields import is_unpublished
from keras_resnet_recipes.recipes.settings import Settings

if TYPE_CHECKING:
    from keras_resnet_recipes.recipes.base import Recipe


def check_together(recipe: "Recipe") -> None:
    """Raises ValueError where two fields of a recipe contradict each other."""
    values = SimpleNamespace(
        **{field.name: _known(recipe, field) for field in dataclasses.fields(recipe)}
    )
    _check_batch(values)
    _check_schedule(values, _missing(recipe))
    _check_optimizer(values)
    _check_read(values)
    _check_pixels(values)
    _check_on_device(values)
    for name in ("crop_scale", "crop_aspect", "shorter_side"):
        bounds = getattr(values, name)
        if bounds is not None and bounds[0] > bounds[1]:
            raise ValueError(f"`{name}` must be (smallest, largest); received {bounds}.")
    crops = [name for name in ("crop_scale", "shorter_side", "pad") if getattr(values, name)]
    if len(crops) > 1:
        raise ValueError(
            f"only one of `{'` and `'.join(crops)}` can crop; received values of both."
        )
    if values.shorter_side is not None and values.shorter_side[0] < values.train_size:
        raise ValueError(
            f"`shorter_side` must be at least `train_size` ({values.train_size}), which is cut out of it; "
            f"received {values.shorter_side}."
        )
    if len(values.color_jitter) not in (0, 3, 4):
        raise ValueError(
            "`color_jitter` must be of brightness, contrast, saturation and perhaps hue, or empty; "
            f"received {values.color_jitter}."
        )


# These fields do nothing unless another field has one of these values.
_READ_ONLY_WITH = {
    "pool_before_batch_norm": ("network", ("ResNet9",)),
    "celu_alpha": ("network", ("ResNet9",)),
    "ghost_batch_norm": ("network", ("ResNet9",)),
    "frozen_batch_norm_scale": ("network", ("ResNet9",)),
    "logit_scale": ("network", ("ResNet9",)),
    "whitening": ("network", ("ResNet9",)),
    "momentum": ("optimizer", ("sgd", "rmsprop_tf")),
    "nesterov": ("optimizer", ("sgd",)),
    "learning_rate_in_velocity": ("optimizer", ("sgd",)),
    "bias_learning_rate_factor": ("optimizer", ("sgd",)),
    "adaptive_gradient_clip": ("optimizer", ("sgd", "rmsprop_tf")),
    "warmup_epochs": ("schedule", ("cosine", "step", "exponential")),
    "warmup_prefix": ("schedule", ("cosine",)),
    "minimum_learning_rate": ("schedule", ("cosine", "plateau")),
    "schedule_per": ("schedule", ("cosine", "step", "exponential", "piecewise_linear")),
    "schedule_reaches_ends": ("schedule", ("cosine", "step", "piecewise_linear")),
    "step_epochs": ("schedule", ("step",)),
    "plateau_patience": ("schedule", ("plateau",)),
    "step_factor": ("schedule", ("step", "plateau", "exponential")),
    "exponential_epochs": ("schedule", ("exponential",)),
    "knot_epochs": ("schedule", ("piecewise_linear",)),
    "target_threshold": ("loss", ("binary_crossentropy",)),
}


# Nor do these while another field is off.
PART_OF = {
    "frozen_stages": "weights",
    "weight_decay_on": "weight_decay",
    "ema_every": "ema_decay",
    "ema_after_warmup": "ema_decay",
    "warmup_prefix": "warmup_epochs",
    "warmup_learning_rate": "warmup_epochs",
    "knot_factors": "knot_epochs",
    "pad_color": "pad",
    "crop_aspect": "crop_scale",
    "cutout_color": "cutout",
    "rand_augment_operations": "rand_augment",
    "rand_augment_probability": "rand_augment",
    "random_erasing_fill": "random_erasing",
}


def unread(recipe: "Recipe") -> list[str]:
    """The fields that do nothing with the values of the others.

    >>> import keras_resnet_recipes as krr
    >>> {"cutout_color", "celu_alpha"} <= set(unread(krr.A3())), "celu_alpha" in unread(krr.DAWNBench())
    (True, False)
    """
    fields = {field.name: field for field in dataclasses.fields(recipe)}

    def is_off(name: str) -> bool:
        owner = PART_OF[name]
        return not getattr(recipe, owner) and not is_unpublished(fields[owner])

    return [
        name
        for name in fields
        if (name in _READ_ONLY_WITH and not _is_read(recipe, name))
        or (name in PART_OF and is_off(name))
    ]


def _check_read(values: SimpleNamespace) -> None:
    for name, (other, readers) in _READ_ONLY_WITH.items():
        value, neutral = getattr(values, name), getattr(Settings, name)
        if value != neutral and getattr(values, other) not in readers:
            raise ValueError(
                f"`{name}` must be {neutral!r} with {other}={getattr(values, other)!r}, which does not read it; "
                f"received {value!r}."
            )


def _check_pixels(values: SimpleNamespace) -> None:
    for name, largest in (("pad", values.train_size - 1), ("cutout", values.train_size)):
        if (getattr(values, name) or 0) > largest:
            raise ValueError(
                f"`{name}` must be at most {largest} with train_size={values.train_size}; "
                f"received {getattr(values, name)}."
            )
    if values.cutout_color is not None and values.cutout is None:
        raise ValueError(
            "`cutout_color` must be None with cutout=None, which does not read it; "
            f"received {values.cutout_color}."
        )


# Whatever makes pictures of another size or needs more than one card of numbers a picture.
_NOT_ON_DEVICE = (
    "shorter_side",
    "crop_scale",
    "color_jitter",
    "lighting",
    "trivial_augment",
    "rand_augment",
    "random_erasing",
    "mixup_alpha",
    "cutmix_alpha",
    "repeated_augmentation",
)


def _check_on_device(values: SimpleNamespace) -> None:
    if not values.data_on_device:
        return
    for name in _NOT_ON_DEVICE:
        if getattr(values, name) != getattr(Settings, name):
            raise ValueError(
                f"`{name}` must be {getattr(Settings, name)!r} with data_on_device=True, where pictures are only "
                f"padded and cropped, mirrored and cut out; received {getattr(values, name)!r}."
            )
    if values.test_views not in ("one", "mirrored"):
        raise ValueError(
            "`test_views` must be 'one' or 'mirrored' with data_on_device=True, which evaluates whole pictures; "
            f"received {values.test_views!r}."
        )
    if values.test_crop_ratio != 1:
        raise ValueError(
            "`test_crop_ratio` must be 1.0 with data_on_device=True, which evaluates whole pictures; "
            f"received {values.test_crop_ratio}."
        )


def check_complete(recipe: "Recipe", apart_from: Collection[str] = ()) -> None:
    """Raises ValueError, which names the fields, while a value that nobody published is missing."""
    names = [name for name in _missing(recipe) if name not in apart_from]
    if names:
        name, values = type(recipe).__name__, ", ".join(f"{field}=..." for field in names)
        raise ValueError(
            f"`{'`, `'.join(names)}` must be given: of {name} nobody published them. Use {name}({values})."
        )


def _missing(recipe: "Recipe") -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(recipe)
        if is_unpublished(field)
        and getattr(recipe, field.name) is None
        and _is_read(recipe, field.name)
    ]


def _is_read(recipe: "Recipe", name: str) -> bool:
    """Whether a field does something, as another one says; of an unknown one nobody can say."""
    other, readers = _READ_ONLY_WITH.get(name, (name, (None,)))
    return getattr(recipe, other) in (None, *readers)


def _known(recipe: "Recipe", field: "dataclasses.Field[Any]") -> Any:
    """A field's value, or the neutral one while it has none."""
    value = getattr(recipe, field.name)
    return getattr(Settings, field.name) if value is None and is_unpublished(field) else value


def _check_batch(values: SimpleNamespace) -> None:
    mixes = values.mix_probability > 0 and (values.mixup_alpha > 0 or values.cutmix_alpha > 0)
    part, rest = divmod(values.batch_size, values.gradient_accumulation_steps)
    if rest:
        raise ValueError(
            f"`gradient_accumulation_steps` must divide `batch_size` ({values.batch_size}); "
            f"received {values.gradient_accumulation_steps}."
        )
    if values.ghost_batch_norm is not None and part % values.ghost_batch_norm:
        raise ValueError(
            "`ghost_batch_norm` must divide `batch_size` / `gradient_accumulation_steps` "
            f"({values.batch_size} / {values.gradient_accumulation_steps}); received {values.ghost_batch_norm}."
        )
    if values.ghost_batch_norm is not None and values.batch_norm == "synchronized":
        raise ValueError(
            "`ghost_batch_norm` must be None with batch_norm='synchronized', the statistics of all images; "
            f"received {values.ghost_batch_norm}."
        )
    if mixes and values.mix_partner == "reversed" and part % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` must be even with MixUp or CutMix, "
            f"which pair image i with image n-1-i; received {values.batch_size} / {values.gradient_accumulation_steps}."
        )


def _check_optimizer(values: SimpleNamespace) -> None:
    if values.optimizer == "lamb" and values.weight_decay_on != "kernels":
        raise ValueError(
            "`weight_decay_on` must be 'kernels' with optimizer='lamb', which decays nothing else; "
            f"received {values.weight_decay_on!r}."
        )
    if values.adaptive_gradient_clip is not None and values.gradient_clip is not None:
        raise ValueError(
            f"`adaptive_gradient_clip` must be None with gradient_clip={values.gradient_clip}; "
            f"received {values.adaptive_gradient_clip}."
        )
    if values.ema_decay == 1:
        raise ValueError("`ema_decay` must be below 1, or nothing is averaged; received 1.0.")


def _check_schedule(values: SimpleNamespace, missing: list[str]) -> None:
    if values.warmup_epochs > values.epochs and not {"epochs", "warmup_epochs"} & {*missing}:
        raise ValueError(
            f"`warmup_epochs` must be at most `epochs` ({values.epochs}), of which they are part; "
            f"received {values.warmup_epochs}."
        )
    steps = {
        "step": "step_epochs",
        "plateau": "plateau_patience",
        "piecewise_linear": "knot_epochs",
    }
    needed = steps.get(values.schedule)
    if needed and needed not in missing and not getattr(values, needed):
        raise ValueError(
            f"`{needed}` must be given with schedule={values.schedule!r}; "
            f"received {getattr(values, needed)}."
        )
    if values.schedule == "plateau" and values.step_factor == 1:
        raise ValueError("`step_factor` must be below 1 with schedule='plateau'; received 1.0.")
    if len(values.knot_epochs) != len(values.knot_factors):
        raise ValueError(
            f"`knot_factors` must be one for each of `knot_epochs` {values.knot_epochs}; "
            f"received {values.knot_factors}."
        )
    for name in ("step_epochs", "knot_epochs"):
        epochs = getattr(values, name)
        if any(one >= other for one, other in itertools.pairwise(epochs)):
            raise ValueError(f"`{name}` must rise; received {epochs}.")
