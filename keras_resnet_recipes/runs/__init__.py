"""A training run on disk: its folder, log, checkpoints and owner; and how far it has come."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
