"""ScaleJitterCrop against Pillow's resize followed by a crop."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import ScaleJitterCrop, resize
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.layers.crop import placed_squares
from tests.augment.chance import chi_square, chi_square_limit, ks_distance, ks_limit

N = 20_000


def row_of(shape, size, edge, top, left, cubic):
    """Returns the augmentation parameters of a square at the given row and column."""
    resized = edge * np.array(shape) // min(shape)
    position = (np.array([top, left]) + 0.5) / (resized - size + 1)
    return {"edge": edge, "position": position, "cubic": cubic}


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_pillows_resize_and_a_crop(golden, interpolation):
    g = golden("augmentations")
    for number, (name, edge, top, left, size) in enumerate(g.meta["windows"]):
        image = g[f"window/picture/{name}"]
        crop = ScaleJitterCrop(size, (size, size), interpolation)
        row = row_of(image.shape[:2], size, edge, top, left, interpolation == "bicubic")
        square = crop.apply(image, row)
        np.testing.assert_array_equal(square, g[f"window/{interpolation}"][number])


@pytest.mark.parametrize("size", [(50, 61), (300, 37), (24, 200)])
@pytest.mark.parametrize("cubic", [False, True])
def test_the_box_gives_the_same_square_as_the_whole_image(size, cubic):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    crop = ScaleJitterCrop(20, (22, 90), "bicubic" if cubic else "bilinear")
    rows = crop.draw(np.random.default_rng(7), 12)
    small = 0
    for i in range(12):
        row = {name: values[i] for name, values in rows.items()}
        height, width = int(row["edge"]) * np.array(size) // min(size)
        top, left = np.floor(row["position"] * (np.array([height, width]) - 19)).astype(int)
        whole = resize(image, height, width, cubic)
        np.testing.assert_array_equal(
            crop.apply(image, row), whole[top : top + 20, left : left + 20]
        )
        box = np.array(crop.box(*size, row))
        assert (box[:2] >= 0).all()
        assert (box[:2] + box[2:] <= size).all()
        small += np.prod(box[2:]) < np.prod(size) / 2
    assert small >= 5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_draws(seed):
    rows = ScaleJitterCrop(224, interpolation="random").draw(np.random.default_rng(seed), N)
    counts = np.bincount(rows["edge"], minlength=481)
    assert counts[:256].sum() == 0
    assert chi_square(counts[256:], np.full(225, N / 225)) < chi_square_limit(224)
    for values in rows["position"].T:
        assert ks_distance(values, lambda x: x) < ks_limit(N)
    assert abs(rows["cubic"].mean() - 0.5) < 3.2905 * 0.5 / np.sqrt(N)


@pytest.mark.parametrize("size", [(50, 61), (300, 37), (24, 200), (7, 7)])
def test_layers_compute_the_same_squares(size):
    crop = ScaleJitterCrop(20, (22, 90))
    drawn = crop.draw(np.random.default_rng(0), 2_000)
    rows = [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]
    resized, corners = placed_squares(NUMPY, size, drawn, 20)
    for row, *expected in zip(rows, resized, corners, strict=True):
        np.testing.assert_array_equal(crop._placed(size, row), expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_position_is_equally_likely(seed):
    crop = ScaleJitterCrop(20, (24, 24), "bilinear")
    rows = crop.draw(np.random.default_rng(seed), N)
    # Without resizing, the first pixel of the square encodes its row and column.
    image = np.zeros((30, 24, 3), np.uint8)
    image[..., 0], image[..., 1] = np.mgrid[:30, :24]
    counts = np.zeros((11, 5))
    for i in range(N):
        row = {name: values[i] for name, values in rows.items()}
        top, left, _ = crop.apply(image, row)[0, 0]
        counts[top, left] += 1
    assert chi_square(counts, np.full((11, 5), N / 55)) < chi_square_limit(54)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be an integer at least 1.*=0$"),
        ({"size": 224, "shorter_edge": (200, 480)}, r"at least `size` \(224\).*=\(200, 480\)$"),
        (
            {"shorter_edge": (480, 256)},
            r"`shorter_edge` must be .* in ascending order.*=\(480, 256\)$",
        ),
        ({"shorter_edge": (256.0, 480)}, r"`shorter_edge` must be 2 .*=\(256.0, 480\)$"),
        ({"interpolation": "nearest"}, "`interpolation` must be one of 'random'.*='nearest'$"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ScaleJitterCrop(**arguments)
