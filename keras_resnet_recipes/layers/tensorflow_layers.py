"""Layers whose pictures are those of Pillow, byte for byte: TensorFlow code only."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.formulas import TENSORFLOW
from keras_resnet_recipes.layers.image_layer import ImageLayer

if TYPE_CHECKING:
    from keras_resnet_recipes.augment import Augmentation


class TensorFlowLayer(ImageLayer):
    """A value of `krr.augment` that changes one image of bytes, as a layer.

    Args:
        augmentation: The value.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: The arguments of every Keras layer.
    """

    def __init__(self, augmentation: "Augmentation", seed: int | None, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.augmentation = augmentation
        self.supports_jit = False

    def augment(
        self, images: Any, labels: Any, ops: Any, seed: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Returns the images, each changed in its own way, and the labels."""
        drawn = self.augmentation.draw(ops.shape(images)[0], seed.next())
        return self.each(lambda row: self.augmentation.apply(*row), (images, drawn)), labels

    def each(self, change: Callable[[Any], Any], rows: tuple[Any, ...]) -> Any:
        """Change image by image.

        Args:
            change: From a row, its image as bytes, to the bytes of a picture.
            rows: Images, and what else there is for each of them.

        Returns:
            The pictures, of the type of the images.
        """
        import tensorflow as tf

        images = rows[0]
        as_bytes = tf.saturate_cast(
            images if images.dtype.is_integer else tf.round(images), tf.uint8
        )
        height, width = self.output_size(*images.shape[1:3])
        signature = tf.TensorSpec([height, width, images.shape[3]], tf.uint8)
        rows = (as_bytes, *rows[1:])
        if images.shape[0] == 1:
            pictures = change(tf.nest.map_structure(lambda x: x[0], rows))[None]
        else:
            pictures = tf.map_fn(change, rows, fn_output_signature=signature)
        return tf.cast(pictures, images.dtype)

    def _ops_and_seed(self, inputs: Any) -> tuple[Any, keras.random.SeedGenerator]:
        ops, seed = super()._ops_and_seed(inputs)
        if ops is not TENSORFLOW:
            self._refuse()
        return ops, seed

    def compute_output_spec(self, inputs: Any, training: bool = True) -> Any:
        """Shapes and types of what comes out, for `keras.Input` under TensorFlow."""
        if keras.backend.backend() != "tensorflow":
            self._refuse()
        return super().compute_output_spec(inputs, training=training)

    def _refuse(self) -> None:
        raise ValueError(
            f"inputs must be TensorFlow tensors, got those of {keras.backend.backend()}: "
            f"{type(self).__name__} is TensorFlow code. Use it in tf.data, dataset.map(layer), which works "
            "under every backend; inside a model use RandomFlip, PadAndCrop, Cutout or RandomErasing"
        )


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandAugment(TensorFlowLayer):
    """A few random operations on the colours or the geometry of each image.

    The value `krr.augment.RandAugment` as a layer; `rand-m7-mstd0.5-inc1` of timm is
    `RandAugment(magnitude=7.0, std=0.5)`. It is TensorFlow code: for `tf.data` under every backend
    and for TensorFlow tensors; XLA cannot compile it. Floating point images are taken as 0..255 and
    rounded to bytes. `keras.layers.RandAugment` draws the operations once for a whole batch.

    Args:
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level, at least 0.
        operations: Number of rounds, at least 1.
        probability: Of doing the operation drawn, 0..1.
        interpolation: Of rotation, shear and translation: "bilinear", "bicubic", or "random".
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range; when called, if the inputs are tensors of
            another backend.

    Source: Cubuk et al., 'RandAugment' (arXiv 1909.13719); timm `data/auto_augment.py`.

    >>> import tensorflow as tf
    >>> images = tf.data.Dataset.from_tensors(tf.zeros([32, 48, 3], tf.uint8))
    >>> images.map(RandAugment(magnitude=7.0, std=0.5)).element_spec.shape
    TensorShape([32, 48, 3])
    """

    def __init__(
        self,
        magnitude: float = 7.0,
        std: float = 0.5,
        operations: int = 2,
        probability: float = 0.5,
        interpolation: str = "random",
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.RandAugment(magnitude, std, operations, probability, interpolation)
        super().__init__(value, seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), **vars(self.augmentation)}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomResizedCrop(TensorFlowLayer):
    """Cuts a random part out of each image and resizes it to a square.

    The value `krr.augment.RandomResizedCrop` as a layer. It is TensorFlow code: for `tf.data` under
    every backend and for TensorFlow tensors; XLA cannot compile it. Floating point images are taken
    as 0..255 and rounded to bytes.

    When not training the shorter edge is resized to `size` and the middle cut out, as
    `krr.augment.CenterCrop(size, crop_ratio=1.0)` does, bicubic unless the layer is bilinear.

    Args:
        size: Height and width of the result in pixels, at least 1.
        scale: Smallest and largest area as fractions of the image, within (0, 1].
        aspect: Smallest and largest ratio of width to height, greater than 0.
        interpolation: "bilinear", "bicubic", or "random" for a fair coin.
        exact: Whether every byte is Pillow's; single precision is faster.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range; when called, if the inputs are tensors of
            another backend.

    Source: Szegedy et al., 'Going deeper with convolutions', section 6; timm
    `data/transforms.py`, RandomResizedCropAndInterpolation.

    >>> import tensorflow as tf
    >>> images = tf.data.Dataset.from_tensors(tf.zeros([40, 30, 3], tf.uint8))
    >>> images.map(RandomResizedCrop(size=16)).element_spec.shape
    TensorShape([16, 16, 3])
    """

    def __init__(
        self,
        size: int,
        scale: Sequence[float] = (0.08, 1.0),
        aspect: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = "random",
        exact: bool = True,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.RandomResizedCrop(size, scale, aspect, interpolation, exact)
        super().__init__(value, seed, **kwargs)
        smooth = "bilinear" if interpolation == "bilinear" else "bicubic"
        self.whole = augment.CenterCrop(size, crop_ratio=1.0, interpolation=smooth)

    def prepare(self, images: Any, ops: Any) -> Any:
        """Returns the middle of each image."""
        return self.each(lambda row: self.whole(row[0]), (images,))

    def output_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        """Height and width of the result."""
        return self.whole.size, self.whole.size

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), **vars(self.augmentation)}
