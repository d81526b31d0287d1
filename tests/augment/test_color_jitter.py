"""ColorJitter against torchvision on Pillow, and what it draws."""

import itertools
import zlib

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import ColorJitter
from keras_resnet_recipes.augment.hue import hue
from tests.augment.chance import chi_square, chi_square_limit, ks_distance, ks_limit

N = 20_000
IMAGE = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)


@pytest.fixture(scope="module")
def g(golden):
    return golden("augmentations")


@pytest.mark.parametrize(
    "strengths", [(0.4, 0.4, 0.4, 0.0), (0.4, 0.4, 0.4, 0.1), (1.5, 0.0, 2.0, 0.5)]
)
def test_bytes_of_torchvision(g, strengths):
    name = "jitter/" + "/".join(map(str, strengths))
    jitter = ColorJitter(*strengths)
    used = [place for place, strength in enumerate(strengths) if strength]
    outputs = g[f"{name}/output"]
    assert len(outputs) >= 8
    for order, argument, output in zip(
        g[f"{name}/order"], g[f"{name}/argument"], outputs, strict=True
    ):
        order = tf.constant([place for place in order if place in used], tf.int32)
        picture = jitter.apply(g["picture/wide"], {"order": order, "argument": argument})
        np.testing.assert_array_equal(picture, output)


def test_hue_of_a_cube_of_colors_is_pillows(g):
    levels = np.linspace(0, 255, 48).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(48**2, 48, 3)
    ours = [zlib.crc32(hue(cube, shift).numpy().tobytes()) for shift in g["hue/shift"]]
    assert ours == g["hue/crc"].tolist()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_draws(seed):
    drawn = ColorJitter(0.4, 1.5, 0.2, 0.1).draw(N, (seed, 0))
    argument = drawn["argument"].numpy()
    ranges = [(0.6, 1.4), (0.0, 2.5), (0.8, 1.2), (-0.1, 0.1)]
    for values, (low, high) in zip(argument.T, ranges, strict=True):
        uniform = ks_distance(values, lambda x, low=low, high=high: (x - low) / (high - low))
        assert uniform < ks_limit(N)
    correlations = np.corrcoef(argument.T)[np.triu_indices(4, 1)]
    assert N * np.sum(correlations**2) < chi_square_limit(6)
    orders = list(itertools.permutations(range(4)))
    counts = np.zeros(len(orders))
    for order in drawn["order"].numpy().tolist():
        counts[orders.index(tuple(order))] += 1
    assert chi_square(counts, np.full(24, N / 24)) < chi_square_limit(23)


def test_what_is_off_is_not_done():
    assert ColorJitter(0.4, 0.0, 0.4).draw(64, (0, 0))["order"].shape == (64, 2)
    assert set(np.unique(ColorJitter(hue=0.1).draw(64, (0, 0))["order"])) == {3}
    np.testing.assert_array_equal(ColorJitter()(IMAGE, (0, 0)), IMAGE)


def test_tf_data_gives_what_eager_gives():
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.1)
    dataset = tf.data.Dataset.range(12).map(lambda i: jitter(IMAGE, tf.stack([0, i])))
    assert dataset.element_spec.shape == IMAGE.shape
    pictures = list(dataset.as_numpy_iterator())
    for i, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture, jitter(IMAGE, (0, i)))
    assert len({picture.tobytes() for picture in pictures}) == 12


def test_images_of_unknown_size():
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.1)
    signature = tf.TensorSpec([None, None, 3], tf.uint8)
    dataset = tf.data.Dataset.from_generator(lambda: [IMAGE] * 4, output_signature=signature)
    seeds = tf.data.Dataset.range(4).map(lambda i: tf.stack([0, i]))
    mapped = tf.data.Dataset.zip(dataset, seeds).map(jitter)
    for i, picture in enumerate(mapped.as_numpy_iterator()):
        np.testing.assert_array_equal(picture, jitter(IMAGE, (0, i)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"brightness": -0.1},
            "`brightness` must be a number at least 0. Received: brightness=-0.1",
        ),
        (
            {"saturation": float("nan")},
            "`saturation` must be a number at least 0. Received: saturation=nan",
        ),
        ({"hue": 0.6}, "`hue` must be a number at least 0 and at most 0.5. Received: hue=0.6"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ColorJitter(**arguments)
