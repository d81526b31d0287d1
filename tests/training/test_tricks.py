"""ResNet9 with all later tricks of Page, against the torch implementation in tricks.npz.

The golden values are float64. A deviation is the largest over all arrays, relative to the largest number of the array
(norms relative to themselves). "measured" is the maximum over TensorFlow, JAX and torch; the tolerance is three to ten
times that, because other processors round differently.

|           |                                                | measured | tolerance |
|-----------|------------------------------------------------|----------|-----------|
| logits    | in training                                    | 4.2e-6   | 2e-5      |
| loss      | summed                                         | 6.7e-8   | 5e-7      |
| norms     | of every gradient                              | 1.0e-6   | 5e-6      |
| gradients | themselves                                     | 1.2e-5   | 5e-5      |
| updated   | weights after the update                       | 1.0e-6   | 5e-6      |
| moving    | statistics                                     | 2.0e-7   | 2e-6      |
| evaluated | logits in inference, after the update          | 2.3e-6   | 1e-5      |
"""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.weights import timm_variables, to_torch
from keras_resnet_recipes.training import build, load_run
from tests.applications.name_weights import draw, fill
from tests.applications.training_step import training_step

pytestmark = pytest.mark.every_backend


TRICKS = {
    "pool_before_batch_norm": True,
    "celu_alpha": 0.3,
    "ghost_batch_norm": 8,
    "frozen_batch_norm_scale": True,
    "logit_scale": 1 / 16,
    "whitening": True,
}


def recipe_of(meta):
    return krr.Recipe(
        network=krr.recipe.ResNet9(**TRICKS),
        classes=10,
        batch_size=meta["images"],
        learning_rate=meta["rate"],
        optimizer=krr.recipe.SGD(
            momentum=meta["momentum"],
            nesterov=True,
            learning_rate_in_velocity=True,
            weight_decay=meta["decay"],
            weight_decay_on="all",
        ),
        groups=(
            krr.recipe.Group(
                on="biases",
                learning_rate_factor=meta["biases"],
                weight_decay_factor=1 / meta["biases"],
            ),
        ),
        schedule=krr.schedules.Step(boundaries=(1,)),
    )


def subsampled(array, kept):
    values = to_torch(np.asarray(array)).ravel()
    return values[:: -(-len(values) // kept)]


class Deviations(dict):
    """The largest deviation of each kind."""

    def add(self, kind, ours, reference):
        ours = keras.ops.convert_to_numpy(ours)
        assert ours.shape == reference.shape
        deviation = float(np.abs(ours - reference).max() / np.abs(reference).max())
        self[kind] = max(self.get(kind, 0.0), deviation)


@pytest.fixture(scope="module")
def deviations(golden):
    """Deviations of one update and one evaluation, with the recipe's network and optimizer."""
    reference = golden("tricks")
    meta, found = reference.meta, Deviations()
    recipe = recipe_of(meta)
    model = build.architecture(recipe)(
        classes=10, classifier_activation=None, include_preprocessing=False
    )
    fill(model)
    names = {id(variable): name for name, variable in timm_variables(model).items()}
    weights = {names[id(variable)]: variable for variable in model.trainable_variables}
    images = draw("images", (meta["images"], 3, 32, 32)).astype("float32")
    images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    labels = np.eye(10, dtype="float32")[np.arange(meta["images"]) % 10]
    targets = (1 - meta["smoothing"]) * labels + meta["smoothing"] / 10

    def loss_of(logits):
        losses = keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
        return keras.ops.sum(losses)

    step = training_step(model, images, loss_of)
    found.add("logits", step.logits, reference["logits"])
    found.add("loss", step.loss, reference["loss"])
    for name, gradient in zip(weights, step.gradients.values(), strict=True):
        norm = np.linalg.norm(gradient.astype("float64"))
        found.add("norms", norm, reference[f"norm/{name}"])
        found.add("gradients", subsampled(gradient, meta["kept"]), reference[f"gradient/{name}"])
    # JAX returns new statistics; the other backends update them in place.
    for variable, value in zip(model.non_trainable_variables, step.moving.values(), strict=True):
        variable.assign(value)
    optimizer = build.optimizer(recipe, model, steps=1)
    gradients = [keras.ops.convert_to_tensor(gradient) for gradient in step.gradients.values()]
    optimizer.apply(gradients, list(weights.values()))
    for name, weight in weights.items():
        ours = subsampled(keras.ops.convert_to_numpy(weight), meta["kept"])
        found.add("updated", ours, reference[f"updated/{name}"])
    for name, variable in timm_variables(model).items():
        if "running" in name:
            ours = subsampled(keras.ops.convert_to_numpy(variable), meta["kept"])
            found.add("moving", ours, reference[f"moving/{name}"])
    found.add("evaluated", model(images, training=False), reference["evaluated"])
    return found


TOLERANCES = {
    "logits": 2e-5,
    "loss": 5e-7,
    "norms": 5e-6,
    "gradients": 5e-5,
    "updated": 5e-6,
    "moving": 2e-6,
    "evaluated": 1e-5,
}


@pytest.mark.parametrize("kind", TOLERANCES)
def test_a_training_step_equals_that_of_torch(kind, deviations):
    assert deviations[kind] <= TOLERANCES[kind]
    assert set(deviations) == set(TOLERANCES)


LAYERS = {
    "pool_before_batch_norm": (True, ["layer1_conv", "layer1_pool", "layer1_bn", "layer1_relu"]),
    "celu_alpha": (0.3, ["prep_conv", "prep_bn", "prep_celu", "layer1_conv"]),
    "whitening": (True, ["prep_whiten", "prep_conv", "prep_bn", "prep_relu"]),
}


def network(**changes):
    # Only shapes are needed.
    with keras.StatelessScope(initialize_variables=False):
        return build.network(krr.Recipe(network=krr.recipe.ResNet9(**changes), classes=10))


def layer_names(model):
    return [layer.name for layer in model.layers]


def test_without_tricks_it_equals_the_network_of_applications():
    with keras.StatelessScope(initialize_variables=False):
        plain = krr.applications.ResNet9(classifier_activation=None)
    model = network()
    assert layer_names(model) == layer_names(plain)
    assert model.name == plain.name
    assert [w.path for w in model.weights] == [w.path for w in plain.weights]
    configs = [[layer.get_config() for layer in each.layers] for each in (model, plain)]
    assert configs[0] == configs[1]


@pytest.mark.parametrize("field", LAYERS)
def test_each_trick_changes_its_layers(field):
    value, order = LAYERS[field]
    names = layer_names(network(**{field: value}))
    start = names.index(order[0])
    assert names[start : start + 4] == order


def test_all_normalizations_are_replaced():
    model = network(ghost_batch_norm=32, frozen_batch_norm_scale=True)
    norms = [layer for layer in model.layers if layer.name.endswith("_bn")]
    assert len(norms) == 8
    for layer in norms:
        assert isinstance(layer, krr.layers.GhostBatchNormalization)
        assert (layer.group_size, layer.momentum, layer.epsilon) == (32, 0.9, 1e-5)
        assert [weight.name for weight in layer.trainable_weights] == ["beta"]


def test_the_whitening_is_not_trained():
    model = network(whitening=True, logit_scale=1 / 16)
    assert model.get_layer("classifier").scale == 1 / 16
    paths = [weight.path for weight in model.trainable_weights]
    assert not any("prep_whiten" in path for path in paths)
    assert model.get_layer("prep_whiten").kernel.shape == (3, 3, 3, 27)
    assert model.get_layer("prep_conv").kernel.shape == (1, 1, 27, 64)


@pytest.mark.full
def test_it_trains_and_loads_from_its_run_folder(tmp_path):
    recipe = krr.A3(
        network=krr.recipe.ResNet9(**{**TRICKS, "ghost_batch_norm": 4}),
        epochs=1,
        warmup_epochs=0,
        batch_size=8,
        train_size=16,
        test_size=16,
        rand_augment=None,
        precision="float32",
    )
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), "uint8")
    data = (images, np.arange(16) % 10)
    history = recipe.fit(data, run_dir=tmp_path, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    loaded = load_run(tmp_path)
    assert loaded.get_layer("res3b_celu").alpha == TRICKS["celu_alpha"]
    for ours, theirs in zip(loaded.get_weights(), history.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert recipe.evaluate(loaded, data, verbose=0)["images"] == 16
