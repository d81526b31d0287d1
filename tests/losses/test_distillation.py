"""DistillationLoss against torch, with both published sets of weights."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.losses import DistillationLoss

pytestmark = pytest.mark.every_backend

# Losses up to 1000, times T² = 400, with a few relative roundings of 6e-8.
RELATIVE = 2e-6
CASES = [
    (case, temperature, kind)
    for case in ("gluon", "paper")
    for temperature in (1.0, 4.0, 20.0)
    for kind in ("labels", "mixed")
]


def made(g, case, temperature, **arguments):
    hard, soft = g.meta["cases"][case]
    return DistillationLoss(temperature, hard_weight=hard, soft_weight=soft, **arguments)


@pytest.mark.parametrize(("case", "temperature", "kind"), CASES)
def test_losses_equal_torch(golden, case, temperature, kind):
    g = golden("distillation")
    loss = made(g, case, temperature, reduction=None)
    given = (g[kind], g["teacher"].astype("float32"))
    losses = ops.convert_to_numpy(loss(given, g["student"].astype("float32")))
    expected = g[f"{case}/{temperature:g}/{kind}/losses"]
    np.testing.assert_allclose(losses, expected, rtol=RELATIVE)


@pytest.mark.parametrize(("case", "temperature", "kind"), CASES)
def test_gradients_equal_torch(golden, case, temperature, kind):
    g = golden("distillation")
    loss = made(g, case, temperature)
    # A model whose only weights are the logits, and one step of gradient descent with learning rate 1.
    student = g["student"].astype("float32")
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(10, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(
        keras.optimizers.SGD(1.0),
        lambda y, z: loss((y[:, : y.shape[1] - 10], y[:, y.shape[1] - 10 :]), z),
    )
    model.set_weights([student])
    targets = np.reshape(g[kind], (6, -1))
    model.train_on_batch(np.eye(6), np.concatenate([targets, g["teacher"]], axis=1))
    expected = g[f"{case}/{temperature:g}/{kind}/gradient"]
    # Differences are rounded to the precision of logits up to 10.
    np.testing.assert_allclose(
        student - model.get_weights()[0], expected, rtol=0, atol=2e-6 * max(1, temperature)
    )


def test_every_golden_case_is_tested(golden):
    meta = golden("distillation").meta
    assert {case for case, *_ in CASES} == set(meta["cases"])
    assert {temperature for _, temperature, _ in CASES} == set(meta["temperatures"])


def test_the_default_equals_gluons(golden):
    g = golden("distillation")
    loss = DistillationLoss()
    value = float(loss((g["labels"], g["teacher"].astype("float32")), g["student"]))
    assert value == pytest.approx(g["gluon/20/labels/losses"].mean(), rel=RELATIVE)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_cast_to_float32(golden, dtype):
    g = golden("distillation")
    student, teacher = (ops.cast(g[name], dtype) for name in ("student", "teacher"))
    loss = DistillationLoss()
    value = loss((g["labels"], teacher), student)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    wide = loss((g["labels"], ops.cast(teacher, "float32")), ops.cast(student, "float32"))
    assert float(value) == float(wide)


def test_sample_weights():
    loss = DistillationLoss(4.0)
    logits = np.array([[1.0, 2.0], [3.0, -1.0]], "float32")
    each = ops.convert_to_numpy(
        DistillationLoss(4.0, reduction=None)((np.arange(2), logits), logits)
    )
    weighted = float(loss((np.array([0, 1]), logits), logits, sample_weight=np.array([1.0, 0.0])))
    assert weighted == pytest.approx(each[0] / 2, rel=1e-6)


def test_serialization():
    loss = DistillationLoss(3.0, 0.25, 0.75, reduction="sum", name="mine")
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is DistillationLoss
    assert copy.get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive.*=0.0"),
        ({"hard_weight": -1.0}, "`hard_weight` must be 0 or more.*=-1.0"),
        ({"soft_weight": -1.0}, "`soft_weight` must be 0 or more.*=-1.0"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DistillationLoss(**arguments)


@pytest.mark.parametrize(
    ("labels", "teacher", "message"),
    [
        ((4,), (4, 3), r"student \(4, 5\), teacher \(4, 3\)"),
        ((4, 2), (4, 5), r"labels of shape \(4, 2\)"),
    ],
)
def test_wrong_shapes_are_errors(labels, teacher, message):
    with pytest.raises(ValueError, match=message):
        DistillationLoss()((np.zeros(labels), np.zeros(teacher)), np.zeros((4, 5)))
