"""Conversion of images from any source to a prepared folder, which is faster to read."""

import io
import itertools
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from keras_resnet_recipes.data import records, restart
from keras_resnet_recipes.data.arrays import check_labels
from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, Reader
from keras_resnet_recipes.data.decode import UnreadableImage, opened
from keras_resnet_recipes.data.parallel import mapped
from keras_resnet_recipes.data.shards import INDEX, Index, read_index, summary
from keras_resnet_recipes.data.unreadable import UnreadableImages
from keras_resnet_recipes.files import local_path, replacing

# ImageNet is usually stored at 256; 1.15 times that leaves some room for random crops to 224.
SHORTER_SIDE = int(256 * 1.15)
QUALITY = 90


def write_prepared(
    data: ImageDataset | ImageStream,
    path: str | Path,
    *,
    shorter_side: int | None = SHORTER_SIDE,
    quality: int = QUALITY,
    raw: bool = False,
    images_per_shard: int = 4096,
    unreadable_images: str = "skip",
    verbose: int = 1,
) -> None:
    """Writes images to a folder that `from_prepared` reads; `krr prepare` calls this function.

    Large images are downsized (bicubic, antialiased, Pillow's pixels) and stored as JPEG with restart markers,
    so that later only the part under a crop is decoded. Other images keep their bytes, and images without a
    file are stored as PNG. The folder contains shards 00000.array_record ... and index.json with classes, sizes,
    and the SHA-256 of each shard. Images are decoded on all CPU cores; the order is that of `data`, and the
    same images give the same bytes. After an interruption the same call resumes behind the last complete shard.

    Args:
        data: Images.
        path: A new or empty folder, or one that the same call has begun.
        shorter_side: Length in pixels to which longer shorter sides are downsized; None keeps all bytes.
        quality: JPEG quality of downsized images, 1..100.
        raw: Whether to store decoded pixels, four bytes each: nine times the disk space, but nothing to decode.
        images_per_shard: Images per shard, at least 1.
        unreadable_images: "skip" skips up to 1 % of the images, with a warning, and lists them in index.json;
            "raise" stops at the first.
        verbose: 0 prints nothing, 1 a line per shard and a summary, 2 the summary only.

    Raises:
        ValueError: If an argument is out of range, the folder contains other files, or too many images are
            unreadable.
        OSError: If the disk is full; the same call resumes once there is space.

    Example:
        >>> import os, tempfile, numpy as np, keras_resnet_recipes as krr
        >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     krr.data.write_prepared(images, folder, images_per_shard=4, verbose=0)
        ...     sorted(os.listdir(folder))
        ['00000.array_record', '00001.array_record', 'index.json']
    """
    _check(shorter_side, quality, images_per_shard)
    if data.multi_label:
        raise ValueError(
            f"`data` must have one label per image, which is what shards store. Received: {data.name}, whose images "
            "have several labels. Train on the files or arrays themselves."
        )
    form = {"shorter_side": shorter_side, "quality": quality, "raw": raw}
    source = {"name": data.name, "images": data.size, **form, "images_per_shard": images_per_shard}
    new = Index(source=source, class_names=data.class_names, classes=data.classes)
    folder = local_path("path", path)
    index = _begun(folder, new)
    if not index.complete:
        unreadable = UnreadableImages(data, unreadable_images)
        examples = mapped(lambda one: _stored(one, data, form), data.readers(index.done))
        for number, group in itertools.groupby(examples, lambda one: one[0] // images_per_shard):
            _add_shard(index, folder, number, group, data, unreadable)
            index.left_out |= unreadable.reasons
            index.write(folder)
            if verbose == 1:
                of = "" if data.size is None else f" of {data.size:,}"
                print(f"{str(folder)!r}: {index.done:,}{of} images", flush=True)
        unreadable.warn()
        index.complete = True
        index.write(folder)
    if verbose:
        print(f"{str(folder)!r}: {summary(index)}; {len(index.left_out)} unreadable skipped.")


def _check(shorter_side: int | None, quality: int, images_per_shard: int) -> None:
    if shorter_side is not None and shorter_side < 1:
        raise ValueError(
            f"`shorter_side` must be at least 1, or None. Received: shorter_side={shorter_side!r}"
        )
    if not 1 <= quality <= 100:
        raise ValueError(f"`quality` must be within 1..100. Received: quality={quality!r}")
    if images_per_shard < 1:
        raise ValueError(
            f"`images_per_shard` must be at least 1. Received: images_per_shard={images_per_shard!r}"
        )


def _begun(folder: Path, new: Index) -> Index:
    """Returns the index to resume from: the folder's, if all its shards are intact, or a new one."""
    if not (folder / INDEX).is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(
                "`path` must be a new or empty folder, or one being prepared. "
                f"Received: path={str(folder)!r}, which contains other files"
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Written first, so that an interrupted folder can be recognized.
        new.write(folder)
        return new
    index = read_index(folder)
    for key, value in new.source.items():
        if index.source.get(key) != value:
            raise ValueError(
                f"`{key}` must be {index.source.get(key)!r}, with which {str(folder)!r} was begun. "
                f"Received: {key}={value!r}. Use another folder."
            )
    for number, shard in enumerate(index.shards):
        try:
            shard.read_labels(folder, number, verify=True)
        except ValueError as error:
            warnings.warn(f"{error} Preparing it again.", stacklevel=3)
            return new
    return index


def _stored(
    reader: Reader, data: ImageDataset | ImageStream, form: dict[str, Any]
) -> tuple[int, bytes | UnreadableImage, int]:
    """Returns the position of an image, the contents to store or the error, and the label."""
    position, read = reader
    try:
        image, label = read()
        return position, _contents(image, data.max_pixels, **form), label
    except UnreadableImage as error:
        return position, error, 0


def _contents(
    image: Any, max_pixels: int, *, shorter_side: int | None, quality: int, raw: bool
) -> bytes:
    """Returns the contents to store for an image; it is always decoded, to check that it can be.

    Raises:
        UnreadableImage: If it cannot be decoded.
    """
    with opened(image, max_pixels) as source:
        packed, size = source.packed(), (source.width, source.height)
        smaller = shorter_side is not None and min(size) > shorter_side
        original = image if isinstance(image, bytes) else getattr(image, "contents", None)
        if original is not None and not smaller and not raw:
            return original
        rgb = Image.frombytes("RGB", size, packed.tobytes(), "raw", "RGBX")
    if smaller:
        width, height = (shorter_side * length // min(size) for length in size)
        rgb = rgb.resize((width, height), Image.Resampling.BICUBIC)
    if raw:
        return records.raw(opened(rgb).packed())
    if smaller:
        return restart.encode(rgb, quality)
    file = io.BytesIO()
    rgb.save(file, "PNG")
    return file.getvalue()


def _add_shard(
    index: Index,
    folder: Path,
    number: int,
    examples: Iterable[tuple[int, bytes | UnreadableImage, int]],
    data: ImageDataset | ImageStream,
    unreadable: UnreadableImages,
) -> None:
    """Writes one shard, and adds it to the index."""

    def readable() -> Iterator[tuple[bytes, int]]:
        for position, contents, label in examples:
            index.done = position + 1
            if isinstance(contents, UnreadableImage):
                unreadable.report(position, contents)
            else:
                yield contents, label

    file = folder / f"{number:05}.array_record"
    with replacing(file) as temporary:
        labels = records.write(temporary, number, readable())
    shard = records.Shard.of(file, labels)
    index.classes = data.classes or max(index.classes or 0, int(labels.max(initial=0)) + 1)
    check_labels(data.name, labels, index.classes)
    index.images += shard.count
    index.bytes += shard.bytes
    index.shards.append(shard)
