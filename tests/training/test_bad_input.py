"""Bad files on their way to the network: named, never a hang, never a crash."""

import dataclasses
import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.training import evaluation_batches, training_batches

RECIPE = krr.A3(
    network="ResNet20",
    classes=2,
    epochs=1,
    warmup_epochs=0,
    batch_size=4,
    train_size=16,
    test_size=16,
    rand_augment=None,
    mixup_alpha=0,
    cutmix_alpha=0,
)


def encoded(form, height=32, width=40):
    smooth = np.add.outer(np.arange(height) * 3, np.arange(width) * 2) % 256
    pixels = np.repeat(smooth[..., None], 3, axis=2).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def huge_png():
    header = b"IHDR" + struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
    )


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        file = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encoded("JPEG"))
    return tmp_path


def training(data, watcher):
    return training_batches(RECIPE, data, steps=1, first_epoch=0, seed=0, unreadable=watcher)


def evaluation(data, watcher):
    return evaluation_batches(RECIPE, data, unreadable=watcher)


BAD = {
    "empty": (b"", "empty"),
    "truncated": (encoded("JPEG")[:-40], "Invalid JPEG data"),
    "text": (b"these are words", "Unknown image file format"),
    "bomb": (huge_png(), "more than 178,956,970 pixels"),
}


@pytest.mark.parametrize("batches", [training, evaluation])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_named_with_its_reason(folder, kind, batches):
    contents, reason = BAD[kind]
    for file in folder.rglob("*.jpg"):  # all of them: a batch of training draws some only
        file.write_bytes(contents)
    data = krr.data.from_folder(folder)
    watcher = UnreadableImages(data, "raise")
    with pytest.raises(ValueError, match=rf"cannot read .*\.jpg: .*{reason}"), watcher.named():
        list(batches(data, watcher))


@pytest.mark.parametrize("batches", [training, evaluation])
def test_a_file_that_vanished_is_named(folder, batches):
    data = krr.data.from_folder(folder)
    for file in folder.rglob("*.jpg"):
        file.unlink()
    watcher = UnreadableImages(data, "raise")
    with pytest.raises(ValueError, match=r"cannot read .*\.jpg: .*No such file"), watcher.named():
        list(batches(data, watcher))


@pytest.mark.parametrize("batches", [training, evaluation])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_an_image_of_one_pixel_is_an_image(folder, form, batches):
    for file in folder.rglob("*.jpg"):
        file.write_bytes(encoded(form, 1, 1))
    data = krr.data.from_folder(folder)
    watcher = UnreadableImages(data, "raise")
    with watcher.named():
        images = np.concatenate([images for images, _ in batches(data, watcher)])
    assert images.shape[1:] == (16, 16, 3)
    assert images.max() <= 1  # the pixel is 0, and JPEG may say 1


@pytest.mark.parametrize("batches", [training, evaluation])
def test_a_label_outside_the_range_is_named(folder, batches):
    lines = [
        f"{file},{5 + number % 2}" for number, file in enumerate(sorted(folder.rglob("*.jpg")))
    ]
    (folder / "list.csv").write_text("\n".join(lines))
    data = krr.data.from_csv(folder / "list.csv")
    with pytest.raises(ValueError, match=r"within 0..1 for 2 classes; received 6"):
        data.check_labels(2)
    watcher = UnreadableImages(data, "raise")
    with (
        pytest.raises(ValueError, match=r"within 0..1 for 2 classes; received [56]"),
        watcher.named(),
    ):
        list(batches(data, watcher))


def test_a_stream_of_unknown_length_ends_where_it_ends(capsys):
    contents = [encoded("JPEG"), b"bad", encoded("PNG")]
    stream = tf.data.Dataset.from_tensor_slices((contents, [0, 1, 1])).filter(lambda *_: True)
    data = krr.data.from_dataset(stream)
    watcher = UnreadableImages(data, "skip")
    assert sum(len(images) for images, _ in evaluation(data, watcher)) == 2
    assert watcher.reasons == {"image 1 of the stream": "cannot be decoded"}


def mutants(count):
    """JPEGs and PNGs with bytes changed, cut out, doubled or put in, or the end missing."""
    rng = np.random.default_rng(0)
    options = [encoded("JPEG"), encoded("PNG")]
    for number in range(count):
        made = bytearray(options[number % 2])
        for _ in range(int(rng.integers(1, 5))):
            # Half of the changes fall into the header, where they do the most.
            place = int(rng.integers(0, len(made) if rng.random() < 0.5 else 64))
            length = int(rng.integers(1, 9))
            change = rng.integers(0, 5)
            if change == 0:
                made[place] ^= 1 << int(rng.integers(8))
            elif change == 1:
                made[place : place + length] = rng.bytes(length)
            elif change == 2:
                del made[place : place + length]
            elif change == 3:
                made[place:place] = made[place : place + length]
            elif rng.random() < 0.3:
                del made[max(place, 64) :]
        yield bytes(made)


@pytest.mark.parametrize("batches", [training, evaluation])
def test_of_1000_mutants_each_is_a_picture_or_named(tmp_path, batches):
    for number, contents in enumerate(mutants(1000)):
        file = tmp_path / "ab"[number % 2] / f"{number:04}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(contents)
    data = krr.data.from_folder(tmp_path)
    # Of a data set of unknown size any share may fail, so that all mutants are seen.
    watcher = UnreadableImages(dataclasses.replace(data, size=None), "skip")
    recipe = RECIPE.replace(batch_size=1)
    made = evaluation(data, watcher)
    if batches is training:
        made = training_batches(
            recipe, data, steps=1000, first_epoch=0, seed=0, unreadable=watcher
        ).take(1000)
    with watcher.named():
        pictures = sum(len(images) for images, _ in made)
    names = {os.path.basename(name) for name in watcher.reasons}
    assert 200 < len(names) < 1000
    assert all(watcher.reasons.values())
    assert "was unreadable when its turn came" not in watcher.reasons.values()
    if batches is evaluation:
        assert pictures == 1000 - len(names)
    else:
        # One more pass over the order makes up for what failed; here more than half fails.
        assert 200 < pictures < 1000
