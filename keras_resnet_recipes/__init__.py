"""Published ResNet training procedures as objects one can run, read, compare and trust.

>>> import keras_resnet_recipes as krr
>>> krr.A3(epochs=30).learning_rate
0.008
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes import backend as _backend

try:
    _backend.use_onednn()
    import keras as _keras  # noqa: F401
except (ImportError, ValueError) as error:
    _backend.refuse(error)

from keras_resnet_recipes import (
    applications,
    averages,
    callbacks,
    distribution,
    experiments,
    layers,
    losses,
    optimizers,
    planning,
    schedules,
    testing,
)
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipes import (
    A1,
    A2,
    A3,
    C1,
    C2,
    RECIPES,
    B,
    BagOfTricks,
    D,
    DAWNBench,
    DeiT,
    Distill,
    FineTune,
    He2015,
    He2015CIFAR,
    LinearProbe,
    Recipe,
    TorchVisionV2,
    compare,
    load_recipe,
)
from keras_resnet_recipes.version import __version__

if TYPE_CHECKING:
    from keras_resnet_recipes import augment, data, export, predict, report
    from keras_resnet_recipes.training import load_run


__all__ = [
    "A1",
    "A2",
    "A3",
    "C1",
    "C2",
    "RECIPES",
    "B",
    "BagOfTricks",
    "D",
    "DAWNBench",
    "DeiT",
    "Distill",
    "FineTune",
    "He2015",
    "He2015CIFAR",
    "LinearProbe",
    "Recipe",
    "TorchVisionV2",
    "__version__",
    "applications",
    "augment",
    "averages",
    "callbacks",
    "compare",
    "data",
    "distribution",
    "experiments",
    "export",
    "layers",
    "load_recipe",
    "load_run",
    "losses",
    "optimizers",
    "planning",
    "predict",
    "report",
    "schedules",
    "testing",
]

# Much of these is TensorFlow code; with another Keras backend nobody should wait for its import unasked.
_WHEN_ASKED_FOR = ("augment", "data", "export", "predict", "report")


def __getattr__(name: str) -> Any:
    if name in _WHEN_ASKED_FOR:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "load_run":
        return importlib.import_module(f"{__name__}.training").load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{closest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
