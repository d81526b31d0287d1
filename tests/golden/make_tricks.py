"""Generates tricks.npz: a training step of Page's network with all later tricks, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_tricks.py

Follows `new_dawn.py`, `torch_backend.py` and `bag_of_tricks.ipynb` of davidcpage/cifar10-fast,
in float64: max-pooling before batch norm, CELU with alpha 0.3, batch norm over groups of 8 consecutive
images (in the original, of every nth image), scales of 1, logits divided by 16, a fixed 3x3 convolution
followed by a learned 1x1 convolution, label smoothing 0.2, the summed loss, Nesterov momentum with the
learning rate inside the velocity, biases with 64 times the learning rate and a 64th of the decay. One
update, then an evaluation. Moving variances track the unbiased variance, as in torch. Images, labels and
weights are drawn from names and not stored; every nth number of large arrays is kept.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

IMAGES, GROUP, ALPHA, SCALE, SMOOTHING = 16, 8, 0.3, 1 / 16, 0.2
RATE, DECAY, MOMENTUM, BIASES = 2e-3, 0.256, 0.9, 64
WIDTHS = {
    "prep": (27, 64, 1),
    "layer1": (64, 128, 3),
    "res1a": (128, 128, 3),
    "res1b": (128, 128, 3),
}
WIDTHS |= {"layer2": (128, 256, 3), "layer3": (256, 512, 3)}
WIDTHS |= {"res3a": (512, 512, 3), "res3b": (512, 512, 3)}
KEPT = 1500  # at most, per array


def draw(name, shape):
    """Draws standard normal numbers from the name of a parameter."""
    return torch.tensor(np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape))


def parameters():
    """Returns the trained parameters by name, and the moving statistics."""
    trained, moving = {}, {}
    for name, (inputs, outputs, size) in WIDTHS.items():
        kernel = draw(f"{name}.conv.weight", (outputs, inputs, size, size))
        trained[f"{name}.conv.weight"] = kernel / kernel[0].numel() ** 0.5
        trained[f"{name}.bn.bias"] = 0.1 * draw(f"{name}.bn.bias", (outputs,))
        moving[f"{name}.bn.running_mean"] = 0.1 * draw(f"{name}.bn.running_mean", (outputs,))
        variance = draw(f"{name}.bn.running_var", (outputs,))
        moving[f"{name}.bn.running_var"] = torch.exp(0.1 * variance)
    trained["linear.weight"] = draw("linear.weight", (10, 512)) / 512**0.5
    for parameter in trained.values():
        parameter.requires_grad_()
    return trained, moving


def normalized(x, bias, name, moving, training):
    """Normalizes by groups; the moving statistics are averaged over the groups."""
    mean, variance = moving[f"{name}.bn.running_mean"], moving[f"{name}.bn.running_var"]
    if not training:
        return F.batch_norm(x, mean, variance, bias=bias, eps=1e-5)
    groups = x.split(GROUP)
    with torch.no_grad():
        flat = [group.transpose(0, 1).flatten(1) for group in groups]
        means = torch.stack([group.mean(1) for group in flat]).mean(0)
        variances = torch.stack([group.var(1, unbiased=True) for group in flat]).mean(0)
        moving[f"{name}.bn.running_mean"] = 0.9 * mean + 0.1 * means
        moving[f"{name}.bn.running_var"] = 0.9 * variance + 0.1 * variances
    return torch.cat(
        [F.batch_norm(g, None, None, bias=bias, training=True, eps=1e-5) for g in groups]
    )


def logits_of(images, trained, moving, training):
    def unit(x, name, pool=False):
        x = F.conv2d(x, trained[f"{name}.conv.weight"], padding="same")
        x = F.max_pool2d(x, 2) if pool else x
        return F.celu(normalized(x, trained[f"{name}.bn.bias"], name, moving, training), ALPHA)

    whiten = draw("prep.whiten.weight", (27, 3, 3, 3)) / 27**0.5
    x = unit(F.conv2d(images, whiten, padding="same"), "prep")
    x = unit(x, "layer1", pool=True)
    x = x + unit(unit(x, "res1a"), "res1b")
    x = unit(unit(x, "layer2", pool=True), "layer3", pool=True)
    x = x + unit(unit(x, "res3a"), "res3b")
    return SCALE * F.max_pool2d(x, 4).flatten(1) @ trained["linear.weight"].T


def loss_of(logits, labels):
    log_probabilities = F.log_softmax(logits, 1)
    entropy = F.nll_loss(log_probabilities, labels, reduction="sum")
    return (1 - SMOOTHING) * entropy - SMOOTHING * log_probabilities.mean(1).sum()


def update(trained):
    """Applies Page's update: d = -lr (g + wd w); v <- 0.9 v + d; w <- w + d + 0.9 v, with v = 0 initially."""
    for name, w in trained.items():
        factor = BIASES if name.endswith("bias") else 1
        with torch.no_grad():
            d = -RATE * factor * (w.grad + DECAY / factor * w)
            w += d + MOMENTUM * d


def thinned(values):
    values = values.detach().numpy().ravel()
    return values[:: -(-len(values) // KEPT)].astype("float32")


def main():
    """Writes tricks.npz next to this file."""
    images, labels = draw("images", (IMAGES, 3, 32, 32)), torch.arange(IMAGES) % 10
    trained, moving = parameters()
    logits = logits_of(images, trained, moving, training=True)
    loss = loss_of(logits, labels)
    loss.backward()
    arrays = {"logits": logits.detach().numpy(), "loss": loss.item()}
    arrays |= {f"norm/{name}": values.grad.norm().item() for name, values in trained.items()}
    arrays |= {f"gradient/{name}": thinned(values.grad) for name, values in trained.items()}
    update(trained)
    arrays |= {f"updated/{name}": thinned(values) for name, values in trained.items()}
    arrays |= {f"moving/{name}": thinned(values) for name, values in moving.items()}
    arrays["evaluated"] = logits_of(images, trained, moving, training=False).detach().numpy()
    meta = {
        "script": "make_tricks.py",
        "images": IMAGES,
        "group": GROUP,
        "alpha": ALPHA,
        "scale": SCALE,
        "smoothing": SMOOTHING,
        "rate": RATE,
        "decay": DECAY,
        "momentum": MOMENTUM,
        "biases": BIASES,
        "kept": KEPT,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_name("tricks.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
