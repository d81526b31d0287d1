"""Generates whitening.npz: Page's whitening filters of random images, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_whitening.py whitening.npz

`torch.nn.functional.unfold` extracts all patches; its components are ordered by channel first.
Filters have the layout of torch's convolution, [out, channel, row, column].
The sign of an eigenvector is arbitrary; the tests align it.
"""

import json
import sys

import numpy as np
import torch

EPSILON = 1e-2


def draw_images(count, size, seed):
    """Draws noise, smoothed so that neighbors and channels correlate, with a deviation of about one."""
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3, size, size)))
    smooth = torch.nn.functional.avg_pool2d(noise, 5, stride=1, padding=2)
    smooth = smooth + 0.5 * smooth.mean(1, keepdim=True) + 0.02 * noise
    return (smooth / smooth.std() + 0.3).half()


def main():
    images = draw_images(150, 12, 0)
    patches = torch.nn.functional.unfold(images.double(), 3).transpose(1, 2).reshape(-1, 27)
    values, vectors = torch.linalg.eigh(patches.T @ patches / (len(patches) - 1))
    values, vectors = values.flip(0), vectors.T.flip(0).reshape(27, 3, 3, 3)
    filters = vectors / torch.sqrt(values + EPSILON)[:, None, None, None]
    meta = {
        "script": "make_whitening.py",
        "epsilon": EPSILON,
        "patches": len(patches),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    np.savez_compressed(
        sys.argv[1],
        meta=np.array(json.dumps(meta)),
        images=images.numpy(),
        values=values.numpy(),
        filters=filters.numpy(),
    )


if __name__ == "__main__":
    main()
