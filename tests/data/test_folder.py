"""A folder with one subfolder per class."""

import os

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data.folder import images_below


def write(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        Image.new("RGB", (5, 4), (value, value, value)).save(file, "PNG")


def names_of(data, root):
    return [os.path.relpath(data.describe(index), root) for index in range(data.size)]


def test_classes_are_the_sorted_subfolders(tmp_path, capsys):
    write(tmp_path / "b" / "1.png", 10)
    write(tmp_path / "a" / "deeper" / "2.PNG", 20)
    write(tmp_path / "a" / ".hidden.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / ".git").mkdir()
    data = krr.data.from_folder(tmp_path)
    assert (data.size, data.classes, data.class_names) == (2, 2, ("a", "b"))
    assert data.labels.tolist() == [0, 1]
    contents, label = data.read(1)
    assert label == 1
    assert np.unique(krr.data.decode(contents)) == [10]
    assert data.describe(1) == str(tmp_path / "b" / "1.png")
    assert capsys.readouterr().out == f"{str(tmp_path)!r}: 2 images, 2 classes: a, b\n"


def test_the_summary_shows_ten_classes(tmp_path, capsys):
    for number in range(12):
        write(tmp_path / f"c{number:02}" / "1.png")
    krr.data.from_folder(tmp_path)
    assert capsys.readouterr().out.endswith(
        ": 12 images, 12 classes: c00, c01, c02, c03, c04, c05, c06, c07, c08, c09, …\n"
    )


def test_validation_labels_follow_the_training_names(tmp_path):
    write(tmp_path / "b" / "1.png")
    data = krr.data.from_folder(tmp_path, class_names=("a", "b", "c"))
    assert data.labels.tolist() == [1]
    assert data.read(0)[1] == 1
    assert data.classes == 3


@pytest.mark.parametrize(
    "name",
    [
        *(".ipynb_checkpoints/1-checkpoint.png", "deeper/.ipynb_checkpoints/1.png", "._1.png"),
        *("__MACOSX/._1.png", "__MACOSX/1.png", "@eaDir/1.png", "deeper/@eaDir/1.png"),
        *("$RECYCLE.BIN/1.png", "Thumbs.db", ".DS_Store", "lost+found/1.png"),
    ],
)
def test_hidden_and_system_files_are_ignored_at_any_depth(tmp_path, name):
    write(tmp_path / "a" / "1.png")
    write(tmp_path / "a" / name)
    write(
        tmp_path / name.split("/")[0] / "x" / "1.png"
    ) if "/" in name and "deeper" not in name else None
    data = krr.data.from_folder(tmp_path)
    assert names_of(data, tmp_path) == ["a/1.png"]
    assert data.class_names == ("a",)


def test_links_are_followed_except_loops(tmp_path):
    write(tmp_path / "elsewhere" / "deep" / "3.png")
    root = tmp_path / "data"
    write(root / "a" / "1.png")
    write(root / "a" / "inner" / "2.png")
    (root / "a" / "inner" / "loop").symlink_to(root / "a")
    (root / "a" / "root").symlink_to(root)
    (root / "a" / "above").symlink_to(tmp_path)
    (root / "a" / "itself").symlink_to("itself")
    (root / "a" / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (root / "b").symlink_to(tmp_path / "elsewhere" / "deep")
    data = krr.data.from_folder(root)
    assert names_of(data, root) == ["a/1.png", "a/inner/2.png", "a/linked/deep/3.png", "b/3.png"]
    assert data.labels.tolist() == [0, 0, 0, 1]


def test_a_broken_link_is_an_unreadable_image(tmp_path):
    write(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "moved.png")
    data = krr.data.from_folder(tmp_path)
    assert data.size == 2
    with pytest.raises(krr.data.UnreadableImage, match="No such file or directory"):
        data.read(1)


@pytest.mark.parametrize(
    ("folders", "read"),
    [
        (("train", "val"), {"train": "train", "validation": "val"}),
        (
            ("train", "validation", "test"),
            {"train": "train", "validation": "validation", "test": "test"},
        ),
        (("Training", "Test"), {"train": "Training", "validation": "Test", "test": "Test"}),
        (("train",), {"train": "train"}),
        (("train", "valid", "annotations"), {"train": "train", "validation": "valid"}),
    ],
)
def test_a_folder_with_splits_is_read_by_split(tmp_path, capsys, folders, read):
    for number, folder in enumerate(folders):
        write(tmp_path / folder / "dog" / "1.png", number)
        if number == 0:  # a class that is missing in validation, before the other
            write(tmp_path / folder / "cat" / "1.png", 99)
    for split, folder in read.items():
        data = krr.data.from_source(tmp_path, split=split)
        assert data.class_names == ("cat", "dog")
        assert data.labels.tolist() == ([0, 1] if folder == folders[0] else [1])
        assert np.unique(krr.data.decode(data.read(data.size - 1)[0])) == [folders.index(folder)]
        assert f"reading {folder}." in capsys.readouterr().out
    missing = {"train", "validation", "test"} - set(read)
    for split in missing:
        with pytest.raises(ValueError, match=f"`split` must be in .*split='{split}'"):
            krr.data.from_source(tmp_path, split=split)
    assert krr.data.has_validation(tmp_path) == ("validation" in read)


def test_an_image_next_to_the_classes_of_a_split_is_ignored(tmp_path, capsys):
    for split in ("train", "dev"):
        write(tmp_path / split / "cat" / "1.png")
        write(tmp_path / split / "dog" / "1.png")
    write(tmp_path / "train" / "cover.png")
    assert krr.data.from_source(tmp_path).class_names == ("cat", "dog")
    assert "1 image(s) next to the class folders are ignored" in capsys.readouterr().out
    assert krr.data.has_validation(tmp_path)


def test_splits_are_never_classes(tmp_path):
    for split in ("train", "val"):
        write(tmp_path / split / "1.png")
    with pytest.raises(ValueError, match="contains train and val, each of which must contain"):
        krr.data.from_folder(tmp_path)
    for split in ("val", "test"):
        write(tmp_path / "untrained" / split / "dog" / "1.png")
    with pytest.raises(ValueError, match=r"contains test and val. Received: split='train'"):
        krr.data.from_folder(tmp_path / "untrained")
    data = krr.data.from_folder(tmp_path / "untrained", split="validation")
    assert data.class_names == ("dog",)


def test_a_class_may_be_named_train(tmp_path):
    for name in ("bus", "train", "test"):
        write(tmp_path / name / "1.png")
    assert krr.data.from_folder(tmp_path).class_names == ("bus", "test", "train")
    assert not krr.data.has_validation(tmp_path)


def test_names_need_not_be_utf_8(tmp_path, capsys):
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    os.mkdir(folder)
    with open(os.path.join(folder, b"\xff1.png"), "wb") as file:
        Image.new("L", (5, 4), 7).save(file, "PNG")
    write(tmp_path / "tea" / "1.png")
    data = krr.data.from_folder(tmp_path)
    assert data.class_names == (r"caf\xe9", "tea")
    assert krr.data.decode(data.read(0)[0])[0, 0, 0] == 7
    assert data.describe(0) == rf"{tmp_path}/caf\xe9/\xff1.png"
    assert r"2 classes: caf\xe9, tea" in capsys.readouterr().out
    again = krr.data.from_folder(tmp_path, class_names=("tea", r"caf\xe9"))
    assert again.labels.tolist() == [1, 0]
    data.describe(0).encode()


def test_the_order_of_classes_equals_keras_and_scikit_learn(tmp_path):
    """timm's order, for its checkpoints, is an option: digits are numbers, and case is ignored."""
    names = ["class10", "class2", "Zebra", "apple", "n02", "n1", "10", "9"]
    for name in names:
        write(tmp_path / name / "1.png")
    assert krr.data.from_folder(tmp_path).class_names == tuple(sorted(names))
    natural = krr.data.from_folder(tmp_path, class_order="natural")
    # sorted(names, key=timm.utils.misc.natural_key), timm 1.0.31
    expected = ("9", "10", "apple", "class2", "class10", "n1", "n02", "Zebra")
    assert natural.class_names == expected
    with pytest.raises(
        ValueError,
        match=r"`class_order` must be 'plain' or 'natural'. Received: class_order='timm'",
    ):
        krr.data.from_folder(tmp_path, class_order="timm")


def test_keras_gives_the_same_labels(tmp_path):
    import keras

    for name in ("b10", "b2", "B3", "a"):
        write(tmp_path / name / "1.png")
    keras_names = keras.utils.image_dataset_from_directory(tmp_path, verbose=False).class_names
    assert krr.data.from_folder(tmp_path).class_names == tuple(keras_names)


@pytest.mark.parametrize("class_order", ["plain", "natural"])
def test_numbers_agree_with_those_of_a_list(tmp_path, class_order):
    """Label 10 is folder 10, which plain sorting would put before 2."""
    lines = []
    for number in range(12):
        write(tmp_path / "images" / str(number) / "1.png", number)
        lines.append(f"images/{number}/1.png,{number}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    folder = krr.data.from_folder(tmp_path / "images", class_order=class_order)
    listed = krr.data.from_csv(tmp_path / "list.csv")
    for data in (folder, listed, krr.data.from_source(tmp_path / "list.csv", like=folder)):
        for index in range(12):
            contents, label = data.read(index)
            assert np.unique(krr.data.decode(contents)) == [label]


def test_numbers_that_begin_at_one_agree_with_those_of_a_list(tmp_path):
    for number in range(1, 4):
        write(tmp_path / "images" / str(number) / "1.png", number)
    (tmp_path / "list.csv").write_text("".join(f"images/{n}/1.png,{n}\n" for n in (1, 2, 3)))
    folder = krr.data.from_source(tmp_path / "images")
    assert (folder.class_names, folder.labels.tolist()) == (("1", "2", "3"), [0, 1, 2])
    # After training on the folder, the list's numbers are class names; after training on the list, the folder's
    # names are labels.
    listed = krr.data.from_source(tmp_path / "list.csv", like=folder)
    assert (listed.class_names, listed.labels.tolist()) == (("1", "2", "3"), [0, 1, 2])
    listed = krr.data.from_source(tmp_path / "list.csv")
    assert (listed.class_names, listed.labels.tolist()) == (None, [1, 2, 3])
    folder = krr.data.from_source(tmp_path / "images", like=listed)
    assert (folder.class_names, folder.labels.tolist()) == (None, [1, 2, 3])
    assert folder.read(0)[1] == 1
    write(tmp_path / "images" / "cat" / "1.png")
    with pytest.raises(
        ValueError, match="has the class 'cat', but the labels of training are numbers"
    ):
        krr.data.from_source(tmp_path / "images", like=listed)


def test_numbered_folders_are_labels_of_the_same_number_of_names(tmp_path, capsys):
    for number in range(12):
        write(tmp_path / str(number) / "1.png", number)
    names = tuple(f"n{number:08}" for number in range(12))
    data = krr.data.from_folder(tmp_path, class_names=names)
    assert "its classes, 0 to 11, are used as labels" in capsys.readouterr().out
    assert (data.class_names, data.labels.tolist()) == (names, list(range(12)))
    assert np.unique(krr.data.decode(data.read(10)[0])) == [10]
    with pytest.raises(ValueError, match="has the class '0', which is not a training class"):
        krr.data.from_folder(tmp_path, class_names=("cat", "dog"))


def test_illegal_folders(tmp_path):
    with pytest.raises(ValueError, match=r"must be an existing folder. Received: path='.*none'"):
        krr.data.from_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="it has no subfolder"):
        krr.data.from_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="a' contains no image"):
        krr.data.from_folder(tmp_path)
    write(tmp_path / "a" / "1.png")
    with pytest.raises(
        ValueError, match=r"has the class 'a', which is not a training class; .* x, y"
    ):
        krr.data.from_folder(tmp_path, class_names=("x", "y"))


def test_a_file_too_large_for_an_image_is_not_read(tmp_path):
    write(tmp_path / "a" / "1.png")
    with open(tmp_path / "a" / "2.tif", "wb") as file:
        file.truncate(3 * 10**9)  # sparse
    data = krr.data.from_folder(tmp_path)
    with pytest.raises(krr.data.UnreadableImage, match=r"a file of 3.0 GB is not an image"):
        data.read(1)


def test_the_format_of_misnamed_files_is_detected(tmp_path):
    image = Image.new("RGB", (5, 4), (9, 8, 7))
    (tmp_path / "a").mkdir()
    for number, form in enumerate(("TIFF", "GIF", "WEBP", "AVIF", "BMP", "PNG")):
        image.save(tmp_path / "a" / f"{number}.jpg", form)
    data = krr.data.from_folder(tmp_path)
    for index in range(data.size):
        with Image.open(data.describe(index)) as expected:
            made = krr.data.decode(data.read(index)[0])
            np.testing.assert_array_equal(made, np.asarray(expected.convert("RGB")))


def test_images_below_ignores_other_files(tmp_path):
    for name in ("a.jpg", "b.TIF", "c.jfif", "d.avif", "e.txt", "f.mp4", "g"):
        write(tmp_path / name)
    assert [os.path.basename(file) for file in images_below(tmp_path)] == [
        "a.jpg",
        "b.TIF",
        "c.jfif",
        "d.avif",
    ]
