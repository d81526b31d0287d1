"""The fifteen image operations of RandAugment, each one function of one uint8 image.

They give the bytes that Pillow gives, on images of any size, eagerly and inside `tf.data`. An
argument means what it means for timm: degrees, bits kept, a fraction of the width.
"""

from keras_resnet_recipes.augment.color import (
    auto_contrast,
    brightness,
    color,
    contrast,
    equalize,
    invert,
    posterize,
    sharpness,
    solarize,
    solarize_add,
)
from keras_resnet_recipes.augment.geometry import rotate, shear_x, shear_y, translate_x, translate_y

__all__ = [
    "auto_contrast",
    "brightness",
    "color",
    "contrast",
    "equalize",
    "invert",
    "posterize",
    "rotate",
    "sharpness",
    "shear_x",
    "shear_y",
    "solarize",
    "solarize_add",
    "translate_x",
    "translate_y",
]
