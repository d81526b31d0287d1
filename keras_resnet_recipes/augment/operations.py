"""Operations on one image with the bytes of Pillow: those of `RandAugment`, and the hue shift.

Images are uint8 [height, width, 3], RGB; every operation returns a new image of the same shape.
"""

from collections.abc import Sequence

import numpy as np

from keras_resnet_recipes.augment import kernels

FILL = (124, 116, 104)
"""Mean color of ImageNet on the scale 0..255, with which timm fills pixels from outside the image."""


def auto_contrast(image: np.ndarray) -> np.ndarray:
    """Stretches each channel so that its darkest value becomes 0 and its brightest 255.

    A constant channel is unchanged. `keras.layers.AutoContrast` scales in single precision.

    Example:
        >>> auto_contrast(np.array([[[10, 0, 7], [20, 255, 7]]], np.uint8))[0].tolist()
        [[0, 0, 7], [255, 255, 7]]

    References:
        Pillow `ImageOps.autocontrast`.
    """
    return _applied("auto_contrast", image)


def equalize(image: np.ndarray) -> np.ndarray:
    """Equalizes the histogram of each channel.

    `keras.layers.Equalization` maps the darkest value to 0 and scales differently.

    Example:
        >>> equalize(np.array([[[3, 3, 3], [9, 9, 9]]], np.uint8))[0].tolist()
        [[3, 3, 3], [9, 9, 9]]

    References:
        Pillow `ImageOps.equalize`.
    """
    return _applied("equalize", image)


def invert(image: np.ndarray) -> np.ndarray:
    """Replaces every value v by 255 - v.

    Example:
        >>> invert(np.array([[[0, 100, 255]]], np.uint8))[0, 0].tolist()
        [255, 155, 0]

    References:
        Pillow `ImageOps.invert`.
    """
    return _applied("invert", image)


def posterize(image: np.ndarray, bits: float) -> np.ndarray:
    """Keeps only the highest bits of each value.

    Args:
        image: The image.
        bits: Number of bits to keep, 0..8. With 0 the image is black, as with Pillow up to 12; later
            versions reject it, although timm uses it at level 10.

    Example:
        >>> posterize(np.array([[[255, 100, 63]]], np.uint8), 2)[0, 0].tolist()
        [192, 64, 0]

    References:
        Pillow `ImageOps.posterize`.
    """
    return _applied("posterize", image, bits)


def solarize(image: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts all values from a threshold upwards.

    `keras.layers.Solarization` draws its threshold at random.

    Args:
        image: The image.
        threshold: 0 (all inverted) to 256 (none).

    Example:
        >>> solarize(np.array([[[0, 100, 255]]], np.uint8), 100)[0, 0].tolist()
        [0, 155, 0]

    References:
        Pillow `ImageOps.solarize`.
    """
    return _applied("solarize", image, threshold)


def solarize_add(image: np.ndarray, addition: float) -> np.ndarray:
    """Adds to the values below 128.

    Args:
        image: The image.
        addition: 0..128.

    Example:
        >>> solarize_add(np.array([[[0, 127, 128]]], np.uint8), 110)[0, 0].tolist()
        [110, 237, 128]

    References:
        timm `data/auto_augment.py`, `solarize_add`.
    """
    return _applied("solarize_add", image, addition)


def color(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the saturation.

    Args:
        image: The image.
        factor: 0 gives a gray image, 1 the image itself, more than 1 stronger colors.

    Example:
        >>> color(np.array([[[255, 0, 0]]], np.uint8), 0.0)[0, 0].tolist()
        [76, 76, 76]

    References:
        Pillow `ImageEnhance.Color`.
    """
    return _applied("color", image, factor)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the contrast about the mean gray of the image.

    `keras.layers.RandomContrast` uses the mean of each channel.

    Args:
        image: The image.
        factor: 0 gives a uniform gray, 1 the image itself, more than 1 more contrast.

    Example:
        >>> contrast(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8), 0.0)[0, 0].tolist()
        [128, 128, 128]

    References:
        Pillow `ImageEnhance.Contrast`.
    """
    return _applied("contrast", image, factor)


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies every value by a factor.

    `keras.layers.RandomBrightness` adds instead.

    Args:
        image: The image.
        factor: 0 gives black, 1 the image itself, more than 1 a brighter image.

    Example:
        >>> brightness(np.array([[[10, 100, 255]]], np.uint8), 1.55)[0, 0].tolist()
        [15, 155, 255]

    References:
        Pillow `ImageEnhance.Brightness`.
    """
    return _applied("brightness", image, factor)


def sharpness(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the sharpness; the outermost pixels are unchanged.

    `keras.layers.RandomSharpness` smooths the border too, as if the image were surrounded by black.

    Args:
        image: The image.
        factor: 0 gives a smoothed image, 1 the image itself, more than 1 a sharper one.

    Example:
        >>> dot = np.pad(np.full((1, 1, 3), 130, np.uint8), ((1, 1), (1, 1), (0, 0)))
        >>> sharpness(dot, 0.0)[1, :, 0].tolist()
        [0, 50, 0]

    References:
        Pillow `ImageEnhance.Sharpness`.
    """
    return _applied("sharpness", image, factor)


def shear_x(
    image: np.ndarray, shear: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Shears an image horizontally: shifts every row in proportion to its distance from the top edge.

    Args:
        image: The image.
        shear: Pixels per row; a positive value moves the image to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Color of pixels from outside the image, three values 0..255.

    Example:
        >>> shear_x(np.full((2, 1, 3), 9, np.uint8), 0.5, fill=(0, 0, 0))[:, 0, 0].tolist()
        [9, 0]

    References:
        timm `data/auto_augment.py`, `shear_x`; Pillow `Image.transform`.
    """
    return _applied("shear_x", image, shear, cubic, fill)


def shear_y(
    image: np.ndarray, shear: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Shears an image vertically: shifts every column in proportion to its distance from the left edge.

    Args:
        image: The image.
        shear: Pixels per column; a positive value moves the image up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Color of pixels from outside the image, three values 0..255.

    Example:
        >>> shear_y(np.full((1, 2, 3), 9, np.uint8), 0.5, fill=(0, 0, 0))[0, :, 0].tolist()
        [9, 0]

    References:
        timm `data/auto_augment.py`, `shear_y`; Pillow `Image.transform`.
    """
    return _applied("shear_y", image, shear, cubic, fill)


def translate_x(
    image: np.ndarray, fraction: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Shifts an image horizontally.

    Args:
        image: The image.
        fraction: Distance as a fraction of the width; a positive one moves the image to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Color of pixels from outside the image, three values 0..255.

    Example:
        >>> translate_x(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 0.5, fill=(0, 0, 0))[0, :, 0].tolist()
        [4, 0]

    References:
        timm `data/auto_augment.py`, `translate_x_rel`; Pillow `Image.transform`.
    """
    return _applied("translate_x", image, fraction, cubic, fill)


def translate_y(
    image: np.ndarray, fraction: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Shifts an image vertically.

    Args:
        image: The image.
        fraction: Distance as a fraction of the height; a positive one moves the image up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Color of pixels from outside the image, three values 0..255.

    Example:
        >>> translate_y(np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8), 0.5, fill=(0, 0, 0))[:, 0, 0].tolist()
        [4, 0]

    References:
        timm `data/auto_augment.py`, `translate_y_rel`; Pillow `Image.transform`.
    """
    return _applied("translate_y", image, fraction, cubic, fill)


def rotate(
    image: np.ndarray, degrees: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Rotates an image about its center, keeping its size.

    Args:
        image: The image.
        degrees: Angle in degrees, counter-clockwise.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Color of pixels from outside the image, three values 0..255.

    Example:
        >>> rotate(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 180)[0, :, 0].tolist()
        [4, 1]

    References:
        timm `data/auto_augment.py`, `rotate`; Pillow `Image.rotate`.
    """
    return _applied("rotate", image, degrees, cubic, fill)


def hue(image: np.ndarray, shift: float) -> np.ndarray:
    """Shifts the hue.

    Pillow's hue, saturation and value are bytes, so that the conversion to HSV and back changes most
    colors a little even with a shift of 0. `keras.layers.RandomHue` works in floating point.

    Args:
        image: The image.
        shift: Fraction of a turn, -0.5..0.5; truncated to 255ths, of which 256 make a full turn.

    Example:
        >>> hue(np.array([[[255, 0, 0]]], np.uint8), 1 / 3)[0, 0].tolist()
        [0, 255, 0]

    References:
        torchvision `transforms/_functional_pil.py`, `adjust_hue`; Pillow `Convert.c`.
    """
    return kernels.packing.unpack(kernels.color.hue(kernels.packing.pack(image), shift))


def _applied(
    name: str,
    image: np.ndarray,
    argument: float = 0.0,
    cubic: bool = False,
    fill: Sequence[int] = FILL,
) -> np.ndarray:
    color = kernels.boxes.packed_color(fill)
    return kernels.packing.unpack(
        kernels.by_name.apply(
            name, kernels.packing.pack(image), float(argument), bool(cubic), color
        )
    )
