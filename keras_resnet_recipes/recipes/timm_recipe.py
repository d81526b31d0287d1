"""A recipe from the arguments of timm's training script."""

import dataclasses
import re
from pathlib import Path
from typing import Any

from keras_resnet_recipes.applications import NETWORKS
from keras_resnet_recipes.applications.network import IMAGENET_MEAN, IMAGENET_STD
from keras_resnet_recipes.applications.published import Published, table
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipes.base import Recipe
from keras_resnet_recipes.recipes.timm_arguments import Arguments, read

_OPTIMIZERS = {
    "lamb": ("lamb", False),
    "lambc": ("lamb", False),
    "lambw": ("lamb", False),
    "lambcw": ("lamb", False),
    "adamw": ("adamw", False),
    "sgd": ("sgd", True),
    "nesterov": ("sgd", True),
    "momentum": ("sgd", False),
    "rmsproptf": ("rmsprop_tf", False),
}
# Of theirs where no `opt_eps` is given, and of the optimizers here.
_THEIR_EPSILON = {"lamb": 1e-6, "adamw": 1e-8, "rmsprop_tf": 1e-10}
_EPSILON = {"lamb": 1e-6, "adamw": 1e-8, "rmsprop_tf": 1e-3}
_INTERPOLATIONS = ("bilinear", "bicubic")


def from_timm(path: str | Path, *, processes: int = 1) -> tuple[Recipe, dict[str, Any]]:
    r"""Reads the `args.yaml` that timm's `train.py` writes.

    Args:
        path: The file; arguments that it lacks have the defaults of `train.py`.
        processes: Processes of the run, usually one a GPU, which the file does not tell: `batch_size`
            is that of one.

    Returns:
        The recipe, a published one if its values are; and the arguments that would change the training and
        have no counterpart here, with their values. Some fields are nearest then: "lambc" becomes LAMB.
        Pictures are tested at the size of training, as `train.py` does.

    Raises:
        ValueError: If the file holds no such arguments, or its network, optimizer or schedule is not here.
        ImportError: If PyYAML is missing (the extra `timm`).

    >>> import pathlib, tempfile, keras_resnet_recipes as krr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "args.yaml")
    ...     _ = file.write_text("model: resnet18\nopt: lamb\naa: rand-m7-mstd0.5-inc1\nvflip: 0.1\n")
    ...     recipe, rest = krr.recipes.from_timm(file, processes=4)
    >>> recipe.network, recipe.batch_size, recipe.rand_augment, rest
    ('ResNet18', 512, (7.0, 0.5), {'vflip': 0.1})
    """
    if processes < 1:
        raise ValueError(f"`processes` must be at least 1; received {processes}.")
    given = read(Path(path))
    try:
        network = _network(given)
        fields = {
            **network,
            **_batch(given, processes),
            **_optimizer(given),
            **_schedule(given),
            **_loss_and_mixing(given),
            **_pictures(given, network["test_interpolation"]),
        }
        recipe = Recipe(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{str(path)!r} holds an argument of the wrong kind: {error}.") from None
    return _published(recipe), given.unmatched


def _published(recipe: Recipe) -> Recipe:
    """The published recipe of these values, or the recipe itself."""
    values = dataclasses.asdict(recipe)
    for known in Recipe.__subclasses__():
        if dataclasses.asdict(known()) == values:
            return known()
    return recipe


def _network(given: Arguments) -> dict[str, Any]:
    names = {_their_name(network): network for network in NETWORKS}
    name, _, tag = str(given["model"]).partition(".")
    if name not in names:
        raise ValueError(
            f"`model` of the file must be a network that is here, too; received {given['model']!r}."
            f"{closest(name, names)} To use its other settings, name another network in the file."
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
        "test_size": size,
        "test_crop_ratio": given["crop_pct"] or crop,
        "test_interpolation": interpolation,
        "zero_gamma": zero_gamma,
        "drop_path_rate": drop_path or 0.0,
    }


def _their_name(network: str) -> str:
    return network.lower().replace("wideresnet", "wide_resnet")


def _tested(network: str, tag: str) -> tuple[int, float, str]:
    """Size, crop and resampling of the network's default test, which the script takes for its own."""
    rows: list[Published] = [row for row in table() if row.network == network]
    chosen = [row for row in rows if (row.tag == tag if tag else row.default)]
    if not chosen:
        return 224, 0.875, "bicubic"
    # The larger size of two is one to test with after the training.
    evaluation = chosen[0].evaluations[0]
    return evaluation.size, evaluation.crop_ratio, chosen[0].interpolation


def _batch(given: Arguments, processes: int) -> dict[str, Any]:
    parts = max(1, given["grad_accum_steps"])
    batch, rate = given["batch_size"] * processes * parts, given["lr"]
    if not rate:
        optimizer, rule = given["opt"].lower(), given["lr_base_scale"]
        root = rule == "sqrt" if rule else "lamb" in optimizer or "ada" in optimizer
        rate = given["lr_base"] * (batch / given["lr_base_size"]) ** (0.5 if root else 1)
    mixed = any(given[name] for name in ("amp", "native_amp", "apex_amp"))
    half = "mixed_bfloat16" if given["amp_dtype"] == "bfloat16" else "auto"
    given.match("model_dtype", None, "float32")
    return {
        "batch_size": batch,
        "gradient_accumulation_steps": parts,
        "learning_rate": rate,
        "batch_norm": "synchronized" if given["sync_bn"] else "replica",
        # "auto" is float16 on GPUs, as theirs.
        "precision": half if mixed else "float32",
    }


def _optimizer(given: Arguments) -> dict[str, Any]:
    name = given["opt"].lower()
    if name not in _OPTIMIZERS:
        raise ValueError(
            f"`opt` of the file must be one of {', '.join(_OPTIMIZERS)}; received {name!r}."
        )
    optimizer, nesterov = _OPTIMIZERS[name]
    if name in ("lambc", "lambw", "lambcw"):
        given.unmatched["opt"] = name
    epsilon = given["opt_eps"] or _THEIR_EPSILON.get(optimizer)
    given.unmatched.pop("opt_eps", None)
    if epsilon != _EPSILON.get(optimizer):
        given.unmatched["opt_eps"] = epsilon
    given.match("opt_betas", None, [], [0.9, 0.999])
    settings = dict(given["opt_kwargs"] or {})
    # LAMB clips by itself.
    limits = [settings.pop("max_grad_norm", 1.0)] if optimizer == "lamb" else []
    if settings:
        given.unmatched["opt_kwargs"] = settings
    fields: dict[str, Any] = {
        "optimizer": optimizer,
        "nesterov": nesterov,
        "weight_decay": given["weight_decay"],
        "ema_decay": given["model_ema_decay"] if given["model_ema"] else None,
    }
    if optimizer in ("sgd", "rmsprop_tf"):
        fields["momentum"] = given["momentum"]
    if given["clip_grad"] and given["clip_mode"] == "norm":
        limits.append(given["clip_grad"])
    elif given["clip_grad"] and given["clip_mode"] == "agc" and "momentum" in fields:
        fields["adaptive_gradient_clip"] = given["clip_grad"]
    elif given["clip_grad"]:
        given.unmatched |= {name: given[name] for name in ("clip_grad", "clip_mode")}
    return {**fields, "gradient_clip": min((limit for limit in limits if limit), default=None)}


def _schedule(given: Arguments) -> dict[str, Any]:
    name, warmup = given["sched"], given["warmup_epochs"]
    if name not in ("cosine", "step", "multistep"):
        raise ValueError(
            f"`sched` of the file must be cosine, step or multistep; received {name!r}."
        )
    prefix = bool(given["warmup_prefix"] and warmup)
    fields = {
        "epochs": given["epochs"] + (warmup if prefix else 0),
        "schedule_per": "update" if given["sched_on_updates"] else "epoch",
        "warmup_epochs": warmup,
        "warmup_learning_rate": given["warmup_lr"] if warmup else 0.0,
    }
    if name == "cosine":
        cosine = {
            "schedule": "cosine",
            "warmup_prefix": prefix,
            "minimum_learning_rate": given["min_lr"],
            "cooldown_epochs": given["cooldown_epochs"],
        }
        return fields | cosine
    if prefix:
        given.unmatched["warmup_prefix"] = True
    fields["step_factor"] = given["decay_rate"]
    if name == "step":
        return fields | {"schedule": "exponential", "exponential_epochs": given["decay_epochs"]}
    # Theirs compares a milestone with the number of the epoch or update, counted from 1.
    early = 0 if given["sched_on_updates"] else 1
    milestones = tuple(max(0, milestone - early) for milestone in given["decay_milestones"])
    return fields | {"schedule": "step", "step_epochs": milestones}


def _loss_and_mixing(given: Arguments) -> dict[str, Any]:
    mixes, smoothing = given["mixup"] > 0 or given["cutmix"] > 0, given["smoothing"]
    fields: dict[str, Any] = {"label_smoothing": smoothing}
    # Without either theirs is the cross-entropy, whatever was asked for.
    if given["bce_loss"] and (mixes or smoothing):
        fields |= {"loss": "binary_crossentropy", "target_threshold": given["bce_target_thresh"]}
    if mixes:
        fields |= {
            "mixup_alpha": given["mixup"],
            "cutmix_alpha": given["cutmix"],
            "mix_probability": given["mixup_prob"],
            "mix_switch_probability": given["mixup_switch_prob"],
        }
    return fields


def _pictures(given: Arguments, test_interpolation: str) -> dict[str, Any]:
    interpolation = given["train_interpolation"]
    if given["no_aug"] or not interpolation:
        interpolation = test_interpolation
    if interpolation not in ("random", *_INTERPOLATIONS):
        given.unmatched["train_interpolation"], interpolation = interpolation, "bicubic"
    repeats = int(given["aug_repeats"]) or 1
    fields = {"train_interpolation": interpolation, "repeated_augmentation": repeats}
    if given["no_aug"]:
        return fields
    given.match("train_crop_mode", None, "", "rrc")
    given.match("hflip", 0, 0.5)
    if given["reprob"]:
        given.match("remode", "const", "pixel")
    jitter = given["color_jitter"] or ()
    if given["aa"]:
        # The only ones of theirs that leave the jitter on.
        jitter = jitter if "3a" in given["aa"] else ()
    return {
        **fields,
        "crop_scale": given["scale"] or (0.08, 1.0),
        "crop_aspect": given["ratio"] or (3 / 4, 4 / 3),
        "horizontal_flip": given["hflip"] > 0,
        "color_jitter": jitter if isinstance(jitter, list | tuple) else (jitter,) * 3,
        "random_erasing": given["reprob"],
        "random_erasing_fill": "noise"
        if given["reprob"] and given["remode"] != "const"
        else "mean",
        **_rand_augment(given),
    }


def _rand_augment(given: Arguments) -> dict[str, Any]:
    """What a text such as "rand-m7-mstd0.5-inc1" says."""
    kind, *sections = (given["aa"] or "").split("-")
    if kind != "rand":
        if kind:
            given.unmatched["aa"] = given["aa"]
        return {}
    said = {"m": 10.0, "mstd": 0.0, "mmax": 10.0, "n": 2.0, "p": 0.5, "inc": 0.0}
    for section in sections:
        match = re.fullmatch(r"(m|mstd|mmax|n|p|inc)(\d+(?:\.\d+)?)", section)
        if match is None:
            given.unmatched["aa"] = given["aa"]
        else:
            said[match[1]] = float(match[2])
    # Here are the operations that become stronger with the magnitude, up to 10.
    if said["inc"] != 1 or said["mmax"] != 10 or said["m"] > 10 or said["mstd"] > 10:
        given.unmatched["aa"] = given["aa"]
    return {
        "rand_augment": (min(said["m"], 10.0), min(said["mstd"], 10.0)),
        "rand_augment_operations": int(said["n"]),
        "rand_augment_probability": said["p"],
    }
