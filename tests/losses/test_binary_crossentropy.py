"""BinaryCrossentropy against timm's, and Keras' CategoricalCrossentropy against torch's."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.losses import BinaryCrossentropy

pytestmark = pytest.mark.every_backend

# The goldens are in float64 and the loss in float32: a few roundings of 6e-8 each, relative to the loss
# and to the largest gradient (in JAX the sigmoid is an exponential of a difference).
VALUE_TOLERANCE = 1e-6
GRADIENT_TOLERANCE = 1e-6

MIXES = [f"mix_lam{lam}_s{s}" for lam in ("0.37", "0.85", "1.0") for s in ("0.0", "0.1")]
THRESHOLDS = {"None": None, "0.2": 0.2}


def value(loss, y_true, logits):
    return float(loss(y_true, ops.convert_to_tensor(logits, "float32")))


def gradient(loss, y_true, logits):
    """Returns d loss / d logits, computed by one step of SGD with each backend's differentiation.

    The logits are the kernel of a dense layer on the identity matrix. With a power of two as the learning
    rate the gradient is not rounded.
    """
    rows, classes = logits.shape
    step = 1024.0
    model = keras.Sequential([keras.Input((rows,)), keras.layers.Dense(classes, use_bias=False)])
    model.set_weights([logits])
    model.compile(keras.optimizers.SGD(step), loss, run_eagerly=True)
    before = model.get_weights()[0]
    model.train_on_batch(np.eye(rows, dtype="float32"), y_true)
    return (before - model.get_weights()[0]) / step


def assert_equals_golden(loss, y_true, g, tag):
    logits = g["logits"]
    assert value(loss, y_true, logits) == pytest.approx(
        float(g[f"{tag}/loss"]), rel=VALUE_TOLERANCE
    )
    expected = g[f"{tag}/grad"]
    tolerance = GRADIENT_TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(gradient(loss, y_true, logits), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("mix", MIXES)
def test_mixed_targets_equal_timm(golden, mix, threshold):
    g = golden("losses")
    loss = BinaryCrossentropy(label_smoothing=0.1, target_threshold=THRESHOLDS[threshold])
    targets = g[mix.replace("mix", "soft")].astype("float32")
    assert_equals_golden(loss, targets, g, f"bce_{mix}_th{threshold}")


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_integer_labels_equal_timm(golden, smoothing, threshold):
    g = golden("losses")
    loss = BinaryCrossentropy(label_smoothing=smoothing, target_threshold=THRESHOLDS[threshold])
    assert_equals_golden(loss, g["labels"], g, f"bce_int_s{smoothing}_th{threshold}")


@pytest.mark.parametrize("mix", MIXES)
def test_keras_categorical_crossentropy_equals_torch_on_soft_targets(golden, mix):
    g = golden("losses")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    targets = g[mix.replace("mix", "soft")].astype("float32")
    assert_equals_golden(loss, targets, g, mix.replace("mix", "ce_soft"))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_keras_categorical_crossentropy_equals_torch_on_smoothed_labels(golden, smoothing):
    g = golden("losses")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    one_hot = np.eye(g["logits"].shape[1], dtype="float32")[g["labels"]]
    assert_equals_golden(loss, one_hot, g, f"ce_ls_s{smoothing}")


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
def test_labels_may_be_a_column(golden, dtype):
    g = golden("losses")
    loss, labels = BinaryCrossentropy(label_smoothing=0.1), g["labels"].astype(dtype)
    flat, column = (value(loss, y, g["logits"]) for y in (labels, labels[:, None]))
    assert flat == column == pytest.approx(float(g["bce_int_s0.1_thNone/loss"]), rel=1e-6)


def test_call_returns_one_mean_per_image(golden):
    g = golden("losses")
    logits = ops.convert_to_tensor(g["logits"], "float32")
    for reduction in (None, "none"):
        losses = BinaryCrossentropy(reduction=reduction)(g["labels"], logits)
        assert tuple(losses.shape) == (6,)
    assert float(ops.mean(losses)) == pytest.approx(float(g["bce_int_s0.0_thNone/loss"]), rel=1e-6)


def test_float16_logits_are_computed_in_float32():
    # The error of a mean of 1000 float16 numbers would be about 1e-3; a logit of 30 has sigmoid 1.
    logits = np.full((2, 1000), 30.0, "float16")
    loss = BinaryCrossentropy()(np.array([1, 2]), ops.convert_to_tensor(logits))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(30 * 999 / 1000, rel=1e-6)


def test_large_logits_keep_a_finite_loss():
    logits = ops.convert_to_tensor([[1e4, -1e4]], "float32")
    assert float(BinaryCrossentropy()(np.array([0]), logits)) == 0.0
    assert float(BinaryCrossentropy()(np.array([1]), logits)) == 1e4


@pytest.mark.parametrize("dense", [False, True])
def test_fit_compiled(dense):
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(8, 5)).astype("float32"), np.arange(8) % 3
    targets = np.eye(3, dtype="float32")[labels] if dense else labels
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    loss = BinaryCrossentropy(target_threshold=0.2)
    expected = value(loss, targets, model.predict(images, verbose=0))
    model.compile(keras.optimizers.SGD(0.1), loss)
    history = model.fit(images, targets, batch_size=8, epochs=2, shuffle=False, verbose=0)
    first, second = history.history["loss"]
    assert first == pytest.approx(expected, rel=1e-5)  # float32 sums in another order
    assert second < first


def test_config_and_serialization():
    loss = BinaryCrossentropy(
        label_smoothing=0.1, target_threshold=0.2, reduction="sum", name="bce", dtype="float32"
    )
    for copy in (
        BinaryCrossentropy.from_config(loss.get_config()),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)),
        keras.losses.deserialize(keras.losses.serialize(loss)),
    ):
        assert type(copy) is BinaryCrossentropy
        assert copy.get_config() == loss.get_config()
        assert copy.target_threshold == 0.2
        assert copy.label_smoothing == 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"from_logits": False}, "`from_logits` must be True.*from_logits=False"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be.*label_smoothing=1.0"),
        ({"label_smoothing": -0.1}, "`label_smoothing` must be.*label_smoothing=-0.1"),
        ({"target_threshold": 1.0}, "`target_threshold` must be.*target_threshold=1.0"),
        ({"target_threshold": -0.2}, "`target_threshold` must be.*target_threshold=-0.2"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryCrossentropy(**arguments)


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [((4, 2), (4, 3)), ((4,), (4,)), ((4, 3, 1), (4, 3)), ((4, 3), (4, 3, 3))]
)
def test_wrong_shapes_are_errors(y_true, y_pred):
    with pytest.raises(ValueError, match=r"y_true of shape .*, y_pred of shape"):
        BinaryCrossentropy()(np.zeros(y_true, "float32"), np.zeros(y_pred, "float32"))
