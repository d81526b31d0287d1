"""clip_after_sum on one device; test_repairs.py tests several devices."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.distribution import clip_after_sum
from keras_resnet_recipes.optimizers import Lamb


@pytest.mark.parametrize("limit", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_on_one_device_it_equals_the_clipping_of_keras(limit):
    gradients = [np.array([3.0, -4.0], "float32"), np.array([[0.5]], "float32")]
    ended = []
    for repair in (lambda optimizer: optimizer, clip_after_sum):
        variables = [keras.Variable([1.0, 2.0]), keras.Variable([[3.0]])]
        repair(keras.optimizers.SGD(0.1, **{limit: 0.7})).apply(
            [keras.ops.array(gradient) for gradient in gradients], variables
        )
        ended.append(np.concatenate([np.ravel(variable) for variable in variables]))
    np.testing.assert_array_equal(*ended)


@pytest.mark.parametrize("make", [Lamb, keras.optimizers.SGD])
def test_the_optimizer_is_saved_as_its_own_class(make):
    clipped = clip_after_sum(make(0.1, global_clipnorm=0.5))
    config = keras.saving.serialize_keras_object(clipped)
    assert type(keras.saving.deserialize_keras_object(config)) is make
