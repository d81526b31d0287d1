"""GhostBatchNormalization against NumPy, and in models that are trained and saved."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.layers import BatchNormalization, GhostBatchNormalization

pytestmark = pytest.mark.every_backend


def inputs(*shape, seed=0):
    return (3 + 2 * np.random.default_rng(seed).normal(size=shape)).astype("float32")


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def expected(x, group_size, gamma=1.0, beta=0.0, epsilon=1e-3):
    """Returns outputs, and the averages of the groups' means and variances, in float64."""
    outputs, means, variances = [], [], []
    for start in range(0, len(x), group_size):
        group = x[start : start + group_size].astype("float64")
        axes = tuple(range(x.ndim - 1))
        means.append(group.mean(axes))
        variances.append(group.var(axes, ddof=1) if group[..., 0].size > 1 else group.var(axes))
        outputs.append((group - means[-1]) / np.sqrt(group.var(axes) + epsilon) * gamma + beta)
    return np.concatenate(outputs), np.mean(means, 0), np.mean(variances, 0)


@pytest.mark.parametrize("shape", [(12, 5, 4, 3), (12, 7, 3), (12, 3)])
@pytest.mark.parametrize("group_size", [4, 12, 5, 100, 1])
def test_each_group_is_normalized_separately(shape, group_size):
    if group_size == 1 and len(shape) == 2:
        return  # groups of one number have variance 0
    x = inputs(*shape)
    layer = GhostBatchNormalization(group_size, momentum=0.9)
    layer.build(x.shape)
    layer.gamma.assign([0.5, 1.0, 2.0])
    layer.beta.assign([1.0, 0.0, -1.0])
    outputs, mean, variance = expected(
        x, group_size, np.array([0.5, 1.0, 2.0]), np.array([1.0, 0.0, -1.0])
    )
    # Sums of up to 240 float32 numbers around 3, divided by standard deviations of 2.
    np.testing.assert_allclose(to_numpy(layer(x, training=True)), outputs, rtol=0, atol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.moving_mean), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.moving_variance), 0.9 + 0.1 * variance, rtol=1e-5)
    evaluated = (x - to_numpy(layer.moving_mean)) / np.sqrt(to_numpy(layer.moving_variance) + 1e-3)
    evaluated = evaluated * to_numpy(layer.gamma) + to_numpy(layer.beta)
    np.testing.assert_allclose(to_numpy(layer(x)), evaluated, rtol=0, atol=1e-5)


def test_moving_statistics_are_the_mean_of_one_layer_per_group():
    """As in cifar10-fast's GhostBatchNorm, which keeps statistics per group and averages them to evaluate."""
    ghost = GhostBatchNormalization(4, momentum=0.9)
    groups = [BatchNormalization(momentum=0.9) for _ in range(3)]
    for step in range(3):
        x = inputs(12, 6, 6, 2, seed=step)
        whole = to_numpy(ghost(x, training=True))
        parts = [to_numpy(layer(x[4 * i :][:4], training=True)) for i, layer in enumerate(groups)]
        np.testing.assert_allclose(whole, np.concatenate(parts), rtol=0, atol=1e-5)
    for name in ("moving_mean", "moving_variance"):
        mean = np.mean([to_numpy(getattr(layer, name)) for layer in groups], axis=0)
        np.testing.assert_allclose(to_numpy(getattr(ghost, name)), mean, rtol=1e-5)


def model(group_size, policy="float32"):
    keras.utils.set_random_seed(0)
    normalization = GhostBatchNormalization(
        group_size, scale=False, momentum=0.9, epsilon=1e-5, dtype=policy, name="bn"
    )
    made = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, dtype=policy),
            normalization,
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(2),
        ]
    )
    made.compile(keras.optimizers.SGD(0.01), "mean_squared_error", auto_scale_loss=False)
    return made


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("batch_size", [8, 6])
def test_it_trains_in_whole_batches_and_with_a_remainder(policy, batch_size, tmp_path):
    trained = model(4, policy)
    x, y = inputs(16, 6, 6, 3), np.tile([[0.0, 1.0]], (16, 1))
    history = trained.fit(x, y, batch_size=batch_size, epochs=4, shuffle=False, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    trained.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy.get_layer("bn")) is GhostBatchNormalization
    assert copy.get_layer("bn").get_config() == trained.get_layer("bn").get_config()
    assert copy.get_layer("bn").group_size == 4
    assert [weight.name for weight in copy.get_layer("bn").weights] == [
        "beta",
        "moving_mean",
        "moving_variance",
    ]
    np.testing.assert_array_equal(
        copy.predict(x, verbose=0), trained.predict(x, batch_size=16, verbose=0)
    )


def test_a_frozen_layer_normalizes_as_in_inference():
    layer = GhostBatchNormalization(2, trainable=False)
    x = inputs(4, 3)
    np.testing.assert_array_equal(to_numpy(layer(x, training=True)), to_numpy(layer(x)))


def test_half_precision_is_normalized_in_single():
    x = 1000 + inputs(8, 30, 30, 1)
    layer = GhostBatchNormalization(4, dtype="mixed_float16")
    outputs = layer(x.astype("float16"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    # Sums of 3600 numbers around 1000 do not fit into float16.
    reference = expected(x.astype("float16"), 4)[0]
    np.testing.assert_allclose(to_numpy(outputs).astype("float32"), reference, atol=4e-3)


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"`group_size` must be at least 1.*group_size=0"):
        GhostBatchNormalization(0)
    with pytest.raises(ValueError, match=r"`axis` must be the last one.*axis=1"):
        GhostBatchNormalization(2, axis=1).build((None, 3, 4, 4))
    with pytest.raises(ValueError, match=r"renorm=True"):
        GhostBatchNormalization(2, renorm=True).build((None, 3))
    layer = GhostBatchNormalization(2)
    layer.synchronized = True
    with pytest.raises(ValueError, match="`synchronized` must be False"):
        layer(inputs(4, 3), training=True)
