"""Every network: parameters, layer names, initial values, and that each keeps to the rules."""

import doctest

import keras
import numpy as np
import pytest

from keras_resnet_recipes import applications
from tests.applications.name_weights import timm_parameters

pytestmark = pytest.mark.every_backend

# Published counts: timm's and, for CIFAR, table 6 of the 2015 paper worked out exactly
PARAMETERS = {
    "ResNet18": 11_689_512,
    "ResNet20": 269_722,
    "ResNet34": 21_797_672,
    "ResNet50": 25_557_032,
    "ResNet101": 44_549_160,
    "ResNet152": 60_192_808,
}
EVERY_NETWORK = pytest.mark.parametrize("name", applications.__all__)


def images(size=32):
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype="uint8")


def shapes_in_timm(model):
    """`[torch name, torch shape]` of every trainable parameter in timm's order."""
    variables = {
        (layer.name, variable.name): tuple(variable.shape)
        for layer in model.layers
        for variable in layer.trainable_variables
    }
    shapes = []
    for torch_name, key in timm_parameters(model).items():
        shape = variables[key]
        if len(shape) == 4:
            shape = (shape[3], shape[2], shape[0], shape[1])
        elif len(shape) == 2:
            shape = shape[::-1]
        shapes.append([torch_name, list(shape)])
    return shapes


@EVERY_NETWORK
def test_default_network_has_the_published_parameters(name):
    network = getattr(applications, name)
    model = network()
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == PARAMETERS[name]
    assert f"{PARAMETERS[name]:,} parameters" in network.__doc__
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, 10 if name == "ResNet20" else 1000)
    assert model.name == name.lower()


@EVERY_NETWORK
def test_network_predicts_and_round_trips_its_config(name):
    model = getattr(applications, name)(classes=3, drop_path_rate=0.1)
    probabilities = keras.ops.convert_to_numpy(model(images()))
    assert probabilities.shape == (2, 3)
    # Three float32 roundings
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=3e-7)
    again = keras.Model.from_config(model.get_config())
    assert again.get_config() == model.get_config()


@EVERY_NETWORK
def test_network_is_documented_as_itself(name):
    network = getattr(applications, name)
    assert network.__name__ == network.__qualname__ == name
    assert network.__module__ == applications.__name__
    assert f">>> {name}(" in network.__doc__
    assert f'"{name.lower()}" unless given' in network.__doc__


def test_docstring_example_runs():
    examples = doctest.DocTestParser()
    test = examples.get_doctest(applications.ResNet20.__doc__, {}, "ResNet20", None, 0)
    results = doctest.DocTestRunner().run(test)
    assert (results.failed, results.attempted) == (0, 2)


@pytest.fixture(scope="module")
def resnet50():
    keras.utils.set_random_seed(0)
    return applications.ResNet50()


def test_names_and_shapes_of_resnet50_are_timms(resnet50, golden):
    names = golden("models").meta["models"]["resnet50"]["names"]
    assert shapes_in_timm(resnet50) == names


def test_names_and_shapes_of_resnet20_are_the_goldens(golden):
    names = golden("cifar_and_lr").meta["models"]["resnet20A"]["names"]
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    parameters = [[name, shape] for name, shape in names if not name.endswith(buffers)]
    assert shapes_in_timm(applications.ResNet20()) == parameters


def test_initial_values_have_timms_statistics(resnet50, golden):
    init = golden("models").meta["init"]

    def variable(layer, name):
        return getattr(resnet50.get_layer(layer), name).numpy()

    # A standard deviation of n numbers is known to 1 / sqrt(2 n); five times that, for both sides.
    for layer, numbers in (
        ("conv1", 7 * 7 * 3 * 64),
        ("layer1_0_conv2", 3 * 3 * 64 * 64),
        ("layer4_2_conv3", 512 * 2048),
    ):
        kernel = variable(layer, "kernel")
        assert kernel.std() == pytest.approx(init[f"{layer}_std"], rel=10 / np.sqrt(2 * numbers))
        # A normal without cut tails: 6e-5 of it, here dozens of numbers, lie beyond four sigma.
        assert layer == "conv1" or np.abs(kernel).max() > 4 * kernel.std()
    for block in ("layer1_0", "layer4_2"):
        assert np.abs(variable(f"{block}_bn3", "gamma")).max() == init["last_gamma"] == 0
        assert (variable(f"{block}_bn2", "gamma") == 1).all()
    assert (variable("layer1_0_downsample_1", "gamma") == init["downsample_gamma"]).all()
    # The largest of 2 million uniform numbers is the limit, that of 1000 within a hundredth.
    limit = 2048**-0.5
    for name, key, tolerance in (("kernel", "fc_w_absmax", 1e-4), ("bias", "fc_b_absmax", 1e-2)):
        largest = np.abs(variable("fc", name)).max()
        assert largest <= limit * (1 + 1e-6)
        assert largest == pytest.approx(init[key], rel=tolerance)


def test_the_last_gammas_of_resnet20_are_one():
    model = applications.ResNet20()
    gammas = [model.get_layer(f"blocks_{block}_bn2").gamma.numpy() for block in range(9)]
    assert all((gamma == 1).all() for gamma in gammas)


def test_convolutions_have_no_bias_and_normalizations_the_published_constants(resnet50):
    layers = resnet50.layers
    normalizations = [
        layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert {(layer.epsilon, layer.momentum) for layer in normalizations} == {(1e-5, 0.9)}
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == len(normalizations)
    assert not any(layer.use_bias for layer in convolutions)


def test_stochastic_depth_rises_as_in_timm(golden):
    model = applications.ResNet50(drop_path_rate=0.05)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("_drop_path")]
    # The first block has rate 0 and no layer.
    assert [0.0, *rates] == pytest.approx(golden("models").meta["resnet50_drop_path"], rel=1e-12)
    assert "layer1_1_drop_path" in {layer.name for layer in model.layers}


def test_stochastic_depth_acts_on_the_residual_branch_only():
    keras.utils.set_random_seed(0)
    model = applications.ResNet20(drop_path_rate=0.99)
    last = model.get_layer("blocks_8_add")
    drop, shortcut = model.get_layer("blocks_8_drop_path"), model.get_layer("blocks_7_act2")
    probe = keras.Model(model.input, [drop.output, shortcut.output, last.output])
    branch, identity, total = (
        keras.ops.convert_to_numpy(output) for output in probe(images(), training=True)
    )
    assert (branch == 0).all(axis=(1, 2, 3)).any()
    np.testing.assert_array_equal(total, branch + identity)
    assert not any(layer.name.endswith("_drop_path") for layer in applications.ResNet20().layers)
