"""Crops: boxes and bytes against torchvision and timm, and the rule for drawn boxes."""

import math

import numpy as np
import pytest

from keras_resnet_recipes.augment import CenterCrop, RandomResizedCrop, ScaleJitterCrop, resize
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.layers.crop import crop_boxes

TRIES = 10


def row(area, aspect, position=(0.0, 0.0)):
    return {
        "area": np.resize(np.float64(area), TRIES),
        "aspect": np.resize(np.float64(aspect), TRIES),
        "position": np.array(position),
        "cubic": True,
    }


def test_box_rule(golden):
    crop = RandomResizedCrop(size=8)
    rows = golden("rrc")["rule_iw_ih_area_logratio_w_h_ok"]
    accepted = 0
    for image_width, image_height, area, logarithm, width, height, fits in rows:
        box = crop.box(int(image_height), int(image_width), row(area, math.exp(logarithm)))
        if fits:
            assert box == (0, 0, height, width)
            accepted += 1
        else:
            assert box[2:] != (height, width)
    assert 0 < accepted < len(rows)


def test_fallback(golden):
    crop = RandomResizedCrop(size=8)
    for width, height, top, left, box_height, box_width in golden("rrc")[
        "fallback_iw_ih_top_left_h_w"
    ]:
        box = crop.box(int(height), int(width), row(1e9, 1.0))
        assert box == (top, left, box_height, box_width)


def test_first_try_that_fits_is_taken():
    crop = RandomResizedCrop(size=8)
    assert crop.box(100, 100, row([4.0, 0.25, 0.09] + [1.0] * 7, 1.0)) == (0, 0, 50, 50)


@pytest.mark.parametrize(("side", "rounded"), [(2.5, 2), (3.5, 4), (0.5, 16), (16.5, 16)])
def test_halves_are_rounded_to_even_as_timm_does(side, rounded):
    # A side of half a pixel is rounded to zero, which does not fit: the whole image is taken.
    box = RandomResizedCrop(size=8).box(16, 16, row(side * side / 256, 1.0))
    assert box == (0, 0, rounded, rounded)


@pytest.mark.parametrize("size", [(375, 500), (333, 250), (1000, 100), (3, 200), (1, 1)])
@pytest.mark.parametrize("aspect", [(3 / 4, 4 / 3), (0.2, 0.5), (3.0, 5.0)])
def test_layers_compute_the_same_boxes(size, aspect):
    crop = RandomResizedCrop(size=8, aspect=aspect)
    drawn = crop.draw(np.random.default_rng(0), 2_000)
    rows = [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]
    boxes = [crop.box(*size, row) for row in rows]
    np.testing.assert_array_equal(boxes, crop_boxes(NUMPY, size, drawn, crop.aspect))


def test_positions_reach_both_edges():
    crop = RandomResizedCrop(size=8)
    box = crop.box(100, 200, row(0.02, 1.0, position=(1 - 1e-12, 1 - 1e-12)))
    assert box == (80, 180, 20, 20)


def test_crop_then_resize(golden):
    source = golden("rrc")["source"]
    crop = RandomResizedCrop(size=32)
    drawn = {name: values[0] for name, values in crop.draw(np.random.default_rng(9), 1).items()}
    top, left, height, width = crop.box(*source.shape[:2], drawn)
    part = source[top : top + height, left : left + width]
    expected = resize(part, 32, 32, bool(drawn["cubic"]))
    np.testing.assert_array_equal(crop.apply(source, drawn), expected)


@pytest.mark.parametrize("aspect", [(3 / 4, 4 / 3), (0.1, 0.3), (3.0, 5.0)])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_tiny_images(size, aspect):
    image, rng = np.full((*size, 3), 77, np.uint8), np.random.default_rng(0)
    for _ in range(5):
        square = RandomResizedCrop(size=6, aspect=aspect)(image, rng)
        np.testing.assert_array_equal(square, np.full((6, 6, 3), 77))


def test_results_depend_on_the_generator_alone(golden):
    source, crop = golden("rrc")["source"], RandomResizedCrop(size=16)
    squares = [crop(source, np.random.default_rng(i)) for i in range(8)]
    np.testing.assert_array_equal(crop(source, np.random.default_rng(5)), squares[5])
    assert len({square.tobytes() for square in squares}) == 8


@pytest.mark.parametrize("ratio", [0.95, 0.875])
@pytest.mark.parametrize("kind", ["bicubic", "bilinear"])
@pytest.mark.parametrize(
    "name", ["china_640x427", "flower_tall_301x427", "china_small_50x41", "flower_97x64"]
)
def test_evaluation_bytes_of_timm(golden, name, ratio, kind):
    g = golden("eval")
    source = golden("rrc")["source"] if name == "china_640x427" else g[f"src/{name}"]
    crop = CenterCrop(size=64, crop_ratio=ratio, interpolation=kind)
    np.testing.assert_array_equal(crop(source), g[f"{name}/cp{ratio}/{kind}/crop"])


def test_evaluation_edges_of_timm(golden):
    table = golden("eval")["resize_edge_size_croppct_edge"]
    assert len(table)
    for size, ratio, edge in table:
        assert CenterCrop(size=int(size), crop_ratio=ratio).shorter_edge == edge


def test_crops_are_values():
    assert RandomResizedCrop(size=8, scale=[0.5, 1.0]) == RandomResizedCrop(
        size=8, scale=(0.5, 1.0)
    )
    assert len({CenterCrop(size=8), CenterCrop(size=8), CenterCrop(size=9)}) == 2
    assert isinstance(hash(RandomResizedCrop(size=8, scale=[0.5, 1.0])), int)


@pytest.mark.parametrize("kind", [RandomResizedCrop, ScaleJitterCrop])
def test_a_crop_without_a_size_is_an_error(kind):
    with pytest.raises(
        ValueError, match=f"`size` of {kind.__name__} must be set.*Received: size=None$"
    ):
        kind()(np.zeros((300, 300, 3), np.uint8), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be an integer at least 1 or None.*=0$"),
        ({"size": 2.5}, "`size` must be an integer.*=2.5$"),
        (
            {"size": 8, "scale": (0.0, 1.0)},
            r"`scale` must be 2 numbers above 0 and at most 1.*=\(0.0, 1.0\)$",
        ),
        ({"size": 8, "scale": (0.5, 1.1)}, "`scale` must be 2 numbers above 0 and at most 1"),
        ({"size": 8, "scale": (0.9, 0.5)}, "`scale` must be .* in ascending order"),
        ({"size": 8, "aspect": (0.0, 1.0)}, "`aspect` must be 2 numbers above 0"),
        ({"size": 8, "aspect": (2.0, 1.0)}, "`aspect` must be .* in ascending order"),
        ({"size": 8, "interpolation": "area"}, "`interpolation` must be one of 'random'.*='area'$"),
    ],
)
def test_illegal_arguments_of_the_random_crop(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomResizedCrop(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be an integer of at least 1. Received: size=0$"),
        ({"size": 2.5}, "`size` must be an integer of at least 1. Received: size=2.5$"),
        (
            {"size": 8, "crop_ratio": 0.0},
            r"`crop_ratio` must be within \(0, 1\]. Received: crop_ratio=0.0$",
        ),
        ({"size": 8, "crop_ratio": 1.2}, "`crop_ratio` must be .* Received: crop_ratio=1.2$"),
        (
            {"size": 8, "interpolation": "random"},
            "`interpolation` must be 'bilinear' or 'bicubic'. Received: interpolation='random'$",
        ),
    ],
)
def test_illegal_arguments_of_the_center_crop(arguments, message):
    with pytest.raises(ValueError, match=message):
        CenterCrop(**arguments)
