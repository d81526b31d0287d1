"""Evaluation batches, and the views of an image that the network evaluates: one, ten, or several sizes."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import CenterCrop, TenCrop, kernels, one_hot, resize_to_scales
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImage, UnreadableImages
from keras_resnet_recipes.data.arrays import check_labels
from keras_resnet_recipes.data.dataset import Reader
from keras_resnet_recipes.data.decode import OpenedImage, opened
from keras_resnet_recipes.data.parallel import Workers, mapped
from keras_resnet_recipes.recipe import BaseRecipe

# Shorter sides in the original paper, whose single view has 224 pixels.
_SIDES, _SIZE = (224, 256, 384, 480, 640), 224
# Results do not depend on the batch size; a larger one only costs memory.
_BATCH = 256

Views = tuple[np.ndarray, ...]
Shape = tuple[int | None, ...]


def shorter_sides(recipe: BaseRecipe) -> tuple[int, ...]:
    """Returns the shorter sides of a multi-scale evaluation in pixels, in proportion to the test size.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> shorter_sides(krr.He2015()), shorter_sides(krr.He2015(test_size=112))
        ((224, 256, 384, 480, 640), (112, 128, 192, 240, 320))
    """
    return tuple(round(side * recipe.test.size / _SIZE) for side in _SIDES)


def center_crop(recipe: BaseRecipe, size: int | None = None) -> CenterCrop:
    """Returns the center crop with which most recipes evaluate, at their test size or another."""
    return CenterCrop(
        size or recipe.test.size,
        crop_ratio=recipe.test.crop_ratio,
        interpolation=recipe.test.interpolation,
    )


def views_of(recipe: BaseRecipe) -> tuple[Callable[[OpenedImage], Views], list[Shape], int]:
    """Returns the views of an image: one crop, ten crops, or the whole image in several sizes.

    Returns:
        A function that maps an image to its views, uint8; the shapes of the views, None where they differ per
        image; and the number of images whose views fill about one batch.
    """
    crop, test, batch = center_crop(recipe), recipe.test, min(recipe.batch_size, _BATCH)
    if test.views == "multi_scale":
        sides, cubic = shorter_sides(recipe), test.interpolation == "bicubic"
        shapes = [(None, None, 3)] * len(sides)
        return lambda image: tuple(resize_to_scales(image.rgb(), sides, cubic)), shapes, 1
    square = (test.size, test.size, 3)
    if test.views == "ten_crop":
        ten = TenCrop(test.size, crop.shorter_edge, interpolation=test.interpolation)
        return lambda image: (ten(image.rgb()),), [(10, *square)], max(batch // 10, 1)
    return lambda image: (kernels.packing.unpack(crop.cut(image.packed())),), [square], batch


class EvaluationBatches:
    """Batches of every image once, in order, with the resizing, crop and views of the recipe.

    Unreadable images are skipped. On several devices all batches have one size, a multiple of the number of
    devices, and sample weights: 1 for images and 0 for padding, because otherwise Keras could leave a device
    without images. On several hosts each host has the same number of batches.

    Args:
        recipe: The recipe, with `classes` set.
        data: Images.
        unreadable: Collects unreadable images.
        devices: Number of devices of all hosts.
        host: Index of this host, from 0, and number of hosts.

    Attributes:
        classes: Number of classes.
        filled: Whether batches are padded, and have sample weights.
        shapes: Shapes of the views of an image; None where they differ per image.
        size: Number of images of a full batch on this host.

    Raises:
        ValueError: If a stream is endless, or the number of images is unknown on several hosts.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        data: ImageDataset | ImageStream,
        *,
        unreadable: UnreadableImages,
        devices: int = 1,
        host: tuple[int, int] = (0, 1),
    ) -> None:
        self._data, self._unreadable, self._workers = data, unreadable, Workers()
        self._views, self.shapes, batch = views_of(recipe)
        self._host, self._hosts = host
        self.classes, self.filled = recipe.classes, devices > 1
        self.size = -(-batch // devices) * devices // self._hosts
        data.readers()  # raises for an endless stream
        if self._hosts > 1 and data.size is None:
            raise ValueError(
                "`validation_data` must have a known number of images on several hosts, such as by "
                f"tf.data.experimental.assert_cardinality. Received: {data.name}"
            )
        self._count = data.size

    def __len__(self) -> int:
        """Returns the number of batches."""
        if self._count is None:
            self._count = sum(1 for _ in self._data.readers())
        return -(-self._count // (self.size * self._hosts))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yields batches: images, float32 one-hot targets [batch, classes], and sample weights if padded.

        Images are uint8 [batch, size, size, 3]; [batch, 10, size, size, 3] for ten crops; for several sizes a tuple
        of [1, height, width, 3]. Batches are prefetched.
        """
        return mapped(self._made, self._groups(), threads=1)

    def _groups(self) -> Iterator[list[Reader]]:
        """Yields the images of each batch of this host."""
        readers, size = self._data.readers(), self.size
        own = (one for one in readers if one[0] // size % self._hosts == self._host)
        groups = iter(lambda: list(itertools.islice(own, size)), [])
        if self._hosts == 1:
            return groups
        # The same number on every host: with an additional step a host would wait forever.
        return itertools.islice(itertools.chain(groups, itertools.repeat([])), len(self))

    def _made(self, readers: list[Reader]) -> tuple[Any, ...]:
        seen: dict[int, tuple[Views, int]] = {}

        def look(reader: Reader) -> None:
            index, read = reader
            try:
                image, label = read()
                with opened(image, self._data.max_pixels) as one:
                    seen[index] = self._views(one), label
            except UnreadableImage as error:
                self._unreadable.report(index, str(error))

        self._workers.each(look, readers)
        examples = [seen[index] for index in sorted(seen)]
        labels = np.array([label for _, label in examples], np.int64)
        check_labels(self._data.name, labels, self.classes)
        # Keras accepts no empty batch: if no image is readable, it gets a black one with weight 0.
        size = self.size if self.filled else max(len(examples), 1)
        images = tuple(
            _stacked([views[number] for views, _ in examples], shape, size)
            for number, shape in enumerate(self.shapes)
        )
        targets = np.zeros((size, self.classes), np.float32)
        targets[: len(labels)] = one_hot(labels, self.classes)
        weights = (np.arange(size) < len(labels)).astype(np.float32)
        batch = images[0] if len(images) == 1 else images, targets, weights
        return batch if self.filled or not examples else batch[:2]


def _stacked(views: list[np.ndarray], shape: Shape, size: int) -> np.ndarray:
    """Stacks one view of several images, padded with black images; in open shapes these have 32 pixels."""
    shape = views[0].shape if views else [length or 32 for length in shape]
    return np.stack([*views, *[np.zeros(shape, np.uint8)] * (size - len(views))])
