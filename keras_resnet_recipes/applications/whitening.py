"""Whitening filters of the fixed first convolution in the later CIFAR-10 speed runs."""

import keras
import numpy as np

# Images at a time, so that patches take some tens of megabytes.
_CHUNK = 128


def whiten(model: keras.Model, images: np.ndarray, epsilon: float = 1e-2) -> None:
    """Sets the filters of a network's fixed convolution to whiten the training images.

    Call it before training; a loaded model already has its filters.

    Args:
        model: A network with a layer `prep_whiten`: `AirbenchNet`, or `dawnbench.backbone_features` with
            `whitening=True`. The layer determines the size of the patches, and whether filters occur with both signs.
        images: Training images in the form of the network's inputs, [n, height, width, channels]: pixels,
            0 to 255, or normalized images if it was built with `include_preprocessing=False`. Page uses the first
            10,000, Jordan the first 5,000.
        epsilon: As for `whitening_kernel`.

    Raises:
        ValueError: If the model has no such layer, or `images` is empty, smaller than a patch, or has
            another number of channels.

    Example:
        >>> from functools import partial
        >>> import numpy as np
        >>> from keras_resnet_recipes.applications import dawnbench
        >>> features = partial(dawnbench.backbone_features, whitening=True)
        >>> model = dawnbench.dawnbench_network("Whitened", summary="", features=features)()
        >>> whiten(model, np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8"))

    References:
        Page, "How to train your ResNet", part 8; cifar10-fast `bag_of_tricks.ipynb`; cifar10-airbench
        `airbench94_muon.py`, init_whiten.
    """
    layers = {layer.name: layer for layer in model.layers}
    if "prep_whiten" not in layers:
        raise ValueError(
            "`model` must have a layer 'prep_whiten', built with whitening=True. "
            f"Received: model {model.name!r}"
        )
    kernel, images = layers["prep_whiten"].kernel, np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"`images` must be [n, height, width, {kernel.shape[2]}]. Received: shape={images.shape}"
        )
    if "normalization" in layers:
        images = keras.ops.convert_to_numpy(layers["normalization"](images))
    size, _, channels, filters = kernel.shape
    negatives = filters > size * size * channels
    kernel.assign(whitening_kernel(images, size, epsilon, negatives=negatives))


def whitening_kernel(
    images: np.ndarray, size: int = 3, epsilon: float = 1e-2, *, negatives: bool = False
) -> np.ndarray:
    """Computes filters whose outputs on image patches are uncorrelated and of about equal variance.

    They are the eigenvectors of the second moments of all patches (without subtracting the mean), from the
    largest eigenvalue to the smallest, each divided by sqrt(eigenvalue + epsilon). Moments are divided by
    the number of patches minus one, as by Page; Jordan divides by the number, 4,805,000, and sorts the other way
    round. Both use normalized images without padding; `whiten` sets the filters of a network.

    The sign of an eigenvector is arbitrary; here its largest component is positive, so that filters are
    reproducible.

    Args:
        images: Normalized images, [n, height, width, channels], any real dtype.
        size: Height and width of a patch in pixels.
        epsilon: Added to the eigenvalues, of which the smallest are nearly 0; greater than 0. Jordan's is 5e-4.
        negatives: Whether the filters are followed by the same filters with the other sign.

    Returns:
        float32 [size, size, channels, size * size * channels], a kernel of `keras.layers.Conv2D`; twice as many
        filters with `negatives`.

    Raises:
        ValueError: If `images` is empty or smaller than a patch, or `epsilon` is not positive.

    Example:
        >>> import numpy as np
        >>> whitening_kernel(np.random.default_rng(0).normal(size=(4, 8, 8, 3))).shape
        (3, 3, 3, 27)

    References:
        Page, "How to train your ResNet", part 8; cifar10-fast `bag_of_tricks.ipynb`, eigens and
        whitening_block; cifar10-airbench `airbench94_muon.py`, init_whiten.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images) or min(images.shape[1:3]) < size:
        raise ValueError(
            f"`images` must be [n, height, width, channels], of at least {size}x{size} pixels. "
            f"Received: shape={images.shape}"
        )
    if not epsilon > 0:
        raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon!r}")
    values, vectors = np.linalg.eigh(_second_moments(images, size))
    values, vectors = values[::-1], vectors[:, ::-1]
    largest = np.take_along_axis(vectors, abs(vectors).argmax(0)[None], axis=0)
    filters = vectors * np.sign(largest) / np.sqrt(values + epsilon)
    if negatives:
        filters = np.concatenate([filters, -filters], axis=1)
    return filters.reshape(size, size, images.shape[-1], -1).astype(np.float32)


def _second_moments(images: np.ndarray, size: int) -> np.ndarray:
    """Returns the second moments of patches, divided by the number of patches minus one."""
    length = size * size * images.shape[-1]
    moments, count = np.zeros((length, length)), 0
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].astype(np.float64)
        windows = np.lib.stride_tricks.sliding_window_view(chunk, (size, size), axis=(1, 2))
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, length)
        moments += patches.T @ patches
        count += len(patches)
    return moments / (count - 1)
