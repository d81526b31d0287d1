"""MixUp and CutMix with torchvision's partner, the previous image, against NumPy."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import MixUpOrCutMix

IMAGES = np.random.default_rng(0).integers(
    0, 256, (7, 12, 10, 3), np.uint8
)  # an odd batch size is allowed
LABELS = np.eye(7, dtype=np.float32)
PARTNERS = np.roll(IMAGES, 1, axis=0)


def mixed(*alphas, seed):
    mix = MixUpOrCutMix(*alphas, partner="rolled")
    images, labels = mix(IMAGES, LABELS, np.random.default_rng(seed))
    share = labels[0, 0]
    # Single precision
    expected = share * LABELS + (1 - share) * np.roll(LABELS, 1, axis=0)
    np.testing.assert_allclose(labels, expected, atol=1e-7)
    return images, share


@pytest.mark.parametrize("seed", range(5))
def test_mixup_blends_with_the_previous_image(seed):
    images, share = mixed(1.0, 0, seed=seed)
    blended = share * IMAGES + (1 - share) * PARTNERS.astype(np.float64)
    # Rounded to bytes; the weight is known from the labels in single precision.
    assert abs(images - blended).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_pastes_from_the_previous_image(seed):
    images, share = mixed(0, 1.0, seed=seed)
    own, other = ((images == source).all(-1) for source in (IMAGES, PARTNERS))
    assert (own | other).all()
    # A pixel may equal the partner's by chance, so the box is found from all images together.
    box = (~own).any(0)
    assert box.sum() == pytest.approx((1 - share) * 120, abs=1e-3)


def test_reversed_is_the_default_and_unknown_pairings_are_errors():
    assert MixUpOrCutMix(0.2, 0) == MixUpOrCutMix(0.2, 0, partner="reversed")
    with pytest.raises(
        ValueError, match=r"`partner` must be one of 'reversed', 'rolled'.*='next'$"
    ):
        MixUpOrCutMix(0.2, 0, partner="next")
    with pytest.raises(ValueError, match=r"even number.*7 images$"):
        MixUpOrCutMix(0.2, 1.0)(IMAGES, LABELS, np.random.default_rng(0))
