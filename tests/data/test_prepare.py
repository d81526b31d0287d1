"""Prepared folders: images are written without loss, and read completely shuffled."""

import hashlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from array_record.python.array_record_module import ArrayRecordReader
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.data import records, shards
from keras_resnet_recipes.data.decode import packed
from keras_resnet_recipes.data.restart import RestartJpeg, encode
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from tests.data.prepared_index import write_index


@pytest.fixture
def image_folder(tmp_path):
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
    """Returns contents and label of each image."""
    read = (data.read(index) for index in range(data.size))
    return [(getattr(image, "contents", image), label) for image, label in read]


def prepared(source, folder, **options):
    krr.data.write_prepared(
        krr.data.from_source(source), folder, **{"images_per_shard": 4, "verbose": 0, **options}
    )
    return krr.data.from_source(folder)


def test_original_bytes_are_read_back(image_folder, tmp_path, capsys):
    data = prepared(image_folder, tmp_path / "shards", shorter_side=None)
    raw = krr.data.from_folder(image_folder)
    assert stored(data) == stored(raw)
    assert (data.size, data.class_names, data.classes) == (11, ("ant", "bee"), 2)
    assert data.labels.tolist() == raw.labels.tolist()
    assert "11 images, 2 classes, 0.4 MB in 3 shards" in capsys.readouterr().out
    index = json.loads((tmp_path / "shards" / "index.json").read_text())
    assert [shard["count"] for shard in index["shards"]] == [4, 4, 3]
    for shard in index["shards"]:
        contents = (tmp_path / "shards" / shard["name"]).read_bytes()
        assert len(contents) == shard["bytes"]
        assert hashlib.sha256(contents).hexdigest() == shard["sha256"]


def test_anyone_can_read_the_shards(image_folder, tmp_path):
    """A record is a label and an image file, except for the last one of a shard."""
    data = prepared(image_folder, tmp_path / "shards", shorter_side=25)
    found = []
    for file in sorted((tmp_path / "shards").glob("*.array_record")):
        reader = ArrayRecordReader(str(file))
        found += [reader.read([index])[0] for index in range(reader.num_records() - 1)]
    assert [(r[4:], int.from_bytes(r[:4], "little")) for r in found] == stored(data)
    for record, (image, _) in zip(found, map(data.read, range(11)), strict=True):
        with Image.open(io.BytesIO(record[4:])) as expected:
            made = krr.data.opened(image).rgb()
            np.testing.assert_array_equal(made, np.asarray(expected.convert("RGB")))


def test_large_images_are_downsized_as_by_pillow(image_folder, tmp_path):
    data = prepared(image_folder, tmp_path / "shards", shorter_side=25, quality=80)
    raw = krr.data.from_folder(image_folder)
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
            # The same libjpeg algorithm, quality and subsampling, on the same pixels.
            np.testing.assert_array_equal(np.asarray(made), np.asarray(expected))


def test_pixels_without_a_file_are_stored_without_loss(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), "uint8")
    data = prepared((x, np.arange(5)), tmp_path / "shards")
    np.testing.assert_array_equal([krr.data.decode(c) for c, _ in stored(data)], x)
    assert (data.class_names, data.classes, data.labels.tolist()) == (None, None, [0, 1, 2, 3, 4])


def test_a_stream_can_be_prepared(tmp_path, capsys):
    pairs = tf.data.Dataset.from_tensor_slices((np.zeros((9, 6, 7, 3), "uint8"), np.arange(9)))
    unknown = pairs.filter(lambda *_: True)  # of unknown length
    assert prepared(unknown, tmp_path / "shards").labels.tolist() == list(range(9))


def test_preparation_resumes_where_it_was_interrupted(image_folder, tmp_path, monkeypatch):
    whole = prepared(image_folder, tmp_path / "whole")
    write, written = records.write, []

    def interrupted(file, *rest):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(file.name)
        return write(file, *rest)

    monkeypatch.setattr(records, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepared(image_folder, tmp_path / "shards")
    with pytest.raises(ValueError, match=r"is incomplete. Run the same `krr prepare` again"):
        krr.data.from_source(tmp_path / "shards")
    with pytest.raises(ValueError, match=r"`quality` must be 90, .* Received: quality=80"):
        prepared(image_folder, tmp_path / "shards", quality=80)
    written.clear()
    assert stored(prepared(image_folder, tmp_path / "shards")) == stored(whole)
    assert written == ["new.00002.array_record"]
    prepared(image_folder, tmp_path / "shards")
    assert written == ["new.00002.array_record"]


def test_unreadable_images_are_named_and_skipped(image_folder, tmp_path):
    (image_folder / "ant" / "00.jpg").write_bytes(b"no image")
    with pytest.raises(
        ValueError, match=r"more than 1 %; the last was .*00\.jpg: unknown image file"
    ):
        prepared(image_folder, tmp_path / "refused")
    for number in range(100):
        (image_folder / "bee" / f"more{number}.jpg").write_bytes(
            (image_folder / "bee" / "01.jpg").read_bytes()
        )
    with pytest.warns(UserWarning, match=r"1 unreadable image\(s\) .*00\.jpg: unknown image file"):
        data = prepared(image_folder, tmp_path / "shards", images_per_shard=50)
    assert data.size == 110
    index = json.loads((tmp_path / "shards" / "index.json").read_text())
    assert [name.endswith("00.jpg") for name in index["left_out"]] == [True]
    assert [shard["count"] for shard in index["shards"]] == [49, 50, 11]


def flip(file, position):
    contents = bytearray(file.read_bytes())
    contents[position] ^= 1
    file.write_bytes(contents)


def cut_short(file):
    """Truncates a file, and with it the list of records, but keeps its size."""
    contents = file.read_bytes()
    file.write_bytes(contents[:3000].ljust(len(contents), b"\0"))


def flip_in_labels(file):
    """Flips one bit of the list of labels, at the end of the records."""
    labels = np.array([1, 0, 0, 1, 1], "<i4").tobytes()  # preceded by the number of the shard
    flip(file, file.read_bytes().rindex(labels) + 4)


def swap(file, other):
    """Swaps two shards, which have equal sizes because the images have."""
    other = file.with_name(f"{other}.array_record")
    one, two = file.read_bytes(), other.read_bytes()
    file.write_bytes(two)
    other.write_bytes(one)


def other_labels(file):
    """Writes an intact shard with the images of this one and the labels of another data set."""
    read = ArrayRecordReader(str(file)).read
    examples = [(read([index])[0][4:], 1) for index in range(4)]
    records.write(file, 1, examples)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "00001.array_record' is missing"),
        (lambda file: file.write_bytes(b"x"), "00001.array_record' is damaged: 1 bytes, not"),
        (cut_short, "00001.array_record' is damaged: it does not contain the 4 images"),
        (flip_in_labels, "00001.array_record' is damaged: Corrupted .* hash mismatch"),
        (
            lambda file: swap(file, "00000"),
            "0000[01].array_record' is damaged: it is not the file that was written",
        ),
        (other_labels, "00001.array_record' is damaged: its labels have changed"),
    ],
)
def test_a_damaged_shard_is_an_error_or_skipped(image_folder, tmp_path, damage, message):
    folder = tmp_path / "shards"
    whole = stored(prepared(image_folder, folder))
    damage(folder / "00001.array_record")
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(folder)
    with pytest.warns(UserWarning, match=message):
        data = krr.data.from_prepared(folder, damaged_shards="skip")
    assert [one for one in whole if one not in stored(data)]
    assert set(stored(data)) < set(whole)
    with pytest.warns(UserWarning, match="Preparing it again"):
        assert stored(prepared(image_folder, folder)) == whole


def test_a_changed_byte_of_a_record_is_found(image_folder, tmp_path):
    """In the image as in its label; other records stay readable."""
    folder = tmp_path / "shards"
    file = folder / "00001.array_record"
    whole = stored(prepared(image_folder, folder))
    start = file.read_bytes().index(whole[5][0])
    for position in (start + 200, start - 4):
        flip(file, position)
        with pytest.raises(ValueError, match="its SHA-256 has changed"):
            krr.data.from_prepared(folder, verify=True)
        data = krr.data.from_source(folder)
        with pytest.raises(
            krr.data.UnreadableImage, match=r"the record is damaged: Corrupted .* hash mismatch"
        ):
            data.read(5)
        assert data.describe(5) == f"image 1 of {file}"
        assert [data.read(index)[1] for index in (4, 6, 10)] == [0, 1, 1]
        flip(file, position)
    assert stored(krr.data.from_source(folder)) == whole


def test_no_changed_byte_is_read_unnoticed(image_folder, tmp_path):
    """Tries each byte of a record and its frame, and some of the others."""
    folder = tmp_path / "shards"
    file = folder / "00001.array_record"
    whole = stored(prepared(image_folder, folder, shorter_side=25))
    contents = file.read_bytes()
    start = contents.index(whole[5][0])
    used = np.flatnonzero(np.frombuffer(contents, np.uint8))
    rng = np.random.default_rng(0)
    places = {*range(start - 60, start + 20), *rng.choice(used, 200).tolist(), *used[-60:].tolist()}
    found = 0
    for position in places:
        changed = bytearray(contents)
        changed[position] ^= 1 << int(rng.integers(8))
        file.write_bytes(changed)
        try:
            data = krr.data.from_prepared(folder)
            assert stored(data) == whole
        except ValueError:
            found += 1
    assert found > 200


def test_a_shard_that_is_replaced_while_in_use_is_found(image_folder, tmp_path):
    prepared(image_folder, tmp_path / "shards")
    data = krr.data.from_source(tmp_path / "shards")
    other_labels(tmp_path / "shards" / "00001.array_record")
    with pytest.raises(
        krr.data.UnreadableImage, match="its shard was replaced while it was in use"
    ):
        data.read(5)


def test_validation_labels_follow_the_training_names(image_folder, tmp_path):
    prepared(image_folder, tmp_path / "shards")
    data = krr.data.from_source(tmp_path / "shards", class_names=("bee", "cat", "ant"))
    assert data.labels.tolist() == [2] * 6 + [0] * 5
    assert stored(data)[0][1] == 2
    assert data.classes == 3
    with pytest.raises(ValueError, match="has the class 'ant', which is not a training class"):
        krr.data.from_source(tmp_path / "shards", class_names=("bee", "cat"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"shorter_side": 0},
            "`shorter_side` must be at least 1, or None. Received: shorter_side=0",
        ),
        ({"quality": 101}, "`quality` must be within 1..100. Received: quality=101"),
        ({"images_per_shard": 0}, "`images_per_shard` must be at least 1"),
    ],
)
def test_illegal_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        prepared((np.zeros((2, 4, 4, 3), "uint8"), np.arange(2)), tmp_path / "new", **options)


def test_a_folder_with_other_files_is_not_changed(image_folder, tmp_path):
    with pytest.raises(ValueError, match="must be a new or empty folder, or one being prepared"):
        prepared(image_folder, image_folder)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(ValueError, match="is not the index of a prepared folder"):
        krr.data.from_source(tmp_path)


def test_the_same_images_give_the_same_bytes(image_folder, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        prepared(image_folder, folder, shorter_side=25)
    files = sorted(file.name for file in folders[0].iterdir())
    assert files == ["00000.array_record", "00001.array_record", "00002.array_record", "index.json"]
    for name in files:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_raw_pixels_equal_those_before_jpeg(image_folder, tmp_path):
    data = prepared(image_folder, tmp_path / "pixels", shorter_side=25, raw=True)
    for index in range(11):
        with Image.open(krr.data.from_folder(image_folder).describe(index)) as image:
            image = image.convert("RGB")
            if min(image.size) > 25:
                image = image.resize((37, 25), Image.Resampling.BICUBIC)
        opened = krr.data.opened(data.read(index)[0])
        assert (opened.width, opened.height) == image.size
        np.testing.assert_array_equal(opened.rgb(), np.asarray(image))
        np.testing.assert_array_equal(opened.packed(), packed(np.asarray(image)))
    again = prepared(tmp_path / "pixels", tmp_path / "again", shorter_side=None)
    for index in range(11):
        made, expected = (krr.data.opened(one.read(index)[0]).rgb() for one in (again, data))
        np.testing.assert_array_equal(made, expected)
    with pytest.raises(ValueError, match=r"`raw` must be True, .* Received: raw=False"):
        prepared(image_folder, tmp_path / "pixels", shorter_side=25)


@pytest.mark.parametrize("quality", [1, 50, 90, 100])
def test_a_box_of_a_jpeg_equals_that_of_the_whole(golden, quality):
    rng = np.random.default_rng(quality)
    photograph = golden("rrc")["source"]
    for size in ((1, 1), (17, 100), (200, 33), (300, 257)):
        image = Image.fromarray(photograph).resize(size, Image.Resampling.BICUBIC)
        plain, contents = io.BytesIO(), encode(image, quality)
        image.save(plain, "JPEG", quality=quality, subsampling="4:2:0")
        with Image.open(plain) as file:
            whole = np.asarray(file)
        with Image.open(io.BytesIO(contents)) as file:  # an ordinary JPEG
            np.testing.assert_array_equal(np.asarray(file), whole)
        for _ in range(40):
            height, width = (int(rng.integers(1, length + 1)) for length in whole.shape[:2])
            top, left = (
                int(rng.integers(0, length - part + 1))
                for length, part in zip(whole.shape[:2], (height, width), strict=True)
            )
            pixels, y, x = RestartJpeg(contents).pixels(top, left, height, width)
            part = slice(top, top + height), slice(left, left + width)
            np.testing.assert_array_equal(
                pixels[y : y + height, x : x + width], packed(whole)[part]
            )
            assert pixels.shape[0] < height + 2 * 16 + 4
            assert pixels.shape[1] < width + 2 * 16 + 4


def test_a_jpeg_with_too_many_blocks_for_a_list_is_an_ordinary_one():
    contents = encode(Image.new("RGB", (3000, 3000)), 50)
    assert krr.data.opened(contents).width == 3000
    assert b"\xff\xeb" not in contents


def test_a_damaged_list_of_blocks_is_unreadable():
    contents = encode(Image.new("RGB", (64, 64)), 90)
    with pytest.raises(krr.data.UnreadableImage, match="its list of blocks is damaged"):
        RestartJpeg(contents[:20])


def test_a_full_disk_is_a_one_line_error_and_the_same_call_resumes(image_folder, tmp_path):
    """A limit on the file size simulates a full disk."""
    folder = tmp_path / "shards"
    program = f"""
import resource, signal, keras_resnet_recipes as krr
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
try:
    krr.data.write_prepared(krr.data.from_folder({str(image_folder)!r}), {str(folder)!r}, raw=True, images_per_shard=8)
except OSError as error:
    print(error)
"""
    for name in ("ant", "bee"):
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 256, (200, 200, 3), "uint8")
            Image.fromarray(pixels).save(image_folder / name / f"{number + 20}.png")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "images, 2 classes" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"cannot write '{folder}/new.00000.array_record': write() failed: File too large"
    )
    assert not done.stderr
    assert [file.name for file in folder.iterdir()] == ["index.json"]
    assert prepared(image_folder, folder, raw=True, images_per_shard=8).size == 17


def test_preparation_resumes_after_a_kill(image_folder, tmp_path):
    folder, program = (
        tmp_path / "shards",
        """
import os, sys, keras_resnet_recipes as krr
from keras_resnet_recipes.data import records
write = records.write
def killed(file, number, examples):
    labels = write(file, number, examples)
    if number == 1:
        os.kill(os.getpid(), 9)
    return labels
records.write = killed
krr.data.write_prepared(krr.data.from_folder(sys.argv[1]), sys.argv[2], images_per_shard=4, verbose=0)
""",
    )
    done = subprocess.run([sys.executable, "-c", program, image_folder, folder], check=False)
    assert done.returncode == -9
    assert sorted(file.name for file in folder.iterdir()) == [
        "00000.array_record",
        "index.json",
        "new.00001.array_record",
    ]
    prepared(image_folder, folder)
    prepared(image_folder, tmp_path / "whole")
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        file.name for file in (tmp_path / "whole").iterdir()
    )
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "whole" / file.name).read_bytes()


@pytest.mark.parametrize("change", [("ant", "anu"), ('"format": 2', '"format": 3')])
def test_a_changed_index_is_damaged(image_folder, tmp_path, change):
    prepared(image_folder, tmp_path / "shards")
    file = tmp_path / "shards" / "index.json"
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(ValueError, match="is not the index of a prepared folder, or it is damaged"):
        krr.data.from_prepared(tmp_path / "shards")


def test_an_index_cannot_name_files_elsewhere(image_folder, tmp_path):
    folder = tmp_path / "shards"
    prepared(image_folder, folder)
    shard = folder / "00001.array_record"
    shard.rename(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is not a file in"):
        krr.data.from_prepared(folder)
    index = json.loads((folder / "index.json").read_text())
    for name in ("../elsewhere", "/etc/passwd", "a/../../b", "", "..", "."):
        index["shards"][0]["name"] = name
        write_index(folder, index)
        with pytest.raises(ValueError, match=r"is not a file in|is missing"):
            krr.data.from_prepared(folder)


def test_an_index_cannot_lack_or_repeat_a_shard(image_folder, tmp_path):
    folder = tmp_path / "shards"
    prepared(image_folder, folder)
    whole = json.loads((folder / "index.json").read_text())
    one, two, three = whole["shards"]
    for kept, message in (
        ([one, three], "is not the index of a prepared folder"),
        ([one, one, three], "0.array_record' is damaged: it is not the file"),
        ([two, one, three], "1.array_record' is damaged: it is not the file"),
    ):
        write_index(folder, {**whole, "shards": kept})
        with pytest.raises(ValueError, match=message):
            krr.data.from_prepared(folder)


def test_more_shards_than_open_files_are_read(image_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_OPEN", 2)
    data = prepared(image_folder, tmp_path / "shards", images_per_shard=1)
    assert stored(data) == stored(data) == stored(krr.data.from_folder(image_folder))


def test_progress_is_a_line_per_shard(image_folder, tmp_path, capsys):
    prepared(image_folder, tmp_path / "shards", verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in lines[1:4]] == [
        "4 of 11 images",
        "8 of 11 images",
        "11 of 11 images",
    ]
    assert lines[4].endswith("11 images, 2 classes, 0.4 MB in 3 shards; 0 unreadable skipped.")


def test_an_epoch_of_training_sees_every_image_of_every_shard(tmp_path):
    x = np.broadcast_to(np.arange(12, dtype="uint8")[:, None, None, None], (12, 16, 16, 3)).copy()
    images = krr.data.from_arrays(x, np.arange(12) % 3)
    krr.data.write_prepared(images, tmp_path / "shards", images_per_shard=5, verbose=0)
    data = krr.data.from_prepared(tmp_path / "shards")
    recipe = krr.A3(network="ResNet20", classes=3, epochs=2, warmup_epochs=0, batch_size=4)
    recipe = recipe.replace(train_size=16, test_size=16, mix=None)
    recipe = recipe.replace(rand_augment=None, random_resized_crop=None)
    watcher = krr.data.UnreadableImages(data, "raise")
    made = TrainingBatches(recipe, data, steps=3, seed=0, unreadable=watcher).batches()
    seen = np.concatenate([images[:, 0, 0, 0] for images, _ in made])
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert seen[:12].tolist() != seen[12:].tolist() != sorted(seen[12:])


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("raw", [False, True])
def test_training_equals_that_on_the_files(image_folder, tmp_path, copies, raw):
    """Raw images are stored without loss, and of a JPEG only the crop is decoded: the bytes are equal."""
    options = {"shorter_side": None, "raw": raw, "images_per_shard": 4, "verbose": 0}
    files = krr.data.from_folder(image_folder)
    krr.data.write_prepared(files, tmp_path / "shards", **options)
    recipe = krr.A2(classes=2, epochs=1, warmup_epochs=0, batch_size=6, train_size=24)
    recipe = recipe.replace(repeated_augmentation=copies)
    made = []
    for data in (files, krr.data.from_prepared(tmp_path / "shards")):
        watcher = krr.data.UnreadableImages(data, "raise")
        made.append(TrainingBatches(recipe, data, steps=1, seed=0, unreadable=watcher).batch(0, 0))
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_command_prepares(image_folder, tmp_path, capsys):
    folder = str(tmp_path / "shards")
    assert (
        main(["prepare", str(image_folder), folder, "--shorter-side", "32", "--quality", "85"]) == 0
    )
    assert "11 images, 2 classes" in capsys.readouterr().out
    assert krr.data.from_source(folder).size == 11
    assert main(["prepare", str(image_folder), folder, "--original"]) == 2
    assert "Received: shorter_side=None" in capsys.readouterr().err
    assert main(["prepare", str(image_folder), str(tmp_path / "raw_shards"), "--raw"]) == 0
    image, _ = krr.data.from_prepared(tmp_path / "raw_shards").read(0)
    assert image.opened().rgb().shape == (40, 60, 3)
