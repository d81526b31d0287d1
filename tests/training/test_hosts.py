"""What several hosts make of every batch is together what one makes."""

import io

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import ImageStream, UnreadableImages
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.input_pipeline.order import dealt
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

SMALL = {
    "network": "ResNet20",
    "classes": 7,
    "epochs": 2,
    "warmup_epochs": 0,
    "batch_size": 16,
    "train_size": 16,
    "test_size": 16,
    "rand_augment": None,
}
# Three copies of an image do not fit into the runs of 4 pictures of a batch of 16.
REPEATED = krr.A1(**SMALL)
PARTS = krr.A3(**SMALL, gradient_accumulation_steps=2)


def photographs(n):
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    return krr.data.from_arrays(x, np.arange(n) % 7)


def stream(n):
    """The same images, which can only be read one after the other."""
    data = photographs(n)
    return ImageStream(name="a stream", start=lambda: map(data.read, range(n)), size=n)


def encoded(n, broken=()):
    """PNG files in memory; those named in `broken` cannot be decoded."""
    data, files = photographs(n), []
    for index in range(n):
        file, (pixels, label) = io.BytesIO(), data.read(index)
        Image.fromarray(pixels).save(file, "PNG")
        files.append((b"not a picture" if index in broken else file.getvalue(), label))
    return ImageStream(name="files", start=lambda: iter(files), size=n)


SOURCES = {"photographs": photographs, "stream": stream, "encoded": encoded}


def trained(recipe, data, steps, **numbers):
    watcher = UnreadableImages(data, "skip")
    made = TrainingBatches(recipe, data, steps=steps, seed=0, unreadable=watcher, **numbers)
    return list(made.batches())


def evaluated(recipe, data, **numbers):
    return list(
        EvaluationBatches(recipe, data, unreadable=UnreadableImages(data, "skip"), **numbers)
    )


@pytest.mark.parametrize(
    ("recipe", "source", "hosts"),
    [(REPEATED, "photographs", 4), (PARTS, "stream", 2)],
    ids=["repeated", "parts"],
)
def test_hosts_train_on_the_batches_of_one(recipe, source, hosts):
    data = SOURCES[source](40)
    whole = trained(recipe, data, 2, devices=4)
    runs = [trained(recipe, data, 2, devices=4, host=(number, hosts)) for number in range(hosts)]
    assert len(whole) == 2 * 2 * recipe.gradient_accumulation_steps
    for batch, *parts in zip(whole, *runs, strict=True):
        for array, *own in zip(batch, *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate(own), array)


@pytest.mark.parametrize(("source", "images"), [("photographs", 37), ("encoded", 3)])
def test_hosts_evaluate_the_images_of_one(source, images):
    data, recipe = SOURCES[source](images), PARTS
    whole = evaluated(recipe, data, devices=4)
    runs = [evaluated(recipe, data, devices=4, host=(n, 2)) for n in (0, 1)]
    assert sum(weights.sum() for _, _, weights in whole) == images
    for batch, *parts in zip(whole, *runs, strict=True):
        for array, *own in zip(batch, *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate(own), array)


def test_an_unreadable_image_costs_no_host_a_step():
    """Host 1 has 63 of the 130 images: 16 batches of 4, and an empty one beside the last of host 0."""
    data, recipe = encoded(130, broken=[4]), PARTS.replace(batch_size=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_resnet_recipes.data.unreadable.TOLERATED_SHARE", 0.02)
        tested = [evaluated(recipe, data, devices=2, host=(n, 2)) for n in (0, 1)]
        made = [trained(recipe, data, 16, devices=2, host=(n, 2)) for n in (0, 1)]
    assert [len(run) for run in tested] == [17, 17]
    counts = [sum(weights.sum() for _, _, weights in run) for run in tested]
    assert counts == [66, 63]
    assert [len(run) for run in made] == [64, 64]


def test_the_length_of_an_evaluation_must_be_known():
    data = photographs(8)
    unknown = ImageStream(name="a stream", start=lambda: map(data.read, range(8)))
    watcher = UnreadableImages(unknown, "skip")
    with pytest.raises(ValueError, match=r"`validation_data`: the number of images of .* must be"):
        EvaluationBatches(PARTS, unknown, unreadable=watcher, devices=2, host=(0, 2))


@pytest.mark.parametrize(
    ("batch", "devices", "hosts"), [(8, 2, 2), (8, 4, 2), (24, 8, 4), (6, 1, 1)]
)
def test_every_position_has_one_owner(batch, devices, hosts):
    taken = [dealt(batch, devices, host, hosts).ravel() for host in range(hosts)]
    assert {len(positions) for positions in taken} == {batch // hosts}
    assert sorted(np.concatenate(taken)) == list(range(batch))


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_copies_are_dealt_as_timm_deals_them(golden, devices):
    """Device r takes positions r, r + p, ... of the repeated order, as RepeatAugSampler's process r does."""
    batch = 24
    repeated = np.arange(16 * 3) // 3
    positions = dealt(batch, devices)
    for step in range(2):
        rows = repeated[step * batch + positions]
        for device, images in enumerate(rows):
            own = repeated[device::devices]
            size = batch // devices
            np.testing.assert_array_equal(images, own[step * size : (step + 1) * size])
            if devices >= 4:
                assert len(set(images)) == len(images)
