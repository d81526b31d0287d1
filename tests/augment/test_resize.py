"""Resizing against the bytes of Pillow."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import resize


def random_image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def weights(length, target, cubic):
    """Pillow's weight matrix in units of 2**-22, computed one output and one tap at a time."""
    scale = length / target
    stretch = max(1.0, scale)
    reach = (2.0 if cubic else 1.0) * stretch

    def kernel(x):
        if not cubic:
            return max(0.0, 1 - x)
        if x < 1:
            return (1.5 * x - 2.5) * x * x + 1
        return ((x - 5) * x + 8) * x * -0.5 + 2 if x < 2 else 0.0

    matrix = np.zeros((target, length), np.int64)
    for row in range(target):
        center = (row + 0.5) * scale
        taps = range(max(0, int(center - reach + 0.5)), min(length, int(center + reach + 0.5)))
        values = np.array([kernel(abs(tap - center + 0.5) / stretch) for tap in taps])
        values = values / values.sum() * 2**22
        matrix[row, taps.start : taps.stop] = np.trunc(values + np.copysign(0.5, values))
    return matrix


def by_definition(image, height, width, cubic):
    def rounded(sums):
        return np.clip((sums + 2**21) >> 22, 0, 255)

    image = rounded(np.einsum("ow,hwc->hoc", weights(image.shape[1], width, cubic), image))
    return rounded(np.einsum("oh,hwc->owc", weights(image.shape[0], height, cubic), image))


@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [64, 160, 224])
def test_bytes_of_pillow(golden, kind, size):
    g = golden("rrc")
    boxes = g["boxes_top_left_h_w"]
    boxes = boxes if size == 64 else boxes[1:4]
    expected = g[f"{kind}/{size}"]
    assert len(expected) == len(boxes)
    for (top, left, height, width), bytes_of_pillow in zip(boxes, expected, strict=True):
        part = g["source"][top : top + height, left : left + width]
        ours = resize(part, size, size, kind == "bicubic")
        np.testing.assert_array_equal(ours, bytes_of_pillow)


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((1, 1), (5, 3)),
        ((7, 9), (1, 1)),
        ((1, 30), (8, 8)),
        ((13, 17), (13, 17)),
        ((13, 17), (13, 5)),
        ((13, 17), (40, 17)),
        ((200, 3), (9, 60)),
        ((64, 64), (160, 160)),
    ],
)
def test_any_size_to_any_size(size, target, cubic):
    image = random_image(*size)
    ours = resize(image, *target, cubic)
    np.testing.assert_array_equal(ours, by_definition(image.astype(np.int64), *target, cubic))


@pytest.mark.parametrize("cubic", [False, True])
def test_unchanged_size_returns_the_image(cubic):
    image = random_image(10, 12)
    np.testing.assert_array_equal(resize(image, 10, 12, cubic), image)
