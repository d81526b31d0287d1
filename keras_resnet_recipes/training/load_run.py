"""The model of a run folder."""

from pathlib import Path

import keras

from keras_resnet_recipes.applications.archives import check_weights
from keras_resnet_recipes.files import local_path
from keras_resnet_recipes.recipe import load_recipe
from keras_resnet_recipes.runs import checkpoints, ownership
from keras_resnet_recipes.training import build


def load_run(path: str | Path, weights: str | None = None) -> keras.Model:
    """Loads the model of a run folder; its outputs are logits, its `loss` is the recipe's, and it is not compiled.

    Args:
        path: A folder that `Recipe.fit(run_dir=...)` wrote.
        weights: "best" or "last"; by default the best if there are any.

    Raises:
        ValueError: If the folder has no recipe or no such weights, or they are damaged.
    """
    path = local_path("path", path)
    recipe = load_recipe(path)
    which, file = _weights_of(path, weights)
    checkpoints.verified(file)
    facts = ownership.read_facts(path)
    if facts["own_model"]:
        raise ValueError(
            f"{str(path)!r} was trained with a model given as `model=`, which only you can build; "
            f"then model.load_weights({str(file)!r})."
        )
    check_weights(file)
    with build.dtype_policy(build.resolved_precision(recipe)):
        model = build.network(recipe)
        # `last` has the trained weights and their EMA, `best` the EMA only.
        average = build.moving_average(recipe, steps=1) if which == "last" else None
        if average is not None:
            build.compiled(recipe, model, replicas=1, steps=1)
            average.build(model, model.optimizer)
    model.load_weights(file)
    if average is not None:
        average.finish()
    names = facts["class_names"]
    model.class_names = None if names is None else tuple(names)
    model.multi_label = facts.get("multi_label", False)
    # `loss` selects sigmoid or softmax in exports and predictions. Not compiled: the model must not be trained
    # with another optimizer by mistake.
    model.loss = build.loss(recipe)
    return model


def _weights_of(path: Path, weights: str | None) -> tuple[str, Path]:
    """Returns which weights to load, "best" or "last", and their file."""
    if weights not in (None, "best", "last"):
        raise ValueError(f"`weights` must be 'best', 'last' or None. Received: weights={weights!r}")
    best = path / checkpoints.BEST
    if weights != "last" and best.is_file():
        return "best", best
    if weights is None and checkpoints.was_saved(best):
        raise ValueError(
            f"{str(best)!r} is missing. Put it back, or take the last weights with weights='last' (--weights last)."
        )
    last = checkpoints.last(path)
    if weights != "best" and last is not None:
        return "last", last
    why = "only `weights` 'last'" if last else "no epoch is finished"
    raise ValueError(f"{str(path)!r} has no {weights or 'best or last'} weights yet: {why}.")
