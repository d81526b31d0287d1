"""MixUp and CutMix against timm's mixed batches, and the distributions of their draws."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import CutMix, MixUp, MixUpOrCutMix
from keras_resnet_recipes.augment.mix import _blend_images, _cut, cutmix, mixup, one_hot
from tests.augment.chance import ks_distance, ks_limit, share_limit

CLASSES = 10
# timm's float images and labels are single precision: one unit in the last place of numbers up to
# 4 is 4.8e-7, of labels up to 1 it is 1.2e-7.
IMAGE_TOLERANCE = 5e-7
LABEL_TOLERANCE = 1.2e-7


def channels_last(images):
    return tf.constant(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))


def cases(golden):
    """The golden cases with the box rule of the RSB era."""
    found = {
        name: case
        for name, case in golden("mixup").meta["cases"].items()
        if case["old_box"] or not case["cutmix"]
    }
    assert len(found) == 10
    return found


def mixed(images, labels, case):
    if case["cutmix"]:
        return cutmix(images, labels, case["lam"], case["centre_y_x"])
    return mixup(images, labels, case["lam"])


@pytest.mark.every_backend
def test_bytes_of_timm(golden):
    g = golden("mixup")
    for name, case in cases(golden).items():
        labels = one_hot(tf.constant(g["y"]), CLASSES, case["smoothing"])
        images, _ = mixed(channels_last(g["u8"]), labels, case)
        assert images.dtype == tf.uint8
        np.testing.assert_array_equal(images, channels_last(g[f"{name}/u8"]), err_msg=name)


@pytest.mark.every_backend
def test_floats_and_labels_of_timm(golden):
    g = golden("mixup")
    for name, case in cases(golden).items():
        labels = one_hot(tf.constant(g["y"]), CLASSES, case["smoothing"])
        images, labels = mixed(channels_last(g["x"]), labels, case)
        expected = channels_last(g[f"{name}/x"])
        np.testing.assert_allclose(images, expected, rtol=0, atol=IMAGE_TOLERANCE, err_msg=name)
        np.testing.assert_allclose(
            labels, g[f"{name}/y"], rtol=0, atol=LABEL_TOLERANCE, err_msg=name
        )


@pytest.mark.every_backend
def test_box_table(golden):
    rows = golden("mixup")["bbox_H_W_lam_cy_cx__new_yl_yh_xl_xh_lam__old_yl_yh_xl_xh_lam"]
    assert len(rows) == 54
    for row in rows:
        height, width, lam, center_y, center_x = row[:5]
        top, bottom, left, right, share = row[10:]
        images = tf.zeros([2, int(height), int(width), 3], tf.uint8)
        center = tf.constant([int(center_y), int(center_x)])
        box, ours = _cut(images, tf.constant(lam, tf.float64), center)
        assert box.numpy().tolist() == [top, left, bottom, right]
        assert ours.numpy() == pytest.approx(share, abs=1e-15)  # double precision


def test_fused_and_plain_give_the_rounding_of_numpy():
    # Every pair of bytes. Ties such as 0.3 * 5 + 0.7 * 0 depend on every single rounding.
    values = np.arange(256, dtype=np.uint8)
    images = np.stack([np.repeat(values, 256), np.tile(values, 256)]).reshape(2, 256, 256, 1)
    for lam in [*np.linspace(0, 1, 21), *np.random.default_rng(0).beta(0.2, 0.2, 30)]:
        own, other = np.float32(lam), np.float32(1 - lam)
        floats = images.astype(np.float32)
        expected = np.rint(floats * own + floats[::-1] * other).astype(np.uint8)
        fused, _ = mixup(tf.constant(images), tf.eye(2), lam)
        np.testing.assert_array_equal(fused, expected)
        plain = _blend_images(tf.constant(images), tf.constant(lam, tf.float64), "reversed")
        np.testing.assert_array_equal(plain, expected)


def test_batches_of_unknown_size_mix_alike():
    images = np.random.default_rng(0).integers(0, 256, (6, 12, 9, 3), np.uint8)
    labels = np.eye(6, dtype=np.float32)
    mix = MixUpOrCutMix(mixup_alpha=0.5, cutmix_alpha=1.0)
    plain = tf.function(mix, autograph=False).get_concrete_function(
        tf.TensorSpec([None, None, None, 3], tf.uint8),
        tf.TensorSpec([None, 6], tf.float32),
        tf.TensorSpec([2], tf.int32),
    )
    for i in range(6):
        known = mix(tf.constant(images), tf.constant(labels), (0, i))
        unknown = plain(tf.constant(images), tf.constant(labels), tf.constant([0, i]))
        np.testing.assert_array_equal(known[0], unknown[0])
        np.testing.assert_array_equal(known[1], unknown[1])


@pytest.mark.every_backend
def test_tf_data_gives_what_eager_gives():
    images = np.random.default_rng(0).integers(0, 256, (24, 12, 9, 3), np.uint8)
    labels = np.arange(24) % CLASSES
    mix = MixUpOrCutMix(mixup_alpha=0.5, cutmix_alpha=1.0)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4, drop_remainder=True)
    dataset = dataset.enumerate().map(
        lambda i, batch: mix(batch[0], one_hot(batch[1], CLASSES), tf.stack([0, i]))
    )
    for i, (ours, soft) in enumerate(dataset.as_numpy_iterator()):
        part = slice(4 * i, 4 * i + 4)
        eager = mix(tf.constant(images[part]), one_hot(labels[part], CLASSES), (0, i))
        np.testing.assert_array_equal(ours, eager[0])
        np.testing.assert_array_equal(soft, eager[1])
        assert not np.array_equal(ours, images[part])


def weights(alpha, seed, n):
    mix, images = MixUpOrCutMix(alpha, None), tf.zeros([2, 1, 1, 1], tf.uint8)
    one_by_one = tf.function(
        lambda seeds: tf.map_fn(
            lambda one: mix.draw(images, one)[0], seeds, fn_output_signature=tf.float64
        ),
        autograph=False,
    )
    return one_by_one(tf.random.split(seed, n)).numpy()


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("alpha", "cdf"),
    [
        (1.0, lambda x: x),
        (0.5, lambda x: 2 / math.pi * np.arcsin(np.sqrt(x))),
        (2.0, lambda x: x * x * (3 - 2 * x)),
    ],
)
def test_beta_where_its_distribution_is_known_in_closed_form(seed, alpha, cdf):
    sample = weights(alpha, (seed, 0), 10_000)
    assert ks_distance(sample, cdf) < ks_limit(len(sample))


def test_tiny_alpha_is_a_fair_choice_of_one_of_the_two():
    sample = weights(1e-4, (0, 2), 2_000)
    assert np.isfinite(sample).all()
    assert abs(np.mean(sample > 0.5) - 0.5) < share_limit(0.5, 2_000)


def kinds(mix, seed, batches):
    """For each batch of an 8 x 8 pair of images: how many of its pixels are swapped, blended."""
    images = tf.constant([0, 200], tf.uint8)[:, None, None, None] * tf.ones([8, 8, 1], tf.uint8)
    traced = tf.function(lambda one: mix(images, tf.eye(2), one), autograph=False)
    first = np.stack([traced(one)[0][0] for one in tf.random.split((seed, 3), batches)])
    return (first == 200).sum((1, 2, 3)), ((first > 0) & (first < 200)).sum((1, 2, 3))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_of_the_two_by_switch_probability(seed):
    # A large alpha blends visibly; CutMix with one takes a quarter to all of the picture.
    mix = MixUpOrCutMix(mixup_alpha=50.0, cutmix_alpha=50.0, switch_probability=0.3)
    swapped, blended = kinds(mix, seed, 2_000)
    assert ((swapped > 0) ^ (blended > 0)).all()
    assert set(blended) == {0, 64}
    assert abs(np.mean(swapped > 0) - 0.3) < share_limit(0.3, 2_000)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probability_of_mixing_a_batch(seed):
    mix = MixUpOrCutMix(mixup_alpha=50.0, cutmix_alpha=0, probability=0.6)
    _, blended = kinds(mix, seed, 2_000)
    assert abs(np.mean(blended > 0) - 0.6) < share_limit(0.6, 2_000)


def test_only_the_kind_that_is_on():
    swapped, blended = kinds(MixUp(alpha=50.0), 0, 50)
    assert not swapped.any()
    assert (blended == 64).all()
    swapped, blended = kinds(CutMix(alpha=50.0), 0, 50)
    assert (swapped > 0).all()
    assert not blended.any()


def test_same_seed_same_batch():
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8))
    mix = MixUpOrCutMix(mixup_alpha=0.5, cutmix_alpha=1.0)
    batches = [mix(images, tf.eye(4), (0, i))[0].numpy() for i in range(6)]
    np.testing.assert_array_equal(mix(images, tf.eye(4), (0, 2))[0], batches[2])
    assert len({batch.tobytes() for batch in batches}) > 3


@pytest.mark.parametrize("alpha", [0, None])
def test_off_changes_nothing(alpha):
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8))
    for mix in (MixUp(alpha=alpha), CutMix(alpha=alpha)):
        ours, labels = mix(images, tf.eye(2), (0, 0))
        np.testing.assert_array_equal(ours, images)
        np.testing.assert_array_equal(labels, np.eye(2))


def test_one_hot_with_smoothing():
    labels = one_hot(tf.constant([2, 0]), 4, 0.1).numpy()
    expected = np.full((2, 4), 0.025)
    expected[0, 2] = expected[1, 0] = 0.925
    np.testing.assert_allclose(labels, expected, rtol=1e-7)  # single precision


def test_odd_batch_is_refused():
    images, labels = tf.zeros([3, 4, 4, 3], tf.uint8), tf.eye(3)
    with pytest.raises(ValueError, match="images must be an even number to mix, got 3"):
        MixUp(alpha=0.2)(images, labels, (0, 0))
    with pytest.raises(ValueError, match="even"):
        mixup(images, labels, 0.5)
    with pytest.raises(ValueError, match="even"):
        cutmix(images, labels, 0.5, (1, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixUp(alpha=-1), "`alpha` must be a number at least 0 or None.*=-1$"),
        (lambda: CutMix(alpha=-1), "`alpha` must be a number at least 0 or None.*=-1$"),
        (
            lambda: MixUpOrCutMix(mixup_alpha=-1, cutmix_alpha=0),
            "`mixup_alpha` must be a number.*=-1$",
        ),
        (
            lambda: MixUpOrCutMix(mixup_alpha=0, cutmix_alpha=-1),
            "`cutmix_alpha` must be a number.*=-1$",
        ),
        (
            lambda: MixUpOrCutMix(mixup_alpha=1, cutmix_alpha=1, probability=2),
            "`probability` must be .*=2$",
        ),
        (
            lambda: MixUpOrCutMix(mixup_alpha=1, cutmix_alpha=1, switch_probability=-1),
            "`switch_probability` must be .*=-1$",
        ),
        (lambda: one_hot(tf.constant([0]), 3, 1.5), "label_smoothing"),
    ],
)
def test_illegal_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
