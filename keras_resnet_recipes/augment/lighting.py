"""Noise along the directions in which the colours of ImageNet vary."""

from __future__ import annotations

from collections.abc import Sequence

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import Augmentation
from keras_resnet_recipes.number import number

EIGENVALUES = (0.2175, 0.0188, 0.0045)
"""Of the covariance of ImageNet's colours on the scale 0..1, as AlexNet's successors use them."""

EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
"""Of red, green and blue (rows) for each of the eigenvalues (columns)."""


class Lighting(Augmentation):
    """Add the same random colour to all pixels of an image.

    The colour is the sum over the three principal components k of a normal variate of deviation
    `std`, times eigenvalue k, times eigenvector k. On 0..255 with 0.1 it is 3.2 levels strong a
    channel. The original adds it to floating point numbers; here it is rounded to whole levels, half
    to even, and the sums are limited to 0..255.

    Args:
        std: Standard deviation, at least 0; the sources use 0.1.

    Raises:
        ValueError: If it is negative.

    Source: Krizhevsky et al., 'ImageNet classification with deep convolutional neural networks',
    section 4.1; fb.resnet.torch `datasets/imagenet.lua` and `transforms.lua`, Lighting.

    >>> Lighting()(tf.zeros([32, 48, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 48, 3])
    """

    std: float = number(0.1, "PCA colour noise: standard deviation of its coefficients", minimum=0)

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `color`, float64 [n, 3]: what is added to red, green and blue, on the scale 0..255.

        >>> Lighting().draw(256, seed=(0, 1))["color"].shape
        TensorShape([256, 3])
        """
        seed = tf.cast(seed, tf.int64)
        weights = self.std * tf.random.stateless_normal([n, 3], seed, dtype=tf.float64)
        return {"color": principal_color(weights)}

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Add the colour.

        Args:
            image: uint8 [height, width, 3], RGB.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [height, width, 3].

        >>> drawn = {"color": tf.constant([1.6, -9.0, 9.0], tf.float64)}
        >>> Lighting().apply(tf.constant([[[7, 7, 250]]], tf.uint8), drawn)[0, 0].numpy().tolist()
        [9, 0, 255]
        """
        image = tf.convert_to_tensor(image)
        height, width, _ = tf.unstack(tf.shape(image))
        levels = tf.tile(tf.cast(tf.round(drawn["color"]), tf.int16), [width])
        # As rows of values: elementwise arithmetic is much faster on them than on pixels.
        sums = tf.cast(tf.reshape(image, [height, 3 * width]), tf.int16) + levels
        changed = tf.cast(tf.clip_by_value(sums, 0, 255), tf.uint8)
        return tf.ensure_shape(tf.reshape(changed, tf.shape(image)), image.shape)

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """The levels added to red, green and blue.

        >>> Lighting().describe({"color": tf.constant([1.6, -9.0, 0.2])}, 8, 8)
        'RGB +2 -9 +0'
        """
        return " ".join(["RGB", *(f"{int(level):+d}" for level in tf.round(drawn["color"]))])


def principal_color(weights: tf.Tensor) -> tf.Tensor:
    """A colour of given weights on the principal components.

    Args:
        weights: Of the three components, float64 [..., 3].

    Returns:
        Red, green and blue, float64 [..., 3] on the scale 0..255.

    >>> principal_color([[1.0, 0.0, 0.0]]).numpy().round(1).tolist()
    [[-31.5, -32.2, -32.4]]
    """
    scaled = tf.convert_to_tensor(weights, tf.float64) * EIGENVALUES * 255.0
    return tf.reduce_sum(scaled[..., None, :] * tf.constant(EIGENVECTORS, tf.float64), -1)
