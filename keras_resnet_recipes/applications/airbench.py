"""CIFAR-10 network of Keller Jordan's speed runs."""

import math
from functools import partial

import keras
from keras import ops

from keras_resnet_recipes.applications.blocks import drop_path_rates
from keras_resnet_recipes.applications.convolution import Tensor, batch_normalization
from keras_resnet_recipes.applications.dawnbench import maximum_classifier
from keras_resnet_recipes.applications.dawnbench_blocks import convolved, whitened
from keras_resnet_recipes.applications.network import Network, network
from keras_resnet_recipes.layers import Bias

Widths = tuple[int, int, int]


def airbench_features(
    images: Tensor,
    drop_path_rate: float,
    *,
    widths: Widths = (64, 256, 256),
    whitening_size: int = 2,
    whitening_negatives: bool = True,
    batch_norm_momentum: float = 0.6,
    batch_norm_epsilon: float = 1e-12,
) -> Tensor:
    """Applies a fixed whitening convolution with a trained bias, and six convolutions; three of them halve the size.

    Activations are exact GELUs. The scales of batch normalization are fixed at 1. A kernel begins as torch's default,
    except that the first filters pass on the input channels.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        drop_path_rate: Must be 0: there are no residual branches.
        widths: Channels of the three groups of two convolutions.
        whitening_size: Height and width of the whitened patches, which are not padded.
        whitening_negatives: Whether every whitening filter also occurs with the other sign.
        batch_norm_momentum: Part of the moving statistics that is kept in a step, 0 to 1.
        batch_norm_epsilon: Added to the variance, above 0.

    Returns:
        Features, `(batch, (height - 1) // 8, (width - 1) // 8, widths[2])` for patches of 2 pixels.

    Raises:
        ValueError: If `drop_path_rate` is not 0.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.airbench import airbench_features
        >>> airbench_features(keras.Input((32, 32, 3)), 0.0).shape
        (None, 3, 3, 256)

    References:
        `CifarNet` of `airbench94_muon.py` in KellerJordan/cifar10-airbench.
    """
    drop_path_rates(drop_path_rate, 0)

    def finish(x: Tensor, *, name: str) -> Tensor:
        x = batch_normalization(
            x,
            gamma=None,
            momentum=batch_norm_momentum,
            epsilon=batch_norm_epsilon,
            name=f"{name}_bn",
        )
        return _gelu(x, name=name)

    unit = partial(convolved, finish=finish, initializer=IdentityFirst)
    x = whitened(
        images,
        size=whitening_size,
        negatives=whitening_negatives,
        padding="valid",
        name="prep_whiten",
    )
    limit = (whitening_size**2 * images.shape[-1]) ** -0.5
    x = Bias(keras.initializers.RandomUniform(-limit, limit), name="prep_bias")(x)
    x = _gelu(x, name="prep")
    for layer, filters in enumerate(widths, start=1):
        x = unit(x, filters, pool="before", name=f"layer{layer}")
        x = unit(x, filters, name=f"extra{layer}")
    return x


def _gelu(x: Tensor, *, name: str) -> Tensor:
    return keras.layers.Activation("gelu", name=f"{name}_gelu")(x)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class IdentityFirst(keras.initializers.RandomUniform):
    """Torch's default for convolutions, except that the first filters pass on the input channels.

    Filter i is 1 at its center in channel i and 0 elsewhere, for as many filters as there are input channels.

    Args:
        fan_in: Height * width * channels of the input, at least 1.
        seed: As of `keras.initializers.RandomUniform`.

    Example:
        >>> from keras_resnet_recipes.applications.airbench import IdentityFirst
        >>> kernel = IdentityFirst(9 * 2)((3, 3, 2, 4))
        >>> keras.ops.convert_to_numpy(kernel[1, 1, :, :2]).tolist()
        [[1.0, 0.0], [0.0, 1.0]]

    References:
        `Conv` of `airbench94_muon.py` in KellerJordan/cifar10-airbench; torch's `nn.init.dirac_`.
    """

    def __init__(self, fan_in: int, seed: int | None = None) -> None:
        self.fan_in = fan_in
        super().__init__(-(fan_in**-0.5), fan_in**-0.5, seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Returns a kernel, `(height, width, input channels, filters)`."""
        drawn = super().__call__(shape, dtype)
        height, width, channels, filters = shape
        center = ops.one_hot(height // 2, height)[:, None] * ops.one_hot(width // 2, width)
        identity = center[:, :, None, None] * ops.eye(channels, filters)
        passes = ops.arange(filters) < channels
        return ops.where(passes, ops.cast(identity, drawn.dtype), drawn)

    def get_config(self) -> dict[str, int | None]:
        """Returns the constructor's arguments."""
        return {"fan_in": self.fan_in, "seed": self._init_seed}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class UnitDeviation(keras.initializers.RandomUniform):
    """Uniform numbers around 0, divided by their own standard deviation.

    Args:
        seed: As of `keras.initializers.RandomUniform`.

    Example:
        >>> from keras_resnet_recipes.applications.airbench import UnitDeviation
        >>> numbers = keras.ops.convert_to_numpy(UnitDeviation()((256, 10)))
        >>> print(round(float(numbers.std(ddof=1)), 6))
        1.0

    References:
        `CifarNet.reset` of `airbench94_muon.py` in KellerJordan/cifar10-airbench; the divisor in the deviation of n
        numbers is n - 1, as in torch.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(-1.0, 1.0, seed)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Returns a tensor of the given shape, of two numbers at least."""
        drawn = super().__call__(shape, dtype)
        count = math.prod(shape)
        return drawn / ops.std(drawn) * ((count - 1) / count) ** 0.5

    def get_config(self) -> dict[str, int | None]:
        """Returns the constructor's arguments."""
        return {"seed": self._init_seed}


def airbench_network(
    name: str, *, summary: str, logit_scale: float = 1 / 256, **features: object
) -> Network:
    """Returns a function that builds a network of the speed runs.

    Args:
        name: Name of the function; in lower case, of its models.
        summary: First paragraph of its docstring.
        logit_scale: Factor of the logits.
        **features: Arguments of `airbench_features`.

    Returns:
        A function with the signature `Network`, for 10 classes and the speed runs' normalization.

    Example:
        >>> from keras_resnet_recipes.applications.airbench import airbench_network
        >>> airbench_network("Narrow", summary="", widths=(8, 8, 8))().output_shape
        (None, 10)

    References:
        `airbench94_muon.py` in KellerJordan/cifar10-airbench.
    """
    return network(
        name,
        partial(airbench_features, **features),
        summary=summary,
        reference="Jordan, cifar10-airbench (github.com/KellerJordan/cifar10-airbench), `airbench94_muon.py`.",
        default_classes=10,
        classifier=partial(maximum_classifier, scale=logit_scale, initializer=UnitDeviation),
        # 255 times 0.4914, 0.4822, 0.4465, and 0.2470, 0.2435, 0.2616
        mean=(125.307, 122.961, 113.8575),
        std=(62.985, 62.0925, 66.708),
    )


AirbenchNet = airbench_network(
    "AirbenchNet",
    summary="Network of the CIFAR-10 speed run airbench94: a fixed and 6 trained convolutions, 1,971,352 parameters.",
)
