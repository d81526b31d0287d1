"""Lamb against timm's in every variant, separately and in Keras' training."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.optimizers import Lamb
from keras_resnet_recipes.schedules import Cosine
from tests.optimizers.config import check_config
from tests.optimizers.golden_steps import (
    FLOAT32_TOLERANCE,
    NAMES,
    STEPS,
    WIDEST,
    WIDEST_TOLERANCE,
    constant,
    gradients,
    start,
)

pytestmark = pytest.mark.every_backend

VARIANTS = {
    "A1": {"weight_decay": 0.01},
    "A2": {"weight_decay": 0.02},
    "A3": {"learning_rate": 8e-3, "weight_decay": 0.02},
    "A1_noclip": {"global_clipnorm": None},
    "A1_always_adapt": {"always_adapt": True},
    "A1_trust_clip": {"trust_clip": True},
    "A1_decoupled": {"decoupled_decay": True},
    "A1_no_grad_avg": {"gradient_averaging": False},
}


def largest_deviation(optimizer, variables, g, case, dtype, rates=None):
    deviation = 0.0
    for step in range(STEPS):
        if rates is not None:
            optimizer.learning_rate = rates[step]
        optimizer.apply(gradients(g, step, dtype), variables)
        for name, variable in zip(NAMES, variables, strict=True):
            difference = variable.numpy() - g[f"{case}/{name}"][step]
            deviation = max(deviation, float(np.abs(difference).max()))
    return deviation


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_equals_timm_in_float32(golden, variant):
    g = golden("lamb")
    optimizer = Lamb(**{"learning_rate": 5e-3, **VARIANTS[variant]})
    deviation = largest_deviation(optimizer, start(g), g, f"{variant}/f32", "float32")
    assert deviation <= FLOAT32_TOLERANCE


@pytest.mark.parametrize("variant", ["A1", "A2", "A3"])
@pytest.mark.parametrize("dtype", sorted({"float32", WIDEST}))
def test_variant_equals_timm_in_float64(golden, variant, dtype):
    g = golden("lamb")
    arguments = {"learning_rate": 5e-3, **VARIANTS[variant]}
    rate = arguments.pop("learning_rate")
    optimizer = Lamb(constant(rate, dtype), **arguments)
    deviation = largest_deviation(optimizer, start(g, dtype), g, f"{variant}/f64", dtype)
    assert deviation <= (WIDEST_TOLERANCE if dtype == WIDEST else FLOAT32_TOLERANCE)


def test_every_golden_variant_is_tested(golden):
    assert set(golden("lamb").meta["variants"]) == set(VARIANTS)


def test_the_learning_rate_is_outside_the_averages(golden):
    g = golden("lamb")
    rates = [float(rate) for rate in g["A1_varlr/lrs"]]
    deviation = largest_deviation(Lamb(), start(g), g, "A1_varlr/f64", "float32", rates)
    assert deviation <= FLOAT32_TOLERANCE


def test_a_kernel_of_zeros_has_trust_ratio_one(golden):
    g = golden("lamb")
    variables = start(g, WIDEST)
    variables[0].assign(np.zeros(variables[0].shape))
    optimizer = Lamb(constant(5e-3, WIDEST))
    deviation = largest_deviation(optimizer, variables, g, "A1_zero_conv/f64", WIDEST)
    assert deviation <= WIDEST_TOLERANCE


def update(optimizer, values, gradient_values, names=None):
    """Returns the variables after one update, as arrays."""
    names = names or [f"v{i}" for i in range(len(values))]
    variables = [
        keras.Variable(np.asarray(v, "float32"), name=n) for v, n in zip(values, names, strict=True)
    ]
    optimizer.apply([ops.convert_to_tensor(g, "float32") for g in gradient_values], variables)
    return [variable.numpy() for variable in variables]


def test_a_kernel_without_gradient_shrinks_by_the_learning_rate():
    (kernel,) = update(Lamb(0.1, weight_decay=0.02), [np.ones((2, 3))], [np.zeros((2, 3))])
    np.testing.assert_allclose(kernel, 0.9, rtol=1e-6)


def test_a_kernel_without_gradient_and_decay_is_unchanged():
    optimizer = Lamb(0.1, always_adapt=True, weight_decay=0)
    (kernel,) = update(optimizer, [np.ones((2, 3))], [np.zeros((2, 3))])
    np.testing.assert_array_equal(kernel, np.ones((2, 3), "float32"))


@pytest.mark.parametrize("weight_decay", [None, 0, 0.0])
def test_without_decay_it_is_adam(golden, weight_decay):
    g = golden("lamb")
    # Keras' Adam adds epsilon to a root without bias correction, so epsilon must be negligible here.
    ours = Lamb(5e-3, weight_decay=weight_decay, global_clipnorm=None, epsilon=1e-12)
    adam = keras.optimizers.Adam(5e-3, epsilon=1e-12)
    a, b = start(g), start(g)
    for step in range(STEPS):
        ours.apply(gradients(g, step), a)
        adam.apply(gradients(g, step), b)
    for mine, theirs in zip(a, b, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=0, atol=FLOAT32_TOLERANCE)


def test_vectors_and_excluded_paths_are_not_decayed():
    values, names = [np.ones((2, 2)), np.ones((2, 2)), np.ones(2)], ["fc_kernel", "stem", "bias"]
    zeros = [0 * v for v in values]
    fc, stem, bias = update(Lamb(0.1, exclude_from_weight_decay=["fc"]), values, zeros, names)
    np.testing.assert_allclose(stem, 0.9, rtol=1e-6)
    np.testing.assert_array_equal(fc, np.ones((2, 2)))
    np.testing.assert_array_equal(bias, np.ones(2))


def test_the_exclusion_method_of_keras_works():
    optimizer = Lamb(0.1)
    optimizer.exclude_from_weight_decay(var_names=["stem"])
    fc, stem = update(optimizer, [np.ones((2, 2))] * 2, [np.zeros((2, 2))] * 2, ["fc", "stem"])
    np.testing.assert_allclose(fc, 0.9, rtol=1e-6)
    np.testing.assert_array_equal(stem, np.ones((2, 2)))


def test_a_beta_of_zero_disables_the_average():
    optimizer = Lamb(0.1, beta_1=0.0, beta_2=0.0, weight_decay=0, global_clipnorm=None)
    (vector,) = update(optimizer, [np.zeros(2)], [[3.0, -2.0]])
    np.testing.assert_allclose(vector, [-0.1, 0.1], rtol=1e-5)  # epsilon is 1e-6 times the gradient


CHANGED = {
    "learning_rate": 0.25,
    "weight_decay": 0.03,
    "beta_1": 0.8,
    "beta_2": 0.95,
    "epsilon": 1e-5,
    "global_clipnorm": 2.0,
    "always_adapt": True,
    "trust_clip": True,
    "decoupled_decay": True,
    "gradient_averaging": False,
    "exclude_from_weight_decay": ["fc"],
    "weight_decay_factors": {"bias": 0.5},
    "learning_rate_factors": {"bias": 64.0, "fc": 2.0},
    "name": "mine",
}


def test_config_holds_every_argument_and_survives_serialization():
    check_config(Lamb, CHANGED)


def small_model(optimizer, policy="float32"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, use_bias=False, dtype=policy),
            keras.layers.BatchNormalization(dtype=policy),
            keras.layers.GlobalAveragePooling2D(dtype=policy),
            keras.layers.Dense(3, name="fc", dtype=policy),
        ]
    )
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def images_and_labels(count=8):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 3)).astype("float32"), np.arange(count) % 3


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"exclude_from_weight_decay": ["fc/kernel"], "always_adapt": True},
        {"decoupled_decay": True, "trust_clip": True, "use_ema": True},
        {"gradient_averaging": False, "global_clipnorm": None, "gradient_accumulation_steps": 2},
        {"learning_rate": Cosine(0.1, 9, 2).per_update(1)},
    ],
    ids=["default", "exclude", "decoupled", "accumulate", "schedule"],
)
def test_loading_does_not_change_the_next_update(tmp_path, arguments):
    images, labels = images_and_labels()
    model = small_model(Lamb(**{"learning_rate": 0.05, "weight_decay": 0.1, **arguments}))
    for _ in range(3):
        model.train_on_batch(images, labels)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is Lamb
    before = model.get_weights()
    for _ in range(2):
        model.train_on_batch(images, labels)
        loaded.train_on_batch(images, labels)
    after = model.get_weights()
    for was, kept, restored in zip(before, after, loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(restored, kept)
        assert not np.array_equal(was, kept)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_fit_compiled(policy):
    images, labels = images_and_labels(32)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = small_model(Lamb(0.05), policy)
        history = model.fit(images, labels, batch_size=8, epochs=6, shuffle=False, verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    is_scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert is_scaled == (policy == "mixed_float16")
    assert np.isfinite(history.history["loss"]).all()
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert int(model.optimizer.iterations) == 24


def test_decayed_variables_of_a_model():
    optimizer = Lamb(exclude_from_weight_decay=["fc/kernel"])
    model = small_model(optimizer)
    optimizer.build(model.trainable_variables)
    decayed = [optimizer._use_weight_decay(v) for v in model.trainable_variables]
    # Convolution kernel, scale and shift of the normalization, kernel and bias of fc.
    assert decayed == [True, False, False, False, False]


@pytest.mark.parametrize("scaled", [False, True])
def test_fit_is_one_update_with_the_clipped_gradient(scaled):
    # A dense layer on the identity matrix: d mean(w²) / d w = w / 2, of norm 1.9, so it is clipped.
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False)])
    optimizer = Lamb(0.1)
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    kernel = np.array([[3.0, 0.5], [-1.0, 2.0]], "float32")
    model.set_weights([kernel])
    model.fit(np.eye(2), np.zeros((2, 2)), batch_size=2, verbose=0)
    (expected,) = update(Lamb(0.1), [kernel], [kernel / 2])
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-6)
    # The first average is a tenth of the gradient, clipped to norm 1.
    momentum = optimizer._momentums[0].numpy()
    assert np.linalg.norm(momentum) == pytest.approx(0.1, rel=1e-6)


def test_gradient_accumulation_clips_and_applies_the_mean(golden):
    g = golden("lamb")
    variables = start(g)
    optimizer = Lamb(gradient_accumulation_steps=2)
    optimizer.build(variables)
    for step in range(STEPS):
        # Two gradients whose mean is that of the goldens.
        for factor in (0.5, 1.5):
            optimizer.apply([factor * gradient for gradient in gradients(g, step)], variables)
    assert int(optimizer.iterations) == STEPS
    for name, variable in zip(NAMES, variables, strict=True):
        last = g[f"A1/f32/{name}"][-1]
        np.testing.assert_allclose(variable.numpy(), last, rtol=0, atol=FLOAT32_TOLERANCE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beta_1": 1.0}, r"`beta_1` must be in \[0, 1\).*beta_1=1.0"),
        ({"beta_2": -0.1}, r"`beta_2` must be in \[0, 1\).*beta_2=-0.1"),
        ({"weight_decay": -0.1}, "`weight_decay` must be 0 or more, or None.*=-0.1"),
        ({"epsilon": 0.0}, "`epsilon` must be positive.*epsilon=0.0"),
        ({"global_clipnorm": 0.0}, "`global_clipnorm` must be positive.*=0.0"),
        ({"exclude_from_weight_decay": "fc"}, "`exclude_from_weight_decay` must be a list.*='fc'"),
        ({"learning_rate_factors": {"fc": -1}}, "`learning_rate_factors` must be a mapping"),
        ({"weight_decay_factors": ["fc"]}, "`weight_decay_factors` must be a mapping"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Lamb(**arguments)


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("_apply_weight_decay", ["self", "variables"]),
        ("_use_weight_decay", ["self", "variable"]),
        ("_get_variable_index", ["self", "variable"]),
        ("update_step", ["self", "gradient", "variable", "learning_rate"]),
    ],
)
def test_keras_still_has_the_hook(hook, arguments):
    method = inspect.unwrap(getattr(keras.optimizers.Lamb, hook))
    assert list(inspect.signature(method).parameters) == arguments


def test_keras_still_has_the_state():
    kernel = keras.Variable(np.ones((2, 2), "float32"), name="kernel")
    optimizer = keras.optimizers.Lamb()
    optimizer.build([kernel])
    assert [tuple(m.shape) for m in optimizer._momentums] == [(2, 2)]
    assert [tuple(v.shape) for v in optimizer._velocities] == [(2, 2)]
    assert optimizer._trainable_variables[optimizer._get_variable_index(kernel)] is kernel


def test_keras_still_asks_for_the_decay():
    # If Keras no longer called the overridden method, its own decay would be applied silently.
    class Asked(keras.optimizers.Lamb):
        def _apply_weight_decay(self, variables):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        update(Asked(weight_decay=0.5), [np.ones((2, 2))], [np.ones((2, 2))])
