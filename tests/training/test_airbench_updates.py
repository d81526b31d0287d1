"""Twenty updates of Airbench94 against torch in float64 (airbench.npz): losses, and test views after them."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.weights import timm_variables
from keras_resnet_recipes.layers.views import averaged
from keras_resnet_recipes.training import TrainingModel, build
from keras_resnet_recipes.training.feeds import device
from tests.applications.name_weights import value_of
from tests.training.airbench import draw_images

pytestmark = pytest.mark.every_backend

LABELS = np.arange(200) % 10


def recipe_of(meta):
    recipe = krr.Airbench94()
    return recipe.replace(
        network=krr.recipe.AirbenchNet(widths=tuple(meta["widths"])),
        classes=10,
        epochs=meta["epochs"],
        knots=((0, 1), (meta["epochs"], 0)),
        batch_size=meta["batch"],
        learning_rate=recipe.learning_rate * meta["scale"],
        precision="float32",
    )


def initial_network(recipe, whitening):
    """Returns the network with the weights of golden/make_airbench.py."""
    model = build.network(recipe)
    for name, variable in timm_variables(model).items():
        shape = tuple(variable.shape)
        if name == "prep.whiten.weight":
            # Ours have another order and other signs; tests/applications/test_airbench.py compares them.
            variable.assign(whitening.transpose(2, 3, 1, 0))
        elif name == "prep.bias.bias":
            variable.assign(value_of(name, shape))
        elif name == "linear.weight":
            numbers = value_of(name, shape[::-1]).T
            variable.assign(numbers / numbers.std(ddof=1))
        elif ".conv." in name:
            kernel = value_of(name, (shape[3], shape[2], 3, 3)).transpose(2, 3, 1, 0)
            own = keras.ops.convert_to_numpy(variable)
            passed = min(shape[2:])
            # The network's own initializer made these filters.
            variable.assign(np.concatenate([own[..., :passed], kernel[..., passed:]], axis=-1))
    return model


def parameters_of(g, epoch):
    """Returns an epoch's augmentation parameters; the original mirrors the whole set after the crop, ours before."""
    order, odd = g["orders"][epoch], epoch % 2
    rows, columns = g["corners"][epoch][order].T
    columns = 4 - columns if odd else columns
    nothing = np.zeros_like(rows)
    drawn = [order, rows, columns, g["mirrored"][order] ^ bool(odd), nothing, nothing]
    return np.stack(drawn, axis=1).astype(np.int32)


class Losses(keras.callbacks.Callback):
    """Records the loss of each batch; Keras reports the running mean of the epoch."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


@pytest.fixture(scope="module")
def trained(golden):
    """Returns the losses of 20 updates, and the network after them."""
    g, steps = golden("airbench"), 2
    recipe, patch = recipe_of(g.meta), pytest.MonkeyPatch()
    patch.setattr(device, "drawn_parameters", lambda *a, epoch, **k: parameters_of(g, epoch))
    data = krr.data.from_source((draw_images("training", LABELS), LABELS))
    feed = device.Feed(recipe, data, None, steps=steps)
    model = build.compiled(recipe, initial_network(recipe, g["whitening"]), 1, steps)
    learner = TrainingModel(model, **feed.step)
    learner.compile(model.optimizer, **build.objective(recipe), auto_scale_loss=False)
    learner.build_losses_and_metrics()
    losses = Losses()
    with feed.training(first_epoch=0, first_batch=0) as given:
        learner.fit(**given, epochs=recipe.epochs, shuffle=False, callbacks=[losses], verbose=0)
    patch.undo()
    return losses.losses, model


def test_losses_equal_those_of_torch(trained, golden):
    theirs = golden("airbench")["losses"]
    deviations = np.abs(np.array(trained[0]) / theirs - 1)
    assert deviations.max() < 1e-5


def test_the_bias_of_the_whitening_stops_after_three_epochs(trained, golden):
    bias = keras.ops.convert_to_numpy(trained[1].get_layer("prep_bias").bias)
    np.testing.assert_allclose(bias, golden("airbench")["bias"], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("count", "views"), [(1, "one"), (6, "shifted")])
def test_logits_of_the_test_views(count, views, trained, golden):
    images = keras.ops.convert_to_tensor(draw_images("tests", LABELS[:50]))
    ours = averaged(lambda view: trained[1](view, training=False), images, views)
    theirs = golden("airbench")[f"views_{count}"]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours), theirs, rtol=0, atol=1e-3 * np.abs(theirs).max()
    )
