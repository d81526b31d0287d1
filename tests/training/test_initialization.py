"""Initial weights against the formulas of the code that each recipe comes from.

Kernels here are [height, width, channels per group, filters]; in torch and MXNet they are [filters, channels per
group, height, width].
"""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipe import Initialization
from keras_resnet_recipes.training import build
from tests.augment.chance import NORMAL

CHOSEN = {"learning_rate": 0.1, "step_epochs": (1.0,)}
# The largest of some hundred independent deviations.
LARGEST = NORMAL + 1.5


def timm(filters, inputs, area):
    """timm's and torchvision's ResNets: `nn.init.kaiming_normal_(mode="fan_out", nonlinearity="relu")`."""
    return (2 / (filters * area)) ** 0.5


def gluoncv(filters, inputs, area):
    """MXNet's `MSRAPrelu(factor_type="avg", slope=0.25)`, which GluonCV's script gives to the whole network."""
    magnitude = 2 / (1 + 0.25**2)
    return (magnitude / ((inputs * area + filters * area) / 2)) ** 0.5


def he2015(filters, inputs, area):
    """He et al. (arXiv 1502.01852), equation 10: n standard deviations squared are 2, n = k² c."""
    return (2 / (area * inputs)) ** 0.5


def torch(filters, inputs, area):
    """torch's `nn.Conv2d` and `nn.Linear`: uniform within 1 / sqrt(k² c)."""
    return (3 * area * inputs) ** -0.5


def moco(filters, inputs, area):
    """`main_lincls.py` of MoCo."""
    return 0.01


# Rules of convolutions and of the classifier's kernel; whether its bias is 0.
RULES = {
    **dict.fromkeys(("A1", "A2", "A3", "B", "C1", "C2", "D"), (timm, torch, False)),
    **dict.fromkeys(("DeiT", "FineTune", "TorchVisionV2"), (timm, torch, False)),
    **dict.fromkeys(("FFCVResNet18", "FFCVResNet50"), (timm, torch, False)),
    "LinearProbe": (timm, moco, True),
    "DAWNBench": (torch, torch, None),
    **dict.fromkeys(("BagOfTricks", "Distill"), (gluoncv, gluoncv, True)),
    **dict.fromkeys(("He2015", "He2015CIFAR"), (he2015, he2015, True)),
}


def network(recipe, seed=0):
    keras.utils.set_random_seed(seed)
    return build.network(recipe.replace(classes=recipe.classes or 1000))


def kernels(model, kind):
    """Yields layers of a kind with their kernels, and filters, inputs and area of each."""
    for layer in model.layers:
        if isinstance(layer, kind):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            *sides, inputs, filters = kernel.shape
            yield layer, kernel, (filters, inputs, np.prod(sides))


def check(kernel, expected):
    """Compares mean and standard deviation with 0 and the expected one."""
    # Sampling errors of a normal distribution; those of a uniform one are smaller.
    assert abs(kernel.std() / expected - 1) < LARGEST / np.sqrt(2 * kernel.size)
    assert abs(kernel.mean()) < LARGEST * expected / np.sqrt(kernel.size)


def test_every_recipe_has_a_rule():
    # Its network begins with identities, by a rule of its own.
    own = {name for name, recipe in krr.RECIPES.items() if recipe().initialization is None}
    assert own == {"Airbench94"}
    assert RULES.keys() == krr.RECIPES.keys() - own
    timms = {name for name, (of_convolution, *_) in RULES.items() if of_convolution is timm}
    networks = {krr.RECIPES[name]().network for name in timms}
    assert networks == {"ResNet50", "BlurResNet18", "BlurResNet50"}


@pytest.mark.parametrize(
    "name", ["A1", "BagOfTricks", "DAWNBench", "He2015", "He2015CIFAR", "LinearProbe"]
)
def test_all_kernels_are_drawn_by_the_rule_of_the_original(name):
    of_convolution, of_classifier, zero_bias = RULES[name]
    recipe = krr.RECIPES[name]()
    model = network(recipe)
    for _, kernel, shape in kernels(model, keras.layers.Conv2D):
        check(kernel, of_convolution(*shape))
        far = np.mean(abs(kernel) > 2 * of_convolution(*shape))
        # 4.55 % of a normal distribution; none of a truncated or uniform one.
        assert far == 0 if of_convolution is torch else far > 0 or kernel.size < 500
    ((layer, kernel, shape),) = kernels(model, keras.layers.Dense)
    check(kernel, of_classifier(*shape))
    if zero_bias is None:
        assert layer.bias is None
    else:
        bias = keras.ops.convert_to_numpy(layer.bias)
        assert (bias == 0).all() == zero_bias
        assert abs(bias).max() <= shape[1] ** -0.5


def test_recipes_of_one_rule_have_one_value():
    for name, rule in RULES.items():
        first = next(other for other, same in RULES.items() if same == rule)
        assert krr.RECIPES[name]().initialization == krr.RECIPES[first]().initialization


def test_the_first_kernel_of_bag_of_tricks_has_gluoncvs_deviation():
    kernel = build.network(krr.BagOfTricks(classes=2)).get_layer("conv1_0").kernel
    assert np.std(keras.ops.convert_to_numpy(kernel)) == pytest.approx(0.1093, rel=0.1)


def test_xavier_of_the_paper():
    recipe = krr.BagOfTricks(
        network="ResNet20", initialization_scale=1.0, initialization_distribution="uniform"
    )
    for _, kernel, (filters, inputs, area) in kernels(network(recipe), keras.layers.Conv2D):
        limit = (6 / (area * (filters + inputs))) ** 0.5
        assert 0.98 * limit < abs(kernel).max() <= limit


@pytest.mark.every_backend
def test_kernels_differ_and_the_seed_decides():
    recipe = krr.He2015CIFAR(network="ResNet20", precision="mixed_bfloat16")
    models = [network(recipe, seed) for seed in (0, 0, 1)]
    one, two, three = ([kernel for _, kernel, _ in kernels(m, keras.layers.Conv2D)] for m in models)
    for index, kernel in enumerate(one):
        check(kernel, he2015(kernel.shape[3], kernel.shape[2], 9))
        np.testing.assert_array_equal(kernel, two[index])
        assert not np.array_equal(kernel, three[index])
        same = (kernel.shape == other.shape and (kernel == other).any() for other in one[:index])
        assert not any(same)


def test_attention_and_whitening():
    model = network(krr.BagOfTricks(network="SEResNet50", classes=2))
    layer = model.get_layer("layer1_0_se_fc2")
    assert (keras.ops.convert_to_numpy(layer.bias) == 0).all()
    check(keras.ops.convert_to_numpy(layer.kernel), gluoncv(256, 16, 1))
    filters = (
        build.network(krr.DAWNBench(classes=2, whitening=True)).get_layer("prep_whiten").kernel
    )
    matrix = keras.ops.convert_to_numpy(filters).reshape(27, 27)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(27), atol=1e-5)  # float32


def test_none_leaves_the_networks_own():
    model = network(krr.He2015CIFAR(network="ResNet20", initialization=None))
    for _, kernel, shape in kernels(model, keras.layers.Conv2D):
        check(kernel, timm(*shape))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"initialization_scale": 0}, "`initialization_scale` must be a number above 0.*=0$"),
        ({"initialization_mode": "fan"}, "`initialization_mode` must be one of 'fan_in'"),
        (
            {"initialization_classifier": "he"},
            "`initialization_classifier` must be one of 'torch', 'same' or a number above 0.*='he'",
        ),
        ({"initialization_classifier": -1}, "'same' or a number above 0. Received.*=-1$"),
    ],
)
def test_illegal_values(changes, message):
    with pytest.raises(ValueError, match=message):
        krr.A1(**changes)


def test_command_line_and_json(tmp_path, capsys):
    from keras_resnet_recipes.recipe.text import changed

    recipe = changed(krr.A1(), ["initialization_mode=fan_in", "initialization_classifier=0.01"])
    assert recipe.initialization == Initialization(2.0, "fan_in", classifier=0.01)
    assert recipe == changed(
        krr.A1(), ["initialization=Initialization(2, 'fan_in', classifier=0.01)"]
    )
    recipe.to_json(tmp_path / "recipe.json")
    assert krr.load_recipe(tmp_path) == recipe
    assert "fan_out in A1" in str(recipe)
