"""RandAugment: its arguments against timm's, and the distributions of its draws."""

import inspect
import math

import numpy as np
import pytest

from keras_resnet_recipes.augment import RandAugment, operations
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.rand_augment import OPERATIONS, level_argument
from tests.augment.chance import NORMAL, share_limit

IMAGES = 20_000
NONE = len(OPERATIONS)


def drawn(seed, **arguments):
    return RandAugment(**arguments).draw(np.random.default_rng(seed), IMAGES)


@pytest.mark.parametrize(("sign", "key"), [(1.0, "keep"), (-1.0, "negate")])
def test_arguments_equal_timms(golden, sign, key):
    g = golden("randaug")
    compared = 0
    for index, name in enumerate(g.meta["names"]):
        if f"arg/{name}/{key}" in g:
            ours = level_argument(NUMPY, np.full(41, index), g["arg/levels"], np.full(41, sign))
            np.testing.assert_array_equal(ours, g[f"arg/{name}/{key}"], err_msg=name)
            compared += 1
    assert compared == 12


def test_order_equals_timms(golden):
    def plain(name):
        return name.removesuffix("Increasing").removesuffix("Rel").lower()

    ours = [name.replace("_", "") for name in OPERATIONS]
    assert ours == [plain(name) for name in golden("randaug").meta["names"]]
    public = {
        name
        for name, _ in inspect.getmembers(operations, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public == {*OPERATIONS, "hue"}


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("index", range(len(OPERATIONS)))
def test_a_drawn_index_applies_the_operation_of_that_name(index, cubic):
    image = np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8)
    name, operation = OPERATIONS[index], getattr(operations, OPERATIONS[index])
    argument = level_argument(NUMPY, np.array(index), np.array(6.0), np.array(-1.0))
    row = {
        "operation": np.array([index]),
        "argument": argument[None],
        "cubic": np.array([cubic]),
    }
    if name in ("auto_contrast", "equalize", "invert"):
        expected = operation(image)
    elif name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        expected = operation(image, argument, cubic)
    else:
        expected = operation(image, argument)
    np.testing.assert_array_equal(RandAugment(operations=1).apply(image, row), expected)


def test_operations_are_applied_in_turn():
    image = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)
    augment = RandAugment(probability=0.8, operations=3)
    rows = augment.draw(np.random.default_rng(3), 48)
    for i in range(48):
        row = {name: values[i] for name, values in rows.items()}
        expected = image
        for k in range(3):
            one = {name: values[k : k + 1] for name, values in row.items()}
            expected = RandAugment(operations=1).apply(expected, one)
        np.testing.assert_array_equal(augment.apply(image, row), expected)
    assert set(np.unique(rows["operation"])) == set(range(NONE + 1))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probability_of_each_operation(seed):
    applied = drawn(seed, probability=0.2)["operation"] != NONE
    assert abs(applied.mean() - 0.2) < share_limit(0.2, 2 * IMAGES)
    assert abs(np.mean(applied.all(axis=1)) - 0.04) < share_limit(0.04, IMAGES)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_levels_are_independent_per_operation(seed):
    # Rotation is linear in the level: 3 degrees per level, with a sign.
    arguments = RandAugment(magnitude=5.0, std=0.5, probability=1.0)
    arguments = arguments.draw(np.random.default_rng(seed), 300_000)
    twice = (arguments["operation"] == OPERATIONS.index("rotate")).all(axis=1)
    pairs = np.abs(arguments["argument"][twice])
    assert len(pairs) > 1_000
    correlation = np.corrcoef(pairs.T)[0, 1]
    assert abs(correlation) < NORMAL / math.sqrt(len(pairs))


def test_interpolation_can_be_fixed():
    assert not drawn(0, interpolation="bilinear")["cubic"].any()
    assert drawn(0, interpolation="bicubic")["cubic"].all()


def test_results_depend_on_the_generator_alone():
    image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    augment = RandAugment(probability=1.0)
    images = [augment(image, np.random.default_rng(i)) for i in range(8)]
    np.testing.assert_array_equal(augment(image, np.random.default_rng(3)), images[3])
    assert len({one.tobytes() for one in images}) >= 7


def test_is_a_value():
    assert RandAugment() == RandAugment(magnitude=7.0, std=0.5)
    assert len({RandAugment(), RandAugment(), RandAugment(std=1.0)}) == 2
    with pytest.raises(AttributeError):
        RandAugment().magnitude = 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"magnitude": 11}, "`magnitude` must be a number at least 0 and at most 10.*=11$"),
        ({"magnitude": -1}, "`magnitude` must be .*=-1$"),
        ({"std": -0.1}, "`std` must be a number at least 0.*=-0.1$"),
        ({"operations": 0}, "`operations` must be an integer at least 1.*=0$"),
        ({"operations": 1.5}, "`operations` must be an integer.*=1.5$"),
        ({"probability": 1.5}, "`probability` must be .*=1.5$"),
        ({"interpolation": "nearest"}, "`interpolation` must be one of 'random'.*='nearest'$"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandAugment(**arguments)
