"""The batches that reach the network: complete, in the right order, the same for the same seed."""

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
    """Images whose every pixel is their number, so that a batch tells which ones it holds."""
    return krr.data.from_arrays(
        np.broadcast_to(np.arange(n, dtype="uint8")[:, None, None, None], (n, 16, 16, 3)).copy(),
        np.arange(n) % 10,
    )


def photographs(n=24):
    x = np.random.default_rng(0).integers(0, 256, (n, 20, 24, 3), "uint8")
    return krr.data.from_arrays(x, np.arange(n) % 10)


def training(recipe, data, steps, *, seed=0, threads=2, policy="skip"):
    """The batches, and what collects the images that cannot be read."""
    watcher = UnreadableImages(data, policy)
    options = {"steps": steps, "seed": seed, "unreadable": watcher, "workers": Workers(threads)}
    return TrainingBatches(recipe, data, **options), watcher


def batches(recipe, data, steps, *, first_epoch=0, first_step=0, **options):
    made, _ = training(recipe, data, steps, **options)
    return list(made.batches(first_epoch, first_step))


def test_an_epoch_is_a_permutation_without_the_rest():
    made = batches(PLAIN, numbered(), steps=5)
    assert len(made) == 3 * 5
    for epoch in range(3):
        seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made[5 * epoch : 5 * epoch + 5]])
        assert sorted(seen) == list(range(40))
    first, second = (np.concatenate([i[:, 0, 0, 0] for i, _ in made[k : k + 5]]) for k in (0, 5))
    assert first.tolist() != second.tolist()
    for images, targets in made:
        assert (images.dtype, targets.dtype) == (np.uint8, np.float32)
        np.testing.assert_array_equal(targets, np.eye(10)[images[:, 0, 0, 0] % 10])


def test_label_smoothing_is_in_the_targets():
    _, targets = batches(PLAIN.replace(label_smoothing=0.1, epochs=1), numbered(), steps=1)[0]
    # One ulp of float32: 0.91 and 0.01 are sums.
    np.testing.assert_allclose(np.sort(targets)[:, -1], 0.91, rtol=2e-7)
    np.testing.assert_allclose(np.sort(targets)[:, :-1], 0.01, rtol=2e-7)


def test_copies_stand_side_by_side_and_an_epoch_sees_a_third():
    recipe = PLAIN.replace(repeated_augmentation=3, batch_size=12)
    made = batches(recipe, numbered(), steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made[:3]])
    assert len(set(seen)) == 12
    np.testing.assert_array_equal(seen.reshape(12, 3), seen[::3, None].repeat(3, axis=1))


def test_the_full_chain_gives_pictures_that_differ():
    made = batches(FULL, photographs(), steps=2)
    assert len(made) == 6
    for images, targets in made:
        assert images.shape == (12, 16, 16, 3)
        assert len({image.tobytes() for image in images}) == 12
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)  # ten float32 are added


@pytest.mark.parametrize("threads", [1, 16])
def test_threads_do_not_change_a_picture(threads):
    expected = batches(FULL, photographs(), steps=2)
    made = batches(FULL, photographs(), steps=2, threads=threads)
    for (images, targets), (images_again, targets_again) in zip(expected, made, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_a_restart_at_an_epoch_gives_its_pictures():
    expected = batches(FULL, photographs(), steps=2)[4:]
    made = batches(FULL, photographs(), steps=2, first_epoch=2)
    assert len(made) == len(expected) == 2
    for (images, targets), (images_again, targets_again) in zip(expected, made, strict=True):
        np.testing.assert_array_equal(images, images_again)
        np.testing.assert_array_equal(targets, targets_again)


def test_the_seed_changes_the_pictures():
    one, other = (batches(FULL, photographs(), steps=1, seed=seed)[0][0] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_more_steps_than_images_go_round():
    made = batches(PLAIN.replace(epochs=1), numbered(10), steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made])
    assert np.bincount(seen).min() >= 2
    assert len(seen) == 24


def test_streams_are_read_like_arrays():
    data = numbered()
    stream = krr.data.from_dataset([data.read(index) for index in range(40)])
    made = batches(PLAIN.replace(repeated_augmentation=3, epochs=1), stream, 3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made])
    np.testing.assert_array_equal(seen.reshape(8, 3), seen[::3, None].repeat(3, axis=1))


def test_accumulation_takes_parts_of_the_same_batch():
    whole = batches(PLAIN, numbered(), steps=5)
    parts = batches(PLAIN.replace(gradient_accumulation_steps=2), numbered(), steps=5)
    assert len(parts) == 2 * len(whole)
    np.testing.assert_array_equal(
        np.concatenate([images for images, _ in parts]),
        np.concatenate([images for images, _ in whole]),
    )


def test_evaluation_sees_every_image_once_in_order():
    data = photographs(21)
    recipe = FULL.replace(test_size=12)
    made = list(EvaluationBatches(recipe, data, unreadable=UnreadableImages(data, "skip")))
    assert [len(images) for images, _ in made] == [12, 9]
    crop = krr.augment.CenterCrop(12, 0.95, "bicubic")
    expected = [crop(data.read(i)[0]) for i in range(21)]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in made]), expected)
    labels = np.concatenate([targets for _, targets in made]).argmax(axis=1)
    np.testing.assert_array_equal(labels, np.arange(21) % 10)


@pytest.fixture
def folder(tmp_path):
    """200 numbered PNGs in two classes."""
    for number in range(200):
        file = tmp_path / "ab"[number % 2] / f"{number:03}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (number,) * 3).save(file)
    return tmp_path


def test_unreadable_images_are_skipped_and_named(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    (folder / "b" / "007.png").write_text("not a picture")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(classes=2, epochs=2)
    made, watcher = training(recipe, data, steps=24)
    seen = np.array([images[:, 0, 0, 0] for images, _ in made.batches()]).reshape(2, 192)
    for epoch in seen:
        assert len(set(epoch)) == 192  # images that the epoch leaves out took their positions
        assert not {4, 7} & set(epoch)
    with pytest.warns(UserWarning, match=r"2 unreadable image\(s\)") as caught:
        watcher.warn()
    text = str(caught[0].message)
    assert "004.png" in text
    assert "007.png" in text
    watcher.warn()  # each is told once


def test_a_broken_image_moves_no_other(folder):
    data, recipe = (
        krr.data.from_folder(folder),
        PLAIN.replace(
            classes=2, epochs=1, augmentation=(krr.augment.RandomResizedCrop(scale=(0.1, 1.0)),)
        ),
    )
    before = np.concatenate([images for images, _ in batches(recipe, data, steps=25)])
    (folder / "a" / "000.png").write_bytes(b"")
    after = np.concatenate([images for images, _ in batches(recipe, data, steps=25)])
    gone = np.flatnonzero(before[:, 0, 0, 0] == 0)[0]
    np.testing.assert_array_equal(np.delete(before, gone, 0), np.delete(after, gone, 0))
    # Nothing is left out of an epoch of 200: the next image takes the position.
    assert after[gone, 0, 0, 0] == before[(gone + 1) % 200, 0, 0, 0]


def test_an_unreadable_image_is_lost_with_all_its_copies(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(classes=2, epochs=3, repeated_augmentation=3, batch_size=12)
    made, watcher = training(recipe, data, steps=50)
    seen = np.array([images[:, 0, 0, 0] for images, _ in made.batches()]).reshape(3, 200, 3)
    assert (seen == seen[..., :1]).all()
    assert all(set(epoch[:, 0]) == set(range(200)) - {4} for epoch in seen)
    assert [name.endswith("004.png") for name in watcher.reasons] == [True]


def test_the_first_unreadable_image_can_raise(folder):
    (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match=r"cannot read .*004.png: .*"):
        batches(PLAIN.replace(classes=2), data, steps=25, policy="raise")


def test_more_than_one_per_cent_raises(folder):
    for number in (4, 6, 8):
        (folder / "a" / f"{number:03}.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match=r"3 of the 200 images of .* more than 1 %"):
        batches(PLAIN.replace(classes=2), data, steps=25)


def test_nothing_readable_raises_and_does_not_hang(folder):
    for file in folder.rglob("*.png"):
        file.write_bytes(b"")
    data = krr.data.from_folder(folder)
    with pytest.raises(ValueError, match="more than 1 %"):
        batches(PLAIN.replace(classes=2), data, steps=25)


def test_a_vanished_file_is_named(folder):
    data = krr.data.from_folder(folder)
    (folder / "a" / "004.png").unlink()
    with pytest.raises(ValueError, match=r"004\.png"):
        batches(PLAIN.replace(classes=2), data, steps=25, policy="raise")


def test_evaluation_leaves_unreadable_images_out(folder):
    (folder / "b" / "199.png").write_bytes(b"")  # the very last: no later one shows the gap
    data = krr.data.from_folder(folder)
    watcher = UnreadableImages(data, "skip")
    made = list(EvaluationBatches(PLAIN.replace(classes=2), data, unreadable=watcher))
    assert sum(len(images) for images, _ in made) == 199
    assert [name.endswith("199.png") for name in watcher.reasons] == [True]


def test_labels_outside_the_classes_are_named():
    images = np.zeros((20, 16, 16, 3), "uint8")
    data = krr.data.from_dataset([*zip(images, range(20), strict=True)])
    with pytest.raises(ValueError, match=r"must be within 0..9 for 10 classes. Received: 1\d"):
        batches(PLAIN, data, steps=2)


@pytest.mark.parametrize("recipe", [PLAIN, FULL], ids=["plain", "three copies, mixed"])
@pytest.mark.parametrize("first", [1, 3])
def test_a_restart_within_an_epoch_gives_its_pictures(recipe, first):
    data = photographs(48)
    whole = batches(recipe, data, steps=4)[4:]
    made = batches(recipe, data, steps=4, first_epoch=1, first_step=first)
    for ours, theirs in zip(made, whole[first:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("broken", [True, False])
def test_a_restart_among_encoded_images_gives_the_same_pictures(folder, broken):
    if broken:
        (folder / "a" / "004.png").write_bytes(b"")
    data = krr.data.from_folder(folder)
    recipe = PLAIN.replace(
        classes=2, epochs=1, augmentation=(krr.augment.RandomResizedCrop(scale=(0.1, 1.0)),)
    )
    whole = batches(recipe, data, steps=24)
    made = batches(recipe, data, steps=24, first_step=20)
    for ours, theirs in zip(made, whole[20:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])


@pytest.mark.parametrize(("copies", "batch"), [(1, 8), (3, 8), (3, 12)])
def test_a_stream_goes_on_in_the_next_epoch(copies, batch):
    data = numbered(100)
    stream = krr.data.from_dataset([data.read(index) for index in range(100)])
    recipe = PLAIN.replace(batch_size=batch, repeated_augmentation=copies, epochs=3)
    made = batches(recipe, stream, steps=3)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made])
    # An epoch may end between the copies of an image.
    assert len(set(seen)) >= len(seen) // copies
    for first in range(9):
        resumed = batches(recipe, stream, 3, first_epoch=first // 3, first_step=first % 3)
        np.testing.assert_array_equal(resumed[0][0], made[first][0])


def test_a_batch_depends_on_nothing_before_it():
    made, _ = training(FULL, photographs(), steps=2)
    for (epoch, step), (images, targets) in zip(
        itertools.product(range(3), range(2)), made.batches(), strict=True
    ):
        again = made.batch(epoch, step)
        np.testing.assert_array_equal(again[0], images)
        np.testing.assert_array_equal(again[1], targets)


@pytest.mark.parametrize("threads", [1, 8])
def test_a_stream_is_read_past_many_bad_images_by_any_number_of_threads(threads):
    images = numbered(60)
    examples = [images.read(index) for index in range(60)]
    broken = [
        (b"bad" if index % 3 == 0 else image, label)
        for index, (image, label) in enumerate(examples)
    ]
    made = batches(PLAIN, krr.data.from_dataset(broken), steps=5, threads=threads, policy="name")
    again = batches(PLAIN, krr.data.from_dataset(broken), steps=5, threads=1, policy="name")
    assert len(made) == 15
    for (ours, targets), (theirs, _) in zip(made, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert (ours[:, 0, 0, 0] % 3 > 0).all()
        np.testing.assert_array_equal(targets.argmax(1), ours[:, 0, 0, 0] % 10)
