"""Muon against airbench's in torch, separately and in Keras' training."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.distribution import repair_optimizer
from keras_resnet_recipes.optimizers import Muon
from keras_resnet_recipes.optimizers.muon import orthogonalize
from tests.optimizers.config import check_config

pytestmark = pytest.mark.every_backend

# Torch's kernels have their outputs first, those of Keras last.
TO_KERAS = {4: (2, 3, 1, 0), 2: (1, 0)}
KERNELS = ("wide", "tall", "square", "dense")
CASES = {
    "airbench": {},
    "plain": {"nesterov": False},
    "free": {"normalize_kernels": False, "newton_schulz_iterations": 5},
    "no_momentum": {"momentum": 0.0},
}


def in_keras_layout(array):
    return np.transpose(array, TO_KERAS[array.ndim]).astype("float32")


def kernels_after(g, name, optimizer, scale=1.0):
    """Returns the kernel after each of the golden steps that are kept."""
    variable = keras.Variable(in_keras_layout(g[f"start/{name}"]), name=name)
    kept, gradients = [], g[f"gradient/{name}"]
    for step, gradient in enumerate(gradients):
        optimizer.learning_rate = g.meta["rate"] * (1 - step / len(gradients))
        gradient = scale * in_keras_layout(gradient)
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        if step in g.meta["kept"]:
            kept.append(ops.convert_to_numpy(variable))
    return np.stack(kept)


def deviation(g, case, name, optimizer, **options):
    """Returns the largest difference from the golden kernels, relative to the largest movement."""
    expected = np.stack([in_keras_layout(one) for one in g[f"{case}/{name}"]])
    movement = np.abs(expected - in_keras_layout(g[f"start/{name}"])).max()
    return np.abs(kernels_after(g, name, optimizer, **options) - expected).max() / movement


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("case", CASES)
def test_it_equals_airbench(golden, case, name):
    assert deviation(golden("muon"), case, name, Muon(**CASES[case])) < 1e-5


def test_every_golden_case_is_tested(golden):
    assert set(golden("muon").meta["cases"]) == set(CASES)


@pytest.mark.parametrize("name", KERNELS)
def test_bfloat16_is_accurate_to_its_eight_bits(golden, name):
    far = deviation(golden("muon"), "airbench", name, Muon(newton_schulz_dtype="bfloat16"))
    # 20 updates of three iterations with matrix products of numbers rounded to 2^-9.
    assert 1e-5 < far < 0.03


def test_the_scale_of_the_gradient_has_no_effect(golden):
    assert deviation(golden("muon"), "airbench", "wide", Muon(), scale=1 / 1024) < 1e-5


def test_keras_muon_still_gives_convolutions_to_adamw():
    """Otherwise `keras.optimizers.Muon` could be used."""
    rng = np.random.default_rng(0)
    start, gradient = rng.normal(size=(2, 3, 3, 2, 4)).astype("float32")
    ended = []
    for optimizer in (
        keras.optimizers.Muon(0.01, weight_decay=0.004, adam_weight_decay=0.004),
        keras.optimizers.AdamW(0.01, weight_decay=0.004),
    ):
        variable = keras.Variable(start, name="kernel")
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
        ended.append(ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*ended, rtol=1e-6)


def test_singular_values_move_toward_1():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(64, 24)).astype("float32")
    values = np.linalg.svd(ops.convert_to_numpy(orthogonalize(matrix)), compute_uv=False)
    assert 0.6 < values.min() < values.max() < 1.3
    np.testing.assert_array_equal(ops.convert_to_numpy(orthogonalize(0 * matrix)), 0 * matrix)


def test_a_kernel_of_zeros_can_be_trained():
    kernel = keras.Variable(np.zeros((2, 2), "float32"), name="kernel")
    Muon(0.1).apply([ops.convert_to_tensor(np.eye(2, dtype="float32"))], [kernel])
    assert np.isfinite(ops.convert_to_numpy(kernel)).all()
    assert np.diag(ops.convert_to_numpy(kernel)).max() < -0.05


CHANGED = {
    "learning_rate": 0.25,
    "momentum": 0.8,
    "nesterov": False,
    "newton_schulz_iterations": 5,
    "newton_schulz_dtype": "bfloat16",
    "normalize_kernels": False,
    "learning_rate_factors": {"bias": 64.0, "fc": 2.0},
    "global_clipnorm": 2.0,
    "name": "mine",
}


def test_config_holds_every_argument_and_survives_serialization():
    check_config(Muon, CHANGED)


@pytest.mark.parametrize("argument", ["weight_decay", "lr"])
def test_what_it_does_not_have_is_an_error(argument):
    with pytest.raises((TypeError, ValueError), match=argument):
        Muon(**{argument: 0.1})


def test_loss_scale_and_two_micro_batches_make_the_update_of_the_batch(golden):
    g = golden("muon")
    variable = keras.Variable(in_keras_layout(g["start/wide"]), name="wide")
    optimizer = repair_optimizer(Muon(), accumulation_steps=2, loss_scaling=True)
    optimizer.build([variable])
    for step, gradient in enumerate(g["gradient/wide"]):
        optimizer.learning_rate = 0.24 * (1 - step / 20)
        for factor in (0.5, 1.5):
            scaled = optimizer.scale_loss(ops.convert_to_tensor(factor * in_keras_layout(gradient)))
            optimizer.apply([scaled], [variable])
    expected = in_keras_layout(g["airbench/wide"][-1])
    movement = np.abs(expected - in_keras_layout(g["start/wide"])).max()
    far = np.abs(ops.convert_to_numpy(variable) - expected).max() / movement
    assert far < 1e-5


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_kernel_of_half_precision(golden, dtype):
    g = golden("muon")
    start, gradient = in_keras_layout(g["start/wide"]), in_keras_layout(g["gradient/wide"][0])
    variable = keras.Variable(start, dtype=dtype, name="kernel")
    # Squares beyond the range of float16.
    Muon().apply([ops.convert_to_tensor(1000 * gradient, dtype)], [variable])
    expected = in_keras_layout(g["airbench/wide"][0])
    ended = ops.convert_to_numpy(ops.cast(variable, "float32"))
    # Kernels below 1, in eleven and eight bits, rounded after each operation.
    np.testing.assert_allclose(ended, expected, atol={"float16": 1e-3, "bfloat16": 1e-2}[dtype])


def small_model(optimizer, jit_compile="auto"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False, name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, use_bias=False, name="fc"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, auto_scale_loss=False, jit_compile=jit_compile)
    return model


def images_and_labels(count=8):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 3)).astype("float32"), np.arange(count) % 3


@pytest.mark.usefixtures("xla")
def test_xla_computes_the_same():
    # On torch Keras compiles with Inductor, which needs a C++ compiler.
    ways = (False, keras.backend.backend() != "torch")
    images, labels = images_and_labels()
    ended = []
    for jit_compile in ways:
        model = small_model(Muon(0.05), jit_compile)
        for _ in range(3):
            model.train_on_batch(images, labels)
        ended.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    np.testing.assert_allclose(*ended, rtol=0, atol=1e-5)  # XLA sums in a different order


def test_loading_does_not_change_the_next_update(tmp_path):
    images, labels = images_and_labels()
    model = small_model(Muon(0.05))
    for _ in range(3):
        model.train_on_batch(images, labels)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is Muon
    before = model.get_weights()
    for _ in range(2):
        model.train_on_batch(images, labels)
        loaded.train_on_batch(images, labels)
    for was, kept, restored in zip(before, model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(restored, kept)
        assert not np.array_equal(was, kept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"newton_schulz_iterations": 0}, "`newton_schulz_iterations` must be at least 1.*=0"),
        ({"newton_schulz_dtype": "float16"}, "`newton_schulz_dtype` must be 'float32' or.*float16"),
        ({"learning_rate_factors": {"fc": -1}}, "`learning_rate_factors` must be a mapping"),
        ({"momentum": 1.5}, "`momentum` must be"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Muon(**arguments)


def test_a_bias_is_an_error_that_names_groups():
    variables = [keras.Variable(np.ones(shape, "float32"), name="v") for shape in ((2, 2), (2,))]
    with pytest.raises(ValueError, match=r"must be kernels.*groups=.*Received: 1 others"):
        Muon().build(variables)
