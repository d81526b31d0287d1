"""Recipes from files."""

import json
from pathlib import Path

from keras_resnet_recipes.recipes.base import Recipe

# A recipe has some forty short values; what is larger is something else.
_LARGEST = 1 << 16


def load_recipe(path: str | Path) -> Recipe:
    """Reads a recipe that `Recipe.to_json` wrote.

    Args:
        path: A JSON file, or a run folder that holds `recipe.json`.

    Raises:
        ValueError: If the file is missing, is no such JSON, or names an unknown recipe.

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
    known = {recipe.__name__: recipe for recipe in (Recipe, *Recipe.__subclasses__())}
    name = values.pop("recipe", None)
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{str(path)!r} names the recipe {name!r}; known are {', '.join(known)}.")
    try:
        return known[name](**values)
    except ValueError as error:
        raise ValueError(f"{str(path)!r}: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")
