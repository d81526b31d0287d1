"""Tests that need the real network of a recipe: learning and initialization."""

import keras
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.training import build
from tests.training.test_fit import RECIPE, squares


def test_a_recipe_learns():
    recipe = RECIPE.replace(
        epochs=8, batch_size=16, rand_augment=None, random_flip=None, crop_scale=(0.8, 1.0)
    )
    history = recipe.fit(squares(128), validation_data=squares(64, seed=1), verbose=0)
    assert history.history["val_top1"][-1] == 1.0


# Networks whose gammas are 0 by default, and originals where they are 1
@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("network", "last_norm", "branches"),
    [
        ("ResNet18", "layer1_0_bn2", 8),
        ("ResNet20", "blocks_0_bn2", 9),
        ("ResNet50V1", "layer1_0_bn3", 16),
        ("Plain20", None, 0),
    ],
)
def test_the_last_gamma_of_a_branch_is_0_only_with_zero_gamma(network, last_norm, branches):
    for zero in (False, True):
        model = build.network(krr.A3(classes=2, network=network, zero_gamma=zero))
        gammas = {
            layer.name: keras.ops.convert_to_numpy(layer.gamma)
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        }
        zeros = [name for name, gamma in gammas.items() if (gamma == 0).all()]
        assert len(zeros) == (branches if zero else 0)
        assert not zero or last_norm is None or last_norm in zeros
        assert all((gamma == 1).all() for name, gamma in gammas.items() if name not in zeros)
