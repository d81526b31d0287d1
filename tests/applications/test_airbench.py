"""The network of airbench94 and its whitening, against torch in float64 (airbench.npz)."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications import AirbenchNet
from keras_resnet_recipes.applications.airbench import IdentityFirst, UnitDeviation
from keras_resnet_recipes.applications.weights import timm_variables
from keras_resnet_recipes.applications.whitening import whitening_kernel
from tests.applications.name_weights import draw, fill
from tests.training.airbench import normalized_training_images

pytestmark = pytest.mark.every_backend


def numpy_of(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_logits_in_training_and_evaluation_and_the_moving_statistics(golden):
    g = golden("airbench")
    model = AirbenchNet(classifier_activation=None, include_preprocessing=False)
    fill(model)
    images = draw("images", (8, 3, 32, 32)).astype("float32").transpose(0, 2, 3, 1)
    images = keras.ops.convert_to_tensor(np.ascontiguousarray(images))
    trained = numpy_of(model(images, training=True))
    # float32 through seven convolutions and six normalizations.
    scale = np.abs(g["train_logits"]).max()
    np.testing.assert_allclose(trained, g["train_logits"], rtol=0, atol=1e-5 * scale)
    statistics = {n: v for n, v in timm_variables(model).items() if "running" in n}
    assert len(statistics) == 12
    for name, variable in statistics.items():
        scale = np.abs(g[name]).max()
        np.testing.assert_allclose(numpy_of(variable), g[name], rtol=0, atol=1e-5 * scale)
    scale = np.abs(g["eval_logits"]).max()
    evaluated = numpy_of(model(images, training=False))
    np.testing.assert_allclose(evaluated, g["eval_logits"], rtol=0, atol=1e-5 * scale)


def test_the_24_whitening_filters(golden):
    theirs = golden("airbench")["whitening"].transpose(2, 3, 1, 0)
    images = normalized_training_images()
    ours = whitening_kernel(images, 2, 5e-4, negatives=True)
    assert ours.shape == (2, 2, 3, 24)
    np.testing.assert_array_equal(ours[..., 12:], -ours[..., :12])
    # The original's eigenvalues ascend, and signs are arbitrary.
    theirs = theirs[..., 11::-1]
    theirs = theirs * np.sign(np.sum(theirs * ours[..., :12], axis=(0, 1, 2)))
    # It divides the moments by the number of patches, not that minus one: at most half of that difference.
    patches = len(images) * 31 * 31
    np.testing.assert_allclose(ours[..., :12], theirs, rtol=0.5 / patches + 2e-7, atol=2e-6)


def test_initial_weights():
    keras.utils.set_random_seed(0)
    model = AirbenchNet()
    kernel = numpy_of(model.get_layer("layer1_conv").kernel)
    identity = np.zeros((3, 3, 24, 24))
    identity[1, 1] = np.eye(24)
    np.testing.assert_array_equal(kernel[..., :24], identity)
    limit = (9 * 24) ** -0.5
    assert 0.99 * limit < np.abs(kernel[..., 24:]).max() <= limit * (1 + 1e-6)
    square = numpy_of(model.get_layer("extra3_conv").kernel)
    np.testing.assert_array_equal(square[1, 1], np.eye(256))
    assert np.count_nonzero(square) == 256
    head = numpy_of(model.get_layer("linear").kernel)
    assert head.std(ddof=1) == pytest.approx(1, rel=1e-6)
    # Uniform: the largest of 2,560 numbers is close to the limit.
    assert np.abs(head).max() == pytest.approx(3**0.5, rel=0.05)
    bias = numpy_of(model.get_layer("prep_bias").bias)
    assert 0.8 * 12**-0.5 < np.abs(bias).max() <= 12**-0.5 * (1 + 1e-6)


def test_fewer_filters_than_channels_pass_on_the_first_channels():
    kernel = numpy_of(IdentityFirst(9 * 4)((3, 3, 4, 2)))
    np.testing.assert_array_equal(kernel[1, 1], np.eye(4, 2))
    assert np.count_nonzero(kernel) == 2


def test_new_initializers_draw_new_numbers():
    keras.utils.set_random_seed(0)
    for initializer, shape in ((lambda: IdentityFirst(18), (3, 3, 2, 4)), (UnitDeviation, (4, 4))):
        one, other = (numpy_of(initializer()(shape)) for _ in range(2))
        assert not np.array_equal(one, other)
        again = type(initializer()).from_config({**initializer().get_config(), "seed": 3})
        np.testing.assert_array_equal(numpy_of(again(shape)), numpy_of(again(shape)))


def test_the_whitening_is_fixed_and_its_bias_is_not(tmp_path):
    model = AirbenchNet(classes=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        paths = [weight.path for weight in one.trainable_weights]
        assert "prep_bias/bias" in paths
        assert not any("prep_whiten" in path or "gamma" in path for path in paths)
    for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
