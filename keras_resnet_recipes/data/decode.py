"""From the contents of an image file to RGB pixels."""

from collections.abc import Callable

import tensorflow as tf

# TensorFlow's default JPEG transform is 0.77 grey levels darker than Pillow's on average; this one
# gives Pillow's pixels.
_LIKE_PILLOW = "INTEGER_ACCURATE"


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Pixels of an encoded image.

    Args:
        encoded: Scalar string: contents of a JPEG, PNG, BMP or GIF file (of which the first frame).

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        tf.errors.InvalidArgumentError: If the contents are none of these, or damaged.

    >>> import tensorflow as tf, keras_resnet_recipes as krr
    >>> png = tf.io.encode_png(tf.zeros((4, 5, 3), tf.uint8))
    >>> tuple(krr.data.decode(png).shape)
    (4, 5, 3)
    """
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method=_LIKE_PILLOW),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, (None, None, 3))


def decode_crop(
    encoded: tf.Tensor, box_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Pixels inside a box of an encoded image; of a JPEG only that part is decoded.

    Args:
        encoded: Scalar string, as for `decode`.
        box_of: From height and width of the whole image to int32 [top, left, height, width].

    Returns:
        uint8 [box height, box width, 3], RGB.
    """

    def of_jpeg() -> tf.Tensor:
        shape = tf.io.extract_jpeg_shape(encoded)
        box = box_of(shape[0], shape[1])
        return tf.io.decode_and_crop_jpeg(encoded, box, channels=3, dct_method=_LIKE_PILLOW)

    def of_other() -> tf.Tensor:
        return cropped(tf.io.decode_image(encoded, channels=3, expand_animations=False), box_of)

    return tf.ensure_shape(tf.cond(tf.io.is_jpeg(encoded), of_jpeg, of_other), (None, None, 3))


def cropped(image: tf.Tensor, box_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Pixels inside a box of an image [height, width, 3]; `box_of` as for `decode_crop`."""
    shape = tf.shape(image)
    box = box_of(shape[0], shape[1])
    return tf.image.crop_to_bounding_box(image, box[0], box[1], box[2], box[3])
