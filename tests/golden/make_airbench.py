"""Generates airbench.npz: the network, whitening, updates and test views of airbench94, in torch, in float64.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_airbench.py

The network, optimizers and augmentation are those of benchmarks/airbench_reference.py, which is written from the
description of KellerJordan/cifar10-airbench `airbench94_muon.py`. Images and weights are drawn from names and not
stored; tests/training/airbench.py draws the same. Order, offsets and mirrored images are stored.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import airbench_reference as reference

IMAGES, BATCH, EPOCHS, WIDTHS = 200, 100, 10, (32, 64, 256)
# With the rates of batches of 2,000, rounding errors grow tenfold with every update.
SCALE = 0.01


def random(name):
    return np.random.RandomState(zlib.crc32(name.encode()))


def draw(name, shape):
    """Draws standard normal numbers from the name of a parameter."""
    return torch.tensor(random(name).standard_normal(shape))


def draw_images(name, labels):
    """Draws an image per label: a pattern of its class in large squares, and noise."""
    patterns = random("patterns").randint(60, 196, (10, 4, 4, 3))[labels]
    noise = random(name).randint(-60, 61, (len(labels), 16, 16, 3))
    enlarged = np.kron(patterns, np.ones((1, 8, 8, 1), int)) + np.kron(
        noise, np.ones((1, 2, 2, 1), int)
    )
    return enlarged.clip(0, 255).astype(np.uint8)


def parameters(net):
    """Yields the parameters and statistics of a network with the names that the tests draw from."""
    yield "prep.whiten.weight", net.whiten.weight
    yield "prep.bias.bias", net.whiten.bias
    for number, group in enumerate(net.groups, start=1):
        for kind, index in (("layer", 1), ("extra", 2)):
            norm = getattr(group, f"norm{index}")
            yield f"{kind}{number}.conv.weight", getattr(group, f"conv{index}").weight
            yield f"{kind}{number}.bn.bias", norm.bias
            yield f"{kind}{number}.bn.running_mean", norm.running_mean
            yield f"{kind}{number}.bn.running_var", norm.running_var
    yield "linear.weight", net.head.weight


def filled(widths=(64, 256, 256)):
    """Returns the network with weights drawn from their names."""
    net = reference.Net(widths).double()
    with torch.no_grad():
        for name, parameter in parameters(net):
            z = draw(name, tuple(parameter.shape))
            if name.endswith("weight"):
                z = z / parameter[0].numel() ** 0.5
            else:
                z = torch.exp(0.1 * z) if name.endswith("running_var") else 0.1 * z
            parameter.copy_(z)
    return net


def forward():
    """Returns logits in training and, with the statistics after it, in evaluation; and these statistics."""
    net, images = filled(), draw("images", (8, 3, 32, 32))
    found = {"train_logits": net.train()(images), "eval_logits": net.eval()(images)}
    return found | {name: p for name, p in parameters(net) if "running" in name}


def trained(found):
    """Adds the losses of 20 updates, what was drawn for them, and the logits of six views after them."""
    labels = np.arange(IMAGES) % 10
    images = reference.normalized(draw_images("training", labels), torch.float64)
    net = filled(WIDTHS)
    with torch.no_grad():
        net.whiten.weight.copy_(reference.whitening_filters(images))
        for name, parameter in parameters(net):
            if "running" in name:
                parameter.fill_(name.endswith("var"))
            elif ".bn." in name:
                parameter.zero_()
            elif ".conv." in name:
                torch.nn.init.dirac_(parameter[: parameter.shape[1]])
        net.head.weight /= net.head.weight.std()
    rng = np.random.default_rng(0)
    found["mirrored"] = mirrored = rng.random(IMAGES) < 0.5
    found["orders"] = orders = np.stack([rng.permutation(IMAGES) for _ in range(EPOCHS)])
    found["corners"] = corners = rng.integers(0, 5, (EPOCHS, IMAGES, 2), "int8")
    found["whitening"] = net.whiten.weight.clone()
    trainer, losses = reference.Trainer(net.train(), IMAGES // BATCH, EPOCHS, SCALE), []
    for epoch in range(EPOCHS):
        drawn = torch.from_numpy(mirrored), torch.from_numpy(corners[epoch])
        made = reference.augmented(images, *drawn, epoch)
        for indices in orders[epoch].reshape(-1, BATCH):
            losses.append(trainer.update(made[indices], torch.from_numpy(labels[indices])))
    found["losses"] = np.array(losses)
    found["bias"] = net.whiten.bias
    tests = reference.normalized(draw_images("tests", labels[:50]), torch.float64)
    found |= {f"views_{views}": reference.tested(net, tests, views) for views in (1, 6)}
    return found


def main():
    """Writes airbench.npz next to this file."""
    torch.set_default_dtype(torch.float64)
    arrays = {
        name: torch.as_tensor(one).detach().numpy() for name, one in trained(forward()).items()
    }
    meta = {
        "batch": BATCH,
        "epochs": EPOCHS,
        "widths": WIDTHS,
        "scale": SCALE,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_name("airbench.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)
    print(arrays["losses"])


if __name__ == "__main__":
    main()
