"""Networks of David Page's architecture search, step by step."""

import functools
import math

import keras
import numpy as np
import pytest

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications.dawnbench import (
    backbone_features,
    concatenated_classifier,
    dawnbench_network,
    maximum_classifier,
    preactivation_features,
)
from tests.applications.name_weights import draw, fill

pytestmark = pytest.mark.every_backend


def parameters_of(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)


CHOICES = [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)]


@pytest.mark.parametrize(
    ("residual", "extra"),
    [((), ()), *((layers, ()) for layers in CHOICES), *(((), layers) for layers in CHOICES)],
)
def test_parameters_of_branches_and_extra_layers(residual, extra):
    features = functools.partial(backbone_features, residual=residual, extra=extra)
    with keras.StatelessScope(initialize_variables=False):
        model = dawnbench_network("Variant", summary="", features=features)()
    units = [(3, 64), (64, 128), (128, 256), (256, 512)]
    more = (*residual, *residual, *extra)
    expected = 5120 + sum(9 * a * b + 2 * b for a, b in units)
    expected += sum(9 * b * b + 2 * b for _, b in (units[layer] for layer in more))
    assert parameters_of(model) == expected
    assert len([layer for layer in model.layers if layer.name.endswith("_add")]) == len(residual)


@pytest.mark.parametrize("argument", ["residual", "extra"])
def test_layers_are_checked(argument):
    with pytest.raises(
        ValueError, match=rf"`{argument}` must contain only layers 1, 2 and 3. .*=\(4,\)"
    ):
        backbone_features(keras.Input((32, 32, 3)), 0.0, **{argument: (4,)})


def test_frozen_scales_cannot_be_initialized_uniformly():
    with pytest.raises(ValueError, match="`uniform_gamma` must be False"):
        backbone_features(
            keras.Input((32, 32, 3)), 0.0, uniform_gamma=True, frozen_batch_norm_scale=True
        )


NARROW = (64, 128, 256, 256)
_narrow = functools.partial(backbone_features, channels=NARROW, uniform_gamma=True)
STEPS = {
    "baseline": (preactivation_features, concatenated_classifier),
    "backbone": (
        functools.partial(preactivation_features, branches=False),
        concatenated_classifier,
    ),
    "one normalization each": (
        functools.partial(_narrow, kernel_size=1, pooled=False),
        concatenated_classifier,
    ),
    "3x3": (functools.partial(_narrow, pooled=False), concatenated_classifier),
    "pooled": (_narrow, concatenated_classifier),
    "maximum": (
        functools.partial(backbone_features, uniform_gamma=True),
        functools.partial(maximum_classifier, use_bias=True, scale=1.0),
    ),
    "twice as wide": (
        functools.partial(backbone_features, channels=(128, 256, 512, 1024)),
        maximum_classifier,
    ),
}
STEM, DENSE = 27 * 64, 512 * 10 + 10
CHAIN = 64 * 128 + 128 * 256 + 256 * 256
# Computed from the notebook's definitions, kernels, then scales and shifts; the notebook's own code, run in
# torch 2.13, has the same numbers.
PARAMETERS = {
    "baseline": STEM
    + 9 * (4 * 64**2 + 64 * 128 + 3 * 128**2 + 128 * 256 + 3 * 256**2 + 4 * 256**2)
    + CHAIN
    + 2 * (5 * 64 + 4 * 128 + 7 * 256)
    + DENSE,
    "backbone": STEM + CHAIN + 2 * (3 * 64 + 2 * 128 + 3 * 256) + DENSE,
    "one normalization each": STEM + CHAIN + 2 * sum(NARROW) + DENSE,
    "3x3": STEM + 9 * CHAIN + 2 * sum(NARROW) + DENSE,
    "pooled": STEM + 9 * CHAIN + 2 * sum(NARROW) + DENSE,
    "maximum": STEM + 9 * (64 * 128 + 128 * 256 + 256 * 512) + 2 * 960 + DENSE,
    "twice as wide": 27 * 128 + 36 * (64 * 128 + 128 * 256 + 256 * 512) + 2 * 1920 + 10240,
}


@pytest.mark.parametrize("step", STEPS)
def test_steps_of_the_search(step, golden):
    features, classifier = STEPS[step]
    network = dawnbench_network("Step", summary="", features=features, classifier=classifier)
    model = network(classifier_activation=None, include_preprocessing=False)
    assert parameters_of(model) == PARAMETERS[step]
    assert list(applications.stages(model).output)[-1] == "stride8"
    if step == "twice as wide":  # which has no golden
        return
    fill(model)
    images = draw("images", (4, 3, 32, 32)).astype("float32").transpose(0, 2, 3, 1)
    logits = keras.ops.convert_to_numpy(model(np.ascontiguousarray(images), training=False))
    # Up to 18 layers in float32, against float64
    reference = golden("dawnbench")[step]
    assert np.abs(logits - reference).max() <= 1e-5 * np.abs(reference).max()


def test_scales_are_initialized_as_in_old_torch():
    network = dawnbench_network("Step", summary="", features=_narrow)
    keras.utils.set_random_seed(0)
    new, old = applications.ResNet9(), network()
    assert (new.get_layer("layer3_bn").gamma.numpy() == 1).all()
    gammas = [old.get_layer(f"layer{layer}_bn").gamma.numpy() for layer in (2, 3)]
    # 256 uniform numbers: their mean is known to 0.018
    assert gammas[0].mean() == pytest.approx(0.5, abs=0.09)
    assert 0 <= gammas[0].min() <= gammas[0].max() <= 1
    assert not np.array_equal(*gammas)


def test_stochastic_depth_needs_branches():
    bare = dawnbench_network("Bare", summary="", features=backbone_features)
    with pytest.raises(ValueError, match=r"must be 0 for a network without shortcuts. .*=0.1"):
        bare(drop_path_rate=0.1)
    full = dawnbench_network("Full", summary="", features=preactivation_features)
    rates = [layer.rate for layer in full(drop_path_rate=0.7).layers if "drop_path" in layer.name]
    assert rates == pytest.approx([0.1 * block for block in range(1, 8)])
