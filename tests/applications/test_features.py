"""Feature maps of every size: their layers, values and weights."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications import ResNet20, stages

pytestmark = pytest.mark.every_backend

# The last layers of the stages, by hand, one network of each kind of block and stem
ENDS = {
    "ResNet18": ["layer1_1_act2", "layer2_1_act2", "layer3_1_act2", "layer4_1_act2"],
    "ResNet50": ["layer1_2_act3", "layer2_3_act3", "layer3_5_act3", "layer4_2_act3"],
    "ResNet50V1": ["layer1_2_act3", "layer2_3_act3", "layer3_5_act3", "layer4_2_act3"],
    "ResNet10T": ["layer1_0_act2", "layer2_0_act2", "layer3_0_act2", "layer4_0_act2"],
    "SEResNet18": ["layer1_1_act2", "layer2_1_act2", "layer3_1_act2", "layer4_1_act2"],
    "ECAResNet26T": ["layer1_1_act3", "layer2_1_act3", "layer3_1_act3", "layer4_1_act3"],
    "Plain18": ["layer1_1_act2", "layer2_1_act2", "layer3_1_act2", "layer4_1_act2"],
    "ResNet20": ["blocks_2_act2", "blocks_5_act2", "blocks_8_act2"],
    "Plain20": ["blocks_2_act2", "blocks_5_act2", "blocks_8_act2"],
    "AirbenchNet": ["layer1_conv", "layer2_conv", "layer3_conv", "extra3_gelu"],
    "ResNet9": ["layer1_relu", "layer2_relu", "layer3_relu", "res3_add"],
}


def images(height=32, width=32):
    return np.random.default_rng(0).integers(0, 256, (1, height, width, 3)).astype("uint8")


def strides_of(name):
    first = 4 if len(ENDS[name]) == 4 and name not in ("ResNet9", "AirbenchNet") else 1
    return [first * 2**index for index in range(len(ENDS[name]))]


@pytest.mark.parametrize("name", ENDS)
def test_last_layers_of_the_stages(name):
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(applications, name)()
    outputs = stages(model).output
    assert list(outputs) == [f"stride{stride}" for stride in strides_of(name)]
    assert list(outputs.values()) == [model.get_layer(end).output for end in ENDS[name]]


@pytest.mark.parametrize("include_top", [True, False])
def test_maps_equal_the_layers_outputs_at_any_size(include_top):
    model = applications.ResNet10T(include_top=include_top)
    maps = stages(model)(images(70, 45), training=False)
    shapes_wanted = {
        "stride4": (1, 18, 12, 64),
        "stride8": (1, 9, 6, 128),
        "stride16": (1, 5, 3, 256),
        "stride32": (1, 3, 2, 512),
    }
    assert {key: tuple(value.shape) for key, value in maps.items()} == shapes_wanted
    layers = [model.get_layer(end).output for end in ENDS["ResNet10T"]]
    probe = keras.Model(model.input, layers)(images(70, 45), training=False)
    for ours, theirs in zip((maps[key] for key in shapes_wanted), probe, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))


def test_weights_are_shared_and_frozen_together():
    model = ResNet20()
    features = stages(model)
    kernel = model.get_layer("conv").kernel
    assert features.get_layer("conv").kernel is kernel
    features.trainable = False
    assert [layer for layer in model.layers if layer.trainable_variables] == [model.layers[-2]]


def test_a_head_on_loaded_stages_is_saved_and_loaded(tmp_path):
    ResNet20(include_top=False).save(tmp_path / "backbone.keras")
    features = stages(keras.saving.load_model(tmp_path / "backbone.keras"))
    inputs = keras.Input((None, None, 3))
    maps = features(inputs)
    fine = keras.layers.Conv2D(2, 1)(maps["stride1"])
    coarse = keras.layers.Conv2D(2, 1)(maps["stride4"])
    up = keras.layers.UpSampling2D(4)(coarse)
    model = keras.Model(inputs, keras.layers.Add()([fine, up]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    ours, theirs = (keras.ops.convert_to_numpy(m(images())) for m in (model, again))
    assert ours.shape == (1, 32, 32, 2)
    np.testing.assert_array_equal(ours, theirs)


def test_stages_of_stages_are_the_same():
    features = stages(ResNet20())
    assert list(stages(features).output.values()) == list(features.output.values())


@pytest.mark.one_backend
def test_other_models_are_errors():
    wrapped = keras.Sequential([keras.Input((32, 32, 3)), ResNet20()])
    for model in (wrapped, keras.applications.MobileNetV2(weights=None), None):
        with pytest.raises(ValueError, match=r"`model` must be a network of keras_resnet_rec"):
            stages(model)
