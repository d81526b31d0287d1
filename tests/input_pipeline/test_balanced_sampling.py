"""Balanced sampling: classes are uniform, images of a class occur equally often, and an epoch resumes."""

import dataclasses

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImage, UnreadableImages
from keras_resnet_recipes.input_pipeline.order import balanced_order
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.training.feeds import feed_class
from tests.runs.same_run import StopAt, StoppedError, without_times
from tests.tiny import plain_recipe, tiny_model

# 120, 24 and 6 images of three classes.
LABELS = np.random.default_rng(0).permutation([0] * 120 + [1] * 24 + [2] * 6)
RECIPE = plain_recipe(classes=3, epochs=2, batch_size=10, balanced_sampling=True)


def numbered(labels=LABELS):
    """Images whose pixels all equal their index."""
    x = np.arange(len(labels), dtype="uint8")[:, None, None, None]
    return krr.data.from_arrays(np.broadcast_to(x, (len(labels), 8, 8, 3)).copy(), labels)


def training(recipe=RECIPE, data=None, steps=15, **options):
    data = data or numbered()
    unreadable = UnreadableImages(data, "name")
    return TrainingBatches(recipe, data, steps=steps, seed=0, unreadable=unreadable, **options)


def indices(batches):
    return np.array([images[:, 0, 0, 0] for images, _ in batches])


def test_classes_are_uniform_and_images_of_a_class_occur_equally_often():
    count = 3000
    drawn = balanced_order(LABELS, count, seed=0, epoch=0)
    assert drawn.shape == (count,)
    # Five standard deviations of a binomial distribution.
    deviation = (count / 3 * 2 / 3) ** 0.5
    assert (abs(np.bincount(LABELS[drawn]) - count / 3) < 5 * deviation).all()
    for label in range(3):
        images = drawn[LABELS[drawn] == label]
        size = (label == LABELS).sum()
        for begin in range(0, len(images) - size, size):
            assert len(set(images[begin : begin + size])) == size
        occurrences = np.bincount(images, minlength=len(LABELS))[label == LABELS]
        assert occurrences.max() - occurrences.min() <= 1
    # Rounds of a class have orders of their own.
    rare = drawn[LABELS[drawn] == 2]
    assert rare[:6].tolist() != rare[6:12].tolist()


def test_order_depends_on_seed_and_epoch_alone():
    first = balanced_order(LABELS, 150, seed=0, epoch=0)
    np.testing.assert_array_equal(first, balanced_order(LABELS, 150, seed=0, epoch=0))
    for other in ({"seed": 1, "epoch": 0}, {"seed": 0, "epoch": 1}):
        assert (balanced_order(LABELS, 150, **other) != first).any()


def test_classes_without_images_and_unlabelled_images_are_not_drawn():
    labels = np.array([4, -1, 2, 4, -1])
    drawn = balanced_order(labels, 1000, seed=0, epoch=0)
    assert set(drawn) == {0, 2, 3}
    assert abs((drawn == 2).sum() - 500) < 5 * 250**0.5


def test_batches_follow_the_order_and_resume():
    whole = list(training().batches())
    assert len(whole) == 30
    seen = indices(whole).reshape(2, 150)
    for epoch in range(2):
        np.testing.assert_array_equal(seen[epoch], balanced_order(LABELS, 150, 0, epoch))
    np.testing.assert_array_equal(indices(training().batches(1, 3)), indices(whole)[18:])


def test_devices_and_hosts_have_shards_of_the_same_batch():
    whole = indices(training().batches())
    hosts = [indices(training(devices=2, host=(host, 2)).batches()) for host in range(2)]
    for host in range(2):
        np.testing.assert_array_equal(hosts[host], whole[:, host::2])


def test_repeated_augmentation_has_copies_of_the_same_images():
    recipe = RECIPE.replace(repeated_augmentation=3, batch_size=12)
    seen = indices(training(recipe, steps=5).batches()).reshape(2, 20, 3)
    for epoch in range(2):
        expected = balanced_order(LABELS, 20, 0, epoch)
        np.testing.assert_array_equal(seen[epoch], expected[:, None].repeat(3, axis=1))


def test_an_unreadable_image_is_replaced_by_one_of_its_class():
    data = numbered()
    broken = [int(np.flatnonzero(label == LABELS)[0]) for label in (0, 2)]

    def read(index):
        if index in broken:
            raise UnreadableImage("broken")
        return data.read(index)

    seen = indices(training(data=dataclasses.replace(data, read=read)).batches()).ravel()
    expected = np.concatenate([balanced_order(LABELS, 150, 0, epoch) for epoch in range(2)])
    assert not set(seen) & set(broken)
    np.testing.assert_array_equal(LABELS[seen], LABELS[expected])
    intact = ~np.isin(expected, broken)
    np.testing.assert_array_equal(seen[intact], expected[intact])


def test_labels_of_unindexed_data_are_read():
    pairs = [(np.full((8, 8, 3), i + 2, "uint8"), int(label)) for i, label in enumerate(LABELS)]
    data = krr.data.from_source(pairs)
    assert data.labels is None
    np.testing.assert_array_equal(
        indices(training(data=data).batches()) - 2, indices(training().batches())
    )


def test_streams_are_refused():
    stream = krr.data.from_dataset([(np.full((4, 8, 8, 3), 9, "uint8"), np.arange(4) % 3)])
    message = "`balanced_sampling` must be False for data that is read in sequence.*the list"
    with pytest.raises(ValueError, match=message):
        training(data=stream)


@pytest.mark.full
@pytest.mark.every_backend
@pytest.mark.parametrize("on_device", [False, True], ids=["host", "device"])
def test_runs_with_balanced_classes_resume(on_device, tmp_path):
    recipe = RECIPE.replace(data_on_device=on_device, test_crop_ratio=1.0)

    def fit(folder, **options):
        keras.utils.set_random_seed(0)
        options |= {"model": tiny_model(3, 8), "run_dir": folder, "verbose": 0}
        return recipe.fit(numbered(), **options)

    whole = fit(tmp_path / "whole")
    with pytest.raises(StoppedError):
        fit(tmp_path / "parts", callbacks=[StopAt(1, 0)])
    parts = fit(tmp_path / "parts")
    assert without_times(parts.history) == without_times(whole.history)


@pytest.mark.every_backend
def test_device_and_host_draw_the_same_images():
    recipe = RECIPE.replace(data_on_device=True, test_crop_ratio=1.0)
    feed = feed_class(recipe)(recipe, numbered(), None, steps=2)
    drawn = feed.previewed(2)[:, :, 0, 0, 0]
    np.testing.assert_array_equal(drawn.ravel(), balanced_order(LABELS, 20, 0, 0))


def test_one_of_the_two_ways_to_balance_classes():
    with pytest.raises(ValueError, match="`balanced_sampling` must be False with class_weights"):
        krr.A3(balanced_sampling=True, class_weights="balanced")
    assert krr.A3(balanced_sampling=True, class_weights=(1.0, 2.0)).balanced_sampling
