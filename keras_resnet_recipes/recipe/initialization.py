"""The part of a recipe for the initial weights of its network."""

import importlib
import math
from typing import TYPE_CHECKING

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    import keras


class Initialization(Part):
    """Initial kernels and biases, drawn by Keras initializers: `keras.initializers.VarianceScaling`.

    It applies to the convolutions and the classifier of a network that the recipe builds; 1-dimensional convolutions
    (ECA) and the whitening filters of ResNet9 have their own rules. timm and torchvision have `scale=2,
    mode="fan_out"`, He et al. (2015) `scale=2, mode="fan_in"`, torch's layers `scale=1/3, mode="fan_in",
    distribution="uniform"`, and Xavier's rule is `scale=1, mode="fan_avg", distribution="uniform"`.

    Args:
        scale: Variance of the weights of a kernel times its fan, above 0.
        mode: The fan: "fan_in" is height * width * channels of the input, per group; "fan_out" is height * width *
            channels of the output; "fan_avg" is their mean.
        distribution: "untruncated_normal", "truncated_normal" or "uniform".
        classifier: Kernel of the classifier: "torch" is uniform between plus and minus 1 / sqrt(fan-in), torch's
            default; "same" is the rule of the convolutions; a number above 0 is the standard deviation of a normal
            distribution.
        bias: "torch" is uniform between plus and minus 1 / sqrt(fan-in); "zeros" is 0.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.BagOfTricks(initialization_scale=1.0).initialization.mode
        'fan_avg'
        >>> krr.A1(initialization=Initialization(scale=2.0, mode="fan_in", bias="zeros")).changed()
        {'initialization_mode': 'fan_in', 'initialization_bias': 'zeros'}

    References:
        He et al., "Delving Deep into Rectifiers" (arXiv:1502.01852), section 2.2; Glorot and Bengio, "Understanding the
        difficulty of training deep feedforward neural networks" (2010), equation 16.
    """

    scale: float = number(help="variance of the weights of a kernel times its fan", above=0)
    mode: str = number(
        help="fan that divides the variance", choices=("fan_in", "fan_out", "fan_avg")
    )
    distribution: str = number(
        "untruncated_normal",
        "distribution of the weights",
        choices=("untruncated_normal", "truncated_normal", "uniform"),
    )
    classifier: str | float = number(
        "torch",
        "kernel of the classifier: torch's default, as the convolutions, or a standard deviation",
        choices=("torch", "same"),
        above=0,
    )
    bias: str = number("torch", "biases: torch's default, or 0", choices=("torch", "zeros"))

    def initialize(self, model: "keras.Model") -> None:
        """Draws the trainable kernels and biases of the 2-dimensional convolutions and dense layers of a model."""
        layers = importlib.import_module("keras.layers")
        for layer in model.layers:
            if layer.trainable and isinstance(layer, layers.Conv2D | layers.Dense):
                fan_in = math.prod(layer.kernel.shape[:-1])
                rule = self.classifier if isinstance(layer, layers.Dense) else "same"
                self._draw(layer.kernel, rule, fan_in)
                if layer.bias is not None:
                    self._draw(layer.bias, self.bias, fan_in)

    def _draw(self, variable: "keras.Variable", rule: str | float, fan_in: int) -> None:
        initializers, limit = importlib.import_module("keras.initializers"), fan_in**-0.5
        # New ones for each variable, because one that is used twice draws the same numbers twice.
        if rule == "torch":
            initializer = initializers.RandomUniform(-limit, limit)
        elif rule == "same":
            initializer = initializers.VarianceScaling(self.scale, self.mode, self.distribution)
        else:
            initializer = initializers.RandomNormal(stddev=0.0 if rule == "zeros" else rule)
        variable.assign(initializer(variable.shape, variable.dtype))
