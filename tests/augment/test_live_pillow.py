"""Random comparisons with the installed Pillow: no byte may differ.

Pillow 13 resizes heights first where that is less work; called for one axis at a time, widths first, it
gives the bytes of all other versions.
"""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from keras_resnet_recipes.augment import (
    CenterCrop,
    RandomResizedCrop,
    ScaleJitterCrop,
    operations,
    resize,
)
from keras_resnet_recipes.augment.kernels import packing
from keras_resnet_recipes.augment.kernels.resize import resize as resize_packed
from keras_resnet_recipes.augment.kernels.resize import span

FILTERS = {False: Image.Resampling.BILINEAR, True: Image.Resampling.BICUBIC}
SIZES = [
    (1, 1),
    (1, 9),
    (9, 1),
    (2, 2),
    (1, 2),
    (2, 31),
    (3, 3),
    (5, 4),
    (16, 16),
    (17, 33),
    (40, 29),
]
ANGLES = [
    *(0.0, 90.0, 180.0, 270.0, 360.0, -90.0, -180.0, 450.0, 45.0, 135.0, -45.0, 225.0, 315.0),
    *(4.5, -4.5, 30.0, 60.0, 21.0, 1e-6, -1e-14, 89.999999, 179.9999999, 359.999999),
]


def noise(rng, height, width):
    return rng.integers(0, 256, (height, width, 3))


def one_color(rng, height, width):
    return np.full((height, width, 3), rng.integers(0, 256, 3))


def gradient(rng, height, width):
    slopes = rng.uniform(-9, 9, (2, 3))
    y, x = np.mgrid[:height, :width, :1][:2]
    return rng.uniform(0, 255, 3) + slopes[0] * y + slopes[1] * x


def few_colors(rng, height, width):
    return rng.integers(0, 256, (3, 3))[rng.integers(0, 3, (height, width))]


def black_and_white(rng, height, width):
    """Extreme values next to each other, where filters overshoot most."""
    return 255 * rng.integers(0, 2, (height, width, 3))


def dark_noise(rng, height, width):
    """A histogram with few values."""
    return rng.integers(0, 4, (height, width, 3)) + rng.integers(0, 250)


KINDS = (noise, one_color, gradient, few_colors, black_and_white, dark_noise)


def images(seed, sizes=SIZES):
    """An image of every kind and size."""
    rng = np.random.default_rng(seed)
    for size in sizes:
        for kind in KINDS:
            yield rng, np.clip(kind(rng, *size), 0, 255).astype(np.uint8)


def enhanced(kind):
    return lambda image, factor: kind(image).enhance(factor)


def add_below_128(image, addition):
    """timm's `solarize_add`, which calls Pillow with a table."""
    return image.point([min(255, i + addition) if i < 128 else i for i in range(256)] * 3)


# Pillow's operation, and arguments for it. Factors outside 0..1 use another branch of its blend.
COLORS = {
    "auto_contrast": (ImageOps.autocontrast, lambda rng: ()),
    "equalize": (ImageOps.equalize, lambda rng: ()),
    "invert": (ImageOps.invert, lambda rng: ()),
    "posterize": (ImageOps.posterize, lambda rng: (int(rng.integers(1, 9)),)),
    "solarize": (ImageOps.solarize, lambda rng: (rng.choice([0, 256, rng.uniform(0, 256)]),)),
    "solarize_add": (add_below_128, lambda rng: (int(rng.integers(0, 129)),)),
    "color": (enhanced(ImageEnhance.Color), lambda rng: factor(rng)),
    "contrast": (enhanced(ImageEnhance.Contrast), lambda rng: factor(rng)),
    "brightness": (enhanced(ImageEnhance.Brightness), lambda rng: factor(rng)),
    "sharpness": (enhanced(ImageEnhance.Sharpness), lambda rng: factor(rng)),
}


def factor(rng):
    return (
        float(rng.choice([0.0, 1.0, rng.uniform(0, 1), rng.uniform(1, 2), rng.uniform(-2, 5)])),
    )


@pytest.mark.parametrize("name", COLORS)
def test_colors(name):
    of_pillow, argument = COLORS[name]
    for rng, image in images(0):
        for _ in range(6):
            arguments = argument(rng)
            expected = np.asarray(of_pillow(Image.fromarray(image), *arguments))
            ours = getattr(operations, name)(image, *arguments)
            np.testing.assert_array_equal(ours, expected, err_msg=f"{image.shape} {arguments}")


@pytest.mark.parametrize("name", ["color", "contrast", "brightness", "sharpness"])
def test_factors_of_all_recipes_on_one_image(name):
    image = noise(np.random.default_rng(1), 64, 48).astype(np.uint8)
    kind = getattr(ImageEnhance, name.capitalize())
    for one in np.linspace(-0.1, 2.1, 221):
        expected = np.asarray(kind(Image.fromarray(image)).enhance(float(one)))
        np.testing.assert_array_equal(getattr(operations, name)(image, one), expected)


def of_pillow_hue(image, shift):
    """torchvision's `adjust_hue` with Pillow's HSV."""
    hue, saturation, value = Image.fromarray(image).convert("HSV").split()
    turned = (np.asarray(hue).astype(int) + int(shift * 255)) % 256
    hue = Image.fromarray(turned.astype(np.uint8))
    return np.asarray(Image.merge("HSV", (hue, saturation, value)).convert("RGB"))


def test_hue():
    for rng, image in images(2, [*SIZES, (200, 300)]):
        for shift in (0.0, -0.5, 0.5, *rng.uniform(-0.5, 0.5, 3)):
            ours = operations.hue(image, shift)
            np.testing.assert_array_equal(ours, of_pillow_hue(image, shift), err_msg=f"{shift}")


def an_eighth_of_all_colors():
    """Every second value of each channel."""
    low = np.random.default_rng(12).integers(0, 2, (1024, 2048, 3))
    index = np.arange(1 << 21).reshape(1024, 2048)
    channels = [2 * (index >> 7 * k & 127) + low[..., k] for k in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def test_an_eighth_of_all_colors():
    image = an_eighth_of_all_colors()
    np.testing.assert_array_equal(operations.hue(image, 0.1), of_pillow_hue(image, 0.1))
    for one in (0.0, 0.7, 1.4):
        expected = ImageEnhance.Color(Image.fromarray(image)).enhance(one)
        np.testing.assert_array_equal(operations.color(image, one), expected)


def moved(image, matrix, cubic, fill):
    """Pillow's affine map, as timm calls it."""
    image = Image.fromarray(image)
    options = {"resample": FILTERS[cubic], "fillcolor": fill}
    return np.asarray(image.transform(image.size, Image.Transform.AFFINE, matrix, **options))


MAPS = {
    "shear_x": lambda shape, shear: (1, shear, 0, 0, 1, 0),
    "shear_y": lambda shape, shear: (1, 0, 0, shear, 1, 0),
    "translate_x": lambda shape, part: (1, 0, part * shape[1], 0, 1, 0),
    "translate_y": lambda shape, part: (1, 0, 0, 0, 1, part * shape[0]),
}


def distances(name, shape, rng):
    """Arguments of shears and translations: arbitrary, whole and half pixels, beyond the image."""
    drawn = [0.0, *rng.uniform(-1, 1, 2), rng.uniform(-3, 3)]
    length = shape[name == "translate_x"] if name.startswith("translate") else 2
    whole = rng.integers(-length, length + 1)
    return [*drawn, whole / length, (whole + 0.5) / length]


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("name", MAPS)
def test_shears_and_translations(name, cubic):
    for rng, image in images(3):
        fill = tuple(rng.integers(0, 256, 3).tolist())
        for argument in distances(name, image.shape, rng):
            expected = moved(image, MAPS[name](image.shape, argument), cubic, fill)
            ours = getattr(operations, name)(image, argument, cubic, fill)
            np.testing.assert_array_equal(ours, expected, err_msg=f"{image.shape} {argument}")


def check_rotations(image, angles, fill, cubic):
    for degrees in angles:
        turned = Image.fromarray(image).rotate(degrees, FILTERS[cubic], fillcolor=fill)
        ours = operations.rotate(image, degrees, cubic, fill)
        np.testing.assert_array_equal(ours, turned, err_msg=f"{image.shape} {degrees}")


@pytest.mark.parametrize("cubic", [False, True])
def test_rotations(cubic):
    for rng, image in images(4):
        fill = tuple(rng.integers(0, 256, 3).tolist())
        check_rotations(image, [*ANGLES, *rng.uniform(-400, 400, 6)], fill, cubic)


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("size", [(150, 150), (123, 201)])
def test_rotations_of_a_larger_image(size, cubic):
    rng = np.random.default_rng(5)
    angles = [*ANGLES, *rng.uniform(-30, 30, 20)]
    check_rotations(noise(rng, *size).astype(np.uint8), angles, (124, 116, 104), cubic)


def resized(image, height, width, cubic):
    """Widths first, then heights."""
    image = Image.fromarray(image)
    image = image.resize((width, image.height), FILTERS[cubic])
    return np.asarray(image.resize((width, height), FILTERS[cubic]))


def sizes(rng, largest):
    """Draws small sizes as often as large ones."""
    return tuple(np.exp(rng.uniform(0, np.log(largest + 1), 2)).astype(int).tolist())


@pytest.mark.parametrize("cubic", [False, True])
def test_resizing_of_any_size_to_any_size(cubic):
    rng = np.random.default_rng(6)
    for number in range(400):
        image = KINDS[number % len(KINDS)](rng, *sizes(rng, 300))
        image, size = np.clip(image, 0, 255).astype(np.uint8), sizes(rng, 200)
        expected = resized(image, *size, cubic)
        np.testing.assert_array_equal(
            resize(image, *size, cubic), expected, f"{image.shape} {size}"
        )


def part_of(rng, shape):
    """Draws a box in an image or result: top, left, height and width."""
    (top, bottom), (left, right) = (
        sorted(rng.choice(length + 1, 2, replace=False).tolist()) for length in shape
    )
    return top, left, bottom - top, right - left


@pytest.mark.parametrize("cubic", [False, True])
def test_windows_of_resized_boxes(cubic):
    rng = np.random.default_rng(7)
    for _ in range(400):
        image, size = noise(rng, *sizes(rng, 300)).astype(np.uint8), sizes(rng, 200)
        box, window = part_of(rng, image.shape[:2]), part_of(rng, size)
        expected = cut(resized(cut(image, box), *size, cubic), window)
        ours = packing.unpack(resize_packed(packing.pack(image), box, size, cubic, window))
        np.testing.assert_array_equal(ours, expected, f"{image.shape} {box} {size} {window}")


@pytest.mark.parametrize("cubic", [False, True])
def test_a_window_depends_only_on_the_pixels_of_span(cubic):
    rng = np.random.default_rng(8)
    for _ in range(400):
        image, size = noise(rng, *sizes(rng, 300)).astype(np.uint8), sizes(rng, 200)
        window = part_of(rng, size)
        (top, bottom), (left, right) = (
            span(image.shape[k], size[k], cubic, window[k], window[2 + k]) for k in range(2)
        )
        known = packing.pack(image[top:bottom, left:right])
        whole = (-top, -left, *image.shape[:2])
        ours = packing.unpack(resize_packed(known, whole, size, cubic, window))
        expected = cut(resized(image, *size, cubic), window)
        np.testing.assert_array_equal(ours, expected, f"{image.shape} {size} {window}")


def cut(image, box):
    top, left, height, width = box
    return image[top : top + height, left : left + width]


def from_a_decoder(rng, image, box):
    """Returns packed pixels of a part that contains the box, as from a decoder, and the box's corner in them."""
    top, left, height, width = box
    first = [int(rng.integers(0, begin + 1)) for begin in (top, left)]
    last = [
        int(rng.integers(end, length + 1))
        for end, length in zip((top + height, left + width), image.shape, strict=False)
    ]
    part = packing.pack(image[first[0] : last[0], first[1] : last[1]])
    return part, (top - first[0], left - first[1])


def check_crop(crop, rng, image, drawn, expected):
    """Checks that the whole image, and a part that contains the box, give Pillow's bytes."""
    shape = image.shape[:2]
    box = crop.box(*shape, drawn)
    assert min(box[:2]) >= 0
    assert box[0] + box[2] <= shape[0]
    assert box[1] + box[3] <= shape[1]
    np.testing.assert_array_equal(crop.apply(image, drawn), expected, f"{shape} {drawn}")
    exactly = packing.pack(cut(image, box)), (0, 0)
    for part, corner in (exactly, from_a_decoder(rng, image, box)):
        square = packing.unpack(crop.cut(part, corner, shape, drawn))
        np.testing.assert_array_equal(square, expected, f"{shape} {box} {corner}")


def rows(value, rng, n):
    drawn = value.draw(rng, n)
    return [{name: values[i] for name, values in drawn.items()} for i in range(n)]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_random_resized_crops(size):
    rng = np.random.default_rng(9)
    crop = RandomResizedCrop(size=size)
    for drawn in rows(crop, rng, 200):
        image = noise(rng, *sizes(rng, 300)).astype(np.uint8)
        part = cut(image, crop.box(*image.shape[:2], drawn))
        expected = resized(part, size, size, bool(drawn["cubic"]))
        check_crop(crop, rng, image, drawn, expected)


@pytest.mark.parametrize(("size", "edges"), [(1, (1, 5)), (16, (16, 40)), (32, (33, 60))])
def test_scale_jitter_crops(size, edges):
    rng = np.random.default_rng(10)
    crop = ScaleJitterCrop(size, edges, "random")
    for drawn in rows(crop, rng, 200):
        # At most eight times as long as wide, because Pillow computes the whole resized image.
        short = int(rng.integers(1, 120))
        shape = rng.permutation([short, int(short * rng.uniform(1, 8))]).tolist()
        image = noise(rng, *shape).astype(np.uint8)
        edge, cubic = int(drawn["edge"]), bool(drawn["cubic"])
        whole = resized(image, *(edge * length // min(shape) for length in shape), cubic)
        room = np.array(whole.shape[:2]) - size
        top, left = np.floor(drawn["position"] * (room + 1)).astype(int)
        check_crop(crop, rng, image, drawn, cut(whole, (top, left, size, size)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("ratio", [1.0, 0.95, 0.875, 0.3])
def test_center_crops(ratio, interpolation):
    rng = np.random.default_rng(11)
    for size in (1, 2, 7, 8, 31, 64):
        crop = CenterCrop(size, ratio, interpolation)
        for _ in range(8):
            short = int(rng.integers(1, 120))
            shape = rng.permutation([short, int(short * rng.uniform(1, 4))]).tolist()
            image = noise(rng, *shape).astype(np.uint8)
            lengths = [crop.shorter_edge * length // short for length in shape]
            whole = resized(image, *lengths, interpolation == "bicubic")
            corner = [round((length - size) / 2) for length in lengths]
            expected = cut(whole, (*corner, size, size))
            np.testing.assert_array_equal(crop(image), expected, f"{shape} {size}")
