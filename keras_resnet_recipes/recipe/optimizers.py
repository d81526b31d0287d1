"""Optimizers as values; `build` makes the Keras optimizer once rate and model are known."""

import importlib
import re
from typing import TYPE_CHECKING, Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    import keras

# Paths of the shifts of normalizations, too, which are biases to torch.
_BIASES = "(^|/)(bias|beta)$"


class Optimizer(Part, abstract=True):
    """Base class of the optimizers of a recipe.

    Args:
        weight_decay: Decay, at least 0; with SGD and RMSProp part of the gradient.
        weight_decay_on: Weights that decay: "kernels", "all" or "all_but_norm", see
            `krr.optimizers.exclude_from_decay`.
        gradient_clip: Largest global norm of the gradient, above 0; None does not clip.
        head_learning_rate_factor: Rate of the classifier over that of the rest, above 0.
    """

    prefix: ClassVar[str] = ""

    scaling: ClassVar[float] = 0.5
    """Power of the batch size with which the learning rate grows, see `Recipe.rescaled`."""

    weight_decay: float = number(0.0, "weight decay", minimum=0, off=0.0)
    weight_decay_on: str = number(
        "kernels", "weights that decay", choices=("kernels", "all", "all_but_norm")
    )
    gradient_clip: float | None = number(None, "largest global gradient norm", above=0, off=None)
    head_learning_rate_factor: float = number(
        1.0, "rate of the classifier over that of the rest", above=0
    )

    def build(self, learning_rate: Any, model: "keras.Model") -> "keras.optimizers.Optimizer":
        """The Keras optimizer for a model.

        Args:
            learning_rate: A float or a Keras schedule.
            model: The model, built: its variables say what decays.
        """
        optimizers = importlib.import_module("keras_resnet_recipes.optimizers")
        head = f"(^|/){re.escape(classifier(model))}/"
        made = getattr(optimizers, type(self).__name__)(
            learning_rate=learning_rate,
            weight_decay=self.weight_decay,
            global_clipnorm=self.gradient_clip,
            **self._factors(head),
            **self._options(head),
        )
        optimizers.exclude_from_decay(made, model, self.weight_decay_on)
        return made

    def _options(self, head: str) -> dict[str, Any]:
        """Arguments that only this optimizer has; `head` finds the variables of the classifier."""
        return {}

    def _factors(self, head: str) -> dict[str, dict[str, float]]:
        """Rates and decays of the variables with their own, by path; the first match counts."""
        factor, bias = self.head_learning_rate_factor, getattr(self, "bias_learning_rate_factor", 1)
        if factor == bias == 1:
            return {}
        rates = {f"{head}(.*/)?(bias|beta)$": factor * bias, head: factor, _BIASES: bias}
        return {"learning_rate_factors": rates, "weight_decay_factors": {_BIASES: 1 / bias}}


class Lamb(Optimizer):
    """LAMB, as timm computes it: `krr.optimizers.Lamb`.

    Example:
        >>> Lamb(weight_decay=0.02, gradient_clip=1.0)
        Lamb(weight_decay=0.02, gradient_clip=1.0)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay_on != "kernels":
            raise ValueError(
                "`weight_decay_on` must be 'kernels' with LAMB, which decays nothing else. "
                f"Received: weight_decay_on={self.weight_decay_on!r}"
            )


class AdamW(Optimizer):
    """AdamW, as torch computes it: `krr.optimizers.AdamW`."""


class _Clipping(Optimizer, abstract=True):
    """An optimizer with momentum, whose gradients can be clipped unit by unit."""

    scaling: ClassVar[float] = 1.0

    momentum: float = number(0.0, "momentum", minimum=0, maximum=1)
    adaptive_gradient_clip: float | None = number(
        None,
        "largest gradient norm / weight norm of a unit (AGC), classifier left out",
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
            # The original leaves out the last layer.
            "exclude_from_adaptive_clip": [head],
        }


class SGD(_Clipping):
    """SGD with the decay in the gradient, in torch's form or Caffe's: `krr.optimizers.SGD`."""

    nesterov: bool = number(False, "Nesterov's momentum", off=False)
    learning_rate_in_velocity: bool = number(
        False, "the velocity sums rate times gradient (Caffe) instead of gradients (torch)"
    )
    bias_learning_rate_factor: float = number(
        1.0,
        "rate of biases and norms' shifts over that of the rest; divides their decay",
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
    """RMSProp as TensorFlow 1 defines it: `krr.optimizers.RMSpropTF`."""


def classifier(model: "keras.Model") -> str:
    """The name of the last layer that has trainable weights."""
    return [layer for layer in model.layers if layer.trainable_weights][-1].name
