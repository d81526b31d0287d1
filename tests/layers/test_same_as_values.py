"""Augmentation layers against the values of `krr.augment` and Pillow, with the same draws."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet_recipes import augment, layers
from keras_resnet_recipes.augment import rand_augment, trivial_augment
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.layers.backend import TENSORFLOW, running_backend
from keras_resnet_recipes.layers.crop import crop_boxes, placed_squares
from keras_resnet_recipes.layers.hue import turn
from keras_resnet_recipes.layers.tables import TABLES

pytestmark = pytest.mark.every_backend

BACKEND = keras.backend.backend()
OPS = TENSORFLOW if BACKEND == "tensorflow" else running_backend()
# Fraction of bytes that may be off by one after geometric operations.
FEW = 0.003
MOVING = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def photographs(n, height=48, width=40):
    """Returns smooth images with a little noise and different contrasts, and one of pure noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width][..., None] / height
    waves = rng.uniform(1, 9, (4, n, 1, 1, 3))
    smooth = np.sin(waves[0] * y + waves[1] * x) * np.cos(waves[2] * x - waves[3] * y)
    contrast = rng.uniform(20, 120, (n, 1, 1, 1))
    images = 128 + contrast * smooth + rng.normal(0, 4, (n, height, width, 3))
    images[-1] = rng.uniform(0, 256, (height, width, 3))
    return np.clip(images, 0, 255).astype("uint8")


def compiled(function):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True, autograph=False)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)
    return function


def tensors(rows):
    def single(x):
        return x.astype("float32") if x.dtype == "float64" else x

    return {name: OPS.convert_to_tensor(single(np.asarray(x))) for name, x in rows.items()}


def transformed(layer, images, rows):
    run = compiled(lambda images, rows: layer.transform(images, rows, OPS))
    outputs = run(OPS.convert_to_tensor(images), tensors(rows))
    assert keras.backend.standardize_dtype(outputs.dtype) == "uint8"
    return keras.ops.convert_to_numpy(outputs).astype(int)


def differences(layer, value, images, rows):
    outputs = transformed(layer, images, rows)
    expected = [
        value.apply(image, {name: x[i] for name, x in rows.items()})
        for i, image in enumerate(images)
    ]
    return np.abs(outputs - np.stack(expected))


@pytest.mark.usefixtures("xla")
def test_every_operation_of_rand_augment():
    # Each operation twice, with either sign and kernel.
    operation = np.repeat(np.arange(len(rand_augment.OPERATIONS), dtype="int32"), 4)
    rng = np.random.default_rng(1)
    level, sign = rng.uniform(0, 10, operation.shape), np.resize([1.0, 1.0, -1.0, -1.0], 60)
    argument = rand_augment.level_argument(NUMPY, operation, level, sign)
    rows = {"operation": operation, "argument": argument, "cubic": np.resize([False, True], 60)}
    rows = {name: x[:, None] for name, x in rows.items()}
    images = np.resize(photographs(6)[1:], (60, 48, 40, 3))
    off = differences(
        layers.RandAugment(operations=1), augment.RandAugment(operations=1), images, rows
    )
    check(off, operation, rand_augment.OPERATIONS, MOVING)


def check(off, operation, names, inexact):
    for index, name in enumerate(names):
        mine = off[operation == index]
        if name in inexact:
            assert mine.max() <= 1, name
            assert mine.mean() < FEW, name
        else:
            assert not mine.any(), name


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_every_operation_of_trivial_augment(interpolation):
    names = trivial_augment.OPERATIONS
    cells = [(k, m, neg) for k in range(14) for m, neg in ((30, True), (20, False), (7, True))]
    operation = np.array([k for k, _, _ in cells], "int32")
    argument = np.array(
        [trivial_augment.magnitude_argument(names[k], m, neg) for k, m, neg in cells]
    )
    off = differences(
        layers.TrivialAugmentWide(interpolation),
        augment.TrivialAugmentWide(interpolation),
        np.resize(photographs(5), (len(cells), 48, 40, 3)),
        {"operation": operation, "argument": argument},
    )
    inexact = () if interpolation == "nearest" else ("shear_x", "shear_y", "rotate")
    check(off, operation, names, inexact)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_quarter_turns_are_exact(interpolation):
    images = photographs(4, 21, 21)
    degrees = np.array([90.0, -90.0, 180.0, 0.0])
    rows = {"operation": np.full(4, trivial_augment.OPERATIONS.index("rotate"), "int32")}
    outputs = transformed(
        layers.TrivialAugmentWide(interpolation), images, rows | {"argument": degrees}
    )
    expected = [np.rot90(x, k) for x, k in zip(images, (1, -1, 2, 0), strict=True)]
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("angle", [45.0, 31.5, -135.0])
def test_positions_are_the_same_in_all_uses(angle):
    """XLA fused products and sums for some uses and not for others, and whole diagonals were wrong."""
    images = photographs(2, 97, 105)
    rows = {"operation": np.full(2, 5, "int32"), "argument": np.full(2, angle)}
    outputs = transformed(layers.TrivialAugmentWide(), images, rows)
    pillows = [Image.fromarray(x).rotate(angle, Image.BILINEAR) for x in images]
    assert np.abs(outputs - np.stack(pillows)).max() <= 1


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("strengths", [(0.4, 0.4, 0.4, 0.1), (1.5, 0.0, 2.0, 0.0)])
def test_color_jitter(strengths):
    value = augment.ColorJitter(*strengths)
    rows = value.draw(np.random.default_rng(2), 12)
    images = np.resize(photographs(6), (12, 48, 40, 3))
    assert not differences(layers.ColorJitter(*strengths), value, images, rows).any()


def test_lighting():
    value = augment.Lighting(0.5)
    rows = value.draw(np.random.default_rng(3), 12)
    images = np.resize(photographs(6), (12, 48, 40, 3))
    assert not differences(layers.Lighting(0.5), value, images, rows).any()


def test_hue_of_a_cube_of_colors_equals_pillow():
    levels = np.unique(np.r_[np.arange(0, 256, 6), 1, 254, 255])
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).astype("uint8")
    cube = cube.reshape(1, len(levels), -1, 3)
    shifts = np.array([0.0, 0.5, -0.31, 1 / 3])
    images = OPS.cast(OPS.convert_to_tensor(np.repeat(cube, 4, 0)), "int32")
    ours = turn(OPS, images, OPS.convert_to_tensor(shifts, "float32"))
    hue, saturation, value = Image.fromarray(cube[0]).convert("HSV").split()
    for shift, turned in zip(shifts, keras.ops.convert_to_numpy(ours), strict=True):
        angle = np.asarray(hue).astype(int) + int(shift * 255)
        angle = Image.fromarray((angle % 256).astype("uint8"))
        theirs = Image.merge("HSV", (angle, saturation, value)).convert("RGB")
        np.testing.assert_array_equal(turned, theirs)


def test_auto_contrast_of_every_range_equals_pillow():
    low, high = (x.ravel() for x in np.triu_indices(256))
    images = np.stack([low, high], 1).reshape(-1, 1, 2, 1).repeat(3, 3).astype("int32")
    values = np.arange(256, dtype="int32")[None, None]
    images, values = OPS.convert_to_tensor(images), OPS.convert_to_tensor(values)
    table = keras.ops.convert_to_numpy(TABLES["auto_contrast"](OPS, images, values, None))[:, 0]
    level, low, high = np.arange(256), low[:, None], high[:, None]
    scale = 255.0 / np.maximum(high - low, 1)
    theirs = np.where(high > low, np.trunc(level * scale + -low * scale), level)
    there = (level >= low) & (level <= high)
    np.testing.assert_array_equal(table[there], theirs[there])


def pillows(image, box, size, corner, square, kernel):
    """Resizes a box of an image with Pillow, widths first, and crops a square."""
    top, left, height, width = box
    part = Image.fromarray(image[top : top + height, left : left + width])
    whole = part.resize((size[1], height), kernel).resize(size[::-1], kernel)
    return np.asarray(whole)[corner[0] : corner[0] + square, corner[1] : corner[1] + square]


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
@pytest.mark.parametrize("name", ["RandomResizedCrop", "ScaleJitterCrop"])
def test_crops(name, kind):
    images, size = np.resize(photographs(6), (24, 48, 40, 3)), 24
    uniform = np.random.default_rng(5).random((24, 23))
    if name == "RandomResizedCrop":
        layer = layers.RandomResizedCrop(size, interpolation=kind)
        rows = layer.augmentation.drawn(NUMPY, uniform)
        boxes = crop_boxes(NUMPY, (48, 40), rows, layer.augmentation.aspect)
        resized, corners = np.full((24, 2), size), np.zeros((24, 2), int)
    else:
        layer = layers.ScaleJitterCrop(size, (25, 70), kind)
        rows = layer.augmentation.drawn(NUMPY, uniform)
        boxes = np.tile([0, 0, 48, 40], (24, 1))
        resized, corners = placed_squares(NUMPY, (48, 40), rows, size)
    kernel = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}[kind]
    expected = [
        pillows(*row, size, kernel) for row in zip(images, boxes, resized, corners, strict=True)
    ]
    off = np.abs(transformed(layer, images, rows) - np.stack(expected))
    if kind == "bilinear":
        assert not off.any()
    assert off.max() <= 1
    assert off.mean() < FEW


@pytest.mark.full
@pytest.mark.parametrize("name", ["RandAugment", "TrivialAugmentWide", "ColorJitter"])
def test_a_single_image_is_changed_as_in_a_batch(name):
    """For a single image, steps that it does not need are skipped."""
    layer = getattr(layers, name)(
        **({"hue": 0.1, "contrast": 0.4} if name == "ColorJitter" else {})
    )
    images = np.resize(photographs(6), (24, 48, 40, 3))
    rows = layer.drawn(NUMPY, np.random.default_rng(6).random((24, layer.uniforms)))
    batch = transformed(layer, images, rows)
    assert (batch != images).any(axis=(1, 2, 3)).sum() > 8
    run = compiled(lambda images, rows: layer.transform(images, rows, OPS))
    for i in range(24):
        row = tensors({key: x[i : i + 1] for key, x in rows.items()})
        alone = keras.ops.convert_to_numpy(run(OPS.convert_to_tensor(images[i : i + 1]), row))
        off = np.abs(alone.astype(int) - batch[i : i + 1])
        assert off.max() <= 1
        assert off.mean() < FEW
