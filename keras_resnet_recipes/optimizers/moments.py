"""Functions shared by AdamW and LAMB: argument checks and bias correction."""

import math
from typing import Any

import keras
from keras import ops


def check_ranges(optimizer: keras.optimizers.Optimizer) -> None:
    """Raises ValueError if a beta, the weight decay, epsilon or the clipping norm is out of range."""
    for name in ("beta_1", "beta_2"):
        value = getattr(optimizer, name)
        if not 0 <= value < 1:
            raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={value!r}")
    decay = optimizer.weight_decay
    if decay is not None and not 0 <= decay < math.inf:
        raise ValueError(
            f"`weight_decay` must be 0 or more, or None. Received: weight_decay={decay!r}"
        )
    for name in ("epsilon", "global_clipnorm"):
        value = getattr(optimizer, name)
        if value is not None and not value > 0:
            raise ValueError(f"`{name}` must be positive. Received: {name}={value!r}")


def bias_correction(beta: float, step: Any) -> Any:
    """Returns 1 - beta^step without the loss of digits of a difference in float32 for a beta near 1."""
    log_beta = math.log(beta) if beta > 0 else -math.inf
    return -ops.expm1(step * log_beta)
