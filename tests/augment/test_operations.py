"""The image operations against the bytes of timm and Pillow."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import operations as ops
from keras_resnet_recipes.augment.color import _gray

BY_TIMM_NAME = {
    "AutoContrast": ops.auto_contrast,
    "Equalize": ops.equalize,
    "Invert": ops.invert,
    "Rotate": ops.rotate,
    "PosterizeIncreasing": ops.posterize,
    "SolarizeIncreasing": ops.solarize,
    "SolarizeAdd": ops.solarize_add,
    "ColorIncreasing": ops.color,
    "ContrastIncreasing": ops.contrast,
    "BrightnessIncreasing": ops.brightness,
    "SharpnessIncreasing": ops.sharpness,
    "ShearX": ops.shear_x,
    "ShearY": ops.shear_y,
    "TranslateXRel": ops.translate_x,
    "TranslateYRel": ops.translate_y,
}
GEOMETRIC = {"Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"}
WITHOUT_ARGUMENT = {"AutoContrast", "Equalize", "Invert"}


def arguments(name):
    """Example arguments, in the order of the operation's own."""
    if name in WITHOUT_ARGUMENT:
        return ()
    return (3.0, True) if name in GEOMETRIC else (3.0,)


def random_image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", BY_TIMM_NAME)
def test_bytes_of_pillow(golden, name):
    g = golden("randaug")
    rows = [row for row in g.meta["rows"] if row["op"] == name]
    assert rows
    for row in rows:
        options = {"cubic": row["interp"] == "bicubic"} if row["interp"] else {}
        image = tf.constant(g[f"input/{row['image']}"])
        ours = BY_TIMM_NAME[name](image, *row["arg"], **options)
        assert ours.dtype == tf.uint8
        np.testing.assert_array_equal(
            ours, g[f"output/{row['image']}"][row["index"]], err_msg=str(row)
        )


def test_every_golden_row_is_of_a_tested_operation(golden):
    rows = golden("randaug").meta["rows"]
    assert len(rows) == 254
    assert {row["op"] for row in rows} == set(BY_TIMM_NAME)


@pytest.mark.parametrize("name", BY_TIMM_NAME)
def test_unknown_sizes_in_a_graph_give_the_same(name):
    operation, args = BY_TIMM_NAME[name], arguments(name)
    images = [random_image(*size) for size in ((9, 14), (1, 1), (2, 5), (12, 8))]
    signature = tf.TensorSpec([None, None, 3], tf.uint8)
    dataset = tf.data.Dataset.from_generator(lambda: images, output_signature=signature)
    mapped = list(dataset.map(lambda image: operation(image, *args)).as_numpy_iterator())
    for image, ours in zip(images, mapped, strict=True):
        np.testing.assert_array_equal(ours, operation(tf.constant(image), *args))


@pytest.mark.parametrize("name", BY_TIMM_NAME)
def test_static_shape_is_kept(name):
    operation, args = BY_TIMM_NAME[name], arguments(name)
    traced = tf.function(lambda image: operation(image, *args), autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec([6, 10, 3], tf.uint8))
    assert concrete.output_shapes == [6, 10, 3]


@pytest.mark.parametrize("name", ["AutoContrast", "Equalize"])
def test_image_of_one_color_stays(name):
    image = np.full((5, 7, 3), (0, 99, 255), np.uint8)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](tf.constant(image)), image)


@pytest.mark.parametrize("name", sorted(GEOMETRIC))
@pytest.mark.parametrize("cubic", [False, True])
def test_flat_picture_stays_flat_inside(name, cubic):
    # Cutting instead of rounding: an error of one part in 1e16 would show as a whole level.
    image = tf.fill([20, 30, 3], tf.constant(173, tf.uint8))
    argument = 11.7 if name == "Rotate" else 0.137
    moved = BY_TIMM_NAME[name](image, argument, cubic, fill=(0, 1, 2)).numpy()
    filled = (moved == (0, 1, 2)).all(axis=-1)
    assert 0 < filled.mean() < 0.5
    assert (moved[~filled] == 173).all()


@pytest.mark.parametrize("name", sorted(GEOMETRIC))
@pytest.mark.parametrize("cubic", [False, True])
def test_argument_zero_changes_nothing(name, cubic):
    image = random_image(11, 6)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](tf.constant(image), 0.0, cubic), image)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3), (-90, 3), (450, 1)])
@pytest.mark.parametrize("cubic", [False, True])
def test_quarter_turns_are_exact(degrees, turns, cubic):
    image = random_image(10, 10)
    turned = ops.rotate(tf.constant(image), degrees, cubic)
    np.testing.assert_array_equal(turned, np.rot90(image, turns))


@pytest.mark.parametrize("name", ["ColorIncreasing", "ContrastIncreasing", "SharpnessIncreasing"])
def test_factor_one_is_the_image(name):
    image = random_image(8, 9)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](tf.constant(image), 1.0), image)


def test_posterize_with_no_bits_is_black():
    assert not ops.posterize(tf.constant(random_image(4, 4)), 0).numpy().any()


def test_gray_of_all_corners_of_the_color_cube_is_pillows():
    # Pillow: (19595 R + 38470 G + 7471 B + 32768) >> 16, in whole numbers.
    levels = np.array([0, 1, 2, 127, 128, 254, 255])
    red, green, blue = (axis.ravel() for axis in np.meshgrid(levels, levels, levels))
    expected = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    colors = tf.constant(np.stack([red, green, blue], -1), tf.float32)
    np.testing.assert_array_equal(_gray(colors), expected)


def test_python_number_and_tensor_mean_the_same():
    image = tf.constant(random_image(64, 64))
    np.testing.assert_array_equal(
        ops.translate_x(image, 0.135), ops.translate_x(image, tf.constant(0.135, tf.float64))
    )
