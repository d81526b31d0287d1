"""Trained models evaluated and used: accuracy, views of an image, predictions for files, and mistakes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
