"""Conversion of the arguments of timm's training script to a recipe."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_resnet_recipes.applications import NETWORKS
from keras_resnet_recipes.augment import (
    ColorJitter,
    MixUpOrCutMix,
    RandAugment,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
)
from keras_resnet_recipes.augment.rand_augment import of_timm
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipe import (
    EMA,
    SGD,
    AdamW,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Initialization,
    Lamb,
    RMSpropTF,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.recipes.timm_arguments import Arguments, read
from keras_resnet_recipes.schedules import Cosine, Exponential, Step

_OPTIMIZERS = {
    "lamb": (Lamb, {}),
    "lambc": (Lamb, {}),
    "lambw": (Lamb, {}),
    "lambcw": (Lamb, {}),
    "adamw": (AdamW, {}),
    "sgd": (SGD, {"nesterov": True}),
    "nesterov": (SGD, {"nesterov": True}),
    "momentum": (SGD, {}),
    "rmsproptf": (RMSpropTF, {}),
}
# Default epsilons: timm's without `opt_eps`, and this package's.
_TIMM_EPSILON = {Lamb: 1e-6, AdamW: 1e-8, RMSpropTF: 1e-10}
_EPSILON = {Lamb: 1e-6, AdamW: 1e-8, RMSpropTF: 1e-3}
_INTERPOLATIONS = ("bilinear", "bicubic")


def from_timm(path: str | Path, *, processes: int = 1) -> tuple[Recipe, dict[str, Any]]:
    r"""Converts the `args.yaml` that timm's `train.py` writes to a recipe.

    Args:
        path: The file; absent arguments get the defaults of `train.py`.
        processes: Number of processes of the run, usually one per GPU. The file does not contain it, and its
            `batch_size` is per process.

    Returns:
        `(recipe, unmatched)`. The recipe is an instance of a published one if all values agree. `unmatched`
        is a dict of the arguments that would change the training but have no counterpart here; for some of
        them the recipe has the nearest value ("lambc" becomes LAMB). As in `train.py`, images are evaluated
        at the training size.

    Raises:
        ValueError: If the file does not contain such arguments, or its network, optimizer or schedule is
            not supported.
        ImportError: If PyYAML is missing (the extra `timm`).

    Example:
        >>> import pathlib, tempfile, keras_resnet_recipes as krr
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "args.yaml")
        ...     _ = file.write_text("model: resnet18\nopt: lamb\naa: rand-m7-mstd0.5-inc1\nvflip: 0.1\n")
        ...     recipe, unmatched = krr.recipes.from_timm(file, processes=4)
        >>> recipe.network, recipe.batch_size, recipe.rand_augment_magnitude, unmatched
        ('ResNet18', 512, 7.0, {'vflip': 0.1})
    """
    if processes < 1:
        raise ValueError(f"`processes` must be at least 1. Received: processes={processes}")
    given = read(Path(path))
    try:
        network = _network(given)
        fields = {
            **network,
            **_batch(given, processes),
            "optimizer": _optimizer(given),
            "ema": EMA(decay=given["model_ema_decay"]) if given["model_ema"] else None,
            **_schedule(given),
            "loss": _loss(given),
            "mix": _mix(given),
            **_images(given, network["test"].interpolation),
        }
        recipe = Recipe(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"`path` must contain arguments of the types that train.py writes. Received: path={str(path)!r} ({error})"
        ) from None
    return _published(recipe), given.unmatched


def _published(recipe: Recipe) -> Recipe:
    """Returns the published recipe with these values, or the recipe itself."""
    values = vars(recipe)
    return next((k() for k in Recipe.__subclasses__() if vars(k()) == values), recipe)


def _network(given: Arguments) -> dict[str, Any]:
    names = {_timm_name(network): network for network in NETWORKS}
    name, _, tag = str(given["model"]).partition(".")
    if name not in names:
        raise ValueError(
            "`model` of the file must be a network of krr.applications. "
            f"Received: model={given['model']!r}.{closest(name, names)} "
            "To use the other settings, name another network in the file."
        )
    network = names[name]
    size, crop, interpolation = _tested(network, tag)
    if given["input_size"]:
        size = given["input_size"][-1]
        given.match("input_size", [3, size, size])
    elif given["img_size"]:
        size = given["img_size"]
    interpolation = given["interpolation"] or interpolation
    if interpolation not in _INTERPOLATIONS:
        given.unmatched["interpolation"], interpolation = interpolation, "bicubic"
    given.match("in_chans", None, 3)
    given.match("gp", None, "", "avg", "fast")
    given.match("mean", None, [round(value / 255, 3) for value in IMAGENET_MEAN])
    given.match("std", None, [round(value / 255, 3) for value in IMAGENET_STD])
    settings = dict(given["model_kwargs"] or {})
    zero_gamma = bool(settings.pop("zero_init_last", True))
    if settings:
        given.unmatched["model_kwargs"] = settings
    drop_path = given["drop_path"] if given["drop_path"] is not None else given["drop_connect"]
    return {
        "network": network,
        "classes": given["num_classes"],
        "train_size": size,
        "test": Test(size=size, crop_ratio=given["crop_pct"] or crop, interpolation=interpolation),
        "zero_gamma": zero_gamma,
        "drop_path_rate": drop_path or 0.0,
        "initialization": Initialization(scale=2.0, mode="fan_out"),
    }


def _timm_name(network: str) -> str:
    return network.lower().replace("wideresnet", "wide_resnet")


def _tested(network: str, tag: str) -> tuple[int, float, str]:
    """Returns image size, crop ratio and resampling of the network's default evaluation, train.py's defaults."""
    # Imports Keras, which nothing else here needs.
    from keras_resnet_recipes.applications.published import table

    rows = [row for row in table() if row.network == network]
    chosen = [row for row in rows if (row.tag == tag if tag else row.default)]
    if not chosen:
        return 224, 0.875, "bicubic"
    # Of two sizes, the second and larger one is for evaluation after training only.
    evaluation = chosen[0].evaluations[0]
    return evaluation.size, evaluation.crop_ratio, chosen[0].interpolation


def _batch(given: Arguments, processes: int) -> dict[str, Any]:
    micro_batches = max(1, given["grad_accum_steps"])
    batch, rate = given["batch_size"] * processes * micro_batches, given["lr"]
    if not rate:
        optimizer, rule = given["opt"].lower(), given["lr_base_scale"]
        root = rule == "sqrt" if rule else "lamb" in optimizer or "ada" in optimizer
        rate = given["lr_base"] * (batch / given["lr_base_size"]) ** (0.5 if root else 1)
    mixed = any(given[name] for name in ("amp", "native_amp", "apex_amp"))
    half = "mixed_bfloat16" if given["amp_dtype"] == "bfloat16" else "auto"
    given.match("model_dtype", None, "float32")
    return {
        "batch_size": batch,
        "gradient_accumulation_steps": micro_batches,
        "learning_rate": rate,
        "batch_norm": "synchronized" if given["sync_bn"] else "replica",
        # Like timm's, "auto" is float16 on GPUs.
        "precision": half if mixed else "float32",
    }


def _optimizer(given: Arguments) -> Any:
    name = given["opt"].lower()
    if name not in _OPTIMIZERS:
        raise ValueError(
            f"`opt` of the file must be one of {', '.join(_OPTIMIZERS)}. Received: opt={name!r}"
        )
    kind, settings = _OPTIMIZERS[name]
    if name in ("lambc", "lambw", "lambcw"):
        given.unmatched["opt"] = name
    epsilon = given["opt_eps"] or _TIMM_EPSILON.get(kind)
    given.unmatched.pop("opt_eps", None)
    if epsilon != _EPSILON.get(kind):
        given.unmatched["opt_eps"] = epsilon
    given.match("opt_betas", None, [], [0.9, 0.999])
    others = dict(given["opt_kwargs"] or {})
    # timm's LAMB clips the global norm to 1 by default.
    limits = [others.pop("max_grad_norm", 1.0)] if kind is Lamb else []
    if others:
        given.unmatched["opt_kwargs"] = others
    numbers = {"weight_decay": given["weight_decay"], **settings}
    if kind in (SGD, RMSpropTF):
        numbers["momentum"] = given["momentum"]
    if given["clip_grad"] and given["clip_mode"] == "norm":
        limits.append(given["clip_grad"])
    elif given["clip_grad"] and given["clip_mode"] == "agc" and "momentum" in numbers:
        numbers["adaptive_gradient_clip"] = given["clip_grad"]
    elif given["clip_grad"]:
        given.unmatched |= {name: given[name] for name in ("clip_grad", "clip_mode")}
    return kind(**numbers, gradient_clip=min((limit for limit in limits if limit), default=None))


def _schedule(given: Arguments) -> dict[str, Any]:
    name, warmup = given["sched"], given["warmup_epochs"]
    if name not in ("cosine", "step", "multistep"):
        raise ValueError(
            f"`sched` of the file must be cosine, step or multistep. Received: sched={name!r}"
        )
    prefix = bool(given["warmup_prefix"] and warmup)
    shared = {
        "per": "update" if given["sched_on_updates"] else "epoch",
        "warmup_epochs": warmup,
        "warmup_learning_rate": given["warmup_lr"] if warmup else 0.0,
    }
    epochs = given["epochs"] + (warmup if prefix else 0)
    if name == "cosine":
        schedule: Any = Cosine(
            **shared,
            warmup_prefix=prefix,
            minimum_learning_rate=given["min_lr"],
            cooldown_epochs=given["cooldown_epochs"],
        )
        return {"epochs": epochs, "schedule": schedule}
    if prefix:
        given.unmatched["warmup_prefix"] = True
    shared["factor"] = given["decay_rate"]
    if name == "step":
        schedule = Exponential(every_epochs=given["decay_epochs"], **shared)
    else:
        # timm compares milestones with epochs or updates counted from 1.
        early = 0 if given["sched_on_updates"] else 1
        milestones = tuple(max(0, milestone - early) for milestone in given["decay_milestones"])
        schedule = Step(boundaries=milestones, **shared)
    return {"epochs": epochs, "schedule": schedule}


def _loss(given: Arguments) -> Any:
    mixes, smoothing = given["mixup"] > 0 or given["cutmix"] > 0, given["smoothing"]
    # Without mixing and smoothing, train.py uses plain cross-entropy even with --bce-loss.
    if given["bce_loss"] and (mixes or smoothing):
        threshold = given["bce_target_thresh"]
        return BinaryCrossentropy(label_smoothing=smoothing, target_threshold=threshold)
    return CategoricalCrossentropy(label_smoothing=smoothing)


def _mix(given: Arguments) -> MixUpOrCutMix | None:
    if not (given["mixup"] > 0 or given["cutmix"] > 0):
        return None
    return MixUpOrCutMix(
        mixup_alpha=given["mixup"] or None,
        cutmix_alpha=given["cutmix"] or None,
        probability=given["mixup_prob"],
        switch_probability=given["mixup_switch_prob"],
    )


def _images(given: Arguments, test_interpolation: str) -> dict[str, Any]:
    interpolation = given["train_interpolation"]
    if given["no_aug"] or not interpolation:
        interpolation = test_interpolation
    if interpolation not in ("random", *_INTERPOLATIONS):
        given.unmatched["train_interpolation"], interpolation = interpolation, "bicubic"
    repeats = int(given["aug_repeats"]) or 1
    if given["no_aug"]:
        return {"repeated_augmentation": repeats}
    return {
        "repeated_augmentation": repeats,
        "augmentation": tuple(_augmentations(given, interpolation)),
    }


def _augmentations(given: Arguments, interpolation: str) -> Iterator[Any]:
    given.match("train_crop_mode", None, "", "rrc")
    given.match("hflip", 0, 0.5)
    if given["reprob"]:
        given.match("remode", "const", "pixel")
    jitter = given["color_jitter"] or ()
    if given["aa"]:
        # Of timm's policies, only those named "3a" keep the color jitter.
        jitter = jitter if "3a" in given["aa"] else ()
    yield RandomResizedCrop(
        scale=given["scale"] or (0.08, 1.0),
        aspect=given["ratio"] or (3 / 4, 4 / 3),
        interpolation=interpolation,
    )
    if given["hflip"] > 0:
        yield RandomFlip()
    yield from _rand_augment(given, interpolation)
    if jitter:
        yield ColorJitter(*(jitter if isinstance(jitter, list | tuple) else (jitter,) * 3))
    if given["reprob"]:
        noise = 0.0 if given["remode"] == "const" else IMAGENET_STD
        yield RandomErasing(given["reprob"], fill=IMAGENET_MEAN, noise=noise)


def _rand_augment(given: Arguments, interpolation: str) -> Iterator[RandAugment]:
    """Yields the RandAugment of a policy such as "rand-m7-mstd0.5-inc1"."""
    value, exact = of_timm(given["aa"] or "")
    if given["aa"] and not exact:
        given.unmatched["aa"] = given["aa"]
    if value is not None:
        yield dataclasses.replace(value, interpolation=interpolation)
