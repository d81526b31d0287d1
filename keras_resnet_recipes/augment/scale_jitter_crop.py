"""The scale augmentation of 2014 and 2015: resize the whole image at random, cut out a square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import (
    INTERPOLATIONS,
    Augmentation,
    check_sized,
    draw_cubic,
    split_seed,
)
from keras_resnet_recipes.augment.window import pixels_needed, resize_window
from keras_resnet_recipes.number import number


class ScaleJitterCrop(Augmentation):
    """Resize the shorter edge of an image to a random length, then cut out a square anywhere.

    The aspect ratio stays, unlike with `RandomResizedCrop`. Only the part that the square shows is
    resized, and decoded where the decoder can cut, with the bytes that resizing the whole image
    gives. The longer edge is cut to a whole number.

    Args:
        size: Height and width of the result in pixels, at least 1; a recipe gives its `train_size`.
        shorter_edge: Smallest and largest length, whole numbers of at least `size`; those between
            are equally likely.
        interpolation: "bilinear", "bicubic", or "random" for a fair coin. The paper names none,
            fb.resnet.torch has bicubic.
        exact: Whether every byte is Pillow's, see `resize`.

    Raises:
        ValueError: If an argument is out of its range.

    Source: He et al. (arXiv 1512.03385), section 3.4, after Simonyan and Zisserman (arXiv
    1409.1556), section 3.1; fb.resnet.torch `datasets/transforms.lua`, RandomScale.

    >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
    >>> crop(tf.zeros([40, 30, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([16, 16, 3])
    """

    prefix: ClassVar[str] = "crop"
    crops: ClassVar[bool] = True

    size: int | None = number(None, "side of the result, pixels", minimum=1, from_recipe=True)
    shorter_edge: tuple[int, int] = number(
        (256, 480),
        "resize to a random shorter edge, pixels, then a random crop",
        minimum=1,
        rising=True,
        flat="shorter_edge",
    )
    interpolation: str = number("bicubic", "resampling of the crop", choices=INTERPOLATIONS)
    exact: bool = number(
        False, "resize to Pillow's bytes; off is faster, and 0.4 % of them differ by 1"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None and self.shorter_edge[0] < self.size:
            raise ValueError(
                f"`shorter_edge` must be at least `size` ({self.size}), which is cut out of it. "
                f"Received: shorter_edge={self.shorter_edge}"
            )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `edge`, int32 [n]: length of the shorter edge; `place`, float64 [n, 2]: top and left as
            fractions of the places there are; `cubic`, bool [n].

        >>> sorted(ScaleJitterCrop(size=224).draw(256, seed=(0, 1)))
        ['cubic', 'edge', 'place']
        """
        check_sized(self)
        edge, place, cubic = split_seed(seed, 3)
        low, high = self.shorter_edge
        return {
            "edge": tf.random.stateless_uniform([n], edge, low, high + 1, tf.int32),
            "place": tf.random.stateless_uniform([n, 2], place, dtype=tf.float64),
            "cubic": draw_cubic(self.interpolation, [n], cubic),
        }

    def box(
        self, height: tf.Tensor | int, width: tf.Tensor | int, drawn: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        """The part of an image that the square shows; a decoder that can crop needs no more.

        Args:
            height: Height of the image.
            width: Width of the image.
            drawn: One row of what `draw` returned.

        Returns:
            Top, left, height and width, int32 [4].

        >>> crop = ScaleJitterCrop(size=10, shorter_edge=(20, 20), interpolation="bilinear")
        >>> drawn = {"edge": 20, "place": tf.constant([0.0, 0.5]), "cubic": False}
        >>> crop.box(40, 80, drawn).numpy().tolist()
        [0, 29, 21, 22]
        """
        shape = tf.stack([height, width])
        resized, first = self._placed(shape, drawn)
        start, stop = pixels_needed(shape, resized, first, self.size, drawn["cubic"])
        return tf.concat([start, stop - start], 0)

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Resize and cut one image.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [size, size, 3].

        >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> crop.apply(tf.zeros([40, 30, 3], tf.uint8), drawn).shape
        TensorShape([16, 16, 3])
        """
        image = tf.convert_to_tensor(image)
        shape = tf.shape(image)[:2]
        top, left, height, width = tf.unstack(self.box(shape[0], shape[1], drawn))
        return self.resize(image[top : top + height, left : left + width], drawn, shape)

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """The length that the shorter edge is resized to.

        >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 20))
        >>> crop.describe({"edge": tf.constant(20)}, 40, 30)
        'shorter edge 20'
        """
        return f"shorter edge {int(drawn['edge'])}"

    def resize(
        self, part: tf.Tensor, drawn: dict[str, tf.Tensor], shape: tf.Tensor | Sequence[int]
    ) -> tf.Tensor:
        """Resize what has been cut out already, by a decoder for example.

        Args:
            part: uint8 [height, width, 3], the pixels inside `box`.
            drawn: One row of what `draw` returned.
            shape: Height and width of the whole image, int32 [2].

        Returns:
            uint8 [size, size, 3].

        >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> top, left, height, width = crop.box(40, 30, drawn).numpy()
        >>> crop.resize(tf.zeros([height, width, 3], tf.uint8), drawn, (40, 30)).shape
        TensorShape([16, 16, 3])
        """
        shape = tf.convert_to_tensor(shape)
        resized, first = self._placed(shape, drawn)
        start, _ = pixels_needed(shape, resized, first, self.size, drawn["cubic"])
        numbers = (start, shape, resized, first, self.size)
        return resize_window(part, *numbers, drawn["cubic"], self.exact)

    def _placed(self, shape: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Height and width after resizing, and where the square is in them."""
        resized = drawn["edge"] * shape // tf.reduce_min(shape)
        places = tf.cast(resized - self.size + 1, drawn["place"].dtype)
        return resized, tf.cast(tf.floor(drawn["place"] * places), tf.int32)
