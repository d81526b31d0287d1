"""What an optimizer does to some variables only, told by their paths."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


class PathRules:
    """An optimizer that knows the variables it does not decay by their paths.

    A base class for those of this folder, before that of Keras. The rules are regular expressions
    searched in a variable's path, such as "fc/kernel": the same on every backend, and part of the
    config. Keras searches the name ("kernel" or "fc/kernel", depending on the backend), and what
    `exclude_from_weight_decay` was told is lost when the optimizer is saved.
    """

    _undecayed_paths: tuple[str, ...] = ()

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Excludes more variables from the decay, as in `keras.optimizers.Optimizer`.

        Args:
            var_list: Variables of the model.
            var_names: Regular expressions, searched in the paths.
        """
        exact = [_pattern(variable.path) for variable in var_list or ()]
        self._undecayed_paths = (*self._undecayed_paths, *exact, *(var_names or ()))

    def _use_weight_decay(self, variable: Any) -> bool:
        path = self._path(variable)
        return not any(re.search(pattern, path) for pattern in self._undecayed_paths)

    def _path(self, variable: Any) -> str:
        # TensorFlow hands over its own variable, which does not know its path.
        known = self._trainable_variables[self._get_variable_index(variable)]
        return getattr(known, "path", known.name)


def _pattern(path: str) -> str:
    # A model read from a file may lack the names in front: "bn/gamma" for "sequential/bn/gamma".
    *outer, layer, name = ["", *map(re.escape, path.split("/"))]
    front = "".join(f"({part}/)?" for part in outer if part)
    return f"^{front}{layer and layer + '/'}{name}$"


def check_patterns(name: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """The regular expressions as a tuple.

    Raises:
        ValueError: If they are one string.
    """
    if isinstance(patterns, str):
        raise ValueError(f"`{name}` must be a list of strings. Received: {name}={patterns!r}")
    return tuple(patterns)


def check_factors(name: str, factors: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """The pairs of regular expression and factor.

    Raises:
        ValueError: If they are no mapping, or a factor is negative.
    """
    if not isinstance(factors, Mapping) or not all(factor >= 0 for factor in factors.values()):
        raise ValueError(
            f"`{name}` must be a mapping from regular expressions to factors of 0 or more. "
            f"Received: {name}={factors!r}"
        )
    return tuple(factors.items())


def factor_of(factors: Sequence[tuple[str, float]], path: str) -> float:
    """The factor of the first expression found in a path, or 1."""
    return next((factor for pattern, factor in factors if re.search(pattern, path)), 1.0)
