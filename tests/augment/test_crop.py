"""Crops: their boxes and bytes against torchvision's and timm's, their draws against the rule."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import CenterCrop, RandomResizedCrop
from keras_resnet_recipes.augment.resize import resize

TRIES = 10


def row(area, aspect, place=(0.0, 0.0)):
    return {
        "area": tf.constant(np.resize(area, TRIES), tf.float64),
        "aspect": tf.constant(np.resize(aspect, TRIES), tf.float64),
        "place": tf.constant(place, tf.float64),
        "cubic": tf.constant(True),
    }


def test_box_rule(golden):
    crop = RandomResizedCrop(size=8)
    rows = golden("rrc")["rule_iw_ih_area_logratio_w_h_ok"]
    accepted = 0
    for image_width, image_height, area, logarithm, width, height, fits in rows:
        box = crop.box(int(image_height), int(image_width), row(area, math.exp(logarithm)))
        if fits:
            assert box.numpy().tolist() == [0, 0, height, width]
            accepted += 1
        else:
            assert box.numpy().tolist()[2:] != [height, width]
    assert 0 < accepted < len(rows)


def test_fallback(golden):
    crop = RandomResizedCrop(size=8)
    for width, height, top, left, box_height, box_width in golden("rrc")[
        "fallback_iw_ih_top_left_h_w"
    ]:
        box = crop.box(int(height), int(width), row(1e9, 1.0))
        assert box.numpy().tolist() == [top, left, box_height, box_width]


def test_first_try_that_fits_is_taken():
    crop = RandomResizedCrop(size=8)
    box = crop.box(100, 100, row([4.0, 0.25, 0.09] + [1.0] * 7, 1.0))
    assert box.numpy().tolist() == [0, 0, 50, 50]


def test_place_reaches_both_ends():
    crop = RandomResizedCrop(size=8)
    box = crop.box(100, 200, row(0.02, 1.0, place=(1 - 1e-12, 1 - 1e-12)))
    assert box.numpy().tolist() == [80, 180, 20, 20]


def test_crop_then_resize(golden):
    source = tf.constant(golden("rrc")["source"])
    crop = RandomResizedCrop(size=32)
    rows = {name: values[0] for name, values in crop.draw(1, seed=(0, 9)).items()}
    top, left, height, width = crop.box(*source.shape[:2], rows).numpy()
    part = source[top : top + height, left : left + width]
    np.testing.assert_array_equal(crop.apply(source, rows), resize(part, 32, 32, rows["cubic"]))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_tiny_images(size):
    image = tf.fill([*size, 3], tf.constant(77, tf.uint8))
    for seed in range(5):
        picture = RandomResizedCrop(size=6)(image, (0, seed))
        np.testing.assert_array_equal(picture, np.full((6, 6, 3), 77))


def test_same_seed_same_picture_and_others_differ(golden):
    source = tf.constant(golden("rrc")["source"])
    crop = RandomResizedCrop(size=16)
    pictures = [crop(source, (1, i)).numpy() for i in range(8)]
    np.testing.assert_array_equal(crop(source, (1, 5)), pictures[5])
    assert len({picture.tobytes() for picture in pictures}) == 8


def test_tf_data_gives_what_eager_gives(golden):
    source = golden("rrc")["source"]
    images = [source, source[:50, :41], source[:41, :200]]
    crop = RandomResizedCrop(size=24)
    signature = tf.TensorSpec([None, None, 3], tf.uint8)
    dataset = tf.data.Dataset.from_generator(lambda: images, output_signature=signature)
    dataset = dataset.enumerate().map(lambda i, image: crop(image, tf.stack([0, i])))
    assert dataset.element_spec == tf.TensorSpec([24, 24, 3], tf.uint8)
    for i, picture in enumerate(dataset.as_numpy_iterator()):
        np.testing.assert_array_equal(picture, crop(tf.constant(images[i]), (0, i)))


@pytest.mark.parametrize("ratio", [0.95, 0.875])
@pytest.mark.parametrize("kind", ["bicubic", "bilinear"])
@pytest.mark.parametrize(
    "name", ["china_640x427", "flower_tall_301x427", "china_small_50x41", "flower_97x64"]
)
def test_evaluation_bytes_of_timm(golden, name, ratio, kind):
    g = golden("eval")
    source = golden("rrc")["source"] if name == "china_640x427" else g[f"src/{name}"]
    crop = CenterCrop(size=64, crop_ratio=ratio, interpolation=kind)
    np.testing.assert_array_equal(crop(tf.constant(source)), g[f"{name}/cp{ratio}/{kind}/crop"])


def test_evaluation_edges_of_timm(golden):
    table = golden("eval")["resize_edge_size_croppct_edge"]
    assert len(table)
    for size, ratio, edge in table:
        assert CenterCrop(size=int(size), crop_ratio=ratio).shorter_edge == edge


def test_center_crop_inside_tf_data(golden):
    source = golden("rrc")["source"][:90, :70]
    signature = tf.TensorSpec([None, None, 3], tf.uint8)
    dataset = tf.data.Dataset.from_generator(lambda: [source], output_signature=signature)
    crop = CenterCrop(size=24)
    (picture,) = dataset.map(crop).as_numpy_iterator()
    np.testing.assert_array_equal(picture, crop(tf.constant(source)))


def test_are_values():
    assert RandomResizedCrop(size=8, scale=[0.5, 1.0]) == RandomResizedCrop(
        size=8, scale=(0.5, 1.0)
    )
    assert len({CenterCrop(size=8), CenterCrop(size=8), CenterCrop(size=9)}) == 2
    assert isinstance(hash(RandomResizedCrop(size=8, scale=[0.5, 1.0])), int)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be a whole number at least 1 or None.*=0$"),
        ({"size": 2.5}, "`size` must be a whole number.*=2.5$"),
        (
            {"size": 8, "scale": (0.0, 1.0)},
            r"`scale` must be 2 numbers above 0 and at most 1.*=\(0.0, 1.0\)$",
        ),
        ({"size": 8, "scale": (0.5, 1.1)}, "`scale` must be 2 numbers above 0 and at most 1"),
        ({"size": 8, "scale": (0.9, 0.5)}, "`scale` must be .* the first not above the second"),
        ({"size": 8, "aspect": (0.0, 1.0)}, "`aspect` must be 2 numbers above 0"),
        ({"size": 8, "aspect": (2.0, 1.0)}, "`aspect` must be .* the first not above the second"),
        ({"size": 8, "interpolation": "area"}, "`interpolation` must be one of 'random'.*='area'$"),
    ],
)
def test_illegal_arguments_of_the_random_crop(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomResizedCrop(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size"),
        ({"size": 8, "crop_ratio": 0.0}, "crop_ratio must be within"),
        ({"size": 8, "crop_ratio": 1.2}, "crop_ratio"),
        ({"size": 8, "interpolation": "random"}, r"one of \('bilinear', 'bicubic'\)"),
    ],
)
def test_illegal_arguments_of_the_center_crop(arguments, message):
    with pytest.raises(ValueError, match=message):
        CenterCrop(**arguments)
