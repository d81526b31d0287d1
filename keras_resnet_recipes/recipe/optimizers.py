"""Optimizer parts of a recipe; `build` returns the Keras optimizer for a learning rate and a model."""

import importlib
import re
from typing import TYPE_CHECKING, Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    import keras

# Includes the shifts (beta) of normalization layers, which torch calls biases.
_BIASES = "(^|/)(bias|beta)$"


class Optimizer(Part, abstract=True):
    """Base class of the optimizers of a recipe.

    Args:
        weight_decay: Weight decay, at least 0; SGD and RMSProp add it to the gradient.
        weight_decay_on: Weights that decay: "kernels", "all" or "all_but_norm", see
            `krr.optimizers.exclude_from_decay`.
        gradient_clip: Maximum global norm of the gradient, above 0; None for no clipping.
        head_learning_rate_factor: Learning rate of the classifier relative to the other layers, above 0.
    """

    prefix: ClassVar[str] = ""

    scaling: ClassVar[float] = 0.5
    """Exponent with which the learning rate scales with the batch size, see `Recipe.rescaled`."""

    weight_decay: float = number(0.0, "weight decay", minimum=0, off=0.0)
    weight_decay_on: str = number(
        "kernels", "weights that decay", choices=("kernels", "all", "all_but_norm")
    )
    gradient_clip: float | None = number(
        None, "maximum global norm of the gradient", above=0, off=None
    )
    head_learning_rate_factor: float = number(
        1.0, "learning rate of the classifier relative to the other layers", above=0
    )

    def build(self, learning_rate: Any, model: "keras.Model") -> "keras.optimizers.Optimizer":
        """Returns the Keras optimizer for a model.

        Args:
            learning_rate: Float or Keras schedule.
            model: Built model, whose variables determine what decays.
        """
        optimizers = importlib.import_module("keras_resnet_recipes.optimizers")
        head = f"(^|/){re.escape(classifier(model))}/"
        optimizer = getattr(optimizers, type(self).__name__)(
            learning_rate=learning_rate,
            weight_decay=self.weight_decay,
            global_clipnorm=self.gradient_clip,
            **self._factors(head),
            **self._options(head),
        )
        optimizers.exclude_from_decay(optimizer, model, self.weight_decay_on)
        return optimizer

    def _options(self, head: str) -> dict[str, Any]:
        """Returns arguments that only this optimizer has; the regex `head` matches variables of the classifier."""
        return {}

    def _factors(self, head: str) -> dict[str, dict[str, float]]:
        """Returns factors of learning rates and decays by regex of variable paths; the first match applies."""
        factor, bias = self.head_learning_rate_factor, getattr(self, "bias_learning_rate_factor", 1)
        if factor == bias == 1:
            return {}
        rates = {f"{head}(.*/)?(bias|beta)$": factor * bias, head: factor, _BIASES: bias}
        return {"learning_rate_factors": rates, "weight_decay_factors": {_BIASES: 1 / bias}}


class Lamb(Optimizer):
    """LAMB as in timm: `krr.optimizers.Lamb`.

    Example:
        >>> Lamb(weight_decay=0.02, gradient_clip=1.0)
        Lamb(weight_decay=0.02, gradient_clip=1.0)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay_on != "kernels":
            raise ValueError(
                "`weight_decay_on` must be 'kernels' with LAMB. "
                f"Received: weight_decay_on={self.weight_decay_on!r}"
            )


class AdamW(Optimizer):
    """AdamW as in torch: `krr.optimizers.AdamW`."""


class _Clipping(Optimizer, abstract=True):
    """Base class of optimizers with momentum and adaptive gradient clipping (AGC)."""

    scaling: ClassVar[float] = 1.0

    momentum: float = number(0.0, "momentum", minimum=0, maximum=1)
    adaptive_gradient_clip: float | None = number(
        None,
        "AGC: maximum ratio of gradient norm to weight norm per unit, except the classifier",
        above=0,
        off=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if None not in (self.adaptive_gradient_clip, self.gradient_clip):
            raise ValueError(
                f"`adaptive_gradient_clip` must be None with gradient_clip={self.gradient_clip}. "
                f"Received: adaptive_gradient_clip={self.adaptive_gradient_clip}"
            )

    def _options(self, head: str) -> dict[str, Any]:
        return {
            "momentum": self.momentum,
            "adaptive_clip": self.adaptive_gradient_clip,
            # As in the original.
            "exclude_from_adaptive_clip": [head],
        }


class SGD(_Clipping):
    """SGD with weight decay in the gradient, in the form of torch or Caffe: `krr.optimizers.SGD`."""

    nesterov: bool = number(False, "Nesterov momentum", off=False)
    learning_rate_in_velocity: bool = number(
        False, "velocity accumulates learning rate * gradient (Caffe), not the gradient (torch)"
    )
    bias_learning_rate_factor: float = number(
        1.0,
        "relative learning rate of biases and norm shifts; divides their weight decay",
        above=0,
        off=1.0,
    )

    def _options(self, head: str) -> dict[str, Any]:
        own = {
            "nesterov": self.nesterov,
            "learning_rate_in_velocity": self.learning_rate_in_velocity,
        }
        return super()._options(head) | own


class RMSpropTF(_Clipping):
    """RMSProp as in TensorFlow 1: `krr.optimizers.RMSpropTF`."""


def classifier(model: "keras.Model") -> str:
    """Returns the name of the last layer with trainable weights."""
    return [layer for layer in model.layers if layer.trainable_weights][-1].name
