"""The fixed first convolution of the later speed runs on CIFAR-10."""

import numpy as np

# As many images at a time as keep the patches within some tens of megabytes.
_CHUNK = 128


def whitening_kernel(images: np.ndarray, size: int = 3, epsilon: float = 1e-2) -> np.ndarray:
    """Filters whose outputs are uncorrelated and of about the same strength on the patches of images.

    They are the eigenvectors of the second moments of all patches (the mean is not subtracted),
    from the largest eigenvalue to the smallest, each over sqrt(eigenvalue + epsilon), with moments
    over the number of patches less one. Page takes the first 10,000 training images, normalized and
    without padding, and a convolution with the padding "same" and a learned one of a pixel after
    it:

        convolution = keras.layers.Conv2D(27, 3, padding="same", use_bias=False, trainable=False)
        convolution.build((None, 32, 32, 3))
        convolution.set_weights([whitening_kernel(images[:10_000])])

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
