"""Images of any source written into TFRecord files, once, to be read faster ever after."""

import dataclasses
import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resnet_recipes.augment.resize import resize
from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.decode import decode
from keras_resnet_recipes.data.records import AROUND_RECORD, PARTIAL
from keras_resnet_recipes.data.shards import (
    INDEX,
    Index,
    Shard,
    read_index,
    rows_file,
    sha256_of,
    summary,
)
from keras_resnet_recipes.data.unreadable import UnreadableImages

# 256 is what ImageNet is usually kept at; 1.15 times that leaves random crops for 224 some room.
SHORTER_SIDE = int(256 * 1.15)
QUALITY = 90
# Images watched together: failures are looked for once a batch.
_BATCH = 16


def write_tfrecords(
    data: ImageDataset,
    path: str | Path,
    *,
    shorter_side: int | None = SHORTER_SIDE,
    quality: int = QUALITY,
    images_per_shard: int = 4096,
    unreadable_images: str = "skip",
    verbose: int = 1,
) -> None:
    """Writes images into TFRecord files that `from_prepared` reads; the work of `krr prepare`.

    Large images are made smaller (bicubic, antialiased, Pillow's pixels) and stored as JPEG; others
    keep their bytes, and pixels that came without a file become PNG. The folder holds shards
    00000.tfrecord ... of `tf.train.Example`s (image, label), for each a list of its records (.npy), and
    index.json with classes, sizes, and the SHA-256 of each shard. All images are decoded on all
    processors; the order is that of `data`. Called again after an interruption it goes on behind the
    last whole shard.

    Args:
        data: Images.
        path: A new or empty folder, or one of the same call.
        shorter_side: Length in pixels to which the shorter side is brought where it is longer; None keeps all
            bytes.
        quality: JPEG quality of images made smaller, 1..100.
        images_per_shard: Images of one file, at least 1.
        unreadable_images: "skip" leaves out, names and lists in index.json, up to 1 % of the
            images; "raise" stops at the first.
        verbose: 0 is silent, 1 shows a progress bar, 2 a line at the end.

    Raises:
        ValueError: If an argument is out of its range, the folder holds something else, or too many images are
            unreadable.

    >>> import os, tempfile, numpy as np, keras_resnet_recipes as krr
    >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     krr.data.write_tfrecords(images, folder, images_per_shard=4, verbose=0)
    ...     sorted(os.listdir(folder))
    ['00000.npy', '00000.tfrecord', '00001.npy', '00001.tfrecord', 'index.json']
    """
    _check(shorter_side=shorter_side, quality=quality, images_per_shard=images_per_shard)
    folder, size = Path(path), _size(data)
    source = {
        "name": data.name,
        "images": size,
        "shorter_side": shorter_side,
        "quality": quality,
        "images_per_shard": images_per_shard,
    }
    index = _begun(folder, Index(source, data.class_names, data.classes))
    if not index.complete:
        unreadable = UnreadableImages(data, unreadable_images)
        examples = _examples(data, index.done, size, shorter_side, quality, unreadable)
        progress = keras.utils.Progbar(size, verbose=verbose, unit_name="image")
        with unreadable.named():
            for number, group in itertools.groupby(examples, lambda e: e[0] // images_per_shard):
                shard, labels = _written(folder / f"{number:05}.tfrecord", group, progress)
                index = dataclasses.replace(
                    index,
                    done=min((number + 1) * images_per_shard, size),
                    classes=_classes(data, index.classes, labels),
                    images=index.images + shard.count,
                    bytes=index.bytes + shard.bytes,
                    left_out=index.left_out | unreadable.reasons,
                    shards=(*index.shards, shard),
                )
                index.write(folder)
        unreadable.warn()
        left_out = index.left_out | unreadable.reasons
        index = dataclasses.replace(index, done=size, left_out=left_out, complete=True)
        index.write(folder)
    if verbose:
        print(f"{str(folder)!r}: {summary(index)}; {len(index.left_out)} unreadable left out.")


def _check(*, shorter_side: int | None, quality: int, images_per_shard: int) -> None:
    if shorter_side is not None and shorter_side < 1:
        raise ValueError(f"`shorter_side` must be at least 1, or None; received {shorter_side}.")
    if not 1 <= quality <= 100:
        raise ValueError(f"`quality` must be within 1..100; received {quality}.")
    if images_per_shard < 1:
        raise ValueError(f"`images_per_shard` must be at least 1; received {images_per_shard}.")


def _size(data: ImageDataset) -> int:
    if data.size is not None:
        return data.size
    return int(data.items(None).reduce(np.int64(0), lambda count, *_: count + 1))


def _begun(folder: Path, new: Index) -> Index:
    """The index to go on from: of the folder up to its first damaged shard, or a new one."""
    if not (folder / INDEX).is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(
                f"`path` must be a new or empty folder, or one being prepared; {str(folder)!r} holds something else."
            )
        folder.mkdir(parents=True, exist_ok=True)
        # An index from the very first moment: a folder that was interrupted is then known as such.
        new.write(folder)
        return new
    index = read_index(folder)
    for key, value in new.source.items():
        if index.source.get(key) != value:
            raise ValueError(
                f"{str(folder)!r} was prepared with {key} {index.source.get(key)!r}, now it is {value!r}; "
                "take another folder."
            )
    for shard in index.shards:
        try:
            shard.check(folder, verify=True)
            shard.rows(folder)
        except ValueError as error:
            warnings.warn(f"{error} Preparing anew.", stacklevel=3)
            return new
    return index


def _examples(
    data: ImageDataset,
    start: int,
    size: int,
    shorter_side: int | None,
    quality: int,
    unreadable: UnreadableImages,
) -> Iterator[tuple[int, bytes, int]]:
    """Position, contents to store and label of each readable image from `start` on."""

    @tf.autograph.experimental.do_not_convert
    def example(position: tf.Tensor, item: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        image, label = data.read(item)
        contents = _stored(image, data.encoded, shorter_side, quality)
        # The position rides along with the label: `watch` takes off the one in front.
        return position, contents, tf.stack([position + start, tf.cast(label, tf.int64)])

    items = data.items(None).skip(start).take(size - start).enumerate()
    stored = items.map(example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    length = tf.constant(size - start, tf.int64)
    batches = stored.ignore_errors(log_warning=False).batch(_BATCH)
    batches = unreadable.watch(batches, length, lambda places: places + start)
    for contents, numbers in batches.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        for content, (position, label) in zip(contents, numbers, strict=True):
            yield int(position), content, int(label)


def _stored(image: tf.Tensor, encoded: bool, shorter_side: int | None, quality: int) -> tf.Tensor:
    """The contents of the file to store for an image; decoded in any case, to know that it can be."""
    pixels = decode(image) if encoded else image
    shape = tf.shape(pixels)[:2]

    def as_it_is() -> tf.Tensor:
        if not encoded:
            return tf.io.encode_png(pixels)
        with tf.control_dependencies([shape]):
            return tf.identity(image)

    def smaller() -> tf.Tensor:
        height, width = tf.unstack(shorter_side * shape // tf.reduce_min(shape))
        return tf.io.encode_jpeg(resize(pixels, height, width, cubic=True), "rgb", quality)

    if shorter_side is None:
        return as_it_is()
    return tf.cond(tf.reduce_min(shape) > shorter_side, smaller, as_it_is)


def _written(
    file: Path, examples: Iterator[tuple[int, bytes, int]], progress: keras.utils.Progbar
) -> tuple[Shard, np.ndarray]:
    """Writes one shard and its list of records; returns what the index says of it, and its labels."""
    rows, place, partial = [], 0, Path(f"{file}{PARTIAL}")
    # A link left here by somebody else would be written through.
    for path in (partial, rows_file(file)):
        path.unlink(missing_ok=True)
    with tf.io.TFRecordWriter(str(partial)) as writer:
        for position, contents, label in examples:
            record = _record(contents, label)
            writer.write(record)
            rows.append((place, label))
            place += len(record) + AROUND_RECORD
            progress.update(position + 1)
    rows = np.array(rows, np.int64)
    np.save(rows_file(file), rows)
    shard = Shard(file.name, len(rows), place, sha256_of(partial))
    # Only a whole file gets its name.
    os.replace(partial, file)
    return shard, rows[:, 1]


def _record(contents: bytes, label: int) -> bytes:
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[contents]))
    number = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    features = tf.train.Features(feature={"image": image, "label": number})
    return tf.train.Example(features=features).SerializeToString()


def _classes(data: ImageDataset, so_far: int | None, labels: np.ndarray) -> int:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (data.classes is not None and high >= data.classes):
        raise ValueError(
            f"labels of {data.name} must be within 0..{(data.classes or high + 1) - 1}; "
            f"received {low if low < 0 else high}."
        )
    return data.classes or max(so_far or 0, high + 1)
