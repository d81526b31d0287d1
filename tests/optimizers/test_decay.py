"""Variables with weight decay, by the papers' rules."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.optimizers import SGD, AdamW, Lamb, RMSpropTF, exclude_from_decay

pytestmark = pytest.mark.every_backend


def model():
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.Sequential([keras.layers.BatchNormalization(name="bn")], name="block"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="fc"),
        ]
    )


# Kernel and bias of the convolution, scale and shift of the norm, kernel and bias of the classifier.
DECAYED = {
    "kernels": [True, False, False, False, True, False],
    "all": [True] * 6,
    "all_but_norm": [True, True, False, False, True, True],
}


def decayed(optimizer, network):
    optimizer.build(network.trainable_variables)
    return [bool(optimizer._use_weight_decay(v)) for v in network.trainable_variables]


@pytest.mark.parametrize("keep", DECAYED)
@pytest.mark.parametrize(
    "make", [SGD, RMSpropTF, AdamW, keras.optimizers.SGD, keras.optimizers.AdamW]
)
def test_decayed_variables_by_rule(make, keep):
    network, optimizer = model(), make(0.1, weight_decay=0.5)
    exclude_from_decay(optimizer, network, keep)
    assert decayed(optimizer, network) == DECAYED[keep]


@pytest.mark.parametrize("keep", DECAYED)
def test_the_rule_is_saved_with_our_optimizers(keep):
    network, optimizer = model(), SGD(0.1, weight_decay=0.5)
    exclude_from_decay(optimizer, network, keep)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert decayed(copy, network) == DECAYED[keep]


def test_a_variable_is_matched_by_its_own_path_only():
    network, optimizer = model(), SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=network.trainable_variables[:1])
    optimizer.exclude_from_weight_decay(var_names=["fc/"])
    assert decayed(optimizer, network) == [False, True, True, True, False, False]


def test_wrapped_optimizers_are_supported():
    network, optimizer = model(), SGD(0.1, weight_decay=0.5)
    exclude_from_decay(keras.optimizers.LossScaleOptimizer(optimizer), network, "kernels")
    assert decayed(optimizer, network) == DECAYED["kernels"]


def test_an_update_follows_the_rule():
    network, optimizer = model(), SGD(1.0, momentum=0.0, weight_decay=0.5)
    for variable in network.trainable_variables:
        variable.assign(np.ones(variable.shape))
    exclude_from_decay(optimizer, network, "all_but_norm")
    optimizer.apply(
        [np.zeros(v.shape, "float32") for v in network.trainable_variables],
        network.trainable_variables,
    )
    ends = [float(keras.ops.convert_to_numpy(v).max()) for v in network.trainable_variables]
    assert ends == [0.5, 0.5, 1.0, 1.0, 0.5, 0.5]


def test_lamb_decays_kernels():
    network = model()
    for keep in ("all", "all_but_norm"):
        with pytest.raises(ValueError, match=f"`keep` must be 'kernels' with Lamb.*{keep!r}"):
            exclude_from_decay(Lamb(), network, keep)
    lamb = Lamb()
    exclude_from_decay(lamb, network, "kernels")
    assert decayed(lamb, network) == DECAYED["kernels"]


def test_illegal_arguments():
    with pytest.raises(ValueError, match=r"`keep` must be 'kernels', 'all'.*keep='none'"):
        exclude_from_decay(SGD(), model(), "none")
    with pytest.raises(ValueError, match="`model` must be built"):
        exclude_from_decay(SGD(), keras.Sequential([keras.layers.Dense(1)]), "all")
