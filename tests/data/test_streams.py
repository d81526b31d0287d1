"""tf.data.Dataset and other iterables, and TensorFlow Datasets."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import dataset as dataset_module


def pairs(n=6, dtype="uint8", value=100):
    return tf.data.Dataset.from_tensor_slices((np.full((n, 4, 4, 3), value, dtype), np.arange(n)))


def labels_of(data):
    return [label for *_, label in data.in_order()]


def taken(examples, n):
    return [label for *_, label in itertools.islice(examples, n)]


def test_elements_are_read(capsys):
    data = krr.data.from_dataset(pairs())
    assert (data.size, data.classes, data.endless) == (6, None, False)
    assert labels_of(data) == list(range(6))
    assert "shuffled with a buffer" in capsys.readouterr().out
    position, image, label = next(data.in_order())
    assert (position, image.dtype, image.shape, label) == (0, np.uint8, (4, 4, 3), 0)
    assert data.describe(3) == "image 3 of the stream"


def test_batches_are_unbatched(capsys):
    data = krr.data.from_dataset(pairs().batch(4))
    assert labels_of(data) == list(range(6))
    assert "batches" in capsys.readouterr().out


def test_bytes_are_encoded_images():
    png = tf.io.encode_png(tf.zeros((4, 4, 3), tf.uint8))
    for data in (
        tf.data.Dataset.from_tensors((png, 0)),
        tf.data.Dataset.from_tensors((png[None], [0])),
    ):
        _, image, _ = next(krr.data.from_dataset(data).in_order())
        assert image == png.numpy()


def test_float_images_are_rounded():
    data = krr.data.from_dataset(pairs(dtype="float32", value=99.6))
    _, image, _ = next(data.in_order())
    assert image.dtype == np.uint8
    assert image[0, 0, 0] == 100


@pytest.mark.parametrize("value", [np.nan, 300, -5, np.inf])
@pytest.mark.parametrize("batch", [False, True])
def test_all_floats_are_checked(value, batch):
    x = np.full((40, 4, 4, 3), 100, "float32")
    x[-1, -1, -1, -1] = value
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(40, int)))
    data = krr.data.from_dataset(data.batch(8) if batch else data)
    assert len(taken(data.in_order(), 39)) == 39
    with pytest.raises(
        ValueError, match=r"must have values 0..255. .* for image 39 of the tf.data.Dataset"
    ):
        labels_of(data)


def test_shuffling_follows_the_seed():
    data = krr.data.from_dataset(pairs(50))
    orders = [taken(data.shuffled(seed), 50) for seed in (3, 3, 4)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(50)) != orders[0]


def test_the_buffer_bounds_how_far_an_image_moves(monkeypatch):
    monkeypatch.setattr(dataset_module, "SHUFFLE_BUFFER", 10)
    order = taken(krr.data.from_dataset(pairs(60)).shuffled(0), 60)
    assert sorted(order) == list(range(60)) != order
    assert all(label <= position + 10 for position, label in enumerate(order))


def test_the_next_epoch_continues_where_one_stopped(monkeypatch):
    """A former bug: with 10 steps per epoch only the first images of a long stream were ever used."""
    monkeypatch.setattr(dataset_module, "SHUFFLE_BUFFER", 20)
    data = krr.data.from_dataset(pairs(200))
    examples = data.shuffled(0)
    epochs = [taken(examples, 50) for _ in range(8)]
    first, second = ([*itertools.chain(*part)] for part in (epochs[:4], epochs[4:]))
    assert sorted(first) == sorted(second) == list(range(200))
    assert first != second
    # A run that is resumed in the second pass can start there.
    assert taken(data.shuffled(0, first_pass=1), 200) == second


def test_an_endless_stream_is_an_error_if_it_must_end():
    data = krr.data.from_dataset(pairs().repeat())
    assert (data.endless, data.size) == (True, None)
    with pytest.raises(ValueError, match=r"the tf.data.Dataset is endless"):
        data.in_order()
    assert len(taken(data.shuffled(0), 20)) == 20


def test_an_empty_pass_is_an_error():
    data = krr.data.from_dataset(pairs())
    empty = krr.data.ImageStream(name="it", start=lambda: iter(()), size=data.size)
    with pytest.raises(ValueError, match=r"must contain at least one image. Received: 0 images"):
        next(empty.shuffled(0))


def test_images_of_keras_own_reader_keep_their_class_names(tmp_path):
    for label, name in enumerate(("ant", "bee", "cow")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4), (label, label, label)).save(tmp_path / name / "1.png")
    made = keras.utils.image_dataset_from_directory(tmp_path, image_size=(4, 4), verbose=False)
    data = krr.data.from_source(made.map(lambda x, y: (x * 100, y)))
    assert data.class_names is None
    with pytest.raises(
        ValueError, match=r"values 0..255. Received: 0..\d.* Multiply by 255|at least"
    ):
        krr.data.from_dataset(made.map(lambda x, y: (x / 255, y)))
    made = keras.utils.image_dataset_from_directory(tmp_path, image_size=(4, 4), verbose=False)
    data = krr.data.from_source(made, class_names=("bee", "cow", "dog", "ant"))
    assert data.class_names == ("bee", "cow", "dog", "ant")
    assert sorted((int(image[0, 0, 0]), label) for _, image, label in data.in_order()) == [
        (0, 3),
        (1, 0),
        (2, 1),
    ]
    assert krr.data.from_source(made).class_names == ("ant", "bee", "cow")


def test_a_torch_loader_is_a_stream():
    import torch

    x, y = torch.arange(7 * 4 * 4 * 3, dtype=torch.uint8).reshape(7, 4, 4, 3), torch.arange(7)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=3)
    data = krr.data.from_source(loader)
    assert labels_of(data) == list(range(7))
    assert labels_of(data) == list(range(7))
    np.testing.assert_array_equal([image for _, image, _ in data.in_order()], x)


def test_an_iterator_is_an_error_because_it_ends_after_one_pass():
    with pytest.raises(
        ValueError, match=r"must be iterable more than once. Received: the generator, which ends"
    ):
        krr.data.from_source(pair for pair in [(b"", 0)])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (pairs(0), "at least one image"),
        (pairs(dtype="int32"), r"must yield \(image, label\)"),
        (pairs(dtype="float32", value=0.5), r"values 0..255. Received: 0.5..0.5"),
        (pairs().map(lambda image, label: (image, tf.one_hot(label, 6))), "integer label.*argmax"),
        (pairs().batch(2).map(lambda image, label: (image, tf.one_hot(label, 6))), "integer label"),
        (pairs().map(lambda image, label: image), r"must yield \(image, label\)"),
        (pairs().map(lambda image, label: {"image": image}), r"must yield \(image, label\)"),
        (
            pairs().map(lambda image, label: (tf.transpose(image, [2, 0, 1]), label)),
            "Channels must be last",
        ),
        (pairs().map(lambda image, label: (image, label - 1)), "labels must be 0 or more"),
    ],
)
def test_illegal_streams(dataset, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_dataset(dataset)


def test_tensorflow_datasets_by_name():
    import tensorflow_datasets as tfds

    with tfds.testing.mock_data(num_examples=7):
        data = krr.data.from_source("tfds:cifar10")
        assert (data.size, data.classes, len(data.class_names)) == (7, 10, 10)
        contents, label = data.read(6)
        assert krr.data.decode(contents).shape == (32, 32, 3)
        assert 0 <= label < 10
        assert krr.data.from_source("imagenet2012", split="validation").classes == 1000


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfds:no_such_data", "has no data set 'no_such_data'"),
        (
            "no_such_data",
            "there is no folder 'no_such_data'. TensorFlow Datasets has no data set",
        ),
        ("tfds:coco", r"must have the features `image` and `label`. Received: \['image', "),
    ],
)
def test_unknown_names_are_errors(name, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(name)
