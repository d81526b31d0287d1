"""Networks that have settings of their own, or are somebody else's."""

import functools
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part, how_to_know


class ResNet9(Part):
    """The network of the CIFAR-10 speed run, with the later posts' tricks.

    Args:
        pool_before_batch_norm: Max-pooling before the batch norm instead of after the activation.
        celu_alpha: Alpha of CELU; None is ReLU.
        ghost_batch_norm: Images that share batch-norm statistics; None is the batch.
        frozen_batch_norm_scale: Whether batch-norm scales stay 1.
        logit_scale: Factor of the logits.
        whitening: Whether a fixed convolution comes first that whitens patches of the training images.
    """

    prefix: ClassVar[str] = ""

    pool_before_batch_norm: bool = number(False, "max-pooling before the batch norm", off=False)
    celu_alpha: float | None = number(None, "alpha of CELU", above=0, none="ReLU", off=None)
    ghost_batch_norm: int | None = number(
        None, "images that share batch-norm statistics", minimum=1, off=None
    )
    frozen_batch_norm_scale: bool = number(False, "batch-norm scales stay 1", off=False)
    logit_scale: float = number(0.125, "factor of the logits", above=0)
    whitening: bool = number(
        False, "a fixed convolution first that whitens patches of the training images", off=False
    )

    def function(self) -> Callable[..., Any]:
        """The function that builds the network, with the signature of `keras.applications`."""
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
    """A function with the signature of `keras.applications`, by module and name.

    Give the function itself: `krr.A2(network=keras.applications.EfficientNetV2B0)`. Reading a recipe
    imports nothing: a function that is not Keras' own is found if the recipe was made with it in this
    process, if it is registered with Keras, or given as `load_recipe(path, custom_objects=[function])`.
    """

    functions: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {}

    module: str = number(from_recipe=True)
    name: str = number(from_recipe=True)

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Self:
        """The value of a function.

        Raises:
            ValueError: If the function has no name by which it could be found again.
        """
        name = getattr(function, "__qualname__", "")
        if not name.isidentifier() or name == "<lambda>":
            raise ValueError(
                "`network` must be a function at the top of a module, which has a name to save. "
                f"Received: network={function!r}"
            )
        module = function.__module__
        # Keras builds its applications from inner modules; their public place is this one.
        if module.partition(".")[0] == "keras":
            module = "keras.applications"
            if getattr(importlib.import_module(module), name, None) is not function:
                raise ValueError(
                    f"`network` must be a function of keras.applications or your own. Received: network={function!r}"
                )
        cls.functions[module, name] = function
        return cls(module=module, name=name)

    def __repr__(self) -> str:
        return f"{self.module}.{self.name}" if self.module == "keras.applications" else self.name

    def function(self) -> Callable[..., Any]:
        """The function itself."""
        return self.functions[self.module, self.name]

    @classmethod
    def from_json(cls, values: Mapping[str, Any], known: Mapping[str, Any]) -> Self:
        """The function that JSON names, among those that are known.

        Raises:
            ValueError: If it is not.
        """
        module, name = values.get("module"), values.get("name")
        if module == "keras.applications":
            applications = importlib.import_module(module)
            found = getattr(applications, str(name), None)
            if not isinstance(found, types.FunctionType):
                raise ValueError(f"keras.applications has no {name!r}.")
            return cls.of(found)
        key = (str(module), str(name))
        registered = importlib.import_module("keras.saving").get_registered_object
        found = cls.functions.get(key) or known.get(key[1]) or registered(key[1])
        if not callable(found) or isinstance(found, type):
            raise ValueError(f"the network {module}.{name} is unknown here. {how_to_know(name)}")
        return cls.of(found)


def network_name(network: "str | Part") -> str:
    """What tables and files call a network.

    >>> network_name("ResNet50"), network_name(ResNet9())
    ('ResNet50', 'ResNet9')
    """
    if isinstance(network, NetworkFunction):
        return network.name
    return network if isinstance(network, str) else type(network).__name__


def checked_network(network: Any, names: "tuple[str, ...]") -> "str | Part":
    """A recipe's network: a name, a part, or the part of a function.

    Raises:
        ValueError: If it is none of these.
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
