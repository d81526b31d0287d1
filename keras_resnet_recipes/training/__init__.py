"""From a recipe to `keras.Model.fit`: checks, feeds, the network and its training step."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
