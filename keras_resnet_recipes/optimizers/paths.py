"""Rules of optimizers for variables selected by their paths."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops


class PathRules:
    """Mixin for optimizers with separate weight decay and learning rates for some variables.

    Used as the first base class, before Keras' optimizer. Variables are selected by regular expressions
    searched in their paths, such as "fc/kernel": the same on every backend, and part of the config.
    Keras searches the name ("kernel" or "fc/kernel", depending on the backend), and loses the arguments of
    `exclude_from_weight_decay` when the optimizer is saved.
    """

    _undecayed_paths: tuple[str, ...] = ()
    _decay_factors: tuple[tuple[str, float], ...] = ()
    _rate_factors: tuple[tuple[str, float], ...] = ()

    def _keep_paths(
        self,
        exclude_from_weight_decay: Sequence[str],
        weight_decay_factors: Mapping[str, float] | None,
        learning_rate_factors: Mapping[str, float] | None,
    ) -> None:
        self._undecayed_paths = check_patterns(
            "exclude_from_weight_decay", exclude_from_weight_decay
        )
        self._decay_factors = check_factors("weight_decay_factors", weight_decay_factors or {})
        self._rate_factors = check_factors("learning_rate_factors", learning_rate_factors or {})

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Excludes further variables from the decay, as in `keras.optimizers.Optimizer`.

        Args:
            var_list: Variables of the model.
            var_names: Regular expressions, searched in the paths.
        """
        exact = [_pattern(variable.path) for variable in var_list or ()]
        self._undecayed_paths = (*self._undecayed_paths, *exact, *(var_names or ()))

    def _use_weight_decay(self, variable: Any) -> bool:
        path = self._path(variable)
        return not any(re.search(pattern, path) for pattern in self._undecayed_paths)

    def _decay_of(self, variable: Any) -> float:
        """Returns the decay of a variable, 0 if it is excluded."""
        if not self.weight_decay or not self._use_weight_decay(variable):
            return 0.0
        return self.weight_decay * factor_of(self._decay_factors, self._path(variable))

    def _rate_of(self, variable: Any, learning_rate: Any) -> Any:
        """Returns the learning rate of a variable, in its dtype."""
        factor = factor_of(self._rate_factors, self._path(variable))
        return ops.cast(learning_rate, variable.dtype) * factor

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        return {
            **super().get_config(),
            "exclude_from_weight_decay": list(self._undecayed_paths),
            "weight_decay_factors": dict(self._decay_factors),
            "learning_rate_factors": dict(self._rate_factors),
        }

    def _path(self, variable: Any) -> str:
        # On TensorFlow this is TensorFlow's own variable, which has no path.
        known = self._trainable_variables[self._get_variable_index(variable)]
        return getattr(known, "path", known.name)


def pattern_of(variables: Sequence[Any]) -> str:
    """Returns a regular expression for the paths of some variables of a model, and no others."""
    return "|".join(_pattern(variable.path) for variable in variables)


def _pattern(path: str) -> str:
    # In a loaded model the outer names may be missing: "bn/gamma" for "sequential/bn/gamma".
    *outer, layer, name = ["", *map(re.escape, path.split("/"))]
    front = "".join(f"({part}/)?" for part in outer if part)
    return f"^{front}{layer and layer + '/'}{name}$"


def check_patterns(name: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Returns regular expressions as a tuple.

    Raises:
        ValueError: If `patterns` is a string.
    """
    if isinstance(patterns, str):
        raise ValueError(f"`{name}` must be a list of strings. Received: {name}={patterns!r}")
    return tuple(patterns)


def check_factors(name: str, factors: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Returns pairs of regular expression and factor.

    Raises:
        ValueError: If `factors` is not a mapping, or a factor is negative.
    """
    if not isinstance(factors, Mapping) or not all(factor >= 0 for factor in factors.values()):
        raise ValueError(
            f"`{name}` must be a mapping from regular expressions to factors of 0 or more. "
            f"Received: {name}={factors!r}"
        )
    return tuple(factors.items())


def factor_of(factors: Sequence[tuple[str, float]], path: str) -> float:
    """Returns the factor of the first expression with a match in the path, or 1."""
    return next((factor for pattern, factor in factors if re.search(pattern, path)), 1.0)
