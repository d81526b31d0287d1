"""Network parts of a recipe: configurable networks and custom network functions."""

import functools
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part, how_to_know


class ConfigurableNetwork(Part, abstract=True):
    """Base class of networks with numbers of their own."""

    prefix: ClassVar[str] = ""

    def function(self) -> Callable[..., Any]:
        """Returns the function that builds the network, with the signature of `keras.applications`."""
        raise NotImplementedError


class ResNet9(ConfigurableNetwork):
    """Network of the CIFAR-10 speed run, with the tricks of the later posts.

    Args:
        pool_before_batch_norm: Whether max pooling comes before the batch norm instead of after the
            activation.
        celu_alpha: Alpha of CELU, above 0; None for ReLU.
        ghost_batch_norm: Images per group of ghost batch norm, at least 1; None for the whole batch.
        frozen_batch_norm_scale: Whether batch-norm scales are frozen at 1.
        logit_scale: Factor of the logits, above 0.
        whitening: Whether the first layer is a fixed convolution that whitens patches of the training images.
    """

    whitening_images: ClassVar[int] = 10_000
    whitening_epsilon: ClassVar[float] = 1e-2

    pool_before_batch_norm: bool = number(False, "max pooling before batch norm", off=False)
    celu_alpha: float | None = number(None, "alpha of CELU", above=0, none="ReLU", off=None)
    ghost_batch_norm: int | None = number(
        None, "images per group of ghost batch norm", minimum=1, off=None
    )
    frozen_batch_norm_scale: bool = number(False, "batch-norm scales frozen at 1", off=False)
    logit_scale: float = number(0.125, "factor of the logits", above=0)
    whitening: bool = number(
        False, "fixed first convolution that whitens patches of the training images", off=False
    )

    def function(self) -> Callable[..., Any]:
        """Returns the function that builds the network, with the signature of `keras.applications`."""
        dawnbench = importlib.import_module("keras_resnet_recipes.applications.dawnbench")
        features = functools.partial(
            dawnbench.backbone_features,
            residual=(1, 3),
            pool_before_batch_norm=self.pool_before_batch_norm,
            celu_alpha=self.celu_alpha,
            ghost_batch_norm=self.ghost_batch_norm,
            frozen_batch_norm_scale=self.frozen_batch_norm_scale,
            whitening=self.whitening,
        )
        classifier = functools.partial(dawnbench.maximum_classifier, scale=self.logit_scale)
        return dawnbench.dawnbench_network(
            "ResNet9", summary="ResNet9", features=features, classifier=classifier
        )


class AirbenchNet(ConfigurableNetwork):
    """Network of the CIFAR-10 speed run airbench94: a fixed convolution that whitens patches, and six trained ones.

    Args:
        widths: Channels of the three groups of two convolutions, at least 1.
        whitening_size: Side of the whitened patches in pixels, at least 1.
        whitening_epsilon: Added to the eigenvalues of the patches' second moments, above 0.
        whitening_negatives: Whether every whitening filter also occurs with the other sign.
        whitening_images: Training images from which the filters are computed, the first ones, at least 1.
        batch_norm_momentum: Part of the moving statistics that is kept in a step, 0..1.
        batch_norm_epsilon: Added to the variance in batch norm, above 0.
        logit_scale: Factor of the logits, above 0.

    Example:
        >>> AirbenchNet(widths=(128, 384, 384))
        AirbenchNet(widths=(128, 384, 384))
    """

    whitening: ClassVar[bool] = True

    widths: tuple[int, int, int] = number(
        (64, 256, 256), "channels of the three groups of convolutions", minimum=1
    )
    whitening_size: int = number(2, "side of the whitened patches, pixels", minimum=1)
    whitening_epsilon: float = number(
        5e-4, "added to the eigenvalues of the patches' second moments", above=0
    )
    whitening_negatives: bool = number(
        True, "every whitening filter also occurs with the other sign", off=False
    )
    whitening_images: int = number(
        5000, "training images from which the whitening filters are computed", minimum=1
    )
    batch_norm_momentum: float = number(
        0.6, "part of the moving statistics that is kept in a step", minimum=0, maximum=1
    )
    batch_norm_epsilon: float = number(1e-12, "added to the variance in batch norm", above=0)
    logit_scale: float = number(1 / 256, "factor of the logits", above=0)

    def function(self) -> Callable[..., Any]:
        """Returns the function that builds the network, with the signature of `keras.applications`."""
        airbench = importlib.import_module("keras_resnet_recipes.applications.airbench")
        return airbench.airbench_network(
            "AirbenchNet",
            summary="AirbenchNet",
            widths=self.widths,
            whitening_size=self.whitening_size,
            whitening_negatives=self.whitening_negatives,
            batch_norm_momentum=self.batch_norm_momentum,
            batch_norm_epsilon=self.batch_norm_epsilon,
            logit_scale=self.logit_scale,
        )


class NetworkFunction(Part):
    """A function with the signature of `keras.applications`, stored as module and name.

    Pass the function itself to a recipe: `krr.A2(network=keras.applications.EfficientNetV2B0)`. Loading a
    recipe imports nothing. A custom function is found if a recipe used it in this process, if it is registered
    with Keras, or if it is given as `load_recipe(path, custom_objects=[function])`.
    """

    functions: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {}

    module: str = number(from_recipe=True)
    name: str = number(from_recipe=True)

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Self:
        """Converts a function to a part.

        Raises:
            ValueError: If the function is not defined at the top level of a module.
        """
        name = getattr(function, "__qualname__", "")
        if not name.isidentifier() or name == "<lambda>":
            raise ValueError(
                "`network` must be a function defined at the top level of a module, so that it can be saved by "
                f"name. Received: network={function!r}"
            )
        module = function.__module__
        # Keras defines its applications in private modules.
        if module.partition(".")[0] == "keras":
            module = "keras.applications"
            if getattr(importlib.import_module(module), name, None) is not function:
                raise ValueError(
                    "`network` must be a function of keras.applications or a custom function. "
                    f"Received: network={function!r}"
                )
        cls.functions[module, name] = function
        return cls(module=module, name=name)

    def __repr__(self) -> str:
        return f"{self.module}.{self.name}" if self.module == "keras.applications" else self.name

    def function(self) -> Callable[..., Any]:
        """Returns the function."""
        return self.functions[self.module, self.name]

    @classmethod
    def from_json(cls, values: Mapping[str, Any], known: Mapping[str, Any]) -> Self:
        """Restores the part from `to_json`.

        Raises:
            ValueError: If the function is not known.
        """
        module, name = values.get("module"), values.get("name")
        if module == "keras.applications":
            applications = importlib.import_module(module)
            found = getattr(applications, str(name), None)
            if not isinstance(found, types.FunctionType):
                raise ValueError(f"keras.applications has no function {name!r}.")
            return cls.of(found)
        key = (str(module), str(name))
        registered = importlib.import_module("keras.saving").get_registered_object
        found = cls.functions.get(key) or known.get(key[1]) or registered(key[1])
        if not callable(found) or isinstance(found, type):
            raise ValueError(f"The network {module}.{name} is not known. {how_to_know(name)}")
        return cls.of(found)


def network_name(network: "str | Part") -> str:
    """Returns the name of a network in tables and files.

    Example:
        >>> network_name("ResNet50"), network_name(ResNet9())
        ('ResNet50', 'ResNet9')
    """
    if isinstance(network, NetworkFunction):
        return network.name
    return network if isinstance(network, str) else type(network).__name__


def with_numbers(network: Any) -> Any:
    """Returns the part for the name of a configurable network; any other network as it is.

    Example:
        >>> with_numbers("ResNet9"), with_numbers("ResNet50")
        (ResNet9(), 'ResNet50')
    """
    kinds = {kind.__name__: kind for kind in ConfigurableNetwork.__subclasses__()}
    return kinds[network]() if isinstance(network, str) and network in kinds else network


def checked_network(network: Any, names: "tuple[str, ...]") -> "str | Part":
    """Validates the network of a recipe and converts functions to parts.

    Args:
        network: Name, part or function.
        names: Legal names.

    Returns:
        A name or a part.

    Raises:
        ValueError: If the network is not valid.
    """
    if isinstance(network, ConfigurableNetwork | NetworkFunction):
        return network
    own = getattr(network, "__module__", "") == "keras_resnet_recipes.applications"
    if own and network.__name__ in names:
        network = network.__name__
    if isinstance(network, str) and network in names:
        return with_numbers(network)
    if isinstance(network, types.FunctionType):
        return NetworkFunction.of(network)
    hint = closest(network, names) if isinstance(network, str) else ""
    raise ValueError(
        "`network` must be the name of a network of krr.applications, or a function with the signature of "
        f"keras.applications. Received: network={network!r}.{hint}"
    )
