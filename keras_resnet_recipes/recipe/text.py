"""Parsing of `--set` on the command line."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.known import known_parts

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


def changed(recipe: "BaseRecipe", changes: Sequence[str]) -> "BaseRecipe":
    """Applies changes such as "epochs=30" or "augmentation+=Cutout(size=8)" to a recipe.

    Args:
        recipe: The recipe.
        changes: NAME=VALUE sets a field or a number by flat name, NAME+=VALUE appends a part to a field.

    Returns:
        The changed recipe.

    Raises:
        ValueError: If a change is malformed or not legal.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> changed(krr.DAWNBench(augmentation=()), ["augmentation+=Cutout(size=8)", "epochs=30"])
        DAWNBench(epochs=30, augmentation=(Cutout(),))
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"`--set` must have the form NAME=VALUE. Received: {change!r}")
        if name.endswith("+"):
            name = name[:-1]
            before = values.get(name, getattr(recipe, name, None))
            if not isinstance(before, tuple):
                raise ValueError(
                    f"`--set` supports += only for `augmentation`. Received: {change!r}"
                )
            values[name] = (*before, value_of(text))
        else:
            values[name] = value_of(text)
    return recipe.replace(**values)


def value_of(text: str) -> Any:
    """Parses a Python literal, a part or a tuple of these; returns other text unchanged.

    Example:
        >>> value_of("(0.5, 1)"), value_of("ResNet18"), value_of("Step(boundaries=(30, 60))")
        ((0.5, 1), 'ResNet18', Step(boundaries=(30.0, 60.0)))
    """
    try:
        tree = ast.parse(text, mode="eval").body
        return _evaluated(tree)
    except (SyntaxError, _NoValueError):
        return text  # a string such as ResNet18, without quotes for convenience in a shell


class _NoValueError(Exception):
    pass


def _evaluated(node: ast.expr) -> Any:
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_evaluated(one) for one in node.elts)
    if isinstance(node, ast.Name) and node.id == "UNPUBLISHED":
        return UNPUBLISHED
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _part(node, node.func.id)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise _NoValueError from None


def _part(node: ast.Call, name: str) -> Part:
    known = known_parts()
    if name not in known:
        raise ValueError(
            f"`--set` supports only the parts {', '.join(sorted(known))}. Received: {name}"
        )
    positional = [_evaluated(one) for one in node.args]
    named = {one.arg: _evaluated(one.value) for one in node.keywords if one.arg}
    try:
        return known[name](*positional, **named)
    except TypeError as error:
        raise ValueError(f"{name}: {error}.") from None
