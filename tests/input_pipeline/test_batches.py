"""Batches are complete, in the right order, and reproducible from the seed."""

import itertools

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.data.parallel import Workers
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

PLAIN = krr.A3(
    network="ResNet20",
    classes=10,
    epochs=3,
    warmup_epochs=0,
    batch_size=8,
    train_size=16,
    test_size=16,
    rand_augment=None,
    random_flip=None,
    random_resized_crop=None,
    mixup_alpha=0,
    cutmix_alpha=0,
)
FULL = krr.A1(
    network="ResNet20", classes=10, epochs=3, warmup_epochs=0, batch_size=12, train_size=16
)


def numbered(n=40):
    """Images whose pixels all equal their index, so that the images of a batch can be identified."""
    return krr.data.from_arrays(
        np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, 16, 16, 3)).copy(),
        np.arange(n) % 10,
    )


def photographs(n=24):
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    return krr.data.from_arrays(x, np.arange(n) % 10)


def training(recipe, data, steps, *, seed=0, threads=2, policy="skip"):
    """Returns the batches and the collector of unreadable images."""
    unreadable = UnreadableImages(data, policy)
    options = {"steps": steps, "seed": seed, "unreadable": unreadable, "workers": Workers(threads)}
    return TrainingBatches(recipe, data, **options), unreadable


def batches(recipe, data, steps, *, first_epoch=0, first_step=0, **options):
    result, _ = training(recipe, data, steps, **options)
    return list(result.batches(first_epoch, first_step))


def test_an_epoch_is_a_permutation():
    result = batches(PLAIN, numbered(), steps=5)
    assert len(result) == 3 * 5
    for epoch in range(3):
        seen = np.concatenate(
            [images[:, 0, 0, 0] for images, _ in result[5 * epoch : 5 * epoch + 5]]
        )
        assert sorted(seen) == list(range(40))
    first, second = (np.concatenate([i[:, 0, 0, 0] for i, _ in result[k : k + 5]]) for k in (0, 5))
    assert first.tolist() != second.tolist()
    for images, targets in result:
        assert (images.dtype, targets.dtype) == (np.uint8, np.float32)
        np.testing.assert_array_equal(targets, np.eye(10)[images[:, 0, 0, 0] % 10])


def flipped(images):
    """Returns by image whether it is flipped: a gradient from left to right, and the number of the image below."""
    return {int(one[-1, 0, 0]): bool(one[0, 0, 0] > one[0, -1, 0]) for one in images}


def test_alternating_images_are_flipped_in_every_second_epoch():
    x = np.zeros((250, 16, 16, 3), "uint8")
    x[:, :8] = 8 * np.arange(16, dtype="uint8")[:, None]
    x[:, 8:] = np.arange(250, dtype="uint8")[:, None, None, None]
    data = krr.data.from_arrays(x, np.arange(250) % 10)
    flip = krr.augment.RandomFlip(alternating=True)
    recipe = PLAIN.replace(augmentation=(flip,), batch_size=50)
    result = batches(recipe, data, steps=5)
    epochs = [
        flipped(np.concatenate([images for images, _ in result[k : k + 5]])) for k in (0, 5, 10)
    ]
    assert len(epochs[0]) == 250
    for before, after in itertools.pairwise(epochs):
        assert all(after[image] != before[image] for image in before)
    # Five standard deviations of a binomial distribution.
    assert abs(sum(epochs[0].values()) - 125) < 5 * 62.5**0.5
    # A batch depends on its position alone, so that a run resumes with the same images.
    for ours, whole in zip(
        batches(recipe, data, steps=5, first_epoch=1, first_step=2), result[7:], strict=True
    ):
        np.testing.assert_array_equal(ours[0], whole[0])
    other = batches(recipe, data, steps=5, seed=1)[:5]
    assert flipped(np.concatenate([images for images, _ in other])) != epochs[0]


def test_images_read_in_sequence_cannot_alternate():
    tf = pytest.importorskip("tensorflow")
    stream = krr.data.from_source(
        tf.data.Dataset.from_tensor_slices((np.zeros((8, 16, 16, 3), "uint8"), np.arange(8)))
    )
    recipe = PLAIN.replace(augmentation=(krr.augment.RandomFlip(alternating=True),))
    with pytest.raises(
        ValueError, match="`alternating` must be False for data that is read in seq"
    ):
        training(recipe, stream, 1)


def test_label_smoothing_is_in_the_targets():
    _, targets = batches(PLAIN.replace(label_smoothing=0.1, epochs=1), numbered(), steps=1)[0]
    # One ulp of float32, because 0.91 and 0.01 are sums.
    np.testing.assert_allclose(np.sort(targets)[:, -1], 0.91, rtol=2e-7)
    np.testing.assert_allclose(np.sort(targets)[:, :-1], 0.01, rtol=2e-7)


def test_copies_are_adjacent_and_an_epoch_uses_a_third_of_the_images():
    recipe = PLAIN.replace(repeated_augmentation=3, batch_size=12)
    result = batches(recipe, numbered(), steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in result[:3]])
    assert len(set(seen)) == 12
    np.testing.assert_array_equal(seen.reshape(12, 3), seen[::3, None].repeat(3, axis=1))


def test_all_augmentations_together_give_different_images():
    result = batches(FULL, photographs(), steps=2)
    assert len(result) == 6
    for images, targets in result:
        assert images.shape == (12, 16, 16, 3)
        assert len({image.tobytes() for image in images}) == 12
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)  # sums of ten float32 numbers


@pytest.mark.parametrize("threads", [1, 16])
def test_images_do_not_depend_on_the_number_of_threads(threads):
    expected = batches(FULL, photographs(), steps=2)
    result = batches(FULL, photographs(), steps=2, threads=threads)
    for (images, targets), (images_again, targets_again) in zip(expected, result, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_resuming_at_an_epoch_gives_the_same_images():
    expected = batches(FULL, photographs(), steps=2)[4:]
    result = batches(FULL, photographs(), steps=2, first_epoch=2)
    assert len(result) == len(expected) == 2
    for (images, targets), (images_again, targets_again) in zip(expected, result, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_the_seed_changes_the_images():
    one, other = (batches(FULL, photographs(), steps=1, seed=seed)[0][0] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_more_steps_than_images_repeat_the_images():
    result = batches(PLAIN.replace(epochs=1), numbered(10), steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in result])
    assert np.bincount(seen).min() >= 2
    assert len(seen) == 24


def test_streams_support_repeated_augmentation():
    data = numbered()
    stream = krr.data.from_dataset([data.read(index) for index in range(40)])
    result = batches(PLAIN.replace(repeated_augmentation=3, epochs=1), stream, 3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in result])
    np.testing.assert_array_equal(seen.reshape(8, 3), seen[::3, None].repeat(3, axis=1))


def test_micro_batches_concatenate_to_the_batch():
    whole = batches(PLAIN, numbered(), steps=5)
    micro_batches = batches(PLAIN.replace(gradient_accumulation_steps=2), numbered(), steps=5)
    assert len(micro_batches) == 2 * len(whole)
    np.testing.assert_array_equal(
        np.concatenate([images for images, _ in micro_batches]),
        np.concatenate([images for images, _ in whole]),
    )


def test_evaluation_reads_every_image_once_in_order():
    data = photographs(21)
    recipe = FULL.replace(test_size=12)
    result = list(EvaluationBatches(recipe, data, unreadable=UnreadableImages(data, "skip")))
    assert [len(images) for images, _ in result] == [12, 9]
    crop = krr.augment.CenterCrop(12, 0.95, "bicubic")
    expected = [crop(data.read(i)[0]) for i in range(21)]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in result]), expected)
    labels = np.concatenate([targets for _, targets in result]).argmax(axis=1)
    np.testing.assert_array_equal(labels, np.arange(21) % 10)


@pytest.fixture
def folder(tmp_path):
    """200 numbered PNGs in two classes."""
    for number in range(200):
        file = tmp_path / "ab"[number % 2] / f"{number:03}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (number,) * 3).save(file)
    return tmp_path


def test_unreadable_images_are_skipped_and_reported(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    (folder / "b" / "007.png").write_text("not an image")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(classes=2, epochs=2)
    result, unreadable = training(recipe, data, steps=24)
    seen = np.array([images[:, 0, 0, 0] for images, _ in result.batches()]).reshape(2, 192)
    for epoch in seen:
        assert len(set(epoch)) == 192  # the 8 images that an epoch drops replace them
        assert not {4, 7} & set(epoch)
    with pytest.warns(UserWarning, match=r"2 unreadable image\(s\)") as caught:
        unreadable.warn()
    text = str(caught[0].message)
    assert "004.png" in text
    assert "007.png" in text
    unreadable.warn()  # reports each image once


def test_an_unreadable_image_leaves_the_others_in_place(folder):
    data, recipe = (
        krr.data.from_folder(folder),
        PLAIN.replace(
            classes=2, epochs=1, augmentation=(krr.augment.RandomResizedCrop(scale=(0.1, 1.0)),)
        ),
    )
    before = np.concatenate([images for images, _ in batches(recipe, data, steps=25)])
    (folder / "a" / "000.png").write_bytes(b"")
    after = np.concatenate([images for images, _ in batches(recipe, data, steps=25)])
    replaced = np.flatnonzero(before[:, 0, 0, 0] == 0)[0]
    np.testing.assert_array_equal(np.delete(before, replaced, 0), np.delete(after, replaced, 0))
    # An epoch of 200 drops no image, so the next image takes the position.
    assert after[replaced, 0, 0, 0] == before[(replaced + 1) % 200, 0, 0, 0]


def test_an_unreadable_image_is_skipped_with_all_its_copies(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(classes=2, epochs=3, repeated_augmentation=3, batch_size=12)
    result, unreadable = training(recipe, data, steps=50)
    seen = np.array([images[:, 0, 0, 0] for images, _ in result.batches()]).reshape(3, 200, 3)
    assert (seen == seen[..., :1]).all()
    assert all(set(epoch[:, 0]) == set(range(200)) - {4} for epoch in seen)
    assert [name.endswith("004.png") for name in unreadable.reasons] == [True]


def test_the_policy_raise_raises_at_the_first_unreadable_image(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match=r"cannot read .*004.png: .*"):
        batches(PLAIN.replace(classes=2), data, steps=25, policy="raise")


def test_more_than_one_percent_unreadable_raises(folder):
    for number in (4, 6, 8):
        (folder / "a" / f"{number:03}.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match=r"3 of the 200 images of .* more than 1 %"):
        batches(PLAIN.replace(classes=2), data, steps=25)


def test_no_readable_image_raises_and_does_not_hang(folder):
    for file in folder.rglob("*.png"):
        file.write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match="more than 1 %"):
        batches(PLAIN.replace(classes=2), data, steps=25)


def test_a_deleted_file_is_reported(folder):
    data = krr.data.from_folder(folder)
    (folder / "a" / "004.png").unlink()
    with pytest.raises(ValueError, match=r"004\.png"):
        batches(PLAIN.replace(classes=2), data, steps=25, policy="raise")


def test_evaluation_skips_unreadable_images(folder):
    (folder / "b" / "199.png").write_bytes(b"")  # the last image: no later one reveals the gap
    data = krr.data.from_folder(folder)
    unreadable = UnreadableImages(data, "skip")
    result = list(EvaluationBatches(PLAIN.replace(classes=2), data, unreadable=unreadable))
    assert sum(len(images) for images, _ in result) == 199
    assert [name.endswith("199.png") for name in unreadable.reasons] == [True]


def test_labels_out_of_range_are_an_error():
    images = np.zeros((20, 16, 16, 3), "uint8")
    data = krr.data.from_dataset([*zip(images, range(20), strict=True)])
    with pytest.raises(ValueError, match=r"must be within 0..9 for 10 classes. Received: 1\d"):
        batches(PLAIN, data, steps=2)


@pytest.mark.parametrize("recipe", [PLAIN, FULL], ids=["plain", "repeated and mixed"])
@pytest.mark.parametrize("first", [1, 3])
def test_resuming_within_an_epoch_gives_the_same_images(recipe, first):
    data = photographs(48)
    whole = batches(recipe, data, steps=4)[4:]
    result = batches(recipe, data, steps=4, first_epoch=1, first_step=first)
    for ours, theirs in zip(result, whole[first:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("broken", [True, False])
def test_resuming_with_image_files_gives_the_same_images(folder, broken):
    if broken:
        (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(
        classes=2, epochs=1, augmentation=(krr.augment.RandomResizedCrop(scale=(0.1, 1.0)),)
    )
    whole = batches(recipe, data, steps=24)
    result = batches(recipe, data, steps=24, first_step=20)
    for ours, theirs in zip(result, whole[20:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize(("copies", "batch"), [(1, 8), (3, 8), (3, 12)])
def test_a_stream_continues_in_the_next_epoch(copies, batch):
    data = numbered(100)
    stream = krr.data.from_dataset([data.read(index) for index in range(100)])
    recipe = PLAIN.replace(batch_size=batch, repeated_augmentation=copies, epochs=3)
    result = batches(recipe, stream, steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in result])
    # An epoch may end between the copies of an image.
    assert len(set(seen)) >= len(seen) // copies
    for first in range(9):
        resumed = batches(recipe, stream, 3, first_epoch=first // 3, first_step=first % 3)
        np.testing.assert_array_equal(resumed[0][0], result[first][0])


def test_a_batch_does_not_depend_on_earlier_batches():
    result, _ = training(FULL, photographs(), steps=2)
    for (epoch, step), (images, targets) in zip(
        itertools.product(range(3), range(2)), result.batches(), strict=True
    ):
        again = result.batch(epoch, step)
        np.testing.assert_array_equal(again[0], images)
        np.testing.assert_array_equal(again[1], targets)


@pytest.mark.parametrize("threads", [1, 8])
def test_unreadable_images_of_a_stream_with_any_number_of_threads(threads):
    images = numbered(60)
    examples = [images.read(index) for index in range(60)]
    broken = [
        (b"bad" if index % 3 == 0 else image, label)
        for index, (image, label) in enumerate(examples)
    ]
    result = batches(PLAIN, krr.data.from_dataset(broken), steps=5, threads=threads, policy="name")
    again = batches(PLAIN, krr.data.from_dataset(broken), steps=5, threads=1, policy="name")
    assert len(result) == 15
    for (ours, targets), (theirs, _) in zip(result, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert (ours[:, 0, 0, 0] % 3 > 0).all()
        np.testing.assert_array_equal(targets.argmax(1), ours[:, 0, 0, 0] % 10)
