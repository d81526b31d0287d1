"""The model of a run folder."""

from pathlib import Path

import keras

from keras_resnet_recipes.callbacks import BEST, RunFolder
from keras_resnet_recipes.recipe import load_recipe
from keras_resnet_recipes.training import parts, run


def load_run(path: str | Path, weights: str | None = None) -> keras.Model:
    """The model of a run folder, with logits as output and the recipe's loss as `loss`; not compiled.

    Args:
        path: A folder that `Recipe.fit(run_dir=...)` wrote.
        weights: "best" or "last"; by default the best where there are some.

    Raises:
        ValueError: If the folder has no recipe or no such weights.
    """
    path = Path(path)
    recipe = load_recipe(path)
    best = path / BEST
    files = {"best": best if best.is_file() else None, "last": RunFolder(path).last_save()}
    found = [name for name, file in files.items() if file and weights in (None, name)]
    if not found:
        others = [name for name, file in files.items() if file]
        why = f"only `weights` {others[0]!r}" if others else "no epoch is finished"
        raise ValueError(f"{str(path)!r} has no {weights or 'best or last'} weights yet: {why}.")
    known = run.read_facts(path)
    if known["own_model"]:
        raise ValueError(
            f"{str(path)!r} was trained with a model given as `model=`, which only you can build; "
            f"then model.load_weights({str(files[found[0]])!r})."
        )
    with parts.dtype_policy(parts.resolved_precision(recipe)):
        model = parts.network(recipe)
        # The last weights stand beside their average, the best ones are it.
        average = parts.moving_average(recipe, steps=1) if found[0] == "last" else None
        if average is not None:
            parts.compiled(recipe, model, replicas=1, steps=1)
            average.build(model, model.optimizer)
    model.load_weights(files[found[0]])
    if average is not None:
        average.finish()
    names = known["class_names"]
    model.class_names = None if names is None else tuple(names)
    # It tells whoever exports or predicts whether sigmoids or the softmax follow; compiled, with whatever optimizer,
    # the model could be trained as nobody meant.
    model.loss = parts.loss(recipe)
    return model
