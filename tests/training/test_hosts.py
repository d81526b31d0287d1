"""What several hosts make of every batch is together what one makes."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.training import evaluation_batches, training_batches
from keras_resnet_recipes.training.share import Share

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
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    return krr.data.from_dataset(tf.data.Dataset.from_tensor_slices((x, np.arange(n) % 7)))


def encoded(n, broken=()):
    """PNG files in memory; those named in `broken` cannot be decoded."""
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    files = [b"not a picture" if i in broken else tf.io.encode_png(x[i]).numpy() for i in range(n)]
    return krr.data.from_dataset(tf.data.Dataset.from_tensor_slices((files, np.arange(n) % 7)))


SOURCES = {"photographs": photographs, "stream": stream, "encoded": encoded}


def batches(make, recipe, data, **arguments):
    watcher = UnreadableImages(data, "skip")
    with watcher.named():
        return [
            tuple(part.numpy() for part in batch)
            for batch in make(recipe, data, unreadable=watcher, **arguments)
        ]


@pytest.mark.parametrize(
    ("recipe", "source", "hosts"),
    [(REPEATED, "photographs", 4), (PARTS, "stream", 2)],
    ids=["repeated", "parts"],
)
def test_hosts_train_on_the_batches_of_one(recipe, source, hosts):
    data = SOURCES[source](40)

    def made(**arguments):
        return batches(
            training_batches,
            recipe,
            data,
            steps=2,
            first_epoch=0,
            seed=0,
            replicas=4,
            **arguments,
        )

    whole = made()
    runs = [made(host=(number, hosts)) for number in range(hosts)]
    assert len(whole) == 2 * 2 * recipe.gradient_accumulation_steps
    for batch, *parts in zip(whole, *runs, strict=True):
        for array, *own in zip(batch, *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate(own), array)


@pytest.mark.parametrize(("source", "images"), [("photographs", 37), ("encoded", 3)])
def test_hosts_evaluate_the_images_of_one(source, images):
    data, recipe = SOURCES[source](images), PARTS
    whole = batches(evaluation_batches, recipe, data, replicas=4)
    runs = [batches(evaluation_batches, recipe, data, replicas=4, host=(n, 2)) for n in (0, 1)]
    assert sum(weights.sum() for _, _, weights in whole) == images
    for batch, *parts in zip(whole, *runs, strict=True):
        for array, *own in zip(batch, *parts, strict=True):
            np.testing.assert_array_equal(np.concatenate(own), array)


def test_an_unreadable_image_costs_no_host_a_step():
    """Host 1 has 63 of the 130 images: 16 batches of 4, and an empty one beside the last of host 0."""
    data, recipe = encoded(130, broken=[4]), PARTS.replace(batch_size=8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_resnet_recipes.data.unreadable.TOLERATED_SHARE", 0.02)
        evaluated = [
            batches(evaluation_batches, recipe, data, replicas=2, host=(n, 2)) for n in (0, 1)
        ]
        trained = [
            batches(
                training_batches,
                recipe,
                data,
                steps=16,
                first_epoch=0,
                seed=0,
                replicas=2,
                host=(n, 2),
            )
            for n in (0, 1)
        ]
    assert [len(run) for run in evaluated] == [17, 17]
    counts = [sum(weights.sum() for _, _, weights in run) for run in evaluated]
    assert counts == [66, 63]
    assert [len(run) for run in trained] == [64, 64]


def test_the_length_of_an_evaluation_must_be_known():
    data = stream(8)
    endless = krr.data.from_dataset(data.stream.repeat())
    watcher = UnreadableImages(endless, "skip")
    with pytest.raises(ValueError, match=r"`validation_data`: the number of images of .* must be"):
        evaluation_batches(PARTS, endless, unreadable=watcher, replicas=2, host=(0, 2))


@pytest.mark.parametrize(("batch", "copies"), [(8, 1), (8, 3), (6, 4)])
def test_every_picture_has_one_owner(batch, copies):
    places = np.arange(24)
    owners = sum(Share(n, 2, batch, copies).owns(places).astype(int) for n in (0, 1))
    assert owners.shape == (24, copies)
    assert (owners == 1).all()
