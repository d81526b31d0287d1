"""What fields of a recipe must agree on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_resnet_recipes.recipes.base import Recipe


def check_together(recipe: "Recipe") -> None:
    """Raises ValueError where two fields of a recipe contradict each other."""
    mixes = recipe.mix_probability > 0 and (recipe.mixup_alpha > 0 or recipe.cutmix_alpha > 0)
    part, rest = divmod(recipe.batch_size, recipe.gradient_accumulation_steps)
    if rest:
        raise ValueError(
            f"`gradient_accumulation_steps` must divide `batch_size` ({recipe.batch_size}); "
            f"received {recipe.gradient_accumulation_steps}."
        )
    if mixes and part % 2:
        raise ValueError(
            "`batch_size` / `gradient_accumulation_steps` must be even with MixUp or CutMix, "
            f"which pair image i with image n-1-i; received {recipe.batch_size} / {recipe.gradient_accumulation_steps}."
        )
    if recipe.warmup_epochs > recipe.epochs:
        raise ValueError(
            f"`warmup_epochs` must be at most `epochs` ({recipe.epochs}), of which they are part; "
            f"received {recipe.warmup_epochs}."
        )
    for name in ("crop_scale", "crop_aspect"):
        bounds = getattr(recipe, name)
        if bounds is not None and bounds[0] > bounds[1]:
            raise ValueError(f"`{name}` must be (smallest, largest); received {bounds}.")
    if recipe.loss != "binary_crossentropy" and recipe.target_threshold is not None:
        raise ValueError(
            f"`target_threshold` must be None with loss={recipe.loss!r}: only binary cross-entropy reads it; "
            f"received {recipe.target_threshold}."
        )
