"""MixUp and CutMix against timm's mixed batches, on every backend, in single precision."""

import keras
import numpy as np
import pytest
from keras.src.utils.backend_utils import DynamicBackend

from keras_resnet_recipes.augment import mix_formulas
from keras_resnet_recipes.layers.mixing import mix_images

pytestmark = pytest.mark.every_backend

# One unit in the last place, in single precision, of numbers up to 4 and up to 1.
IMAGE_TOLERANCE = 5e-7
LABEL_TOLERANCE = 1.2e-7


def channels_last(images):
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def mixed(images, labels, case):
    ops = DynamicBackend()
    images, lam = keras.ops.convert_to_tensor(images), keras.ops.cast(case["lam"], "float32")
    weight, box, share = lam, keras.ops.zeros([4], "int32"), lam
    if case["cutmix"]:
        size = keras.ops.convert_to_tensor(images.shape[1:3], "int32")
        center = keras.ops.convert_to_tensor(case["centre_y_x"], "int32")
        box, share = mix_formulas.cut_box(ops, size, lam, center)
        weight = keras.ops.ones([])
    labels = keras.ops.convert_to_tensor(labels)
    partners = [mix_formulas.partners_of(ops, part, "reversed") for part in (images, labels)]
    images = mix_images(ops, images, partners[0], weight, box)
    labels = mix_formulas.mix_labels(ops, labels, partners[1], share)
    return keras.ops.convert_to_numpy(images), keras.ops.convert_to_numpy(labels)


def test_batches_of_timm(golden):
    g = golden("mixup")
    cases = {n: c for n, c in g.meta["cases"].items() if c["old_box"] or not c["cutmix"]}
    assert len(cases) == 10
    for name, case in cases.items():
        off = case["smoothing"] / 10
        labels = np.where(np.eye(10)[g["y"]], 1 - case["smoothing"] + off, off).astype("float32")
        images, soft = mixed(channels_last(g["u8"]), labels, case)
        # timm weights the partner by 1 - lam in double precision; a difference in the last place decides
        # ties. In double precision all bytes are equal: tests/augment/test_mix.py.
        difference = images.astype(int) - channels_last(g[f"{name}/u8"])
        assert abs(difference).max() <= 1, name
        assert (difference != 0).mean() < 0.02, name
        np.testing.assert_allclose(soft, g[f"{name}/y"], rtol=0, atol=LABEL_TOLERANCE, err_msg=name)
        images, _ = mixed(channels_last(g["x"]), labels, case)
        expected = channels_last(g[f"{name}/x"])
        np.testing.assert_allclose(images, expected, rtol=0, atol=IMAGE_TOLERANCE, err_msg=name)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.8, 1.0, 2.0])
def test_beta_in_single_precision_has_the_moments_of_beta(alpha):
    n, variance = 100_000, 1 / (4 * (2 * alpha + 1))
    kurtosis = 3 - 6 / (2 * alpha + 3)
    uniform = keras.random.uniform((2, n), seed=0)
    sample = keras.ops.convert_to_numpy(
        mix_formulas.symmetric_beta(DynamicBackend(), alpha, uniform)
    )
    assert (sample >= 0).all()
    assert (sample <= 1).all()
    # 3.29 standard deviations each, p = 0.001.
    assert abs(sample.mean() - 0.5) < 3.29 * np.sqrt(variance / n)
    spread = np.mean((sample.astype("float64") - 0.5) ** 2)
    assert abs(spread - variance) < 3.29 * variance * np.sqrt((kurtosis - 1) / n)


def test_beta_of_extreme_uniform_variates():
    uniform = keras.ops.convert_to_tensor([[0.0, 0.0, 1e-30], [0.0, 0.5, 0.25]], "float32")
    sample = keras.ops.convert_to_numpy(
        mix_formulas.symmetric_beta(DynamicBackend(), 0.01, uniform)
    )
    assert np.isfinite(sample).all()
    assert sample[:2].tolist() == [1.0, 0.0]
