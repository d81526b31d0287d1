"""The shards of several hosts concatenate to the batches of one host."""

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
# A shard of 4 images of a batch of 16 is not a multiple of the three copies of an image.
REPEATED = krr.A1(**SMALL)
ACCUMULATED = krr.A3(**SMALL, gradient_accumulation_steps=2)


def photographs(n):
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    return krr.data.from_arrays(x, np.arange(n) % 7)


def stream(n):
    """The same images as a stream."""
    data = photographs(n)
    return ImageStream(name="a stream", start=lambda: map(data.read, range(n)), size=n)


def encoded(n, broken=()):
    """PNG files in memory; those listed in `broken` cannot be decoded."""
    data, files = photographs(n), []
    for index in range(n):
        file, (pixels, label) = io.BytesIO(), data.read(index)
        Image.fromarray(pixels).save(file, "PNG")
        files.append((b"not an image" if index in broken else file.getvalue(), label))
    return ImageStream(name="files", start=lambda: iter(files), size=n)


SOURCES = {"photographs": photographs, "stream": stream, "encoded": encoded}


def trained(recipe, data, steps, **options):
    unreadable = UnreadableImages(data, "skip")
    batches = TrainingBatches(recipe, data, steps=steps, seed=0, unreadable=unreadable, **options)
    return list(batches.batches())


def evaluated(recipe, data, **options):
    return list(
        EvaluationBatches(recipe, data, unreadable=UnreadableImages(data, "skip"), **options)
    )


@pytest.mark.parametrize(
    ("recipe", "source", "hosts"),
    [(REPEATED, "photographs", 4), (ACCUMULATED, "stream", 2)],
    ids=["repeated", "accumulated"],
)
def test_hosts_train_on_the_batches_of_one_host(recipe, source, hosts):
    data = SOURCES[source](40)
    whole = trained(recipe, data, 2, devices=4)
    runs = [trained(recipe, data, 2, devices=4, host=(number, hosts)) for number in range(hosts)]
    assert len(whole) == 2 * 2 * recipe.gradient_accumulation_steps
    for batch, *shards in zip(whole, *runs, strict=True):
        for array, *parts in zip(batch, *shards, strict=True):
            np.testing.assert_array_equal(np.concatenate(parts), array)


@pytest.mark.parametrize(("source", "images"), [("photographs", 37), ("encoded", 3)])
def test_hosts_evaluate_the_images_of_one_host(source, images):
    data, recipe = SOURCES[source](images), ACCUMULATED
    whole = evaluated(recipe, data, devices=4)
    runs = [evaluated(recipe, data, devices=4, host=(n, 2)) for n in (0, 1)]
    assert sum(weights.sum() for _, _, weights in whole) == images
    for batch, *shards in zip(whole, *runs, strict=True):
        for array, *parts in zip(batch, *shards, strict=True):
            np.testing.assert_array_equal(np.concatenate(parts), array)


def test_all_hosts_have_equally_many_steps_despite_unreadable_images():
    """Host 1 has 63 of the 130 images: 16 batches of 4, then an empty one to match the last batch of host 0."""
    data, recipe = encoded(130, broken=[4]), ACCUMULATED.replace(batch_size=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_resnet_recipes.data.unreadable.TOLERATED_SHARE", 0.02)
        evaluations = [evaluated(recipe, data, devices=2, host=(n, 2)) for n in (0, 1)]
        trainings = [trained(recipe, data, 16, devices=2, host=(n, 2)) for n in (0, 1)]
    assert [len(run) for run in evaluations] == [17, 17]
    counts = [sum(weights.sum() for _, _, weights in run) for run in evaluations]
    assert counts == [66, 63]
    assert [len(run) for run in trainings] == [64, 64]


def test_the_length_of_an_evaluation_must_be_known():
    data = photographs(8)
    unknown = ImageStream(name="a stream", start=lambda: map(data.read, range(8)))
    unreadable = UnreadableImages(unknown, "skip")
    with pytest.raises(ValueError, match=r"`validation_data` must have a known number of images"):
        EvaluationBatches(ACCUMULATED, unknown, unreadable=unreadable, devices=2, host=(0, 2))


@pytest.mark.parametrize(
    ("batch", "devices", "hosts"), [(8, 2, 2), (8, 4, 2), (24, 8, 4), (6, 1, 1)]
)
def test_every_position_belongs_to_one_host(batch, devices, hosts):
    positions = [dealt(batch, devices, host, hosts).ravel() for host in range(hosts)]
    assert {len(own) for own in positions} == {batch // hosts}
    assert sorted(np.concatenate(positions)) == list(range(batch))


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_copies_are_distributed_as_by_timm(golden, devices):
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
