"""The fixed first convolution of the later speed runs on CIFAR-10."""

import keras
import numpy as np

# As many images at a time as keep the patches within some tens of megabytes.
_CHUNK = 128
# What Page computes the filters from.
IMAGES = 10_000


def whiten(model: keras.Model, images: np.ndarray) -> None:
    """Gives the fixed convolution of a network its filters, those that whiten the training images.

    Call it before training; a model that is loaded has its filters.

    Args:
        model: A network with a layer `prep_whiten`: `dawnbench.backbone_features` with whitening.
        images: The training images as the network takes them, [n, height, width, channels]: pixels,
            0 to 255, or normalized ones if it was made with `include_preprocessing=False`. The first
            10,000 are looked at.

    Raises:
        ValueError: If the model has no such layer, or the images are none, smaller than a patch, or
            of another number of channels.

    Source: Page, 'How to train your ResNet', part 8; cifar10-fast `bag_of_tricks.ipynb`.

    >>> from functools import partial
    >>> import numpy as np
    >>> from keras_resnet_recipes.applications import dawnbench
    >>> features = partial(dawnbench.backbone_features, whitening=True)
    >>> model = dawnbench.dawnbench_network("Whitened", summary="", features=features)()
    >>> whiten(model, np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8"))
    """
    layers = {layer.name: layer for layer in model.layers}
    if "prep_whiten" not in layers:
        raise ValueError(
            f"model {model.name!r} has no layer 'prep_whiten', made with whitening=True"
        )
    kernel, images = layers["prep_whiten"].kernel, np.asarray(images[:IMAGES])
    if images.ndim != 4 or images.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"images must be [n, height, width, {kernel.shape[2]}], got {images.shape}"
        )
    if "normalization" in layers:
        images = keras.ops.convert_to_numpy(layers["normalization"](images))
    kernel.assign(whitening_kernel(images))


def whitening_kernel(images: np.ndarray, size: int = 3, epsilon: float = 1e-2) -> np.ndarray:
    """Filters whose outputs are uncorrelated and of about the same strength on the patches of images.

    They are the eigenvectors of the second moments of all patches (the mean is not subtracted),
    from the largest eigenvalue to the smallest, each over sqrt(eigenvalue + epsilon), with moments
    over the number of patches less one. Page takes the first 10,000 training images, normalized and
    without padding; `whiten` gives them to a network.

    The sign of an eigenvector means nothing; here its largest component is positive, for the same
    filters everywhere.

    Args:
        images: Normalized images, [n, height, width, channels], any real type.
        size: Height and width of a patch in pixels.
        epsilon: Added to the eigenvalues, greater than 0: the smallest are nearly 0.

    Returns:
        float32 [size, size, channels, size * size * channels], as `keras.layers.Conv2D` has it.

    Raises:
        ValueError: If the images are none, or smaller than a patch, or epsilon is not positive.

    Source: Page, 'How to train your ResNet', part 8; cifar10-fast `bag_of_tricks.ipynb`, eigens and
    whitening_block.

    >>> import numpy as np
    >>> whitening_kernel(np.random.default_rng(0).normal(size=(4, 8, 8, 3))).shape
    (3, 3, 3, 27)
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images) or min(images.shape[1:3]) < size:
        raise ValueError(
            f"images must be [n, height, width, channels], of at least {size}x{size} pixels, "
            f"got {images.shape}"
        )
    if not epsilon > 0:
        raise ValueError(f"epsilon must be greater than 0, got {epsilon!r}")
    values, vectors = np.linalg.eigh(_second_moments(images, size))
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.take_along_axis(vectors, abs(vectors).argmax(0)[None], axis=0)
    filters = vectors * np.sign(largest) / np.sqrt(values + epsilon)
    return filters.reshape(size, size, images.shape[-1], -1).astype(np.float32)


def _second_moments(images: np.ndarray, size: int) -> np.ndarray:
    """Sums of products of the components of a patch, over the number of patches less one."""
    length = size * size * images.shape[-1]
    moments, count = np.zeros((length, length)), 0
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].astype(np.float64)
        windows = np.lib.stride_tricks.sliding_window_view(chunk, (size, size), axis=(1, 2))
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, length)
        moments += patches.T @ patches
        count += len(patches)
    return moments / (count - 1)
