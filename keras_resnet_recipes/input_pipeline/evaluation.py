"""The batches of an evaluation, and the views that the network has of an image: one, ten, or several sizes."""

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

# Shorter sides in the original, whose networks are tested with one view of 224 pixels.
_SIDES, _SIZE = (224, 256, 384, 480, 640), 224
# The result of an evaluation does not depend on its batch; a large one only costs memory.
_BATCH = 256

Views = tuple[np.ndarray, ...]
Shape = tuple[int | None, ...]


def shorter_sides(recipe: BaseRecipe) -> tuple[int, ...]:
    """Shorter sides in pixels of a multi-scale test; for another test size in proportion to it.

    >>> import keras_resnet_recipes as krr
    >>> shorter_sides(krr.He2015()), shorter_sides(krr.He2015(test_size=112))
    ((224, 256, 384, 480, 640), (112, 128, 192, 240, 320))
    """
    return tuple(round(side * recipe.test.size / _SIZE) for side in _SIDES)


def center_crop(recipe: BaseRecipe, size: int | None = None) -> CenterCrop:
    """The one view of an image that most recipes test with, at their size or another."""
    return CenterCrop(
        size or recipe.test.size,
        crop_ratio=recipe.test.crop_ratio,
        interpolation=recipe.test.interpolation,
    )


def views_of(recipe: BaseRecipe) -> tuple[Callable[[OpenedImage], Views], list[Shape], int]:
    """What the network sees of an image: one square, ten of them, or the whole image in several sizes.

    Returns:
        From an image to its views, uint8; their shapes, None where each image has its own; and how many images
        make about as many views as a batch has.
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
    """Every image once, in order, resized and cropped as the recipe says, in all views that it asks for.

    Images that cannot be read are left out. On several devices all batches are of one size, a multiple of
    their number, and have weights: 1 for images and 0 for what fills up a batch, because Keras would give a
    device no image at all. On several hosts there are as many batches on each.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        unreadable: Collects images that cannot be read.
        devices: Devices of all hosts.
        host: This host, from 0, and the number of hosts.

    Attributes:
        classes: Number of classes.
        filled: Whether batches are filled up, and have weights.
        shapes: Shapes of the views of an image; None where each image has its own.
        size: Images of a whole batch that this host makes.

    Raises:
        ValueError: If a stream has no end, or the number of images is unknown and there are several hosts.
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
        data.readers()  # refuses an endless stream
        if self._hosts > 1 and data.size is None:
            raise ValueError(
                f"`validation_data`: the number of images of {data.name} must be known on several hosts "
                "(tf.data.experimental.assert_cardinality)."
            )
        self._count = data.size

    def __len__(self) -> int:
        """The number of batches."""
        if self._count is None:
            self._count = sum(1 for _ in self._data.readers())
        return -(-self._count // (self.size * self._hosts))

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The batches: images, float32 one-hot targets [batch, classes], and weights where they are filled up.

        Images are uint8 [batch, size, size, 3]; [batch, 10, size, size, 3] for ten crops; for several sizes a tuple
        of [1, height, width, 3]. They are made ahead of their use.
        """
        return mapped(self._made, self._groups(), threads=1)

    def _groups(self) -> Iterator[list[Reader]]:
        """The images of each batch that this host makes."""
        readers, size = self._data.readers(), self.size
        own = (one for one in readers if one[0] // size % self._hosts == self._host)
        groups = iter(lambda: list(itertools.islice(own, size)), [])
        if self._hosts == 1:
            return groups
        # As many on every host: one that has another step than the others waits for ever.
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
        # Keras takes no empty batch: where no image can be read there is a black one that counts nothing.
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
    """A view of several images, and black ones up to a number; those of open sizes have 32 pixels."""
    shape = views[0].shape if views else [length or 32 for length in shape]
    return np.stack([*views, *[np.zeros(shape, np.uint8)] * (size - len(views))])
