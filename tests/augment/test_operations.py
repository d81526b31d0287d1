"""Image operations against the bytes of timm and Pillow."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import operations as ops

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


def random_image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", BY_TIMM_NAME)
def test_bytes_of_pillow(golden, name):
    g = golden("randaug")
    rows = [row for row in g.meta["rows"] if row["op"] == name]
    assert rows
    for row in rows:
        options = {"cubic": row["interp"] == "bicubic"} if row["interp"] else {}
        ours = BY_TIMM_NAME[name](g[f"input/{row['image']}"], *row["arg"], **options)
        assert ours.dtype == np.uint8
        np.testing.assert_array_equal(
            ours, g[f"output/{row['image']}"][row["index"]], err_msg=str(row)
        )


def test_every_golden_row_belongs_to_a_tested_operation(golden):
    rows = golden("randaug").meta["rows"]
    assert len(rows) == 254
    assert {row["op"] for row in rows} == set(BY_TIMM_NAME)


@pytest.mark.parametrize("name", ["AutoContrast", "Equalize"])
def test_constant_image_is_unchanged(name):
    image = np.full((5, 7, 3), (0, 99, 255), np.uint8)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](image), image)


@pytest.mark.parametrize("name", sorted(GEOMETRIC))
@pytest.mark.parametrize("cubic", [False, True])
def test_constant_image_stays_constant_inside(name, cubic):
    # Results are truncated, so that an error of one part in 1e16 would show as a whole level.
    image = np.full((20, 30, 3), 173, np.uint8)
    argument = 11.7 if name == "Rotate" else 0.137
    moved = BY_TIMM_NAME[name](image, argument, cubic, fill=(0, 1, 2))
    filled = (moved == (0, 1, 2)).all(axis=-1)
    assert 0 < filled.mean() < 0.5
    assert (moved[~filled] == 173).all()


@pytest.mark.parametrize("name", sorted(GEOMETRIC))
@pytest.mark.parametrize("cubic", [False, True])
def test_argument_zero_changes_nothing(name, cubic):
    image = random_image(11, 6)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](image, 0.0, cubic), image)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3), (-90, 3), (450, 1)])
@pytest.mark.parametrize("cubic", [False, True])
def test_quarter_turns_are_exact(degrees, turns, cubic):
    image = random_image(10, 10)
    turned = ops.rotate(image, degrees, cubic)
    np.testing.assert_array_equal(turned, np.rot90(image, turns))


@pytest.mark.parametrize("name", ["ColorIncreasing", "ContrastIncreasing", "SharpnessIncreasing"])
def test_factor_one_changes_nothing(name):
    image = random_image(8, 9)
    np.testing.assert_array_equal(BY_TIMM_NAME[name](image, 1.0), image)


def test_posterize_with_no_bits_is_black():
    assert not ops.posterize(random_image(4, 4), 0).any()


def test_grey_of_all_corners_of_the_color_cube_equals_pillow():
    # Pillow: (19595 R + 38470 G + 7471 B + 32768) >> 16, in integers.
    levels = np.array([0, 1, 2, 127, 128, 254, 255])
    red, green, blue = (axis.ravel() for axis in np.meshgrid(levels, levels, levels))
    expected = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    colors = np.stack([red, green, blue], -1).astype(np.uint8)[None]
    np.testing.assert_array_equal(ops.color(colors, 0.0), np.stack([expected] * 3, -1)[None])


def test_python_and_numpy_numbers_give_the_same():
    image = random_image(64, 64)
    expected = ops.translate_x(image, 0.135)
    for fraction in (np.float64(0.135), np.array(0.135)):
        np.testing.assert_array_equal(ops.translate_x(image, fraction), expected)


@pytest.mark.parametrize("fill", [(0, 0, 0), [255, 0, 7], np.array([1, 2, 3])])
def test_pixels_from_outside_have_the_fill_color(fill):
    moved = ops.translate_x(random_image(4, 8), 0.5, fill=fill)
    assert (moved[:, 4:] == fill).all()
    assert (ops.translate_x(random_image(4, 8), 0.5)[:, 4:] == ops.FILL).all()
