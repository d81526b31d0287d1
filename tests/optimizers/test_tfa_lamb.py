"""Lamb against tensorflow-addons' LAMB: settings with equal steps, and differences without a counterpart."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.optimizers import Lamb
from tests.optimizers.golden_steps import WIDEST, constant

pytestmark = pytest.mark.every_backend

KERNELS = ("conv/kernel", "zeros/kernel", "fc/kernel")
VECTORS = ("bn/gamma", "bn/beta", "fc/bias")
# Theirs does not clip by default; its other arguments have the same names.
SAME = ("learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon")
OURS = {
    "kernels": {},
    "no_decay": {"always_adapt": True},
    "adapt_all": {"always_adapt": True},
    "part_of_the_kernels": {"exclude_from_weight_decay": ["fc"]},
    "clipped": {"global_clipnorm": 1.0},
    "defaults": {
        "learning_rate": 0.001,
        "weight_decay": 0.0,
        "always_adapt": True,
    },
}
# Ten steps of numbers around 1, each rounded to 6e-8 in float32 or 1e-16 in float64.
TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
# Theirs stores 0.9, 0.999 and 0.001 in float32: an error of 1.3e-5 in 1 - beta_2, most of which the bias
# correction cancels, in steps of length 0.001.
ROUNDED_SETTINGS = 1e-8


def deviations(g, case, dtype, **changes):
    """Returns the largest difference from theirs after any step, by variable."""
    settings = {name: value for name, value in g.meta["cases"][case].items() if name in SAME}
    settings = {"global_clipnorm": None, **settings, **changes}
    rate = settings.pop("learning_rate")
    optimizer = Lamb(constant(rate, dtype), **settings)
    names = (*KERNELS, *VECTORS)
    variables = [
        keras.Variable(g[f"start/{name}"], dtype=dtype, name=name.replace("/", "_"))
        for name in names
    ]
    found = dict.fromkeys(names, 0.0)
    for step in range(len(g["gradient/fc/bias"])):
        own = [ops.convert_to_tensor(g[f"gradient/{name}"][step], dtype) for name in names]
        optimizer.apply(own, variables)
        for name, variable in zip(names, variables, strict=True):
            difference = np.abs(ops.convert_to_numpy(variable) - g[f"{case}/{name}"][step])
            found[name] = max(found[name], float(difference.max()))
    return found


@pytest.mark.parametrize(
    ("case", "dtype"), sorted({("kernels", "float32"), *((case, WIDEST) for case in OURS)})
)
def test_equal_settings_give_equal_steps(golden, case, dtype):
    found = deviations(golden("tfa_lamb"), case, dtype, **OURS[case])
    exact = TOLERANCE[dtype]
    assert max(found.values()) <= (max(exact, ROUNDED_SETTINGS) if case == "defaults" else exact)


def test_theirs_decays_vectors_unless_they_are_excluded(golden):
    found = deviations(golden("tfa_lamb"), "decay_all", WIDEST)
    assert max(found[name] for name in KERNELS) <= TOLERANCE[WIDEST]
    # A ratio |p| / |u| of about 1 instead of exactly 1, in steps of 0.004.
    assert min(found[name] for name in VECTORS) > 1e-3


def test_a_decayed_kernel_without_trust_ratio_has_no_counterpart(golden):
    found = deviations(golden("tfa_lamb"), "decay_without_ratio", WIDEST)
    assert found.pop("fc/kernel") > 1e-3
    assert max(found.values()) <= TOLERANCE[WIDEST]


def test_ours_clips_and_theirs_does_not(golden):
    found = deviations(golden("tfa_lamb"), "kernels", WIDEST, global_clipnorm=1.0)
    assert min(found[name] for name in found if name != "zeros/kernel") > 1e-4


def test_every_golden_case_is_tested(golden):
    assert {*golden("tfa_lamb").meta["cases"]} == {*OURS, "decay_all", "decay_without_ratio"}
