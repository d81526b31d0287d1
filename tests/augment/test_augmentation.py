"""Properties common to all augmentations of one image, including a custom one."""

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment.augmentation import Crop, PackedAugmentation
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.kernels.packing import pack, unpack

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 29, 3), np.uint8)


class Halved(krr.augment.Augmentation):
    """Custom augmentation that works in place, as the interface allows."""

    probability: float = 0.5

    def draw(self, rng, n):
        return {"half": rng.random(n) < self.probability}

    def apply(self, image, drawn):
        if drawn["half"]:
            image //= 2
        return image


VALUES = [
    krr.augment.ColorJitter(0.4, 0.4, 0.4, 0.1),
    krr.augment.Cutout(),
    krr.augment.Lighting(std=1.0),
    krr.augment.PadAndCrop(),
    krr.augment.PadAndCrop(fill=(1, 2, 3)),
    krr.augment.RandAugment(probability=1.0),
    krr.augment.RandomErasing(probability=0.9),
    krr.augment.RandomErasing(probability=0.9, noise=60.0),
    krr.augment.RandomFlip(),
    krr.augment.RandomResizedCrop(size=16),
    krr.augment.ScaleJitterCrop(16, (20, 40), "random"),
    krr.augment.TrivialAugmentWide(),
    krr.augment.TrivialAugmentWide("nearest"),
    Halved(),
]


def rows(drawn):
    n = len(next(iter(drawn.values())))
    return [{name: values[i] for name, values in drawn.items()} for i in range(n)]


def test_every_augmentation_is_tested():
    public = [getattr(krr.augment, name) for name in krr.augment.__all__]
    kinds = {x for x in public if isinstance(x, type) and issubclass(x, krr.augment.Augmentation)}
    assert kinds - {krr.augment.Augmentation} == {type(value) for value in VALUES} - {Halved}


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_drawing_per_image_or_per_batch_gives_the_same_images(value):
    rng = np.random.default_rng(1)
    one_by_one = [value(IMAGE, rng) for _ in range(12)]
    drawn = value.draw(np.random.default_rng(1), 12)
    assert {len(values) for values in drawn.values()} == {12}
    batch = [value.apply(IMAGE.copy(), row) for row in rows(drawn)]
    np.testing.assert_array_equal(one_by_one, batch)
    two = 2 if isinstance(value, krr.augment.RandomFlip | Halved) else 8
    assert len({image.tobytes() for image in batch}) >= two
    assert batch[0].dtype == np.uint8
    assert batch[0].shape == ((value.size, value.size, 3) if value.crops else IMAGE.shape)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_packed_pixels_give_the_same_result(value):
    for row in rows(value.draw(np.random.default_rng(2), 6)):
        packed = value.apply_packed(pack(IMAGE), row)
        assert packed.dtype == np.uint32
        assert (packed < 1 << 24).all()
        np.testing.assert_array_equal(unpack(packed), value.apply(IMAGE.copy(), row))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_callers_image_is_unchanged_and_may_have_any_memory_layout(value):
    kept = IMAGE.copy()
    read_only = np.frombuffer(IMAGE.tobytes(), np.uint8).reshape(IMAGE.shape)
    stored = [IMAGE, read_only, np.asfortranarray(IMAGE), np.repeat(IMAGE, 2, axis=1)[:, ::2]]
    for seed in range(4):
        images = [value(image, np.random.default_rng(seed)) for image in stored]
        for image in images[1:]:
            np.testing.assert_array_equal(image, images[0])
        np.testing.assert_array_equal(IMAGE, kept)


@pytest.mark.parametrize(
    "value", [x for x in VALUES if isinstance(x, PackedAugmentation)], ids=repr
)
def test_parameters_are_computed_from_uniform_variates(value):
    drawn = value.draw(np.random.default_rng(3), 5)
    expected = value.drawn(NUMPY, np.random.default_rng(3).random((5, value.uniforms)))
    assert drawn.keys() == expected.keys()
    for name, values in drawn.items():
        assert values.dtype in (bool, np.int32, np.float64)
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_drawing_for_zero_images(value):
    assert {len(values) for values in value.draw(np.random.default_rng(0), 0).values()} == {0}


# Images that are too small for padding or a square raise an error.
ANY_SIZE = [x for x in VALUES if not isinstance(x, krr.augment.PadAndCrop | krr.augment.Cutout)]


@pytest.mark.parametrize("value", [x for x in ANY_SIZE if not isinstance(x, Crop)], ids=repr)
def test_images_of_one_row_or_column(value):
    for shape in ((1, 1, 3), (1, 30, 3), (30, 1, 3), (2, 2, 3)):
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        rng = np.random.default_rng(0)
        for _ in range(20):
            assert value(image, rng).shape == shape


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 1), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((2, 8, 8, 3), np.uint8),
    ],
    ids=["gray", "one channel", "four channels", "floats", "batch"],
)
@pytest.mark.parametrize(
    "change",
    [
        krr.augment.operations.invert,
        lambda image: krr.augment.resize(image, 4, 4),
        krr.augment.CenterCrop(size=4),
        lambda image: krr.augment.RandomFlip()(image, np.random.default_rng(0)),
    ],
    ids=["operation", "resize", "center crop", "call"],
)
def test_images_of_another_shape_or_dtype_are_errors(change, image):
    # Compiled code does not check bounds: it would read beyond the end of an image with fewer channels.
    with pytest.raises(ValueError, match=r"uint8 \[height, width, 3\]"):
        change(image)


@pytest.mark.parametrize(("height", "width"), [(0, 4), (4, 0), (-1, 4)])
def test_an_empty_result_is_an_error(height, width):
    with pytest.raises(ValueError, match=r"must be at least 1. Received: .*(0|-1)$"):
        krr.augment.resize(IMAGE, height, width)
