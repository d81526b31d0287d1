"""Image arithmetic compiled for this machine, each byte that of Pillow.

    compiled    how a kernel is compiled and kept
    packing     images as packed pixels, and back
    resize      antialiased resizing, of parts and windows
    geometry    shear, translation, rotation
    color       tables, contrast, saturation, sharpness, hue
    boxes       crops, padding, mirroring
    mixing      blending the images of a batch

Kernels work on packed pixels: uint32 [height, width], red in the lowest byte, the highest unused.
They release Python's lock. numba is imported when the first of them is needed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
