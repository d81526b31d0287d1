"""Image arithmetic compiled for this machine, with the bytes of Pillow.

    compiled    compilation and caching of kernels
    packing     conversion of images to packed pixels and back
    resize      antialiased resizing of boxes, to a window of the result
    geometry    shear, translation, rotation
    color       tables, contrast, saturation, sharpness, hue
    boxes       crops, padding, flipping
    mixing      blending the images of a batch

Kernels work on packed pixels: uint32 [height, width], red in the lowest byte, the highest unused.
They release the GIL. numba is imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
