"""Drawing validation images from a data set."""

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr

LABELS = np.repeat([0, 1, 2, 3], [50, 10, 2, 1])
IMAGES = np.broadcast_to(np.arange(63, dtype="uint8")[:, None, None, None], (63, 4, 4, 3))


def _first_pixels(data):
    return [int(data.read(index)[0][0, 0, 0]) for index in range(data.size)]


def test_every_class_gives_its_fraction():
    training, validation = krr.data.split(krr.data.from_arrays(IMAGES, LABELS), 0.2)
    assert np.bincount(validation.labels, minlength=4).tolist() == [10, 2, 1, 0]
    assert np.bincount(training.labels).tolist() == [40, 8, 1, 1]


def test_every_image_is_in_one_part_with_its_label():
    training, validation = krr.data.split(krr.data.from_arrays(IMAGES, LABELS), 0.5)
    indices = _first_pixels(training) + _first_pixels(validation)
    assert sorted(indices) == list(range(63))
    assert [*training.labels, *validation.labels] == LABELS[indices].tolist()
    assert [training.read(i)[1] for i in range(training.size)] == training.labels.tolist()
    assert np.array_equal(training.arrays.images[:, 0, 0, 0], _first_pixels(training))


def test_the_split_depends_on_the_seed_only():
    data = krr.data.from_arrays(IMAGES, LABELS)
    first, again, other = (krr.data.split(data, 0.2, seed)[1] for seed in (0, 0, 1))
    assert _first_pixels(first) == _first_pixels(again) != _first_pixels(other)


def test_files_keep_their_names(tmp_path):
    for number in range(10):
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(file)
    data = krr.data.from_source(tmp_path)
    for part in krr.data.split(data, 0.4):
        for index in range(part.size):
            image = np.asarray(krr.data.decode(part.read(index)[0]))
            assert part.describe(index).endswith(f"{image[0, 0, 0]}.png")
            assert part.key(index).endswith(f"{image[0, 0, 0]}.png")
        assert part.class_names == ("a", "b")


def test_labels_that_are_known_only_by_reading():
    pairs = [(image, int(label)) for image, label in zip(IMAGES, LABELS, strict=True)]
    _, validation = krr.data.split(krr.data.from_source(pairs), 0.2)
    assert np.bincount(validation.all_labels).tolist() == [10, 2, 1]


@pytest.mark.parametrize("fraction", [0, 1, 1.0, -0.1, 20, "0.2", float("nan")])
def test_illegal_fractions(fraction):
    with pytest.raises(ValueError, match="`fraction` must be between 0 and 1"):
        krr.data.split(krr.data.from_arrays(IMAGES, LABELS), fraction)


def test_what_cannot_be_split():
    single = krr.data.from_arrays(IMAGES[-2:], np.arange(2))
    with pytest.raises(ValueError, match="must have a class with two images or more"):
        krr.data.split(single)
    stream = krr.data.ImageStream(name="three images", start=lambda: iter([(IMAGES[0], 0)] * 3))
    with pytest.raises(ValueError, match=r"must have random access .* three images"):
        krr.data.split(stream)


def test_test_images_are_told_from_validation_images(tmp_path):
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}
    np.savez(tmp_path / "data.npz", **arrays)
    for name in ("train", "test"):
        (tmp_path / "two" / name / "cat").mkdir(parents=True)
        (tmp_path / "three" / name / "cat").mkdir(parents=True)
    (tmp_path / "three" / "val" / "cat").mkdir(parents=True)
    found = {
        name: (
            krr.data.has_validation(tmp_path / name),
            krr.data.has_validation(tmp_path / name, test=False),
        )
        for name in ("data.npz", "two", "three")
    }
    assert found == {"data.npz": (True, False), "two": (True, False), "three": (True, True)}


def test_images_with_several_labels_are_drawn_from_all():
    several = np.eye(4, dtype="uint8")[LABELS]
    several[:, 0] = 1
    training, validation = krr.data.split(krr.data.from_arrays(IMAGES, several), 0.2)
    assert (training.size, validation.size) == (50, 13)
    assert validation.multi_label
    assert np.array_equal(validation.labels, several[_first_pixels(validation)])


def test_any_data_set_with_random_access_is_split(tmp_path):
    training, validation = krr.data.split((IMAGES, LABELS), 0.2)
    assert (training.size, validation.size) == (50, 13)


def test_validation_images_next_to_the_training_folder_are_found(tmp_path):
    for name in ("train", "val"):
        (tmp_path / name / "cat").mkdir(parents=True)
    source = krr.data.with_siblings
    assert source(str(tmp_path / "train")) == str(tmp_path)
    assert source(str(tmp_path / "train") + "/") == str(tmp_path)
    for other in ("val", "train/cat", "missing", ""):
        assert source(str(tmp_path / other)) == str(tmp_path / other)
