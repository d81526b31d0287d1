"""Indexable data sets with a length."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr

X = np.random.default_rng(0).integers(0, 256, (7, 6, 5, 3), np.uint8)


class Pairs:
    """Custom data set of images in any form."""

    def __init__(self, images, labels=range(7)):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


FORMS = {
    "arrays": list,
    "Pillow's": lambda images: [Image.fromarray(image) for image in images],
    "bytes": lambda images: [png(image) for image in images],
    "floats": lambda images: [image.astype("float64") for image in images],
    "not decoded by Hugging Face": lambda images: [
        {"bytes": png(image), "path": None} for image in images
    ],
}


def read_all(data):
    pairs = [data.read(index) for index in range(data.size)]
    return np.array([krr.data.opened(image).rgb() for image, _ in pairs]), [
        label for _, label in pairs
    ]


@pytest.mark.parametrize("form", FORMS)
def test_images_in_any_form(form):
    data = krr.data.from_source(Pairs(FORMS[form](X)))
    images, labels = read_all(data)
    np.testing.assert_array_equal(images, X)
    assert labels == list(range(7))
    assert (data.size, data.class_names, data.describe(3)) == (7, None, "image 3 of the Pairs")


def test_torch_data_sets():
    import torch

    class Classified(torch.utils.data.Dataset):
        classes = ("a", "b", "c", "d", "e", "f", "g")

        def __len__(self):
            return 7

        def __getitem__(self, index):
            return Image.fromarray(X[index]), torch.tensor(index)

    data = krr.data.from_source(Classified())
    assert data.class_names == Classified.classes
    np.testing.assert_array_equal(read_all(data)[0], X)
    subset = krr.data.from_source(torch.utils.data.Subset(Classified(), [2, 5]))
    assert [subset.read(index)[1] for index in range(2)] == [2, 5]
    # The output of `ToTensor`.
    chw = torch.from_numpy(np.moveaxis(X, -1, 1) / 255)
    with pytest.raises(ValueError, match="Channels must be last"):
        krr.data.from_source(torch.utils.data.TensorDataset(chw, torch.arange(7)))


def test_hugging_face_data_sets():
    """The package is not installed: its elements are dictionaries, and the features have the class names."""

    class Label:
        names = ("ant", "bee")

    class Dataset:
        features = {"image": None, "label": Label()}  # noqa: RUF012

        def __len__(self):
            return 7

        def __getitem__(self, index):
            return {"image": Image.fromarray(X[index]), "label": index % 2}

    data = krr.data.from_source(Dataset())
    assert (data.class_names, data.classes) == (("ant", "bee"), 2)
    np.testing.assert_array_equal(read_all(data)[0], X)
    other = krr.data.from_source(Dataset(), class_names=("bee", "cow", "ant"))
    assert read_all(other)[1] == [2, 0, 2, 0, 2, 0, 2]


def test_batches_of_keras_become_a_stream(capsys):
    class Batches(keras.utils.PyDataset):
        epochs = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return X[3 * index : 3 * index + 3].astype("float32"), np.arange(7)[
                3 * index : 3 * index + 3
            ]

        def on_epoch_end(self):
            self.epochs += 1

    batches = Batches()
    data = krr.data.from_source(batches)
    assert data.size == 7
    assert "The batches of the Batches are unbatched" in capsys.readouterr().out
    made = list(data.in_order())
    np.testing.assert_array_equal([image for _, image, _ in made], X)
    assert [label for *_, label in made] == list(range(7))
    assert batches.epochs == 1


@pytest.mark.parametrize("value", [np.nan, 300, -5])
def test_all_floats_are_checked(value):
    x = np.full((40, 4, 4, 3), 100.0)
    x[-1, -1, -1, -1] = value
    data = krr.data.from_source(Pairs(list(x), [0] * 40))
    data.read(38)
    with pytest.raises(ValueError, match=r"must have values 0..255. .* for image 39 of the Pairs"):
        data.read(39)


def test_a_file_that_the_data_set_cannot_open_is_unreadable():
    class Files(Pairs):
        def __getitem__(self, index):
            contents = b"no image" if index == 2 else png(X[index])
            return Image.open(io.BytesIO(contents)), index

    data = krr.data.from_source(Files(X))
    data.read(1)
    with pytest.raises(krr.data.UnreadableImage, match="cannot identify image file"):
        data.read(2)
    cut = krr.data.from_source(Pairs([Image.open(io.BytesIO(png(X[0])[:-40]))]))
    with pytest.raises(krr.data.UnreadableImage, match=r"truncated|broken"):
        krr.data.opened(cut.read(0)[0]).rgb()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Pairs([]), "at least one image. Received: the Pairs, which is empty"),
        (
            Pairs(["a.jpg"]),
            r"must yield \(image, label\): a Pillow image, .*: image 0 of the Pairs of type str",
        ),
        (Pairs(list(X), np.eye(7)), r"integer label. Received: label of image 0 .* labels.argmax"),
        (Pairs(list(X), [0.0] * 7), "For integral floats"),
        (Pairs(list(X // 255)), r"values 0..255. Received: 0..1. Multiply by 255"),
        (Pairs(list(X / 255)), r"values 0..255. Received: 0..1. Multiply by 255"),
        (Pairs([np.zeros((4, 4, 4), np.uint8)]), "Drop the alpha channel"),
        (
            Pairs(list(X), [-1] * 7),
            "labels must be 0 or more. Received: -1 for image 0 of the Pairs",
        ),
        (
            type("Odd", (Pairs,), {"__getitem__": lambda *_: {"x": 0}})(X),
            "Received: a dictionary of x",
        ),
    ],
)
def test_illegal_data_sets(data, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(data)


@pytest.mark.parametrize("count", [2, 7])
def test_a_list_of_pairs_is_a_data_set(count):
    pairs = [*zip(X, range(7), strict=True)][:count]
    for made in (pairs, [{"image": image, "label": label} for image, label in pairs]):
        images, labels = read_all(krr.data.from_source(made))
        np.testing.assert_array_equal(images, X[:count])
        assert labels == [*range(count)]
    arrays = krr.data.from_source([X[:2], np.arange(2)])
    np.testing.assert_array_equal(read_all(arrays)[0], X[:2])


class Uneven(keras.utils.PyDataset):
    """Two batches, the second with fewer labels than images."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[:4], np.arange(4 - index)


def test_a_batch_with_fewer_labels_than_images_is_an_error():
    stream = krr.data.from_source(Uneven())
    with pytest.raises(ValueError, match=r"Uneven must have a label.* 4 images, 3 labels"):
        list(stream.in_order())
