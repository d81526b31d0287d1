"""Generates muon.npz: twenty steps of Muon as in airbench94_muon.py, and of a network in groups, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_muon.py

The first part are four kernels with drawn gradients, in torch's layout. Newton-Schulz iterates in float64, where the
original has bfloat16: an exact reference for float32, and closer than 1 % for bfloat16.
"""

import json
from pathlib import Path

import numpy as np
import torch

STEPS, RATE, MOMENTUM = 20, 0.24, 0.6
KEPT = (0, 4, 19)
SHAPES = {
    "wide": (8, 4, 3, 3),  # out < in * 9
    "tall": (40, 2, 3, 3),  # out > in * 9
    "square": (18, 2, 3, 3),
    "dense": (10, 16),
}
CASES = {
    "airbench": {},
    "plain": {"nesterov": False},
    "free": {"normalize": False, "iterations": 5},
    "no_momentum": {"momentum": 0.0, "nesterov": False},
}


def newton_schulz(matrix, iterations):
    """Returns the iterate of airbench94_muon.py."""
    x = matrix / (matrix.norm() + 1e-7)
    flipped = matrix.shape[0] > matrix.shape[1]
    x = x.T if flipped else x
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if flipped else x


@torch.no_grad()
def muon_step(p, g, buffer, rate, momentum=MOMENTUM, nesterov=True, normalize=True, iterations=3):
    """Updates a kernel [out, ...] and its buffer in place, as one step of airbench94_muon.py."""
    buffer.mul_(momentum).add_(g)
    g = g + momentum * buffer if nesterov else buffer
    if normalize:
        p.mul_(len(p) ** 0.5 / p.norm())
    p.sub_(rate * newton_schulz(g.reshape(len(g), -1), iterations).view(g.shape))


def kernels():
    """Returns the arrays of the first part."""
    rng = np.random.default_rng(0)
    # Exact in float16, so that the file is small.
    start = {name: rng.normal(size=shape).astype("float16") for name, shape in SHAPES.items()}
    gradient = {
        name: rng.normal(size=(STEPS, *shape)).astype("float16") for name, shape in SHAPES.items()
    }
    arrays = {f"start/{name}": value for name, value in start.items()}
    arrays |= {f"gradient/{name}": value for name, value in gradient.items()}
    for case, settings in CASES.items():
        for name in SHAPES:
            p = torch.tensor(start[name]).double()
            buffer, values = torch.zeros_like(p), []
            for step in range(STEPS):
                rate = RATE * (1 - step / STEPS)
                muon_step(p, torch.tensor(gradient[name][step]).double(), buffer, rate, **settings)
                if step in KEPT:
                    values.append(p.numpy().astype("float32"))
            arrays[f"{case}/{name}"] = np.stack(values)
    return arrays


def main():
    """Writes muon.npz next to this file."""
    meta = {
        "what": "start/, gradient/ [step, ...] and for each case the kernels after the kept steps",
        "script": "make_muon.py",
        "rate": RATE,
        "kept": KEPT,
        "cases": CASES,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_name("muon.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **kernels())


if __name__ == "__main__":
    main()
