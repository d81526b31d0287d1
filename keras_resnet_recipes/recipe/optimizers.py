"""Optimizer parts of a recipe; `build` returns the Keras optimizer for a learning rate and a model."""

import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.keras_objects import KerasSchedule, wrapped_object

if TYPE_CHECKING:
    import keras


class _WithoutRate(Part, abstract=True):
    """Base class that rejects a learning rate; a class of its own, so that `Optimizer` keeps its signature."""

    def __new__(cls, *values: Any, **named: Any) -> Self:
        """Rejects a learning rate, which optimizers of Keras take."""
        given = next((n for n in ("learning_rate", "lr") if n in named), None)
        if given or any(isinstance(wrapped_object(one), KerasSchedule) for one in values):
            rate = named[given] if given else values[0]
            if isinstance(wrapped_object(rate), KerasSchedule):
                rate = f"{type(rate).__name__}(...)"
                instead = f"schedule={rate}, learning_rate=None"
            else:
                instead = f"learning_rate={rate!r}"
            raise ValueError(
                f"`{cls.__name__}` in a recipe has no learning rate, which is a value of the recipe: "
                f"krr.A1({instead}, optimizer={cls.__name__}()). Received: {given or 'the first argument'}={rate}"
            )
        return super().__new__(cls)


class Optimizer(_WithoutRate, abstract=True):
    """Base class of the optimizers of a recipe.

    Args:
        weight_decay: Weight decay, at least 0; SGD and RMSProp add it to the gradient.
        weight_decay_on: Weights that decay: "kernels", "all" or "all_but_norm", see
            `krr.optimizers.exclude_from_decay`.
        gradient_clip: Maximum global norm of the gradient, above 0; None for no clipping.
    """

    prefix: ClassVar[str] = ""

    scaling: ClassVar[float] = 0.5
    """Exponent with which the learning rate scales with the batch size, see `Recipe.rescaled`."""

    weight_decay: float = number(0.0, "weight decay", minimum=0, off=0.0, also=("wd",))
    weight_decay_on: str = number(
        "kernels", "weights that decay", choices=("kernels", "all", "all_but_norm")
    )
    gradient_clip: float | None = number(
        None, "maximum global norm of the gradient", above=0, off=None
    )

    def build(
        self,
        learning_rate: Any,
        model: "keras.Model",
        rate_factors: Mapping[str, float] | None = None,
        decay_factors: Mapping[str, float] | None = None,
    ) -> "keras.optimizers.Optimizer":
        """Returns the Keras optimizer for a model.

        Args:
            learning_rate: Float or Keras schedule.
            model: Built model, whose variables determine what decays.
            rate_factors: Factors on the learning rate by regular expression of variable paths; the first match applies.
            decay_factors: The same for the weight decay.
        """
        optimizers = importlib.import_module("keras_resnet_recipes.optimizers")
        optimizer = getattr(optimizers, type(self).__name__)(
            learning_rate=learning_rate,
            global_clipnorm=self.gradient_clip,
            learning_rate_factors=rate_factors,
            **self._options(model, decay_factors),
        )
        optimizers.exclude_from_decay(optimizer, model, self.weight_decay_on)
        return optimizer

    def _options(
        self, model: "keras.Model", decay_factors: Mapping[str, float] | None
    ) -> dict[str, Any]:
        """Returns the arguments that not every optimizer has."""
        return {"weight_decay": self.weight_decay, "weight_decay_factors": decay_factors}


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

    def _options(
        self, model: "keras.Model", decay_factors: Mapping[str, float] | None
    ) -> dict[str, Any]:
        return super()._options(model, decay_factors) | {
            "momentum": self.momentum,
            "adaptive_clip": self.adaptive_gradient_clip,
            # As in the original.
            "exclude_from_adaptive_clip": [f"(^|/){re.escape(classifier(model))}/"],
        }


class SGD(_Clipping):
    """SGD with weight decay in the gradient, in the form of torch or Caffe: `krr.optimizers.SGD`."""

    nesterov: bool = number(False, "Nesterov momentum", off=False)
    learning_rate_in_velocity: bool = number(
        False, "velocity accumulates learning rate * gradient (Caffe), not the gradient (torch)"
    )

    def _options(
        self, model: "keras.Model", decay_factors: Mapping[str, float] | None
    ) -> dict[str, Any]:
        return super()._options(model, decay_factors) | {
            "nesterov": self.nesterov,
            "learning_rate_in_velocity": self.learning_rate_in_velocity,
        }


class Lars(Optimizer):
    """LARS, for large batches: `krr.optimizers.Lars`. Weights that do not decay are not scaled.

    Example:
        >>> Lars(momentum=0.9, weight_decay=2e-4)
        Lars(weight_decay=0.0002, momentum=0.9)
    """

    momentum: float = number(0.0, "momentum", minimum=0, maximum=1)
    nesterov: bool = number(False, "Nesterov momentum", off=False)
    trust_coefficient: float = number(
        0.001, "step of a kernel relative to its norm, at a learning rate of 1", above=0
    )
    learning_rate_in_velocity: bool = number(
        True, "velocity accumulates learning rate * gradient (MLPerf), not the gradient (timm)"
    )

    def _options(
        self, model: "keras.Model", decay_factors: Mapping[str, float] | None
    ) -> dict[str, Any]:
        return super()._options(model, decay_factors) | {
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "trust_coefficient": self.trust_coefficient,
            "learning_rate_in_velocity": self.learning_rate_in_velocity,
        }


class RMSpropTF(_Clipping):
    """RMSProp as in TensorFlow 1: `krr.optimizers.RMSpropTF`."""


class Muon(Optimizer):
    """Orthogonalized steps of kernels, without weight decay: `krr.optimizers.Muon`.

    Biases, scales and shifts need another optimizer, see `Group`.

    Example:
        >>> Muon(momentum=0.6, nesterov=True)
        Muon(momentum=0.6, nesterov=True)
    """

    momentum: float = number(0.0, "momentum", minimum=0, maximum=1)
    nesterov: bool = number(False, "Nesterov momentum", off=False)
    newton_schulz_iterations: int = number(
        3, "iterations that orthogonalize a kernel's step", minimum=1
    )
    newton_schulz_dtype: str = number(
        "float32", "precision of these iterations", choices=("float32", "bfloat16")
    )
    normalize_kernels: bool = number(
        True, "each kernel is scaled to the norm sqrt(outputs) before its step"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay != 0:
            raise ValueError(
                "`weight_decay` must be 0 with Muon, which has none. "
                f"Received: weight_decay={self.weight_decay!r}"
            )

    def _options(
        self, model: "keras.Model", decay_factors: Mapping[str, float] | None
    ) -> dict[str, Any]:
        return {
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "newton_schulz_iterations": self.newton_schulz_iterations,
            "newton_schulz_dtype": self.newton_schulz_dtype,
            "normalize_kernels": self.normalize_kernels,
        }


def classifier(model: "keras.Model") -> str:
    """Returns the name of the last layer with trainable weights."""
    return [layer for layer in model.layers if layer.trainable_weights][-1].name
