"""Base class of optimizers that clip a gradient adaptively and add weight decay to it."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from keras_resnet_recipes.optimizers.adaptive_clipping import clip_adaptively
from keras_resnet_recipes.optimizers.paths import PathRules, check_patterns


class DecayedGradient(PathRules):
    """Mixin for optimizers whose weight decay is part of the gradient, g + `weight_decay` p.

    Used as the first base class, before Keras' optimizer, whose own decay is decoupled from the gradient:
    p <- p - learning_rate weight_decay p, without momentum and without the divisor of g. Everything
    happens in `update_step`, so on several replicas after the gradients are summed.
    """

    def _keep_rules(
        self,
        exclude_from_weight_decay: Sequence[str],
        weight_decay_factors: Mapping[str, float] | None,
        learning_rate_factors: Mapping[str, float] | None,
        adaptive_clip: float | None,
        exclude_from_adaptive_clip: Sequence[str],
    ) -> None:
        self._keep_paths(exclude_from_weight_decay, weight_decay_factors, learning_rate_factors)
        self._unclipped_paths = check_patterns(
            "exclude_from_adaptive_clip", exclude_from_adaptive_clip
        )
        self.adaptive_clip = adaptive_clip
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            raise ValueError(
                "`weight_decay` must be 0 or more, or None. "
                f"Received: weight_decay={self.weight_decay!r}"
            )
        for name in ("adaptive_clip", "global_clipnorm"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive or None. Received: {name}={value!r}")
        if adaptive_clip is not None and self.global_clipnorm is not None:
            raise ValueError(
                "`adaptive_clip` or `global_clipnorm` must be None. Received: "
                f"adaptive_clip={adaptive_clip!r}, global_clipnorm={self.global_clipnorm!r}"
            )

    def _apply_weight_decay(self, variables: Any) -> None:
        """Does nothing: the decay is part of the gradient."""

    def _prepared(self, gradient: Any, variable: Any, learning_rate: Any) -> tuple[Any, Any]:
        """Returns the clipped and decayed gradient, and the learning rate of the variable."""
        path = self._path(variable)
        gradient = ops.cast(gradient, variable.dtype)
        if self.adaptive_clip is not None and not any(
            re.search(pattern, path) for pattern in self._unclipped_paths
        ):
            gradient = clip_adaptively(gradient, variable, self.adaptive_clip)
        if decay := self._decay_of(variable):
            gradient = gradient + decay * ops.convert_to_tensor(variable)
        return gradient, self._rate_of(variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        return {
            **super().get_config(),
            "adaptive_clip": self.adaptive_clip,
            "exclude_from_adaptive_clip": list(self._unclipped_paths),
        }
