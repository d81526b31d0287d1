"""Network parts of a recipe: configurable networks and custom network functions."""

import functools
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part, how_to_know


class ResNet9(Part):
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

    prefix: ClassVar[str] = ""

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
    if isinstance(network, ResNet9 | NetworkFunction):
        return network
    own = getattr(network, "__module__", "") == "keras_resnet_recipes.applications"
    if own and network.__name__ in names:
        network = network.__name__
    if network == "ResNet9":
        return ResNet9()
    if isinstance(network, str) and network in names:
        return network
    if isinstance(network, types.FunctionType):
        return NetworkFunction.of(network)
    hint = closest(network, names) if isinstance(network, str) else ""
    raise ValueError(
        "`network` must be the name of a network of krr.applications, or a function with the signature of "
        f"keras.applications. Received: network={network!r}.{hint}"
    )
