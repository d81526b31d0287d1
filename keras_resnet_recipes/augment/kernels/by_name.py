"""Operations of RandAugment and TrivialAugment by name, on packed pixels."""

from collections.abc import Callable

import numpy as np

from keras_resnet_recipes.augment.kernels import color
from keras_resnet_recipes.augment.kernels.boxes import packed_color
from keras_resnet_recipes.augment.kernels.geometry import affine, nearest, rotation

MEAN = packed_color((124, 116, 104))
"""Mean color of ImageNet, with which timm fills pixels from outside the image."""

_UNMOVED: dict[str, Callable[..., np.ndarray]] = {
    "auto_contrast": lambda pixels, _: color.auto_contrast(pixels),
    "equalize": lambda pixels, _: color.equalize(pixels),
    "invert": lambda pixels, _: color.invert(pixels),
    "identity": lambda pixels, _: pixels,
    "posterize": color.posterize,
    "solarize": color.solarize,
    "solarize_add": color.solarize_add,
    "color": color.color,
    "contrast": color.contrast,
    "brightness": color.brightness,
    "sharpness": color.sharpness,
}
# Functions from height, width and the operation's argument to its affine map.
_MAPS = {
    "shear_x": lambda height, width, shear: (1.0, shear, 0.0, 0.0, 1.0, 0.0),
    "shear_y": lambda height, width, shear: (1.0, 0.0, 0.0, shear, 1.0, 0.0),
    "translate_x": lambda height, width, part: (1.0, 0.0, part * width, 0.0, 1.0, 0.0),
    "translate_y": lambda height, width, part: (1.0, 0.0, 0.0, 0.0, 1.0, part * height),
    "rotate": rotation,
}


def apply(
    name: str, pixels: np.ndarray, argument: float, cubic: bool, fill: int = MEAN
) -> np.ndarray:
    """Applies an operation as in timm.

    Args:
        name: Name of the operation.
        pixels: Packed, uint32 [height, width]; they may be changed in place.
        argument: Argument of the operation: degrees, bits kept, threshold, addition, factor, shear, or fraction
            of the width or height.
        cubic: Interpolation of geometric operations: bicubic if true, bilinear if false.
        fill: Packed color of pixels from outside the image.

    Returns:
        Packed pixels of the same shape.
    """
    if name in _MAPS:
        return affine(pixels, _MAPS[name](*pixels.shape, argument), cubic, fill)
    return _UNMOVED[name](pixels, argument)


def apply_torchvision(name: str, pixels: np.ndarray, argument: float, smooth: bool) -> np.ndarray:
    """Applies an operation as in torchvision: translation by integer pixels to the right or down, black outside.

    Args:
        name: Name of the operation.
        pixels: Packed, uint32 [height, width]; they may be changed in place.
        argument: Shear, pixels, degrees, factor, bits kept or threshold.
        smooth: Interpolation of shear and rotation: bilinear if true, nearest pixel if false.

    Returns:
        Packed pixels of the same shape.
    """
    if name in ("translate_x", "translate_y"):
        map_ = (1, 0, -argument, 0, 1, 0) if name == "translate_x" else (1, 0, 0, 0, 1, -argument)
        return nearest(pixels, map_)
    if name in _MAPS and not smooth:
        return nearest(pixels, _MAPS[name](*pixels.shape, argument))
    return apply(name, pixels, argument, cubic=False, fill=0)
