"""Generates groups.npz: twenty updates of a small network with airbench94_muon.py's optimizers, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_groups.py

Convolution with bias, GELU, convolution, max-pool, batch norm without scale, GELU, dense without bias; cross-entropy of
smoothed labels, summed over the batch. Muon updates both kernels of convolutions. `torch.optim.SGD` has three groups
with a decay of DECAY / rate each: the first bias, which trains for two of the five epochs at a rate that decreases to 0
within them; the shift of batch norm; and the dense kernel. In float64.
"""

import json
from pathlib import Path

import numpy as np
import torch
from make_muon import muon_step
from torch.nn import functional as F  # noqa: N812

EPOCHS, STEPS, BATCH, BIAS_EPOCHS = 5, 4, 16, 2
RATES = {"convolutions": 0.24, "biases": 0.053, "classifier": 0.67}
DECAY, SMOOTHING, MOMENTUM, MUON_MOMENTUM = 0.004, 0.2, 0.85, 0.6
SHAPES = {
    "whiten/kernel": (4, 3, 2, 2),
    "whiten/bias": (4,),
    "conv/kernel": (8, 4, 3, 3),
    "norm/beta": (8,),
    "fc/kernel": (5, 72),
}


def main():
    """Writes groups.npz next to this file."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(STEPS * BATCH, 3, 8, 8)).astype("float16")
    labels = rng.integers(0, 5, STEPS * BATCH)
    start = {name: (0.3 * rng.normal(size=s)).astype("float16") for name, s in SHAPES.items()}
    p = {name: torch.tensor(v).double().requires_grad_() for name, v in start.items()}
    parts = (("whiten/bias", "biases"), ("norm/beta", "biases"), ("fc/kernel", "classifier"))
    groups = [
        {"params": [p[name]], "lr": RATES[kind], "weight_decay": DECAY / RATES[kind]}
        for name, kind in parts
    ]
    sgd = torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True)
    buffers = {name: torch.zeros_like(p[name]) for name in ("whiten/kernel", "conv/kernel")}
    total, of_bias, losses = EPOCHS * STEPS, BIAS_EPOCHS * STEPS, []
    for step in range(total):
        chosen = slice(step % STEPS * BATCH, (step % STEPS + 1) * BATCH)
        bias = p["whiten/bias"] if step < of_bias else p["whiten/bias"].detach()
        x = F.gelu(F.conv2d(torch.tensor(images[chosen]).double(), p["whiten/kernel"], bias))
        x = F.max_pool2d(F.conv2d(x, p["conv/kernel"], padding="same"), 2)
        x = F.gelu(F.batch_norm(x, None, None, bias=p["norm/beta"], training=True, eps=1e-5))
        logits = x.flatten(1) @ p["fc/kernel"].T / 16
        targets = torch.tensor(labels[chosen])
        loss = F.cross_entropy(logits, targets, label_smoothing=SMOOTHING, reduction="sum")
        loss.backward()
        losses.append(loss.item() / BATCH)
        remaining = 1 - step / total
        for group, (_, kind), left in zip(
            sgd.param_groups, parts, (1 - step / of_bias, remaining, remaining), strict=True
        ):
            group["lr"] = RATES[kind] * left
        sgd.step()
        for name, buffer in buffers.items():
            rate = RATES["convolutions"] * remaining
            muon_step(p[name], p[name].grad, buffer, rate, momentum=MUON_MOMENTUM)
        for one in p.values():
            one.grad = None
    arrays = {"images": images, "labels": labels.astype("int8"), "losses": np.array(losses)}
    arrays |= {f"start/{name}": value for name, value in start.items()}
    arrays |= {f"end/{name}": value.detach().numpy() for name, value in p.items()}
    meta = {
        "what": "images in order, start/ and end/ in torch's layout, the mean loss of every update",
        "script": "make_groups.py",
        "epochs": EPOCHS,
        "bias_epochs": BIAS_EPOCHS,
        "batch": BATCH,
        "rates": RATES,
        "decay": DECAY,
        "smoothing": SMOOTHING,
        "momentum": MOMENTUM,
        "muon_momentum": MUON_MOMENTUM,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_name("groups.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
