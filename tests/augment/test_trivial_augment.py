"""TrivialAugmentWide against torchvision's operations on Pillow, and its draws."""

import zlib

import numpy as np
import pytest

from keras_resnet_recipes.augment import TrivialAugmentWide
from keras_resnet_recipes.augment.trivial_augment import BINS, OPERATIONS, magnitude_argument
from tests.augment.chance import chi_square, chi_square_limit

N = 20_000
SIGNED = OPERATIONS[1:10]


@pytest.fixture(scope="module")
def g(golden):
    return golden("augmentations")


def row_of(name, magnitude, negative):
    return {
        "operation": np.int32(OPERATIONS.index(name)),
        "argument": np.float64(magnitude_argument(name, magnitude, negative)),
    }


def test_operations_and_their_order_equal_torchvisions(g):
    assert [name.replace("_", "") for name in OPERATIONS] == [
        name.lower() for name in g.meta["operations"]
    ]


KINDS = [(name, kind) for name in OPERATIONS for kind in ("nearest", "bilinear")]


@pytest.mark.parametrize(("name", "interpolation"), sorted(set(KINDS) - {("rotate", "bilinear")}))
def test_bytes_of_torchvision(g, name, interpolation):
    augment = TrivialAugmentWide(interpolation)
    for which in ("square", "wide"):
        image, theirs = g[f"picture/{which}"], g[f"trivial/{interpolation}/{which}"]
        differing = []
        for magnitude in range(BINS):
            for negative in (False, True):
                changed = augment.apply(image, row_of(name, magnitude, negative))
                expected = theirs[OPERATIONS.index(name), magnitude, int(negative)]
                if zlib.crc32(changed.tobytes()) != expected:
                    differing.append((magnitude, negative))
        assert not differing, which


@pytest.mark.parametrize("which", ["square", "wide"])
def test_bilinear_rotation_equals_torchvisions(g, which):
    image, theirs = g[f"picture/{which}"], g[f"trivial/rotated/{which}"]
    augment = TrivialAugmentWide("bilinear")
    for magnitude in range(BINS):
        for negative in (False, True):
            turned = augment.apply(image, row_of("rotate", magnitude, negative))
            np.testing.assert_array_equal(turned, theirs[magnitude, int(negative)])


def test_arguments_without_magnitude_or_sign():
    for name in OPERATIONS:
        values = [
            [magnitude_argument(name, magnitude, negative) for magnitude in range(BINS)]
            for negative in (False, True)
        ]
        assert (values[0] == values[1]) == (name not in SIGNED), name
    # torch counts from the end, and 32 - 15 * 16 / 15 is just below 16 in single precision.
    assert magnitude_argument("translate_x", 15) == 15


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_operations_magnitudes_and_signs_are_equally_likely(seed):
    rows = TrivialAugmentWide().draw(np.random.default_rng(seed), N)
    operation, argument = rows["operation"], rows["argument"]
    counts = np.bincount(operation, minlength=len(OPERATIONS))
    assert chi_square(counts, np.full(14, N / 14)) < chi_square_limit(13)
    # Signed, with 31 magnitudes, so that 61 arguments distinguish all draws.
    signed = [OPERATIONS.index(name) for name in ("shear_x", "shear_y", "rotate", "brightness")]
    cells = np.zeros((2, BINS))
    for index in signed:
        table = {
            magnitude_argument(OPERATIONS[index], magnitude, negative): (int(negative), magnitude)
            for negative in (False, True)
            for magnitude in range(BINS)
        }
        for value in argument[operation == index]:
            cells[table[value]] += 1
    assert cells.sum() == np.isin(operation, signed).sum()
    nothing = cells[:, 0].sum()  # magnitude zero has no sign
    observed = np.append(cells[:, 1:].ravel(), nothing)
    expected = np.append(np.full(60, cells.sum() / 62), cells.sum() / 31)
    assert chi_square(observed, expected) < chi_square_limit(60)


def test_results_depend_on_the_generator_alone(g):
    augment, image = TrivialAugmentWide(), g["picture/wide"]
    images = [augment(image, np.random.default_rng(i)) for i in range(8)]
    np.testing.assert_array_equal(augment(image, np.random.default_rng(3)), images[3])
    assert len({one.tobytes() for one in images}) >= 7


def test_unknown_interpolations_are_errors():
    with pytest.raises(
        ValueError, match=r"one of 'bilinear', 'nearest'. Received: interpolation='bicubic'"
    ):
        TrivialAugmentWide("bicubic")
