"""Recipes from files."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.part import from_json, how_to_know
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.recipe import BaseRecipe

# A recipe is a few thousand characters; what is larger is something else.
_LARGEST = 1 << 18


def load_recipe(
    path: str | Path, custom_objects: Sequence[type | Callable[..., Any]] = ()
) -> BaseRecipe:
    """Reads a recipe that `Recipe.to_json` wrote.

    Reading is safe: the file makes Python neither import nor call what it names. Known are the recipes
    and parts of this package and those that were defined in this process, Keras' and KerasHub's own
    objects (through Keras' deserialization in safe mode), what is registered with Keras, and
    `custom_objects`.

    Args:
        path: A JSON file, or a run folder that holds `recipe.json`.
        custom_objects: Classes of parts, recipes or Keras objects, and functions that build networks, which the
            file names.

    Raises:
        ValueError: If the file is missing, is no such JSON, or names something unknown.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = krr.A2(epochs=30).to_json(folder + "/recipe.json")
    ...     krr.load_recipe(folder)
    A2(epochs=30)
    """
    path = Path(path)
    path = path / "recipe.json" if path.is_dir() else path
    if not path.is_file():
        raise ValueError(
            f"`path` must be a recipe's JSON file or a run folder; there is no file {str(path)!r}."
        )
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        values = json.loads(path.read_text(), parse_constant=_refuse)
        if not isinstance(values, dict):
            raise ValueError("it holds no object")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`path` must be a recipe's JSON file; {str(path)!r} is none: {error}."
        ) from None
    try:
        return _recipe(values, {one.__name__: one for one in custom_objects})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r}: {error}") from None


def _recipe(values: dict[str, Any], custom: dict[str, Any]) -> BaseRecipe:
    """The recipe of a file's values."""
    known = BaseRecipe.known | {
        name: one
        for name, one in custom.items()
        if isinstance(one, type) and issubclass(one, BaseRecipe)
    }
    name = values.pop("recipe", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"the recipe {name!r} is unknown here.{closest(str(name), known)} Known are {', '.join(known)}. "
            f"{how_to_know(name)}"
        )
    fields = known[name].__dataclass_fields__
    for field in values:
        if field not in fields:
            raise ValueError(f"{name} has no field `{field}`.{closest(field, fields)}")
    parts = known_parts() | custom
    return known[name](**{field: from_json(value, parts) for field, value in values.items()})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")
