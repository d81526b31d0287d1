"""Published ResNet training procedures as objects one can run, read, compare and trust.

>>> import keras_resnet_recipes as krr
>>> krr.A3(epochs=30).learning_rate
0.008
"""

from typing import Any

import lazy_loader

from keras_resnet_recipes.names import closest

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Imports what is asked for; Keras comes with the first thing that needs it."""
    if name in __all__:
        return _load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{closest(name, __all__)}")


# The recipes are values, quickly made; whoever reads a file must know all of them.
from keras_resnet_recipes import recipes as recipes  # noqa: E402
