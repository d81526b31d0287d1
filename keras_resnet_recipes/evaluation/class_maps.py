"""Class activation maps: where in an image a network finds its evidence for a class."""

from typing import Any

import keras
import numpy as np
from PIL import Image, ImageDraw

from keras_resnet_recipes.applications.network import deep_recursion
from keras_resnet_recipes.applications.outputs import ACTIVATING, PASSING
from keras_resnet_recipes.augment import CenterCrop, kernels

# Of the colors between black, through red and orange, to pale yellow, as in matplotlib's "inferno".
_COLORS = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])


class ClassActivationMaps:
    """Class activation maps of a network that ends in global average pooling and a dense layer.

    The map of a class is the last feature map, weighted by the class's weights in the dense layer. It is exact: because
    both layers are linear, its mean over all positions plus the class's bias is the logit.

    Args:
        model: A functional or Sequential model of images. Dropout before the dense layer and an activation after it are
            allowed.

    Raises:
        ValueError: If the model does not end so.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> maps = ClassActivationMaps(krr.applications.ResNet20(classes=3))
        >>> outputs, found = maps(np.zeros((2, 32, 32, 3), "uint8"))
        >>> outputs.shape, found.shape
        ((2, 3), (2, 8, 8))

    References:
        Zhou et al., "Learning Deep Features for Discriminative Localization" (arXiv 1512.04150), section 2
    """

    def __init__(self, model: keras.Model) -> None:
        features, dense = _ending(model)
        self._kernel = keras.ops.convert_to_numpy(keras.ops.cast(dense.kernel, "float32"))
        with deep_recursion():
            self._model = keras.Model(model.inputs[0], [features, model.outputs[0]])

    def __call__(
        self, images: Any, classes: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predicts images.

        Args:
            images: [n, height, width, 3], as for the model.
            classes: Class of each map, integers [n]; by default the predicted class of each image.

        Returns:
            The model's outputs, [n, classes], and the maps, float32 [n, rows, columns], of the size of the feature map.
        """
        features, outputs = (
            np.asarray(one, np.float32) for one in self._model.predict_on_batch(images)
        )
        classes = outputs.argmax(1) if classes is None else np.asarray(classes)
        return outputs, np.einsum("nhwc,cn->nhw", features, self._kernel[:, classes])


def _ending(model: keras.Model) -> tuple[Any, keras.layers.Dense]:
    """Returns the input of the global average pooling with which a model ends, and the dense layer."""
    end = _before(model.outputs[0])
    while type(end[0]).__name__ in (*ACTIVATING, *PASSING):
        end = _before(end[1])
    dense, tensor = end
    found = type(dense).__name__
    if isinstance(dense, keras.layers.Dense):
        pool, features = _before(tensor)
        # An activation in between would not be linear.
        while type(pool).__name__ in PASSING and not isinstance(pool, keras.layers.Activation):
            pool, features = _before(features)
        found = f"{type(pool).__name__} and {found}"
        averages = isinstance(pool, keras.layers.GlobalAveragePooling2D)
        if averages and pool.data_format == "channels_last":
            return features, dense
    raise ValueError(
        "`model` must end in global average pooling and a dense layer to have exact class activation maps. "
        f"Received: model {model.name!r}, which ends in {found}"
    )


def _before(tensor: Any) -> tuple[keras.Operation, Any]:
    """Returns the operation that makes a tensor, and its first input."""
    operation, node, _ = tensor._keras_history
    inputs = operation._inbound_nodes[node].input_tensors
    return operation, inputs[0] if inputs else tensor


def thumbnail(image: np.ndarray, longer_side: int) -> np.ndarray:
    """Returns a whole image at another size, sharp: resampled to be smaller, or its pixels repeated to be larger.

    Args:
        image: uint8 [height, width, 3], or packed pixels, uint32 [height, width].
        longer_side: Height or width in pixels; for a smaller image, the largest multiple of its own that is not larger.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> thumbnail(np.zeros((300, 600, 3), "uint8"), 160).shape
        (80, 160, 3)
        >>> thumbnail(np.zeros((32, 32, 3), "uint8"), 160).shape
        (160, 160, 3)
    """
    pixels = kernels.packing.unpack(image) if image.ndim == 2 else image
    times = longer_side // max(pixels.shape)
    if times > 1:
        return pixels.repeat(times, axis=0).repeat(times, axis=1)
    small = Image.fromarray(pixels)
    small.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def framed(
    image: np.ndarray,
    crop: CenterCrop | None = None,
    class_map: np.ndarray | None = None,
) -> np.ndarray:
    """Draws what a network sees of an image: the frame of its crop, and a class activation map over it.

    Args:
        image: The whole image, uint8 [height, width, 3].
        crop: The crop; None if the network sees the whole image.
        class_map: Map of one class, float [rows, columns]. It is scaled linearly, so that its smallest value is black
            and its largest pale yellow.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> framed(np.zeros((40, 60, 3), "uint8"), CenterCrop(32)).max()
        np.uint8(255)
    """
    height, width = image.shape[:2]
    whole = (0.0, 0.0, float(height), float(width))
    top, left, rows, columns = whole if crop is None else crop.box(height, width)
    box = [round(edge) for edge in (left, top, left + columns, top + rows)]
    drawn = Image.fromarray(image)
    if class_map is not None:
        drawn.paste(_heated(drawn.crop(box), class_map), box)
    if box != [0, 0, width, height]:
        line = max(1, round(max(height, width) / 200))
        corners = (box[0], box[1], box[2] - 1, box[3] - 1)
        # White with a black outline is visible on light and dark images.
        around = [edge + sign * line for edge, sign in zip(corners, (-1, -1, 1, 1), strict=True)]
        ImageDraw.Draw(drawn).rectangle(around, outline=(0, 0, 0), width=line)
        ImageDraw.Draw(drawn).rectangle(corners, outline=(255, 255, 255), width=line)
    return np.asarray(drawn)


def _heated(image: Image.Image, class_map: np.ndarray) -> Image.Image:
    """Returns an image in the colors of a map, which is enlarged to it with bilinear interpolation."""
    span = float(np.ptp(class_map)) or 1.0
    scaled = Image.fromarray(((class_map - class_map.min()) / span).astype("float32"))
    heat = np.asarray(scaled.resize(image.size, Image.Resampling.BILINEAR))[..., None]
    grades = np.linspace(0, 1, len(_COLORS))
    colors = np.stack([np.interp(heat[..., 0], grades, channel) for channel in _COLORS.T], -1)
    gray = np.asarray(image.convert("L"), "float32")[..., None]
    blended = 0.5 * gray + 0.5 * colors
    return Image.fromarray(np.rint(blended).astype("uint8"))
