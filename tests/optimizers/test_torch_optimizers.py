"""SGD, RMSpropTF and AdamW against torch's and timm's, separately and in Keras' training."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.distribution import GradientAccumulation, repair_optimizer
from keras_resnet_recipes.optimizers import SGD, AdamW, RMSpropTF
from tests.optimizers.config import check_config
from tests.optimizers.golden_steps import (
    FLOAT32_TOLERANCE,
    NAMES,
    STEPS,
    UNDECAYED,
    WIDEST,
    WIDEST_TOLERANCE,
    constant,
    gradients,
    largest_deviation,
    start,
)

pytestmark = pytest.mark.every_backend

CASES = {
    "sgd_nesterov": (SGD, 0.1, {"weight_decay": 1e-4, "nesterov": True}),
    "sgd_momentum": (SGD, 0.1, {"weight_decay": 1e-4}),
    "rmsproptf": (RMSpropTF, 0.01, {"weight_decay": 1e-5}),
    "adamw": (AdamW, 1e-3, {"weight_decay": 0.05}),
}
OPTIMIZERS = [SGD, RMSpropTF, AdamW]


@pytest.mark.parametrize("dtype", sorted({"float32", WIDEST}))
@pytest.mark.parametrize("case", CASES)
def test_it_equals_timm(golden, case, dtype):
    kind, rate, arguments = CASES[case]
    expected = golden("optim_other")
    optimizer = kind(constant(rate, dtype), exclude_from_weight_decay=UNDECAYED, **arguments)
    deviation = largest_deviation(
        optimizer, golden("lamb"), lambda name: expected[f"{case}/{name}"], dtype
    )
    assert deviation <= (WIDEST_TOLERANCE if dtype == WIDEST else FLOAT32_TOLERANCE)


def test_every_golden_optimizer_is_tested(golden):
    variants = golden("optim_other").meta["variants"]
    assert set(variants) == set(CASES)
    for name, (_, rate, arguments) in CASES.items():
        assert variants[name]["lr"] == rate
        assert variants[name]["weight_decay"] == arguments["weight_decay"]


def test_sgd_with_the_rate_in_the_velocity_equals_page(golden):
    g, expected = golden("lamb"), golden("cifar_and_lr")
    # Every variable is decayed, by 5e-4 per summed image.
    optimizer = SGD(
        momentum=0.9, nesterov=True, weight_decay=5e-4 * 512, learning_rate_in_velocity=True
    )
    deviation = largest_deviation(
        optimizer,
        g,
        lambda name: expected[f"nesterov/{name}"],
        "float32",
        [float(rate) for rate in expected["nesterov/lrs"]],
    )
    assert deviation <= FLOAT32_TOLERANCE


def test_the_position_of_the_learning_rate_matters_when_it_changes(golden):
    g, expected = golden("lamb"), golden("cifar_and_lr")
    optimizer = SGD(momentum=0.9, nesterov=True, weight_decay=5e-4 * 512)
    rates = [float(rate) for rate in expected["nesterov/lrs"]]
    wrong = largest_deviation(
        optimizer, g, lambda name: expected[f"nesterov/{name}"], "float32", rates
    )
    assert wrong > 10 * FLOAT32_TOLERANCE


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_without_decay_is_keras_sgd_with_the_rate_in_the_velocity(golden, nesterov):
    g = golden("lamb")
    a, b = start(g), start(g)
    ours = SGD(0.1, 0.9, nesterov=nesterov, learning_rate_in_velocity=True)
    keras_own = keras.optimizers.SGD(0.1, 0.9, nesterov=nesterov)
    for step in range(STEPS):
        for optimizer in (ours, keras_own):
            optimizer.learning_rate = 0.1 / (step + 1)
        ours.apply(gradients(g, step), a)
        keras_own.apply(gradients(g, step), b)
    for mine, theirs in zip(a, b, strict=True):
        # On torch Keras uses one fused operation for all variables.
        np.testing.assert_allclose(
            ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs), atol=FLOAT32_TOLERANCE
        )


def test_sgd_without_momentum_is_one_step_of_gradient_and_decay():
    kernel = keras.Variable([[2.0]], name="kernel")
    SGD(0.1, momentum=0.0, weight_decay=0.5).apply([ops.convert_to_tensor([[3.0]])], [kernel])
    np.testing.assert_allclose(ops.convert_to_numpy(kernel), [[2 - 0.1 * (3 + 0.5 * 2)]], rtol=1e-6)


@pytest.mark.parametrize(
    "keras_own",
    [keras.optimizers.SGD, keras.optimizers.RMSprop, keras.optimizers.AdamW],
)
def test_keras_still_computes_something_else(golden, keras_own):
    """Otherwise Keras' optimizers could be used."""
    case, arguments = {
        "SGD": ("sgd_momentum", {"momentum": 0.9, "weight_decay": 1e-4}),
        "RMSprop": ("rmsproptf", {"momentum": 0.9, "epsilon": 1e-3, "weight_decay": 1e-5}),
        "AdamW": ("adamw", {"epsilon": 1e-8, "weight_decay": 0.05}),
    }[keras_own.__name__]
    optimizer, expected = keras_own(CASES[case][1], **arguments), golden("optim_other")
    g = golden("lamb")
    # Keras searches the variable's name, which is its path here.
    optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    assert (
        largest_deviation(optimizer, g, lambda name: expected[f"{case}/{name}"], "float32") > 2e-6
    )


@pytest.mark.parametrize("gradient", [1e-4, 1e-6, 1e-8])
def test_adamw_adds_epsilon_to_the_corrected_root(gradient):
    number = keras.Variable([0.0])
    AdamW(1.0, weight_decay=0).apply([ops.convert_to_tensor([gradient])], [number])
    # At the first update both corrected averages are those of one gradient.
    expected = -gradient / (gradient + 1e-8)
    np.testing.assert_allclose(ops.convert_to_numpy(number), [expected], rtol=1e-5)


CHANGED = {
    "learning_rate": 0.25,
    "weight_decay": 0.03,
    "exclude_from_weight_decay": ["fc"],
    "global_clipnorm": 2.0,
    "name": "mine",
    "weight_decay_factors": {"bias": 0.5},
    "learning_rate_factors": {"bias": 64.0, "fc": 2.0},
    "adaptive_clip": None,
    "exclude_from_adaptive_clip": ["^fc/"],
    "momentum": 0.8,
    "nesterov": True,
    "learning_rate_in_velocity": True,
    "rho": 0.95,
    "epsilon": 1e-5,
    "beta_1": 0.8,
    "beta_2": 0.95,
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_config_holds_every_argument_and_survives_serialization(kind):
    names = inspect.signature(kind).parameters
    changed = {name: value for name, value in CHANGED.items() if name in names}
    check_config(kind, changed, same={"adaptive_clip"} & set(changed))


@pytest.mark.parametrize(("kind", "argument"), [(AdamW, "amsgrad"), (RMSpropTF, "centered")])
def test_what_only_keras_has_is_an_error(kind, argument):
    with pytest.raises(TypeError, match=argument):
        kind(**{argument: True})


def test_adaptive_clip_is_in_the_config():
    for kind in (SGD, RMSpropTF):
        assert kind(adaptive_clip=0.01).get_config()["adaptive_clip"] == 0.01


def small_model(optimizer, policy="float32", jit_compile="auto"):
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                keras.layers.Conv2D(4, 3, use_bias=False, name="conv"),
                keras.layers.BatchNormalization(name="bn"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3, name="fc"),
            ]
        )
    finally:
        keras.config.set_dtype_policy(before)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, auto_scale_loss=False, jit_compile=jit_compile)
    return model


def images_and_labels(count=32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 3)).astype("float32"), np.arange(count) % 3


ARGUMENTS = {
    SGD: {"learning_rate": 0.05, "nesterov": True, "weight_decay": 1e-3, "adaptive_clip": 0.1},
    RMSpropTF: {"learning_rate": 0.01, "weight_decay": 1e-3, "adaptive_clip": 0.1},
    AdamW: {"learning_rate": 0.01},
}


@pytest.mark.full
@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize(
    ("policy", "accumulation"), [("float32", 1), ("mixed_float16", 2), ("float16", 1)]
)
def test_fit_compiled(kind, policy, accumulation):
    if policy == "float16":
        # Also variables of float16; batch norm computes in float32 itself.
        optimizer = kind(**{**ARGUMENTS[kind], "learning_rate": 0.05 if kind is SGD else 0.01})
        if kind is AdamW:
            # 1e-8 is 0 in float16.
            optimizer = kind(learning_rate=0.01, epsilon=1e-3)
    else:
        optimizer = kind(**ARGUMENTS[kind])
    optimizer = repair_optimizer(
        optimizer, accumulation_steps=accumulation, loss_scaling=policy == "mixed_float16"
    )
    images, labels = images_and_labels()
    model = small_model(optimizer, policy)
    history = model.fit(images, labels, batch_size=8, epochs=8, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    assert all(np.isfinite(np.asarray(w, "float32")).all() for w in model.get_weights())
    updates = 8 * 4 // accumulation
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == updates


@pytest.mark.full
@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_xla_computes_the_same(kind):
    # On torch Keras compiles with Inductor, which needs a C++ compiler.
    ways = (False, keras.backend.backend() != "torch")
    images, labels = images_and_labels(8)
    ended = []
    for jit_compile in ways:
        model = small_model(kind(**ARGUMENTS[kind]), jit_compile=jit_compile)
        for _ in range(3):
            model.train_on_batch(images, labels)
        ended.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    np.testing.assert_allclose(*ended, rtol=0, atol=1e-5)  # XLA sums in a different order


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_two_micro_batches_make_the_update_of_the_batch(golden, kind):
    g = golden("lamb")
    whole, halves = start(g), start(g)
    one, two = kind(**ARGUMENTS[kind]), GradientAccumulation(kind(**ARGUMENTS[kind]), 2)
    one.build(whole)
    two.build(halves)
    for step in range(3):
        one.apply(gradients(g, step), whole)
        for factor in (0.5, 1.5):
            two.apply([factor * gradient for gradient in gradients(g, step)], halves)
    for name, a, b in zip(NAMES, whole, halves, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=FLOAT32_TOLERANCE, err_msg=name)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_loading_does_not_change_the_next_update(tmp_path, kind):
    images, labels = images_and_labels(8)
    model = small_model(kind(**ARGUMENTS[kind]))
    # The other way of excluding variables, which Keras' optimizers lose.
    model.optimizer.exclude_from_weight_decay(var_list=model.trainable_variables[1:])
    for _ in range(3):
        model.train_on_batch(images, labels)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is kind
    for _ in range(2):
        model.train_on_batch(images, labels)
        loaded.train_on_batch(images, labels)
    for kept, restored in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(restored, kept)


def update(optimizer, values, names, gradient=1.0):
    variables = [
        keras.Variable(np.full((1, 1), value, "float32"), name=name)
        for value, name in zip(values, names, strict=True)
    ]
    optimizer.apply([ops.convert_to_tensor([[gradient]]) for _ in values], variables)
    return [float(ops.convert_to_numpy(variable)[0, 0]) for variable in variables]


@pytest.mark.parametrize("in_velocity", [False, True])
def test_factors_equal_separate_parameter_groups(in_velocity):
    """Page's biases: 64 times the learning rate, a 64th of the decay."""
    common = {"momentum": 0.9, "nesterov": True, "learning_rate_in_velocity": in_velocity}
    ours = SGD(
        0.01,
        weight_decay=0.5,
        learning_rate_factors={"bias": 64.0},
        weight_decay_factors={"bias": 1 / 64},
        **common,
    )
    groups = [SGD(0.01, weight_decay=0.5, **common), SGD(0.64, weight_decay=0.5 / 64, **common)]
    together = [keras.Variable([[2.0]], name=name) for name in ("kernel", "bias")]
    alone = [keras.Variable([[2.0]], name=name) for name in ("kernel", "bias")]
    for step in range(3):
        gradient = [ops.convert_to_tensor([[1.0 + step]])] * 2
        ours.apply(gradient, together)
        for optimizer, variable in zip(groups, alone, strict=True):
            optimizer.apply(gradient[:1], [variable])
    for a, b in zip(together, alone, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=1e-6)  # three float32 updates


def test_the_first_match_counts():
    optimizer = RMSpropTF(
        0.1, rho=0.0, momentum=0.0, epsilon=1e-12, learning_rate_factors={"fc": 2.0, "bias": 3.0}
    )
    moved = update(optimizer, [1.0, 1.0, 1.0], ["fc_bias", "bn_bias", "kernel"])
    np.testing.assert_allclose(moved, [0.8, 0.7, 0.9], rtol=1e-6)


@pytest.mark.parametrize("kind", [SGD, RMSpropTF])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight_decay": -0.1}, "`weight_decay` must be 0 or more, or None.*=-0.1"),
        ({"adaptive_clip": 0.0}, "`adaptive_clip` must be positive or None.*=0.0"),
        ({"global_clipnorm": -1.0}, "`global_clipnorm` must be positive or None.*=-1.0"),
        (
            {"adaptive_clip": 1.0, "global_clipnorm": 1.0},
            "`adaptive_clip` or `global_clipnorm` must be None",
        ),
        ({"exclude_from_weight_decay": "fc"}, "`exclude_from_weight_decay` must be a list.*='fc'"),
        ({"exclude_from_adaptive_clip": "fc"}, "`exclude_from_adaptive_clip` must be a list"),
        ({"learning_rate_factors": {"fc": -1}}, "`learning_rate_factors` must be a mapping"),
        ({"weight_decay_factors": ["fc"]}, "`weight_decay_factors` must be a mapping"),
        ({"momentum": 1.5}, "`momentum` must be"),
    ],
)
def test_illegal_arguments(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        kind(**arguments)


def test_illegal_arguments_of_the_others():
    with pytest.raises(ValueError, match=r"`rho` must be in 0..1.*=2"):
        RMSpropTF(rho=2)
    with pytest.raises(ValueError, match=r"`epsilon` must be positive.*=0"):
        RMSpropTF(epsilon=0)
    with pytest.raises(ValueError, match=r"`beta_2` must be in \[0, 1\).*=1.0"):
        AdamW(beta_2=1.0)


@pytest.mark.parametrize(
    ("kind", "state"), [("SGD", "momentums"), ("RMSprop", "_velocities"), ("AdamW", "_momentums")]
)
def test_keras_still_has_the_hooks(kind, state):
    optimizer = getattr(keras.optimizers, kind)(momentum=0.9) if kind != "AdamW" else AdamW()
    kernel = keras.Variable(np.ones((2, 2), "float32"), name="kernel")
    optimizer.build([kernel])
    assert [tuple(variable.shape) for variable in getattr(optimizer, state)] == [(2, 2)]


def test_the_average_of_squares_starts_at_one():
    optimizer = RMSpropTF()
    optimizer.build([keras.Variable(np.ones((2, 2), "float32"), name="kernel")])
    (velocity,), (momentum,) = optimizer._velocities, optimizer._momentums
    np.testing.assert_array_equal(ops.convert_to_numpy(velocity), np.ones((2, 2)))
    np.testing.assert_array_equal(ops.convert_to_numpy(momentum), np.zeros((2, 2)))
