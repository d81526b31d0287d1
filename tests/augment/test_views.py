"""Ten-crop and several sizes of an image."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import TenCrop, resize, resize_shorter_edge, resize_to_scales
from keras_resnet_recipes.evaluation.averaged_views import ten_crop

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)


@pytest.mark.parametrize(("edge", "size"), [(20, (20, 27)), (30, (30, 41)), (61, (61, 83))])
@pytest.mark.parametrize("cubic", [False, True])
def test_the_shorter_edge_has_the_given_length(edge, size, cubic):
    resized = resize_shorter_edge(IMAGE, edge, cubic)
    np.testing.assert_array_equal(resized, resize(IMAGE, *size, cubic))
    turned = resize_shorter_edge(IMAGE.transpose(1, 0, 2), edge, cubic)
    assert turned.shape == (*size[::-1], 3)


def test_sizes_of_the_paper():
    shapes = [scale.shape for scale in resize_to_scales(IMAGE)]
    assert shapes == [(224, 306, 3), (256, 349, 3), (384, 524, 3), (480, 656, 3), (640, 874, 3)]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("width", [33, 41])
def test_ten_crops_of_the_resized_image(interpolation, width):
    image = IMAGE[:, :width]
    resized = resize_shorter_edge(image, 25, interpolation == "bicubic")
    views = TenCrop(20, 25, interpolation)(image)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views, np.asarray(ten_crop(resized[None], 20)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size.* must be .*at least 1.*0$"),
        (
            {"shorter_edge": 223},
            "`shorter_edge` must be an integer of at least 224. Received: shorter_edge=223$",
        ),
        ({"interpolation": "random"}, "`interpolation` must be 'bilinear' or 'bicubic'.*='random'"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TenCrop(**arguments)
