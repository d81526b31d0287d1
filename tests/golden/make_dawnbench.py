"""Generates dawnbench.npz: logits of the networks of David Page's architecture search, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_dawnbench.py

Follows the definitions in `experiments.ipynb` of davidcpage/cifar10-fast, in float64, for
four 32x32 images. Images, weights and statistics are drawn from names and not stored.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812


def draw(name, shape):
    """Draws standard normal numbers from the name of a parameter."""
    return torch.tensor(np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape))


def conv(x, filters, size, name, stride=1):
    weight = draw(f"{name}.weight", (filters, x.shape[1], size, size))
    return F.conv2d(x, weight / weight[0].numel() ** 0.5, stride=stride, padding=size // 2)


def bn_relu(x, name):
    channels = (x.shape[1],)
    gamma, beta = 1 + 0.1 * draw(f"{name}.weight", channels), 0.1 * draw(f"{name}.bias", channels)
    mean = 0.1 * draw(f"{name}.running_mean", channels)
    variance = torch.exp(0.1 * draw(f"{name}.running_var", channels))
    return F.relu(F.batch_norm(x, mean, variance, gamma, beta, eps=1e-5))


def preactivated(x, branches):
    x = conv(x, 64, 3, "prep.conv")
    for layer, filters in enumerate((64, 128, 256, 256), start=1):
        for block in (0, 1):
            name = f"layer{layer}.block{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            x = shortcut = bn_relu(x, f"{name}.1.bn")
            if stride != 1:
                shortcut = conv(x, filters, 1, f"{name}.conv3", stride)
            if branches:
                y = bn_relu(conv(x, filters, 3, f"{name}.conv1", stride), f"{name}.2.bn")
                shortcut = shortcut + conv(y, filters, 3, f"{name}.conv2")
            x = shortcut
    return x


def chain(x, last, size, pool):
    x = bn_relu(conv(x, 64, 3, "prep.conv"), "prep.bn")
    for layer, filters in enumerate((128, 256, last), start=1):
        x = conv(x, filters, size, f"layer{layer}.conv", 1 if pool else 2)
        x = bn_relu(x, f"layer{layer}.bn")
        x = F.max_pool2d(x, 2) if pool else x
    return x


def classify(x, concatenate):
    pooled = F.max_pool2d(x, 4).flatten(1)
    if concatenate:
        pooled = torch.cat([pooled, F.avg_pool2d(x, 4).flatten(1)], 1)
    weight = draw("linear.weight", (10, pooled.shape[1])) / pooled.shape[1] ** 0.5
    return pooled @ weight.T + 0.1 * draw("linear.bias", (10,))


def main():
    """Writes dawnbench.npz next to this file."""
    images = draw("images", (4, 3, 32, 32))
    logits = {
        "baseline": classify(preactivated(images, branches=True), True),
        "backbone": classify(preactivated(images, branches=False), True),
        "one normalization each": classify(chain(images, 256, 1, pool=False), True),
        "3x3": classify(chain(images, 256, 3, pool=False), True),
        "pooled": classify(chain(images, 256, 3, pool=True), True),
        "maximum": classify(chain(images, 512, 3, pool=True), False),
    }
    arrays = {name: values.numpy().astype("float32") for name, values in logits.items()}
    meta = {"versions": {"torch": torch.__version__, "numpy": np.__version__}}
    path = Path(__file__).with_name("dawnbench.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
