"""Prepared folders: what is written is what was there, and comes back completely shuffled."""

import hashlib
import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.training import evaluation_batches, training_batches


@pytest.fixture
def pictures(tmp_path):
    """Ten JPEGs of 60 x 40 and one of 20 x 30, in two classes."""
    rng = np.random.default_rng(0)
    for number in range(11):
        shape = (40, 60, 3) if number < 10 else (30, 20, 3)
        pixels = np.kron(
            rng.integers(0, 256, (shape[0] // 10, shape[1] // 10, 3)), np.ones((10, 10, 1))
        )
        file = tmp_path / "raw" / ("ant", "bee")[number % 2] / f"{number:02}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype("uint8")).save(file, quality=95)
    return tmp_path / "raw"


def stored(data):
    read = (data.read(tf.constant(index, tf.int64)) for index in range(data.size))
    return [(image.numpy(), int(label)) for image, label in read]


def prepared(source, folder, **options):
    krr.data.write_tfrecords(
        krr.data.from_source(source), folder, **{"images_per_shard": 4, "verbose": 0, **options}
    )
    return krr.data.from_source(folder)


def test_original_bytes_come_back(pictures, tmp_path, capsys):
    data = prepared(pictures, tmp_path / "shards", shorter_side=None)
    raw = krr.data.from_folder(pictures)
    assert stored(data) == stored(raw)
    assert (data.size, data.class_names, data.classes) == (11, ("ant", "bee"), 2)
    assert data.labels.tolist() == raw.labels.tolist()
    assert "11 images, 2 classes, 0.0 MB in 3 shards" in capsys.readouterr().out
    index = json.loads((tmp_path / "shards" / "index.json").read_text())
    assert [shard["count"] for shard in index["shards"]] == [4, 4, 3]
    for shard in index["shards"]:
        contents = (tmp_path / "shards" / shard["name"]).read_bytes()
        assert len(contents) == shard["bytes"]
        assert hashlib.sha256(contents).hexdigest() == shard["sha256"]


def test_anyone_can_read_the_shards(pictures, tmp_path):
    data = prepared(pictures, tmp_path / "shards")
    files = sorted(str(file) for file in (tmp_path / "shards").glob("*.tfrecord"))
    features = {
        key: tf.io.FixedLenFeature((), kind)
        for key, kind in (("image", tf.string), ("label", tf.int64))
    }
    records = [tf.io.parse_single_example(r, features) for r in tf.data.TFRecordDataset(files)]
    assert [(r["image"].numpy(), int(r["label"])) for r in records] == stored(data)
    assert stored(krr.data.from_tfrecords(tmp_path / "shards")) == stored(data)


def test_large_images_are_made_smaller_as_pillow_does(pictures, tmp_path):
    data = prepared(pictures, tmp_path / "shards", shorter_side=25, quality=80)
    raw = krr.data.from_folder(pictures)
    for (contents, _), (original, _) in zip(stored(data), stored(raw), strict=True):
        with Image.open(io.BytesIO(original)) as image:
            if min(image.size) <= 25:
                assert contents == original
                continue
            size = (37, 25)  # floor(60 * 25 / 40)
            wanted = io.BytesIO()
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(
                wanted, "JPEG", quality=80
            )
        with Image.open(io.BytesIO(contents)) as made, Image.open(wanted) as expected:
            # One and the same libjpeg algorithm, quality and subsampling, on the same pixels.
            np.testing.assert_array_equal(np.asarray(made), np.asarray(expected))


def test_pixels_without_a_file_stay_what_they_are(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), "uint8")
    data = prepared((x, np.arange(5)), tmp_path / "shards")
    np.testing.assert_array_equal([krr.data.decode(c) for c, _ in stored(data)], x)
    assert (data.class_names, data.classes, data.labels.tolist()) == (None, None, [0, 1, 2, 3, 4])


def test_a_stream_can_be_prepared(tmp_path, capsys):
    pairs = tf.data.Dataset.from_tensor_slices((np.zeros((9, 6, 7, 3), "uint8"), np.arange(9)))
    endless = pairs.filter(lambda *_: True)  # of unknown length
    assert prepared(endless, tmp_path / "shards").labels.tolist() == list(range(9))


def test_shuffling_is_complete(pictures, tmp_path):
    data = prepared(pictures, tmp_path / "shards")
    orders = [data.order(tf.constant([0, seed])).numpy().tolist() for seed in (1, 1, 2)]
    assert data.indexed
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(11))


def test_preparing_goes_on_where_it_was_interrupted(pictures, tmp_path, monkeypatch):
    from keras_resnet_recipes.data import prepare

    whole = prepared(pictures, tmp_path / "whole")
    write, written = prepare._written, []

    def interrupted(file, *rest):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(file.name)
        return write(file, *rest)

    monkeypatch.setattr(prepare, "_written", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepared(pictures, tmp_path / "shards")
    with pytest.raises(ValueError, match="is not finished: the same `krr prepare` goes on"):
        krr.data.from_source(tmp_path / "shards")
    with pytest.raises(ValueError, match="prepared with quality 90, now it is 80"):
        prepared(pictures, tmp_path / "shards", quality=80)
    written.clear()
    assert stored(prepared(pictures, tmp_path / "shards")) == stored(whole)
    assert written == ["00002.tfrecord"]
    prepared(pictures, tmp_path / "shards")
    assert written == ["00002.tfrecord"]


def test_unreadable_images_are_named_and_left_out(pictures, tmp_path):
    (pictures / "ant" / "00.jpg").write_bytes(b"no image")
    with pytest.raises(
        ValueError, match=r"more than 1 %; the last was .*00\.jpg: Unknown image file"
    ):
        prepared(pictures, tmp_path / "refused")
    for number in range(100):
        (pictures / "bee" / f"more{number}.jpg").write_bytes(
            (pictures / "bee" / "01.jpg").read_bytes()
        )
    with pytest.warns(UserWarning, match=r"1 unreadable image\(s\) .*00\.jpg: Unknown image file"):
        data = prepared(pictures, tmp_path / "shards", images_per_shard=50)
    assert data.size == 110
    index = json.loads((tmp_path / "shards" / "index.json").read_text())
    assert [name.endswith("00.jpg") for name in index["left_out"]] == [True]
    assert [shard["count"] for shard in index["shards"]] == [49, 50, 11]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "00001.tfrecord' is missing"),
        (lambda file: file.write_bytes(b"x"), "00001.tfrecord' is damaged: 1 bytes, not"),
        (
            lambda file: file.with_suffix(".npy").write_bytes(b"x"),
            "00001.npy' is missing or damaged",
        ),
    ],
)
def test_a_damaged_shard_is_named_and_refused_or_skipped(pictures, tmp_path, damage, message):
    folder = tmp_path / "shards"
    whole = stored(prepared(pictures, folder))
    damage(folder / "00001.tfrecord")
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(folder)
    with pytest.warns(UserWarning, match=message):
        data = krr.data.from_prepared(folder, damaged_shards="skip")
    assert stored(data) == whole[:4] + whole[8:]
    with pytest.warns(UserWarning, match="Preparing anew"):
        assert stored(prepared(pictures, folder)) == whole


def test_a_changed_byte_is_found(pictures, tmp_path):
    folder = tmp_path / "shards"
    prepared(pictures, folder)
    file = folder / "00001.tfrecord"
    contents = bytearray(file.read_bytes())
    contents[200] ^= 1
    file.write_bytes(contents)
    with pytest.raises(ValueError, match="another SHA-256"):
        krr.data.from_prepared(folder, verify=True)
    data = krr.data.from_source(folder)
    watcher = krr.data.UnreadableImages(data, "raise")
    recipe = krr.A3(classes=2, test_size=16)
    with (
        pytest.raises(ValueError, match=r"cannot read image 0 of .*00001\.tfrecord: corrupted"),
        watcher.named(),
    ):
        list(evaluation_batches(recipe, data, unreadable=watcher))


def test_validation_labels_follow_the_training_names(pictures, tmp_path):
    prepared(pictures, tmp_path / "shards")
    data = krr.data.from_source(tmp_path / "shards", class_names=("bee", "cat", "ant"))
    assert data.labels.tolist() == [2] * 6 + [0] * 5
    assert stored(data)[0][1] == 2
    assert data.classes == 3
    with pytest.raises(ValueError, match="has the class 'ant', which training lacked"):
        krr.data.from_source(tmp_path / "shards", class_names=("bee", "cat"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shorter_side": 0}, "`shorter_side` must be at least 1, or None; received 0"),
        ({"quality": 101}, "`quality` must be within 1..100; received 101"),
        ({"images_per_shard": 0}, "`images_per_shard` must be at least 1"),
    ],
)
def test_mistakes_are_named(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepared((np.zeros((2, 4, 4, 3), "uint8"), np.arange(2)), tmp_path / "new", **options)


def test_a_folder_of_something_else_is_left_alone(pictures, tmp_path):
    with pytest.raises(ValueError, match="must be a new or empty folder, or one being prepared"):
        prepared(pictures, pictures)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(ValueError, match="is no index of a prepared folder"):
        krr.data.from_source(tmp_path)


def test_an_epoch_of_training_sees_every_image_of_every_shard(tmp_path):
    x = np.broadcast_to(np.arange(12, dtype="uint8")[:, None, None, None], (12, 16, 16, 3)).copy()
    data = prepared((x, np.arange(12) % 3), tmp_path / "shards")
    recipe = krr.A3(network="ResNet20", classes=3, epochs=2, warmup_epochs=0, batch_size=4)
    recipe = recipe.replace(train_size=16, test_size=16, mix=None)
    recipe = recipe.replace(rand_augment=None, random_resized_crop=None)
    watcher = krr.data.UnreadableImages(data, "raise")
    made = training_batches(recipe, data, steps=3, first_epoch=0, seed=0, unreadable=watcher)
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made])
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12].tolist() != seen[12:].tolist() != sorted(seen[12:])


def test_the_command_prepares(pictures, tmp_path, capsys):
    folder = str(tmp_path / "shards")
    assert main(["prepare", str(pictures), folder, "--shorter-side", "32", "--quality", "85"]) == 0
    assert "11 images, 2 classes, 0.0 MB in 1 shard; 0 unreadable" in capsys.readouterr().out
    assert krr.data.from_source(folder).size == 11
    assert main(["prepare", str(pictures), folder, "--original"]) == 2
    assert "shorter_side 32, now it is None" in capsys.readouterr().err
