"""Operations on one image, each byte that of Pillow: those of `RandAugment` and the hue.

Images are uint8 [height, width, 3], RGB; a new image of the same shape is returned.
"""

from collections.abc import Sequence

import numpy as np

from keras_resnet_recipes.augment import kernels

FILL = (124, 116, 104)
"""The mean colour of ImageNet on the scale 0..255, with which timm fills what moves into view."""


def auto_contrast(image: np.ndarray) -> np.ndarray:
    """Stretches each channel so that its darkest value becomes 0 and its brightest 255.

    A channel of one value stays as it is. `keras.layers.AutoContrast` scales in single precision.

    Source: Pillow `ImageOps.autocontrast`.

    >>> auto_contrast(np.array([[[10, 0, 7], [20, 255, 7]]], np.uint8))[0].tolist()
    [[0, 0, 7], [255, 255, 7]]
    """
    return _applied("auto_contrast", image)


def equalize(image: np.ndarray) -> np.ndarray:
    """Flattens the histogram of each channel.

    `keras.layers.Equalization` sets its darkest value to 0 and scales in another way.

    Source: Pillow `ImageOps.equalize`.

    >>> equalize(np.array([[[3, 3, 3], [9, 9, 9]]], np.uint8))[0].tolist()
    [[3, 3, 3], [9, 9, 9]]
    """
    return _applied("equalize", image)


def invert(image: np.ndarray) -> np.ndarray:
    """Turns every value v into 255 - v.

    Source: Pillow `ImageOps.invert`.

    >>> invert(np.array([[[0, 100, 255]]], np.uint8))[0, 0].tolist()
    [255, 155, 0]
    """
    return _applied("invert", image)


def posterize(image: np.ndarray, bits: float) -> np.ndarray:
    """Keeps only the highest bits of each value.

    Args:
        image: The image.
        bits: How many to keep, 0..8. With 0 the image is black, as with Pillow up to 12; later
            ones refuse it, though timm asks for it at level 10.

    Source: Pillow `ImageOps.posterize`.

    >>> posterize(np.array([[[255, 100, 63]]], np.uint8), 2)[0, 0].tolist()
    [192, 64, 0]
    """
    return _applied("posterize", image, bits)


def solarize(image: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts the values from a threshold upwards.

    `keras.layers.Solarization` draws its threshold itself.

    Args:
        image: The image.
        threshold: 0 (all inverted) to 256 (none).

    Source: Pillow `ImageOps.solarize`.

    >>> solarize(np.array([[[0, 100, 255]]], np.uint8), 100)[0, 0].tolist()
    [0, 155, 0]
    """
    return _applied("solarize", image, threshold)


def solarize_add(image: np.ndarray, addition: float) -> np.ndarray:
    """Adds to the values below 128.

    Args:
        image: The image.
        addition: 0..128.

    Source: timm `data/auto_augment.py`, `solarize_add`.

    >>> solarize_add(np.array([[[0, 127, 128]]], np.uint8), 110)[0, 0].tolist()
    [110, 237, 128]
    """
    return _applied("solarize_add", image, addition)


def color(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the saturation.

    Args:
        image: The image.
        factor: 0 gives a grey image, 1 the image itself, more than 1 stronger colours.

    Source: Pillow `ImageEnhance.Color`.

    >>> color(np.array([[[255, 0, 0]]], np.uint8), 0.0)[0, 0].tolist()
    [76, 76, 76]
    """
    return _applied("color", image, factor)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the contrast about the mean grey of the image.

    `keras.layers.RandomContrast` goes about the mean of each channel.

    Args:
        image: The image.
        factor: 0 gives an even grey, 1 the image itself, more than 1 more contrast.

    Source: Pillow `ImageEnhance.Contrast`.

    >>> contrast(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8), 0.0)[0, 0].tolist()
    [128, 128, 128]
    """
    return _applied("contrast", image, factor)


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies every value.

    `keras.layers.RandomBrightness` adds instead.

    Args:
        image: The image.
        factor: 0 gives black, 1 the image itself, more than 1 a brighter image.

    Source: Pillow `ImageEnhance.Brightness`.

    >>> brightness(np.array([[[10, 100, 255]]], np.uint8), 1.55)[0, 0].tolist()
    [15, 155, 255]
    """
    return _applied("brightness", image, factor)


def sharpness(image: np.ndarray, factor: float) -> np.ndarray:
    """Changes the sharpness; the outermost pixels stay as they are.

    `keras.layers.RandomSharpness` smooths the border too, as if the image were surrounded by black.

    Args:
        image: The image.
        factor: 0 gives a smoothed image, 1 the image itself, more than 1 a sharper one.

    Source: Pillow `ImageEnhance.Sharpness`.

    >>> dot = np.pad(np.full((1, 1, 3), 130, np.uint8), ((1, 1), (1, 1), (0, 0)))
    >>> sharpness(dot, 0.0)[1, :, 0].tolist()
    [0, 50, 0]
    """
    return _applied("sharpness", image, factor)


def shear_x(
    image: np.ndarray, shear: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Moves every row sideways, in proportion to its distance from the top edge.

    Args:
        image: The image.
        shear: Pixels per row; a positive value moves the image to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Source: timm `data/auto_augment.py`, `shear_x`; Pillow `Image.transform`.

    >>> shear_x(np.full((2, 1, 3), 9, np.uint8), 0.5, fill=(0, 0, 0))[:, 0, 0].tolist()
    [9, 0]
    """
    return _applied("shear_x", image, shear, cubic, fill)


def shear_y(
    image: np.ndarray, shear: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Moves every column upwards, in proportion to its distance from the left edge.

    Args:
        image: The image.
        shear: Pixels per column; a positive value moves the image up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Source: timm `data/auto_augment.py`, `shear_y`; Pillow `Image.transform`.

    >>> shear_y(np.full((1, 2, 3), 9, np.uint8), 0.5, fill=(0, 0, 0))[0, :, 0].tolist()
    [9, 0]
    """
    return _applied("shear_y", image, shear, cubic, fill)


def translate_x(
    image: np.ndarray, fraction: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Moves the image sideways.

    Args:
        image: The image.
        fraction: Distance as a fraction of the width; a positive one moves the image to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Source: timm `data/auto_augment.py`, `translate_x_rel`; Pillow `Image.transform`.

    >>> translate_x(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 0.5, fill=(0, 0, 0))[0, :, 0].tolist()
    [4, 0]
    """
    return _applied("translate_x", image, fraction, cubic, fill)


def translate_y(
    image: np.ndarray, fraction: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Moves the image up or down.

    Args:
        image: The image.
        fraction: Distance as a fraction of the height; a positive one moves the image up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Source: timm `data/auto_augment.py`, `translate_y_rel`; Pillow `Image.transform`.

    >>> translate_y(np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8), 0.5, fill=(0, 0, 0))[:, 0, 0].tolist()
    [4, 0]
    """
    return _applied("translate_y", image, fraction, cubic, fill)


def rotate(
    image: np.ndarray, degrees: float, cubic: bool = False, fill: Sequence[int] = FILL
) -> np.ndarray:
    """Turns the image about its centre, keeping its size.

    Args:
        image: The image.
        degrees: Angle, counter-clockwise.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Source: timm `data/auto_augment.py`, `rotate`; Pillow `Image.rotate`.

    >>> rotate(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 180)[0, :, 0].tolist()
    [4, 1]
    """
    return _applied("rotate", image, degrees, cubic, fill)


def hue(image: np.ndarray, shift: float) -> np.ndarray:
    """Turns the colours around the colour circle.

    Pillow's hue, saturation and value are bytes, so that the way there and back changes most colours a
    little even where nothing is turned. `keras.layers.RandomHue` works in floating point.

    Args:
        image: The image.
        shift: Fraction of a turn, -0.5..0.5; truncated to 255ths, of which 256 make the turn.

    Source: torchvision `transforms/_functional_pil.py`, `adjust_hue`; Pillow `Convert.c`.

    >>> hue(np.array([[[255, 0, 0]]], np.uint8), 1 / 3)[0, 0].tolist()
    [0, 255, 0]
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
        kernels.operations.apply(
            name, kernels.packing.pack(image), float(argument), bool(cubic), color
        )
    )
