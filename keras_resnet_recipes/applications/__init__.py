"""Residual networks with the call signature of `keras.applications`.

These are the networks of the published recipes: symmetric padding, layer names and initial values
of timm, and raw 0..255 RGB pixels as inputs. A plain number (`ResNet50`) is version 1.5, with the stride in
the 3x3 convolution; `V1` is the 2015 original, and a following `A`, `B` or `C` the option of its shortcuts;
`C`, `D`, `S`, `T` without `V1` are the stem and shortcuts of timm's model of that letter.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Networks that a recipe can name: the functions whose name starts with a capital letter.
NETWORKS = tuple(name for name in __all__ if name[0].isupper())
