"""Every network: parameters, layer names, initial values, and conventions."""

import inspect
import math
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_resnet_recipes import applications
from tests.applications.name_weights import timm_parameters
from tests.backends import some

pytestmark = pytest.mark.every_backend

# One network per kind of stem, shortcut, block and classifier
KINDS = [
    "ResNet18",
    "ResNet20",
    "ResNet10T",
    "ResNet14T",
    "SEResNet18",
    "ECAResNet26T",
    "ResNeXt50_32x4d",
    "ResNet9",
    "AirbenchNet",
    "Plain18",
    "Plain20",
]
# One network per kind of layer
LAYERS = [
    "ResNet20",
    "ResNet14T",
    "SEResNet18",
    "ECAResNet26T",
    "ResNeXt50_32x4d",
    "ResNet9",
    "AirbenchNet",
]
EVERY_NETWORK = pytest.mark.parametrize("name", applications.NETWORKS)
EVERY_KIND = pytest.mark.parametrize("name", some(KINDS, everywhere=["ResNet18"]))

CIFAR = {f"{kind}{depth}" for kind in ("ResNet", "Plain") for depth in (20, 32, 44, 56, 110)}
CIFAR |= {"ResNet9", "ResNet1202", "AirbenchNet"}

# From the 2015 paper, with exact numbers: option A is a ResNet without projections, and a plain network has the
# same parameters; CIFAR's are those of table 6, computed exactly; ResNet9's are Page's, AirbenchNet's are
# counted from its description.
PARAMETERS = {
    "ResNet18V1A": 11_515_688,
    "ResNet34V1A": 21_623_848,
    "ResNet34V1B": 21_797_672,
    "ResNet50V1": 25_557_032,
    "ResNet101V1": 44_549_160,
    "ResNet152V1": 60_192_808,
    "Plain18": 11_515_688,
    "Plain34": 21_623_848,
    "ResNet9": 6_573_120,
    # Six 3x3 kernels, a shift per channel of theirs, the bias of the whitening, and the classifier.
    "AirbenchNet": 9 * (64 * (24 + 64) + 256 * (64 + 3 * 256)) + 2 * 576 + 24 + 2560,
}
for layers, number in {
    20: 269_722,
    32: 464_154,
    44: 658_586,
    56: 853_018,
    110: 1_727_962,
    # 3 * 16 * 9, 2 * 16 and 650 outside the blocks; 400 3x3 convolutions of each width, of which the first of two
    # stages have half the input channels; a gamma and a beta for each.
    1202: 432
    + 32
    + 650
    + 9 * (400 * (16**2 + 32**2 + 64**2) - 16 * 32 - 32 * 64)
    + 800 * (16 + 32 + 64),
}.items():
    PARAMETERS[f"ResNet{layers}"] = PARAMETERS[f"Plain{layers}"] = number

# 10^9 multiplications for 224x224. First from torchvision 0.28.0, `weights.meta["_ops"]`, then from the paper's
# table 1, which has one decimal.
BILLIONS = {
    "ResNet18": 1.814,
    "ResNet34": 3.664,
    "ResNet50": 4.089,
    "ResNet101": 7.801,
    "ResNet152": 11.514,
    "ResNeXt50_32x4d": 4.230,
    "ResNeXt101_32x8d": 16.414,
    "ResNeXt101_64x4d": 15.460,
    "WideResNet50_2": 11.398,
    "WideResNet101_2": 22.753,
}
PAPER_BILLIONS = {
    "ResNet18V1A": 1.8,
    "ResNet34V1A": 3.6,
    "ResNet50V1": 3.8,
    "ResNet101V1": 7.6,
    "ResNet152V1": 11.3,
}

# Depths, groups, channels per group: the sums below need nothing else.
BOTTLENECKS = {
    "ResNet50": ((3, 4, 6, 3), 1, 64),
    "ResNet101": ((3, 4, 23, 3), 1, 64),
    "ResNet152": ((3, 8, 36, 3), 1, 64),
    "ResNeXt50_32x4d": ((3, 4, 6, 3), 32, 4),
    "ResNeXt101_32x4d": ((3, 4, 23, 3), 32, 4),
    "ResNeXt101_32x8d": ((3, 4, 23, 3), 32, 8),
    "ResNeXt101_64x4d": ((3, 4, 23, 3), 64, 4),
    "WideResNet50_2": ((3, 4, 6, 3), 1, 128),
    "WideResNet101_2": ((3, 4, 23, 3), 1, 128),
}


def bottleneck_multiplications(depths, groups, width):
    """Returns the multiplications of a v1.5 network for 224x224."""
    total, channels = 112**2 * 64 * 7**2 * 3 + 2048 * 1000, 64
    for stage, depth in enumerate(depths):
        pixels = (56 // 2**stage) ** 2
        inside, outside = groups * width * 2**stage, 256 * 2**stage
        # The first 1x1 convolution of a stage has the resolution of the previous stage.
        larger = pixels if stage == 0 else 4 * pixels
        total += larger * channels * inside + pixels * channels * outside
        total += pixels * (depth - 1) * outside * inside
        total += pixels * depth * (9 * inside**2 // groups + inside * outside)
        channels = outside
    return total


def images(size=32):
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype="uint8")


def timm_name(name):
    return name.lower().replace("wideresnet", "wide_resnet")


def shapes_in_timm(model):
    """Returns `[torch name, torch shape]` of every trainable parameter in timm's order."""
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


def multiplications(model):
    """Returns the multiplications of convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D):
            pixels = 1 if isinstance(layer, keras.layers.Conv1D) else layer.output.shape[1:-1]
            inputs = layer.kernel.shape[:-1]
            filters = layer.filters if layer.rank == 2 else layer.output.shape[1]
            total += math.prod(inputs) * filters * math.prod(np.atleast_1d(pixels))
        elif isinstance(layer, keras.layers.Dense):
            total += math.prod(layer.kernel.shape)
    return int(total)


@pytest.mark.one_backend
@EVERY_NETWORK
def test_parameters_and_multiplications_equal_the_published_ones(name, golden):
    network = getattr(applications, name)
    # Variables without values, because only shapes are compared.
    with keras.StatelessScope(initialize_variables=False):
        model = network(input_shape=(224, 224, 3))
    parameters = sum(math.prod(v.shape) for v in model.trainable_variables)
    products = multiplications(model)
    counts = golden("networks").meta["counts"]
    in_timm, products_in_timm = counts.get(timm_name(name), (None, None))
    assert parameters == (in_timm or PARAMETERS[name])
    assert PARAMETERS.get(name, parameters) == parameters
    assert products_in_timm in (None, products)
    assert f"{parameters:,} parameters" in network.__doc__
    if name not in CIFAR:
        # Every ImageNet network has the feature maps that heads need.
        assert list(applications.stages(model).output) == [f"stride{s}" for s in (4, 8, 16, 32)]
    if name in BOTTLENECKS:
        assert products == bottleneck_multiplications(*BOTTLENECKS[name])
    if name in BILLIONS:
        assert round(products / 1e9, 3) == BILLIONS[name]
    if name in PAPER_BILLIONS:
        # The paper truncates 3.86 to 3.8 and 3.67 to 3.6, and rounds the others.
        assert products / 1e9 == pytest.approx(PAPER_BILLIONS[name], abs=0.1)


def test_every_network_of_timm_is_implemented(golden):
    ours = {timm_name(name) for name in applications.NETWORKS}
    assert set(golden("networks").meta["counts"]) <= ours


def test_the_deepest_network_does_not_change_the_recursion_limit():
    limit = sys.getrecursionlimit()
    applications.ResNet20()
    assert sys.getrecursionlimit() == limit


@pytest.fixture
def shallow_python():
    """Limits recursion to 150 calls, as deep for ResNet56 as Python's limit, 1000, for ResNet1202."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 150)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.one_backend
def test_the_deepest_network_is_loaded_as_its_docstring_says(shallow_python, tmp_path):
    model = applications.ResNet56()
    model.save_weights(tmp_path / "x.weights.h5")
    again = applications.ResNet56(tmp_path / "x.weights.h5")
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(applications.stages(model).output) == 3
    model.save(tmp_path / "x.keras")
    with pytest.raises(RecursionError):
        keras.saving.load_model(tmp_path / "x.keras")
    sys.setrecursionlimit(20_000)
    assert keras.saving.load_model(tmp_path / "x.keras").count_params() == model.count_params()
    text = " ".join(applications.ResNet1202.__doc__.split())
    assert "before `keras.saving.load_model`, call `sys.setrecursionlimit(20_000)`" in text


@EVERY_KIND
def test_network_predicts_and_round_trips_its_config(name):
    rate = 0.0 if name.startswith(("Plain", "Airbench")) else 0.1
    network = getattr(applications, name)
    model = network(classes=3, drop_path_rate=rate)
    assert model.input_shape == (None, None, None, 3)
    assert model.name == name.lower()
    probabilities = keras.ops.convert_to_numpy(model(images()))
    assert probabilities.shape == (2, 3)
    # Three float32 roundings
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=3e-7)
    with keras.StatelessScope(initialize_variables=False):
        again = keras.Model.from_config(model.get_config())
    assert again.get_config() == model.get_config()


@pytest.mark.parametrize("name", LAYERS)
def test_network_computes_in_float16(name):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = getattr(applications, name)(classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    probabilities = keras.ops.convert_to_numpy(model(images()))
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["Plain18", "Plain20"])
def test_a_network_without_branches_has_no_stochastic_depth(name):
    with pytest.raises(ValueError, match=r"must be 0 for a network without shortcuts. .*=0.1"):
        getattr(applications, name)(drop_path_rate=0.1)


@pytest.mark.one_backend
@EVERY_NETWORK
def test_docstrings_name_the_network(name):
    network = getattr(applications, name)
    assert network.__name__ == network.__qualname__ == name
    assert network.__module__ == applications.__name__
    assert f'by default "{name.lower()}"' in network.__doc__


def example_of(name):
    """Returns the lines of the docstring under "Example:"."""
    section = getattr(applications, name).__doc__.split("Example:\n")[1].split("\n\nReferences:")[0]
    return textwrap.dedent(section)


def test_documented_example_runs():
    namespace = {}
    exec(example_of("ResNet20"), namespace)
    assert namespace["model"].output_shape == (None, 7)


@pytest.mark.one_backend
@EVERY_NETWORK
def test_documented_examples_differ_only_in_the_name(name):
    assert example_of(name) == example_of("ResNet20").replace("ResNet20", name)


@pytest.fixture(scope="module")
def resnet50():
    keras.utils.set_random_seed(0)
    return applications.ResNet50()


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["ResNet50", "ResNet50D", "SEResNet50"])
def test_names_and_shapes_equal_timms(name, golden):
    names = golden("models").meta["models"][name.lower()]["names"]
    with keras.StatelessScope(initialize_variables=False):
        model = getattr(applications, name)()
    assert shapes_in_timm(model) == names


def test_names_and_shapes_of_resnet20_equal_the_goldens(golden):
    names = golden("cifar_and_lr").meta["models"]["resnet20A"]["names"]
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    parameters = [[name, shape] for name, shape in names if not name.endswith(buffers)]
    assert shapes_in_timm(applications.ResNet20()) == parameters


def test_initial_values_have_timms_statistics(resnet50, golden):
    init = golden("models").meta["init"]

    def variable(layer, name):
        return getattr(resnet50.get_layer(layer), name).numpy()

    # The relative error of a standard deviation of n numbers is 1 / sqrt(2 n); five times that, for both sides.
    for layer, numbers in (
        ("conv1", 7 * 7 * 3 * 64),
        ("layer1_0_conv2", 3 * 3 * 64 * 64),
        ("layer4_2_conv3", 512 * 2048),
    ):
        kernel = variable(layer, "kernel")
        assert kernel.std() == pytest.approx(init[f"{layer}_std"], rel=10 / np.sqrt(2 * numbers))
        # In a normal distribution without truncation a fraction of 6e-5, here dozens of numbers, exceed four sigma.
        assert layer == "conv1" or np.abs(kernel).max() > 4 * kernel.std()
    for block in ("layer1_0", "layer4_2"):
        assert np.abs(variable(f"{block}_bn3", "gamma")).max() == init["last_gamma"] == 0
        assert (variable(f"{block}_bn2", "gamma") == 1).all()
    assert (variable("layer1_0_downsample_1", "gamma") == init["downsample_gamma"]).all()
    # The largest of 2 million uniform numbers is close to the limit, that of 1000 within a hundredth.
    limit = 2048**-0.5
    for name, key, tolerance in (("kernel", "fc_w_absmax", 1e-4), ("bias", "fc_b_absmax", 1e-2)):
        largest = np.abs(variable("fc", name)).max()
        assert largest <= limit * (1 + 1e-6)
        assert largest == pytest.approx(init[key], rel=tolerance)


def test_attention_has_the_initial_values_of_timm():
    keras.utils.set_random_seed(0)
    se = applications.SEResNet18(include_top=False)
    kernel = se.get_layer("layer4_0_se_fc2").kernel.numpy()
    # Fan-out 512, 16384 numbers, with a tolerance of 5 / sqrt(2 * 16384)
    assert kernel.std() == pytest.approx((2 / 512) ** 0.5, rel=0.03)
    bias = se.get_layer("layer4_0_se_fc2").bias.numpy()
    assert 0.9 * 32**-0.5 < np.abs(bias).max() <= 32**-0.5 * (1 + 1e-6)
    assert (se.get_layer("layer4_0_bn2").gamma.numpy() == 0).all()


def test_resnet9_has_torchs_initial_values_and_pages_normalization():
    keras.utils.set_random_seed(0)
    model = applications.ResNet9()
    kernel = model.get_layer("layer3_conv").kernel.numpy()
    assert np.abs(kernel).max() == pytest.approx((9 * 256) ** -0.5, rel=1e-4)
    probe = keras.Model(model.input, model.get_layer("normalization").output)
    pixel = keras.ops.convert_to_numpy(probe(np.full((1, 1, 1, 3), 255, "uint8")))
    ours = (255 - np.array([125.31, 122.95, 113.87])) / [62.99, 62.09, 66.7]
    np.testing.assert_allclose(pixel[0, 0, 0], ours, rtol=1e-6)


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


def test_stochastic_depth_increases_as_in_timm(golden):
    with keras.StatelessScope(initialize_variables=False):
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
