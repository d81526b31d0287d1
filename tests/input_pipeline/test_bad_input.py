"""Bad files are reported by name and never cause a hang or a crash."""

import io
import os
import shutil
import struct
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

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
    gradient = np.add.outer(np.arange(height) * 3, np.arange(width) * 2) % 256
    pixels = np.repeat(gradient[..., None], 3, axis=2).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def huge_png():
    def chunk(name, contents):
        parts = name + contents
        return struct.pack(">I", len(contents)) + parts + struct.pack(">I", zlib.crc32(parts))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(20000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        file = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(encoded("JPEG"))
    return tmp_path


def training(data, unreadable):
    return TrainingBatches(RECIPE, data, steps=1, seed=0, unreadable=unreadable).batches()


def evaluation(data, unreadable):
    return EvaluationBatches(RECIPE, data, unreadable=unreadable)


BAD = {
    "empty": (b"", "the file is empty"),
    "truncated": (encoded("JPEG")[:-40], "truncated"),
    "text": (b"plain text", "unknown image file format"),
    "bomb": (huge_png(), "more than the limit"),
}


@pytest.mark.parametrize("batches", [training, evaluation])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_reported_with_its_reason(folder, kind, batches):
    contents, reason = BAD[kind]
    for file in folder.rglob("*.jpg"):  # all of them: a training batch draws only some
        file.write_bytes(contents)
    data = krr.data.from_folder(folder)
    unreadable = UnreadableImages(data, "raise")
    with pytest.raises(ValueError, match=rf"cannot read .*\.jpg: .*{reason}"):
        list(batches(data, unreadable))


@pytest.mark.parametrize("batches", [training, evaluation])
def test_a_deleted_file_is_reported(folder, batches):
    data = krr.data.from_folder(folder)
    for file in folder.rglob("*.jpg"):
        file.unlink()
    unreadable = UnreadableImages(data, "raise")
    with pytest.raises(ValueError, match=r"cannot read .*\.jpg: .*No such file"):
        list(batches(data, unreadable))


@pytest.mark.parametrize("batches", [training, evaluation])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_an_image_of_one_pixel_is_an_image(folder, form, batches):
    for file in folder.rglob("*.jpg"):
        file.write_bytes(encoded(form, 1, 1))
    data = krr.data.from_folder(folder)
    unreadable = UnreadableImages(data, "raise")
    images = np.concatenate([images for images, *_ in batches(data, unreadable)])
    assert images.shape[1:] == (16, 16, 3)
    assert images.max() <= 1  # the pixel is 0; JPEG may decode it as 1


@pytest.mark.parametrize("batches", [training, evaluation])
def test_a_label_out_of_range_is_an_error(folder, batches):
    lines = [
        f"{file},{5 + number % 2}" for number, file in enumerate(sorted(folder.rglob("*.jpg")))
    ]
    (folder / "list.csv").write_text("\n".join(lines))
    data = krr.data.from_csv(folder / "list.csv")
    with pytest.raises(ValueError, match=r"within 0..1 for 2 classes. Received: 6"):
        data.check_labels(2)
    unreadable = UnreadableImages(data, "raise")
    with pytest.raises(ValueError, match=r"within 0..1 for 2 classes. Received: [56]"):
        list(batches(data, unreadable))


def test_evaluation_of_a_stream_of_unknown_length(capsys):
    contents = [encoded("JPEG"), b"bad", encoded("PNG")]
    data = krr.data.from_dataset([*zip(contents, [0, 1, 1], strict=True)])
    unreadable = UnreadableImages(data, "skip")
    assert sum(len(images) for images, _ in evaluation(data, unreadable)) == 2
    reason = "unknown image file format, or its header is damaged"
    assert unreadable.reasons == {"image 1 of the stream": reason}


def mutants(count):
    """Yields JPEG and PNG files with changed, replaced, deleted or repeated bytes, or truncated."""
    rng = np.random.default_rng(0)
    originals = [encoded("JPEG"), encoded("PNG")]
    for number in range(count):
        contents = bytearray(originals[number % 2])
        for _ in range(int(rng.integers(1, 5))):
            # Half of the changes hit the header, where they matter most.
            start = int(rng.integers(0, len(contents) if rng.random() < 0.5 else 64))
            length = int(rng.integers(1, 9))
            kind = rng.integers(0, 5)
            if kind == 0:
                contents[start] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                contents[start : start + length] = rng.bytes(length)
            elif kind == 2:
                del contents[start : start + length]
            elif kind == 3:
                contents[start:start] = contents[start : start + length]
            elif rng.random() < 0.3:
                del contents[max(start, 64) :]
        yield bytes(contents)


@pytest.mark.parametrize("batches", [training, evaluation])
def test_each_of_1000_mutants_is_read_or_reported(tmp_path, batches):
    for number, contents in enumerate(mutants(1000)):
        file = tmp_path / "ab"[number % 2] / f"{number:04}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(contents)
    data = krr.data.from_folder(tmp_path)
    unreadable, recipe = UnreadableImages(data, "name"), RECIPE.replace(batch_size=1)
    produced = evaluation(data, unreadable)
    if batches is training:
        produced = TrainingBatches(
            recipe, data, steps=1000, seed=0, unreadable=unreadable
        ).batches()
    images = sum(len(batch[1]) for batch in produced if len(batch) == 2)
    names = {os.path.basename(name) for name in unreadable.reasons}
    assert 200 < len(names) < 1000
    assert all(unreadable.reasons.values())
    # Training replaces unreadable images by others.
    assert images == (1000 - len(names) if batches is evaluation else 1000)


@pytest.mark.every_backend
@pytest.mark.parametrize("views", ["one", "ten_crop"])
def test_a_failed_evaluation_keeps_the_weights(folder, views):
    for file in (folder / "b").iterdir():
        file.write_bytes(b"no image")
    model = krr.applications.ResNet20(classes=2, classifier_activation=None)
    weights = model.get_weights()
    with pytest.raises(ValueError, match="cannot be read, more than 1 %"):
        RECIPE.replace(batch_size=1, test_views=views).evaluate(model, folder, verbose=0)
    for ours, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, before)


@pytest.mark.every_backend
def test_a_failed_validation_keeps_the_weights(folder, tmp_path_factory):
    good = shutil.copytree(folder, tmp_path_factory.mktemp("good") / "train")
    for file in (folder / "b").iterdir():
        file.write_bytes(b"no image")
    model = krr.applications.ResNet20(classes=2, classifier_activation=None)
    with pytest.raises(ValueError, match="cannot be read, more than 1 %"):
        RECIPE.fit(good, model=model, validation_data=folder, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 1
