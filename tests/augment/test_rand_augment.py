"""RandAugment: its level tables against timm's, its draws against the distributions asked for."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import RandAugment, operations
from keras_resnet_recipes.augment.rand_augment import OPERATIONS, level_argument
from tests.augment.chance import (
    NORMAL,
    share_limit,
)

IMAGES = 20_000
NONE = len(OPERATIONS)


def drawn(seed, **arguments):
    rows = RandAugment(**arguments).draw(IMAGES, seed=(seed, 0))
    return {name: row.numpy() for name, row in rows.items()}


@pytest.mark.parametrize(("sign", "key"), [(1.0, "keep"), (-1.0, "negate")])
def test_arguments_equal_timms(golden, sign, key):
    g = golden("randaug")
    compared = 0
    for place, name in enumerate(g.meta["names"]):
        if f"arg/{name}/{key}" in g:
            ours = level_argument(tf.fill([41], place), g["arg/levels"], tf.fill([41], sign))
            np.testing.assert_array_equal(ours, g[f"arg/{name}/{key}"], err_msg=name)
            compared += 1
    assert compared == 12


def test_order_is_timms(golden):
    def plain(name):
        return name.removesuffix("Increasing").removesuffix("Rel").lower()

    ours = [name.replace("_", "") for name in OPERATIONS]
    assert ours == [plain(name) for name in golden("randaug").meta["names"]]
    assert sorted(OPERATIONS) == operations.__all__


@pytest.mark.parametrize("place", range(len(OPERATIONS)))
def test_a_drawn_number_means_the_operation_of_that_name(place):
    image = tf.constant(np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8))
    name = OPERATIONS[place]
    argument = level_argument(tf.constant(place), 6.0, -1.0)
    row = {
        "operation": tf.constant([place]),
        "argument": argument[None],
        "cubic": tf.constant([True]),
    }
    operation = getattr(operations, name)
    if name in ("auto_contrast", "equalize", "invert"):
        expected = operation(image)
    elif name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        expected = operation(image, argument, True)
    else:
        expected = operation(image, argument)
    np.testing.assert_array_equal(RandAugment(operations=1).apply(image, row), expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probability_of_each_round(seed):
    applied = drawn(seed, probability=0.2)["operation"] != NONE
    assert abs(applied.mean() - 0.2) < share_limit(0.2, 2 * IMAGES)
    assert abs(np.mean(applied.all(axis=1)) - 0.04) < share_limit(0.04, IMAGES)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_levels_are_drawn_anew_in_each_round(seed):
    # Rotation is linear in the level: 3 degrees for each, with a sign.
    arguments = RandAugment(magnitude=5.0, std=0.5, probability=1.0).draw(300_000, (seed, 7))
    twice = (arguments["operation"].numpy() == OPERATIONS.index("rotate")).all(axis=1)
    pairs = np.abs(arguments["argument"].numpy()[twice])
    assert len(pairs) > 1_000
    correlation = np.corrcoef(pairs.T)[0, 1]
    assert abs(correlation) < NORMAL / math.sqrt(len(pairs))


def test_interpolation_can_be_fixed():
    assert not drawn(0, interpolation="bilinear")["cubic"].any()
    assert drawn(0, interpolation="bicubic")["cubic"].all()


def test_same_seed_same_picture_and_others_differ():
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8))
    augment = RandAugment(probability=1.0)
    pictures = [augment(image, seed=(5, i)).numpy() for i in range(8)]
    np.testing.assert_array_equal(augment(image, seed=(5, 3)), pictures[3])
    assert len({picture.tobytes() for picture in pictures}) >= 7


def test_tf_data_gives_what_eager_gives():
    images = np.random.default_rng(0).integers(0, 256, (48, 20, 28, 3), np.uint8)
    augment = RandAugment(probability=1.0)
    rows = augment.draw(len(images), seed=(3, 4))
    dataset = tf.data.Dataset.from_tensor_slices((images, rows)).map(augment.apply)
    assert dataset.element_spec == tf.TensorSpec([20, 28, 3], tf.uint8)
    pictures = list(dataset.as_numpy_iterator())
    for i, picture in enumerate(pictures):
        row = {name: values[i] for name, values in rows.items()}
        np.testing.assert_array_equal(picture, augment.apply(tf.constant(images[i]), row))
    assert set(np.unique(rows["operation"])) == set(range(NONE))


def test_call_with_a_seed_works_inside_tf_data():
    image = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)
    augment = RandAugment()
    dataset = tf.data.Dataset.range(4).map(lambda i: augment(image, tf.stack([7, i])))
    for i, picture in enumerate(dataset.as_numpy_iterator()):
        np.testing.assert_array_equal(picture, augment(tf.constant(image), (7, i)))


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
        ({"operations": 0}, "`operations` must be a whole number at least 1.*=0$"),
        ({"operations": 1.5}, "`operations` must be a whole number.*=1.5$"),
        ({"probability": 1.5}, "`probability` must be .*=1.5$"),
        ({"interpolation": "nearest"}, "`interpolation` must be one of 'random'.*='nearest'$"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandAugment(**arguments)


def test_a_known_size_stays_known_whatever_was_traced_before():
    augment = RandAugment()
    image = tf.zeros([32, 48, 3], tf.uint8)
    for shape in ([None, None, 3], [32, 48, 3]):
        unseen = tf.data.Dataset.from_tensors(image).map(
            lambda x, shape=shape: tf.ensure_shape(tf.reshape(x, tf.shape(x)), shape)
        )
        spec = unseen.map(lambda x: augment(x, (1, 2))).element_spec
        assert spec.shape.as_list() == unseen.element_spec.shape.as_list()
