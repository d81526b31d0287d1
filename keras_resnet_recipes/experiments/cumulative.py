"""The cumulative tables of 'Bag of Tricks', every row as a recipe."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras_resnet_recipes.applications import NETWORKS
from keras_resnet_recipes.experiments.runs import Row, Spread, shown
from keras_resnet_recipes.recipes import BagOfTricks

# Top-1 in per cent of ResNet-50 on ImageNet: table 4 (batch 1024), 5 and 6. "?": recalled, not read there;
# the others are confirmed by GluonCV's model zoo or the paper's abstract.
_PUBLISHED = {
    "baseline": "75.87 ?",
    "+ linear scaling": "75.17 ?",
    "+ warm-up": "75.93 ?",
    "+ zero gamma": "76.37 ?",
    "+ no decay of biases": "76.03 ?",
    "+ half precision": "76.21 ?",
    "+ ResNet-B": "76.66 ?",
    "+ ResNet-C": "76.87 ?",
    "+ ResNet-D": "77.16 ?",
    "+ cosine": "77.91 ?",
    "+ label smoothing": "78.31 ?",
    "+ teacher": "78.67 ?",
    "+ MixUp": "79.15",
    "+ teacher and MixUp": "79.29",
}
_UNCONFIRMED = "? of the published figures: recalled, not confirmed by a source that could be read"


def rows(
    recipe: BagOfTricks, with_teacher: bool = False
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows, the last that is trained with the recipe itself, and notes on what is not trained.

    A trick that changes nothing at the size asked for, such as half precision without a GPU, is not
    trained. The rows with MixUp train longer than the others, as in the paper: the recipe's epochs
    against 120 / 200 of them.

    Args:
        recipe: The recipe.
        with_teacher: Whether there is a teacher, so that its rows are trained.

    Raises:
        ValueError: If `batch_size` is no multiple of 4: the baseline has a quarter of it.

    >>> import keras_resnet_recipes as krr
    >>> table, notes = rows(krr.BagOfTricks())
    >>> table[0].recipe.diff(table[1].recipe)
                     BagOfTricks  BagOfTricks
    batch_size       256          1024
    learning_rate    0.1          0.4
    >>> table[-2].recipe == krr.BagOfTricks()
    True
    """
    current = _baseline(recipe)
    found, notes = [_row("baseline", current)], [_UNCONFIRMED]
    for name, changes in _tricks(recipe).items():
        if changes is None:
            found.append(_row(name, None))
            notes.append(f"{name}: not trained, {recipe.network} has no such variant")
            continue
        before, current = current, current.replace(**changes)
        pair = before, current
        same = _resolved(before) == _resolved(current)
        found.append(_row(name, None if same else current))
        if same:
            notes.append(f"{name}: not trained, it changes nothing with these settings")
    if not with_teacher:
        pair = None, None
        notes.append("+ teacher: not trained here, for it takes a trained teacher (`teacher`)")
    teachers = [
        dataclasses.replace(_row(name, learner), taught=True)
        for name, learner in zip(("+ teacher", "+ teacher and MixUp"), pair, strict=True)
    ]
    return (*found[:-1], teachers[0], found[-1], teachers[1]), tuple(notes)


def gains(study: Sequence[Row], top1: Mapping[str, Spread | None]) -> dict[str, str]:
    """What each row has gained over the last one above it that was measured, and that has no teacher."""
    found, above = {}, None
    for row in study:
        now = top1.get(row.name)
        if now is not None:
            found[row.name] = "" if above is None else shown(now.mean - above.mean, signed=True)
            above = above if row.taught else now
    return found


def _row(name: str, recipe: BagOfTricks | None) -> Row:
    names = list(_PUBLISHED)
    # MixUp without a teacher is compared with no teacher.
    above = "+ label smoothing" if name == "+ MixUp" else names[max(names.index(name) - 1, 0)]
    now, before = (float(_PUBLISHED[row].split()[0]) for row in (name, above))
    gain = "" if above == name else shown(now - before, signed=True)
    return Row(name, recipe, published=(_PUBLISHED[name], gain))


def _baseline(recipe: BagOfTricks) -> BagOfTricks:
    """Table 2: a quarter of the batch and rate, steps at 30, 60 and 90 of 120 epochs, and no trick."""
    if recipe.batch_size % 4:
        raise ValueError(
            "`batch_size` must be a multiple of 4 here, for the baseline has a quarter of it; "
            f"received {recipe.batch_size}."
        )
    epochs = max(1, round(recipe.epochs * 120 / 200))
    return recipe.replace(
        network=_networks(recipe.network)[0],
        epochs=epochs,
        batch_size=recipe.batch_size // 4,
        zero_gamma=False,
        learning_rate=recipe.learning_rate / 4,
        weight_decay_on="all",
        schedule="step",
        step_epochs=tuple(epochs * part / 4 for part in (1, 2, 3)),
        warmup_epochs=0,
        warmup_prefix=False,
        minimum_learning_rate=0.0,
        label_smoothing=0.0,
        mixup_alpha=0.0,
        precision="float32",
    )


def _tricks(recipe: BagOfTricks) -> dict[str, dict[str, Any] | None]:
    """Each trick's fields, in the paper's order; None where there is no such network."""
    _, b, c, d = _networks(recipe.network)
    cosine = ("schedule", "warmup_prefix", "minimum_learning_rate")
    return {
        "+ linear scaling": _of(recipe, "batch_size", "learning_rate"),
        "+ warm-up": _of(recipe, "warmup_epochs"),
        "+ zero gamma": _of(recipe, "zero_gamma"),
        "+ no decay of biases": _of(recipe, "weight_decay_on"),
        "+ half precision": _of(recipe, "precision"),
        "+ ResNet-B": b and {"network": b},
        "+ ResNet-C": c and {"network": c},
        "+ ResNet-D": d and {"network": d},
        "+ cosine": {**_of(recipe, *cosine), "step_epochs": ()},
        "+ label smoothing": _of(recipe, "label_smoothing"),
        "+ MixUp": _of(recipe, "mixup_alpha", "epochs"),
    }


def _of(recipe: BagOfTricks, *fields: str) -> dict[str, Any]:
    return {field: getattr(recipe, field) for field in fields}


def _networks(network: str) -> tuple[str, str | None, str | None, str | None]:
    """The original network and its variants B, C and D, as far as there are any.

    >>> _networks("ResNet50D")
    ('ResNet50V1', 'ResNet50', 'ResNet50C', 'ResNet50D')
    >>> _networks("ResNet18D"), _networks("ResNet20")
    (('ResNet18', None, None, 'ResNet18D'), ('ResNet20', None, None, None))
    """
    stem = network.removesuffix("D")
    if stem == network or stem not in NETWORKS:
        return network, None, None, None
    original, c = (name if name in NETWORKS else None for name in (f"{stem}V1", f"{stem}C"))
    return original or stem, stem if original else None, c, network


def _resolved(recipe: BagOfTricks) -> BagOfTricks:
    """The recipe with the precision of this machine's devices."""
    from keras_resnet_recipes.training import parts

    return recipe.replace(precision=parts.resolved_precision(recipe))
