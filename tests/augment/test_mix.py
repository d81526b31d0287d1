"""MixUp and CutMix against timm's mixed batches, and the distributions of their draws."""

import math

import numpy as np
import pytest

from keras_resnet_recipes.augment import (
    CutMix,
    MixUp,
    MixUpOrCutMix,
    cutmix,
    mix_formulas,
    mixup,
    one_hot,
)
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.mixture import Mixture
from keras_resnet_recipes.augment.mixture import mixed as mixed_by
from tests.augment.chance import ks_distance, ks_limit, share_limit

CLASSES = 10
# timm's float images and labels are in single precision: one unit in the last place of numbers up to
# 4 is 4.8e-7, and of labels up to 1 it is 1.2e-7.
IMAGE_TOLERANCE = 5e-7
LABEL_TOLERANCE = 1.2e-7


def channels_last(images):
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def cases(golden):
    """Returns the golden cases with the box rule of the time of RSB."""
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


def test_bytes_of_timm(golden):
    g = golden("mixup")
    for name, case in cases(golden).items():
        labels = one_hot(g["y"], CLASSES, case["smoothing"])
        images, _ = mixed(channels_last(g["u8"]), labels, case)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, channels_last(g[f"{name}/u8"]), err_msg=name)


def test_floats_and_labels_of_timm(golden):
    g = golden("mixup")
    for name, case in cases(golden).items():
        labels = one_hot(g["y"], CLASSES, case["smoothing"])
        images, labels = mixed(channels_last(g["x"]), labels, case)
        expected = channels_last(g[f"{name}/x"])
        np.testing.assert_allclose(images, expected, rtol=0, atol=IMAGE_TOLERANCE, err_msg=name)
        np.testing.assert_allclose(
            labels, g[f"{name}/y"], rtol=0, atol=LABEL_TOLERANCE, err_msg=name
        )


def test_box_table(golden):
    rows = golden("mixup")["bbox_H_W_lam_cy_cx__new_yl_yh_xl_xh_lam__old_yl_yh_xl_xh_lam"]
    assert len(rows) == 54
    for row in rows:
        height, width, lam, center_y, center_x = row[:5]
        top, bottom, left, right, share = row[10:]
        size, center = np.array([height, width], np.int32), np.int32([center_y, center_x])
        box, ours = mix_formulas.cut_box(NUMPY, size, np.float64(lam), center)
        assert box.tolist() == [top, left, bottom, right]
        assert ours == pytest.approx(share, abs=1e-15)  # double precision
        images = np.zeros((2, int(height), int(width), 3), np.uint8)
        images[1] = 9
        images, labels = cutmix(images, np.eye(2), lam, (int(center_y), int(center_x)))
        pasted = np.zeros_like(images[0])
        pasted[int(top) : int(bottom), int(left) : int(right)] = 9
        np.testing.assert_array_equal(images, [pasted, 9 - pasted])
        assert labels[0].tolist() == pytest.approx([share, 1 - share], abs=1e-15)


@pytest.mark.parametrize("partner", ["reversed", "rolled"])
def test_every_pair_of_bytes_is_rounded_as_by_numpy(partner):
    # Ties such as 0.3 * 5 + 0.7 * 0 depend on every rounding. With two images each is the partner of
    # the other for both pairings.
    values = np.arange(256, dtype=np.uint8)
    images = np.stack([np.repeat(values, 256), np.tile(values, 256)]).reshape(2, 256, 256, 1)
    for lam in [*np.linspace(0, 1, 21), *np.random.default_rng(0).beta(0.2, 0.2, 30)]:
        own, other = np.float32(lam), np.float32(1 - lam)
        floats = images.astype(np.float32)
        expected = np.rint(floats * own + floats[::-1] * other).astype(np.uint8)
        ours, _ = mixed_by(images, np.eye(2), Mixture(weight=float(lam)), partner)
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("partner", ["reversed", "rolled"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_new_batch_is_returned_and_the_old_one_unchanged(partner, kind):
    images = np.random.default_rng(0).integers(0, 256, (6, 12, 9, 3)).astype(kind)
    labels = np.eye(6, dtype=np.float32)
    kept = images.copy()
    mix = MixUpOrCutMix(mixup_alpha=0.5, cutmix_alpha=1.0, partner=partner)
    for seed in range(6):
        ours, soft = mix(images, labels, np.random.default_rng(seed))
        assert (ours.dtype, soft.dtype) == (kind, np.float32)
        assert not np.array_equal(ours, kept)
        np.testing.assert_array_equal(images, kept)
        np.testing.assert_array_equal(labels, np.eye(6))


@pytest.mark.parametrize(
    "stored",
    [
        lambda images: images.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1),
        lambda images: np.asfortranarray(images),
        lambda images: np.repeat(images, 2, axis=2)[:, :, ::2],
        lambda images: images[::-1].copy()[::-1],
        lambda images: np.frombuffer(images.tobytes(), np.uint8).reshape(images.shape),
    ],
    ids=["channels first", "Fortran", "every second", "backwards", "read-only"],
)
def test_the_memory_layout_of_a_batch_does_not_matter(stored):
    images = np.random.default_rng(0).integers(0, 256, (6, 12, 9, 3), np.uint8)
    for mix in (MixUp(alpha=1.0), CutMix(alpha=1.0), MixUpOrCutMix(1.0, 0, partner="rolled")):
        expected, _ = mix(images, np.eye(6), np.random.default_rng(0))
        ours, _ = mix(stored(images), np.eye(6), np.random.default_rng(0))
        np.testing.assert_array_equal(ours, expected)


def weights(alpha, seed, n):
    mix, rng = MixUpOrCutMix(alpha, None), np.random.default_rng(seed)
    return np.array([mix.draw(rng, 1, 1).weight for _ in range(n)])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("alpha", "cdf"),
    [
        (1.0, lambda x: x),
        (0.5, lambda x: 2 / math.pi * np.arcsin(np.sqrt(x))),
        (2.0, lambda x: x * x * (3 - 2 * x)),
    ],
)
def test_beta_for_distributions_in_closed_form(seed, alpha, cdf):
    sample = weights(alpha, (seed, 0), 10_000)
    assert ks_distance(sample, cdf) < ks_limit(len(sample))


def test_tiny_alpha_chooses_one_of_the_two_images_equally_often():
    sample = weights(1e-4, (0, 2), 2_000)
    assert np.isfinite(sample).all()
    assert abs(np.mean(sample > 0.5) - 0.5) < share_limit(0.5, 2_000)


def kinds(mix, seed, batches):
    """Returns for each batch of two 8 x 8 images the numbers of swapped and of blended pixels."""
    images = np.uint8([0, 200])[:, None, None, None] * np.ones((8, 8, 1), np.uint8)
    rng = np.random.default_rng(seed)
    first = np.stack([mix(images, np.eye(2), rng)[0][0] for _ in range(batches)])
    return (first == 200).sum((1, 2, 3)), ((first > 0) & (first < 200)).sum((1, 2, 3))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_of_the_two_by_switch_probability(seed):
    # A large alpha blends visibly, and with it CutMix takes a quarter to all of the image.
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


def test_only_the_enabled_kind_is_applied():
    swapped, blended = kinds(MixUp(alpha=50.0), 0, 50)
    assert not swapped.any()
    assert (blended == 64).all()
    swapped, blended = kinds(CutMix(alpha=50.0), 0, 50)
    assert (swapped > 0).all()
    assert not blended.any()


def test_results_depend_on_the_generator_alone():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    mix = MixUpOrCutMix(mixup_alpha=0.5, cutmix_alpha=1.0)
    batches = [mix(images, np.eye(4), np.random.default_rng(i))[0] for i in range(6)]
    again, _ = mix(images, np.eye(4), np.random.default_rng(2))
    np.testing.assert_array_equal(again, batches[2])
    assert len({batch.tobytes() for batch in batches}) > 3


@pytest.mark.parametrize("alpha", [0, None])
def test_disabled_mixing_changes_nothing(alpha):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
    for mix in (MixUp(alpha=alpha), CutMix(alpha=alpha)):
        ours, labels = mix(images, np.eye(2), np.random.default_rng(0))
        np.testing.assert_array_equal(ours, images)
        np.testing.assert_array_equal(labels, np.eye(2))


def test_one_hot_with_smoothing():
    labels = one_hot(np.array([2, 0]), 4, 0.1)
    expected = np.full((2, 4), 0.025)
    expected[0, 2] = expected[1, 0] = 0.925
    np.testing.assert_allclose(labels, expected, rtol=1e-7)  # single precision


def test_an_odd_batch_is_an_error():
    images, labels = np.zeros((3, 4, 4, 3), np.uint8), np.eye(3)
    with pytest.raises(ValueError, match=r"even number.*3 images$"):
        MixUp(alpha=0.2)(images, labels, np.random.default_rng(0))
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
        (
            lambda: one_hot(np.array([0]), 3, 1.5),
            "`label_smoothing` must be within 0..1. Received: label_smoothing=1.5$",
        ),
    ],
)
def test_illegal_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
