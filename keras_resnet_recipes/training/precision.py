"""The dtype policy of a run."""

import contextlib
from collections.abc import Iterator

import keras

from keras_resnet_recipes import distribution
from keras_resnet_recipes.recipe import BaseRecipe


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
