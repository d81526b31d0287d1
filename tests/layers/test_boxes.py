"""Boxes of random erasing against timm's, on every backend."""

import keras
import numpy as np
import pytest
from keras.src.utils.backend_utils import DynamicBackend

from keras_resnet_recipes.layers import boxes

pytestmark = pytest.mark.every_backend


@pytest.mark.parametrize("name", ["usual", "crowded"])
def test_the_first_box_that_fits_equals_timms(golden, name):
    g = golden("erasing")
    expected = g[f"{name}/boxes"].astype(int)
    height, width = g.meta["size"]
    # The remaining tries, which timm did not need, may be any numbers.
    area = np.nan_to_num(g[f"{name}/area"], nan=0.5)
    aspect = np.nan_to_num(g[f"{name}/aspect"], nan=1.0)
    room = np.array([height, width]) - (expected[:, 2:] - expected[:, :2])
    position = (expected[:, :2] + 0.5) / (room + 1)
    images = keras.ops.zeros((300, height, width, 3))
    drawn = [keras.ops.convert_to_tensor(x, "float32") for x in (area, aspect, position)]
    ours = keras.ops.convert_to_numpy(boxes.first_that_fits(DynamicBackend(), images, *drawn))
    nothing = expected[:, 2] == 0
    assert nothing.any() == (name == "crowded")
    assert (ours[nothing, :2] == ours[nothing, 2:]).all()
    np.testing.assert_array_equal(ours[~nothing], expected[~nothing])
