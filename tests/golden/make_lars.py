"""Generates lars.npz: twenty steps of timm's Lars at a constant rate, and of MLPerf's at a falling one.

python -m venv venv
venv/bin/pip install torch==2.13.0 numpy==2.4.6 pillow==13.0.0 pyyaml huggingface_hub safetensors
venv/bin/pip install --no-deps timm==1.0.31 torchvision==0.28.0
venv/bin/python make_lars.py

MLPerf's, lars_optimizer.py of mlcommons/training, accumulates the rate in the velocity; it is computed here in NumPy.
All in float64. The bias is in a group without decay, which timm does not scale and MLPerf's skip list excludes.
"""

import json
import sys
import types
from pathlib import Path

# torchvision's wheels need operators for CUDA, which are unused here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from timm.optim import Lars  # noqa: E402

STEPS, RATE, MOMENTUM, DECAY, TRUST, EPSILON = 20, 10.0, 0.9, 2e-4, 0.001, 1e-7
SHAPES = {"kernel": (3, 3, 4, 8), "dense": (16, 10), "bias": (8,), "zeros": (5, 2)}
UNDECAYED = ("bias",)


def drawn():
    """Returns the first values and the gradients, exact in float16."""
    rng = np.random.default_rng(0)
    start = {name: rng.normal(size=shape).astype("float16") for name, shape in SHAPES.items()}
    start["zeros"][:] = 0
    gradient = {n: rng.normal(size=(STEPS, *s)).astype("float16") for n, s in SHAPES.items()}
    # One gradient of zeros: the ratio is 1, and the decay acts.
    gradient["dense"][3] = 0
    return start, gradient


def by_timm(start, gradient, nesterov):
    """Returns the values after each step of timm's optimizer."""
    values = {name: torch.tensor(one).double() for name, one in start.items()}
    groups = [
        {"params": [one], "weight_decay": 0.0 if name in UNDECAYED else DECAY}
        for name, one in values.items()
    ]
    options = {"momentum": MOMENTUM, "nesterov": nesterov, "trust_coeff": TRUST, "eps": EPSILON}
    optimizer = Lars(groups, lr=RATE, foreach=False, **options)
    made = {name: [] for name in values}
    for step in range(STEPS):
        for name, one in values.items():
            one.grad = torch.tensor(gradient[name][step]).double()
        optimizer.step()
        for name, one in values.items():
            made[name].append(one.numpy().copy())
    return {name: np.stack(each) for name, each in made.items()}


def by_mlperf(start, gradient, nesterov):
    """Returns the values after each step of MLPerf's rule; the rate falls linearly."""
    made = {}
    for name, first in start.items():
        p, v, values = first.astype("float64"), 0.0, []
        for step in range(STEPS):
            rate, g = RATE * (1 - step / STEPS), gradient[name][step].astype("float64")
            if name not in UNDECAYED:
                norms = np.linalg.norm(p), np.linalg.norm(g)
                if min(norms) > 0:
                    rate *= TRUST * norms[0] / (norms[1] + DECAY * norms[0] + EPSILON)
                g = g + DECAY * p
            v = MOMENTUM * v - rate * g
            p = p + (MOMENTUM * v - rate * g if nesterov else v)
            values.append(p)
        made[name] = np.stack(values)
    return made


def main():
    """Writes lars.npz next to this file."""
    start, gradient = drawn()
    arrays = {f"start/{name}": one for name, one in start.items()}
    arrays |= {f"gradient/{name}": one for name, one in gradient.items()}
    for case, nesterov in {"plain": False, "nesterov": True}.items():
        for side, rule in {"timm": by_timm, "mlperf": by_mlperf}.items():
            made = rule(start, gradient, nesterov)
            arrays |= {f"{side}/{case}/{n}": one.astype("float32") for n, one in made.items()}
    meta = {
        "what": "start/, gradient/ [step, ...], and for each rule and case the values after every step",
        "script": "make_lars.py",
        "rate": RATE,
        "momentum": MOMENTUM,
        "weight_decay": DECAY,
        "trust_coefficient": TRUST,
        "epsilon": EPSILON,
        "undecayed": UNDECAYED,
        "versions": {"timm": timm.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }
    path = Path(__file__).with_name("lars.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
