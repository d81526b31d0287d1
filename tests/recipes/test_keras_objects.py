"""Keras objects as parts of a recipe, and hostile recipe files."""

import json
import subprocess
import sys

import keras
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import augment
from keras_resnet_recipes.recipe import KerasLayer, NetworkFunction
from keras_resnet_recipes.recipe.keras_objects import KerasObject

STEPS = krr.A3().augmentation


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.layers.Layer):
    """A layer registered with Keras."""


class Invert(keras.layers.Layer):
    """A layer not registered with Keras."""

    def call(self, images):
        return 255 - images


def tiny(*, include_top=True, weights=None, input_shape=None, classes=1000, **options):
    """A network."""


# Functions that return equal values at each call, and the row of the table.
OBJECTS = {
    "optimizer": (
        lambda: {"optimizer": keras.optimizers.Lion(weight_decay=0.02)},
        "optimizer keras.optimizers.Lion(weight_decay=0.02) (Lamb in A3)",
    ),
    "loss": (
        lambda: {"loss": keras.losses.CategoricalFocalCrossentropy(from_logits=True)},
        "loss keras.losses.CategoricalFocalCrossentropy(from_logits=True) (BinaryCrossentropy in A3)",
    ),
    "schedule": (
        lambda: {
            "schedule": keras.optimizers.schedules.CosineDecay(0.25, 1000),
            "learning_rate": None,
        },
        "schedule keras.optimizers.schedules.CosineDecay(decay_steps=1000, initial_learning_rate=0.25)",
    ),
    "layer": (
        lambda: {"augmentation": (*STEPS, keras.layers.RandomContrast(0.25, seed=1))},
        "keras_layer keras.layers.RandomContrast(factor=[0, 0.25], seed=1) (not set in A3)",
    ),
    "mix": (
        lambda: {"mix": keras.layers.MixUp(alpha=0.5)},
        "mix keras.layers.MixUp(alpha=0.5) (MixUpOrCutMix in A3)",
    ),
    "network": (
        lambda: {"network": keras.applications.EfficientNetV2B0},
        "network keras.applications.EfficientNetV2B0 (ResNet50 in A3)",
    ),
}


def saved_and_read(recipe, folder, **options):
    recipe.to_json(folder / "recipe.json")
    return krr.load_recipe(folder, **options)


@pytest.mark.parametrize("name", OBJECTS)
def test_a_keras_object_is_a_value(name, tmp_path):
    make, line = OBJECTS[name]
    # Keras numbers the names of its objects.
    recipe, again = krr.A3(**make()), krr.A3(**make())
    read = saved_and_read(recipe, tmp_path)
    for other in (again, read, krr.A3().replace(**make())):
        assert (other, hash(other), repr(other)) == (recipe, hash(recipe), repr(recipe))
    assert recipe != krr.A3()
    assert eval(repr(recipe), vars(augment) | {"A3": krr.A3, "keras": keras}) == recipe
    printed = [" ".join(row.split()) for row in str(recipe).splitlines()]
    assert any(row.startswith(line) for row in printed)
    assert recipe.diff(krr.A3()).rows
    assert not recipe.diff(read).rows


def test_objects_of_this_package_differ_from_those_of_keras():
    package = krr.A3(optimizer=krr.optimizers.Lamb(weight_decay=0.125))
    keras_own = krr.A3(optimizer=keras.optimizers.Lamb(weight_decay=0.125))
    assert repr(package) == "A3(optimizer=krr.optimizers.Lamb(weight_decay=0.125))"
    assert package.diff(keras_own).rows["optimizer"] == (
        "krr.optimizers.Lamb(weight_decay=0.125)",
        "keras.optimizers.Lamb(weight_decay=0.125)",
    )
    loss = krr.A3(loss=krr.losses.BinaryCrossentropy(target_threshold=0.25))
    for recipe in (package, loss):
        assert eval(repr(recipe), {"A3": krr.A3, "krr": krr}) == recipe


@pytest.mark.full
def test_objects_of_this_package_load_in_another_process(tmp_path):
    recipe = krr.A3(
        optimizer=krr.optimizers.Lamb(weight_decay=0.125),
        loss=krr.losses.BinaryCrossentropy(target_threshold=0.25),
        augmentation=(*STEPS, krr.layers.RandAugment(seed=1)),
    )
    recipe.to_json(tmp_path / "recipe.json")
    program = f"import keras_resnet_recipes as krr; print(repr(krr.load_recipe({str(tmp_path)!r})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{recipe!r}\n", done.stderr


def test_a_module_name_may_start_with_keras(monkeypatch):
    monkeypatch.setattr(Invert, "__module__", "keras_tools")
    monkeypatch.setattr(KerasObject, "classes", {})
    value = krr.A3(augmentation=(*STEPS, Invert())).augmentation[-1]
    assert repr(value) == "Invert()"
    assert isinstance(value.build(), Invert)


def test_configurations_are_compared():
    layers = [
        keras.layers.RandomContrast(0.25),
        keras.layers.RandomContrast(0.5),
        keras.layers.RandomContrast(0.25, dtype="float16"),
        keras.layers.RandomContrast(0.25, value_range=(0, 1)),
    ]
    assert len({krr.A3(augmentation=(layer,)) for layer in layers}) == 4
    built = krr.A3(augmentation=layers[2:3]).augmentation[0].build()
    assert built.dtype_policy.name == "float16"


def test_build_returns_a_new_object():
    given = keras.optimizers.Lion(weight_decay=0.02)
    built = krr.A3(optimizer=given).optimizer.build(0.5)
    assert built is not given
    assert (float(built.learning_rate), built.weight_decay) == (0.5, 0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: {"optimizer": keras.optimizers.Adam(0.5)},
            "`optimizer` must not set a learning rate.*learning_rate=0.5",
        ),
        (
            lambda: {"loss": keras.losses.CategoricalCrossentropy()},
            "`loss` must take logits.*from_logits=False",
        ),
        (
            lambda: {
                "loss": keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
            },
            "`loss` must be the mean over a batch.*reduction='sum'",
        ),
        (
            lambda: {"loss": keras.losses.KLDivergence()},
            "`loss` must take targets and logits.*KLDivergence",
        ),
        (
            lambda: {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
            "`loss` must take targets and logits.*SparseCategoricalCrossentropy",
        ),
        (
            lambda: {"augmentation": (keras.Sequential([keras.layers.RandomFlip()]),)},
            "Keras objects in a recipe must be serializable.*Received: Sequential",
        ),
        (
            lambda: {"augmentation": (keras.layers.Lambda(abs),)},
            "Keras objects in a recipe must be serializable.*Received: Lambda",
        ),
        (
            lambda: {"network": keras.utils.to_categorical},
            "`network` must be a function of keras.applications or a custom function",
        ),
        (lambda: {"network": print}, "`network` must be the name of a network"),
        (
            lambda: {"schedule": keras.optimizers.schedules.CosineDecay(0.5, 9)},
            "`learning_rate` must be None with a Keras schedule.*=0.008",
        ),
        (
            lambda: {"augmentation": (keras.layers.RandomContrast(0.5), *STEPS[1:])},
            "`augmentation` must end with its Keras layers",
        ),
        (lambda: {"optimizer": keras.losses.Huber()}, "`optimizer` must be an Optimizer or"),
        (lambda: {"network": keras.layers.Dense}, "`network` must be the name of a network"),
        (lambda: {"network": lambda: None}, "`network` must be a function defined at the top"),
    ],
)
def test_invalid_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        krr.A3(**make())


def test_registered_and_given_layers_are_loaded(tmp_path, monkeypatch):
    recipe = krr.A3(augmentation=(Registered(),))
    assert saved_and_read(recipe, tmp_path) == recipe
    recipe = krr.A3(augmentation=(Invert(),))
    assert saved_and_read(recipe, tmp_path) == recipe
    assert isinstance(recipe.augmentation[0].build(), Invert)
    # As in a process that has not used the layer.
    monkeypatch.setattr(KerasObject, "classes", {})
    with pytest.raises(ValueError, match=r"Invert is not part of Keras.*custom_objects=\[Invert\]"):
        saved_and_read(recipe, tmp_path)
    assert saved_and_read(recipe, tmp_path, custom_objects=[Invert]) == recipe


def test_functions_that_build_networks(tmp_path, monkeypatch):
    recipe = krr.A3(network=tiny)
    assert (recipe.network.function(), recipe.network_name) == (tiny, "tiny")
    assert eval(repr(recipe), {"A3": krr.A3, "tiny": tiny}) == recipe
    assert saved_and_read(recipe, tmp_path) == recipe
    # As in a process that has not used the function.
    monkeypatch.setattr(NetworkFunction, "functions", {})
    with pytest.raises(ValueError, match=r"tiny is not known.*custom_objects=\[tiny\]"):
        krr.load_recipe(tmp_path)
    assert krr.load_recipe(tmp_path, custom_objects=[tiny]) == recipe


def test_networks_of_this_package_are_names():
    assert krr.A3(network=krr.applications.ResNet18) == krr.A3(network="ResNet18")
    assert krr.A3(network=krr.applications.ResNet9).network == krr.recipe.ResNet9()
    assert krr.A3(network="ResNet9", celu_alpha=0.5).network == krr.recipe.ResNet9(celu_alpha=0.5)


def layer(class_name, module="keras.layers", **config):
    description = {"class_name": class_name, "module": module, "config": config}
    return {
        "augmentation": [{"is": "KerasLayer", "object": description | {"registered_name": None}}]
    }


def function(module, name):
    return {"network": {"is": "NetworkFunction", "module": module, "name": name}}


TRAP = {"class_name": "Trap", "module": "trap", "config": {}, "registered_name": None}
MARK = "touch marked"
HOSTILE = {
    "part": {"optimizer": {"is": "os.system", "command": MARK}},
    "part of a module": {"optimizer": {"is": "trap.Trap"}},
    "call": layer("system", "os", command=MARK),
    "function of builtins": function("builtins", "exec"),
    "function of a module": function("trap", "network"),
    "function of this package": function("keras_resnet_recipes.files", "write"),
    "no function of Keras": function("keras.applications", "__loader__"),
    "a module of Keras": function("keras.applications", "resnet"),
    "no text": function(["trap"], {"a": 1}),
    "lambda layer": layer(
        "Lambda", function={"class_name": "__lambda__", "config": {"code": "4wA="}}
    ),
    "lambda layer by its file": layer(
        "Lambda", "keras.src.layers.core.lambda_layer", function="exec"
    ),
    "lambda": layer("__lambda__", code="4wA="),
    "saved model": layer("TFSMLayer", filepath="."),
    "pickle": layer("TorchModuleWrapper", module="gASVAAAA"),
    "download": layer("get_file", "keras.utils", fname="x", origin="file:///x"),
    "unknown class": layer("RandomTrap"),
    "class of a module": layer("Trap", "trap"),
    "part's name": layer("Cutout", "trap"),
    "module like Keras'": layer("Trap", "keras_trap"),
    "class in a configuration": layer("RandomContrast", factor=0.5, dtype=TRAP),
    "function in a configuration": layer(
        "RandomContrast", factor={"class_name": "function", "module": "builtins", "config": "exec"}
    ),
    "class in an optimizer": {
        "optimizer": {
            "is": "KerasOptimizer",
            "object": {
                "class_name": "Lion",
                "module": "keras.optimizers",
                "config": {"learning_rate": TRAP},
            },
        }
    },
    "class under a registered name": {
        "augmentation": [
            {"is": "KerasLayer", "object": TRAP | {"registered_name": "tests>Registered"}}
        ],
        "epochs": 0,  # the object is the harmless registered class, so another value must fail
    },
    "another kind": {"optimizer": layer("RandomContrast", factor=0.5)["augmentation"][0]},
    "no object": {"augmentation": [{"is": "KerasLayer"}]},
    "no configuration": {"augmentation": [{"is": "KerasLayer", "object": ["os.system"]}]},
    "text of an object": {"augmentation": [{"is": "KerasLayer", "text": "{}"}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_rejected_without_side_effects(name, tmp_path, monkeypatch):
    for module in ("trap", "keras_trap"):
        text = "open('marked', 'w').close()\nclass Trap: pass\nclass Cutout: pass\ndef network(): pass\n"
        (tmp_path / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    recipe = krr.A3()
    values = json.loads(recipe.to_json()) | HOSTILE[name]
    (tmp_path / "recipe.json").write_text(json.dumps(values))
    before = {*tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"recipe\.json'"):
        krr.load_recipe(tmp_path)
    assert {*tmp_path.iterdir()} == before
    assert not {"trap", "keras_trap"} & {*sys.modules}


def test_a_layer_is_serialized_as_in_keras():
    value = KerasLayer.of(keras.layers.RandomContrast(0.25, name="mine"))
    assert value.to_json()["object"]["class_name"] == "RandomContrast"
    assert "name" not in value.description["config"]
