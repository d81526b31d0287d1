"""Loading of recipes from JSON files."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_resnet_recipes.files import local_path
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.part import from_json, how_to_know
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.recipe import BaseRecipe

# A recipe has a few thousand characters; the limit protects against huge files.
_LARGEST = 1 << 18


def load_recipe(
    path: str | Path, custom_objects: Sequence[type | Callable[..., Any]] = ()
) -> BaseRecipe:
    """Loads a recipe written by `Recipe.to_json`.

    Loading is safe: names in the file are never imported or called. Accepted are the recipes and parts of
    this package and those defined in this process, objects of Keras and KerasHub (through Keras'
    deserialization in safe mode), objects registered with Keras, and `custom_objects`.

    Args:
        path: JSON file, or run folder that contains `recipe.json`.
        custom_objects: Custom classes (parts, recipes, Keras objects) and functions that build networks,
            named in the file.

    Returns:
        The recipe.

    Raises:
        ValueError: If the file is missing or not valid, or contains an unknown name.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = krr.A2(epochs=30).to_json(folder + "/recipe.json")
        ...     krr.load_recipe(folder)
        A2(epochs=30)
    """
    path = local_path("path", path)
    path = path / "recipe.json" if path.is_dir() else path
    if not path.is_file():
        raise ValueError(
            "`path` must be an existing JSON file of a recipe, or a run folder that contains one. "
            f"Received: path={str(path)!r}"
        )
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`path` must be the JSON file of a recipe. Received: path={str(path)!r} ({error})"
        ) from None
    try:
        return _recipe(values, {custom.__name__: custom for custom in custom_objects})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r}: {error}") from None


def _recipe(values: dict[str, Any], custom: dict[str, Any]) -> BaseRecipe:
    """Builds the recipe from the values of a file."""
    known = BaseRecipe.known | {
        name: value
        for name, value in custom.items()
        if isinstance(value, type) and issubclass(value, BaseRecipe)
    }
    name = values.pop("recipe", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"`recipe` must be one of {', '.join(known)}. Received: recipe={name!r}.{closest(str(name), known)} "
            f"{how_to_know(name)}"
        )
    fields = known[name].__dataclass_fields__
    for field in values:
        if field not in fields:
            raise ValueError(f"{name} has no field `{field}`.{closest(field, fields)}")
    parts = known_parts() | custom
    return known[name](**{field: from_json(value, parts) for field, value in values.items()})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")
