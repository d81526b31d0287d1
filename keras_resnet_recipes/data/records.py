"""Images in TFRecord files, read in any order."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset

# A record is the length of its contents (8 bytes), its checksum (4), the contents, their checksum (4).
AROUND_RECORD = 16
# What a file is called while it is being written.
PARTIAL = ".partial"


def from_tfrecords(
    files: str | Path | Sequence[str | Path],
    class_names: Sequence[str] | None = None,
    *,
    image_key: str = "image",
    label_key: str = "label",
) -> ImageDataset:
    """Images in TFRecord files as an `ImageDataset`, shuffled completely.

    The files are scanned for where each record begins, without reading images; later each image
    is read from its place, its checksum verified. Records are `tf.train.Example`s with the
    contents of an image file and an integer label from 0, as TensorFlow Datasets stores them. For a folder of
    `write_tfrecords` see `from_prepared`, which needs no scan.

    Args:
        files: TFRecord files, or a folder with files named *.tfrecord*; local and uncompressed.
        class_names: Names in the order of the labels.
        image_key: Name of the image's feature.
        label_key: Name of the label's feature.

    Raises:
        ValueError: If there is no such file, no record in them, or one is cut off.

    Source: the TFRecord format, https://www.tensorflow.org/tutorials/load_data/tfrecord.

    >>> import tempfile, numpy as np, keras_resnet_recipes as krr
    >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     krr.data.write_tfrecords(images, folder, verbose=0)
    ...     krr.data.from_tfrecords(folder).size
    6
    """
    if isinstance(files, str | Path):
        folder = Path(files)
        found = sorted(folder.glob("*.tfrecord*")) if folder.is_dir() else [folder]
        found = [file for file in found if not file.name.endswith(PARTIAL)]
    else:
        folder, found = None, list(files)
    starts = [record_starts(file) for file in found]
    name = f"{len(found)} TFRecord files" if folder is None else str(folder)
    if not sum(map(len, starts)):
        raise ValueError(
            f"`files` must be TFRecord files with at least one image; {name!r} is none."
        )
    return dataset_of_records(
        name,
        [str(file) for file in found],
        starts,
        labels=None,
        class_names=None if class_names is None else tuple(class_names),
        keys=(image_key, label_key),
    )


def dataset_of_records(
    name: str,
    files: Sequence[str],
    starts: Sequence[np.ndarray],
    *,
    labels: np.ndarray | None,
    class_names: tuple[str, ...] | None,
    keys: tuple[str, str] = ("image", "label"),
) -> ImageDataset:
    """Records at known places of files as an `ImageDataset`.

    Args:
        name: What messages call the data set.
        files: Paths of the files.
        starts: For each file, where its records begin, in bytes.
        labels: Labels of all records; read with each record if None.
        class_names: Names in the order of the labels, or None.
        keys: Names of the features of image and label.
    """
    image_key, label_key = keys
    firsts = np.cumsum([0, *map(len, starts)])
    features = {image_key: tf.io.FixedLenFeature((), tf.string)}
    if labels is None:
        features[label_key] = tf.io.FixedLenFeature((), tf.int64)
    with tf.device("CPU:0"):
        paths = tf.constant(list(files))
        of_file = tf.constant(np.repeat(np.arange(len(files), dtype=np.int32), np.diff(firsts)))
        places = tf.constant(np.concatenate(starts), tf.int64)
        targets = None if labels is None else tf.constant(labels, tf.int64)

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        record = _record_at(tf.gather(paths, tf.gather(of_file, index)), tf.gather(places, index))
        example = tf.io.parse_single_example(record, features)
        label = example[label_key] if targets is None else tf.gather(targets, index)
        return example[image_key], label

    def describe(index: int) -> str:
        place = int(np.searchsorted(firsts, index, side="right")) - 1
        return f"image {index - firsts[place]} of {files[place]}"

    return ImageDataset(
        name=repr(name),
        size=int(firsts[-1]),
        classes=None if class_names is None else len(class_names),
        class_names=class_names,
        encoded=True,
        read=read,
        describe=describe,
        labels=labels,
    )


def record_starts(file: str | Path) -> np.ndarray:
    """Where the records of a TFRecord file begin, in bytes, int64 [records].

    Raises:
        ValueError: If the file is missing, or ends within a record.
    """
    starts, place = [], 0
    try:
        size = os.path.getsize(file)
        with open(file, "rb", buffering=0) as contents:
            while place < size:
                contents.seek(place)
                starts.append(place)
                head = contents.read(8).ljust(8, b"\xff")
                place += struct.unpack("<Q", head)[0] + AROUND_RECORD
    except OSError as error:
        raise ValueError(
            f"cannot read the TFRecord file {str(file)!r}: {error.strerror}."
        ) from None
    if place != size:
        raise ValueError(
            f"{str(file)!r} is no TFRecord file, compressed, or damaged: it ends within record {len(starts) - 1}."
        )
    return np.array(starts, np.int64)


def _record_at(file: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """The contents of one record, checksum verified.

    The public TFRecordDataset begins at the first record; its operation takes a place to begin with.
    """
    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=file[None],
        compression_type="",
        # A buffer would read on behind the record, where the next image in random order is not.
        buffer_size=tf.constant(0, tf.int64),
        byte_offsets=start[None],
    )
    kind = {"output_types": [tf.string], "output_shapes": [()]}
    first = tf.raw_ops.TakeDataset(input_dataset=records, count=tf.constant(1, tf.int64), **kind)
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **kind)[0]
