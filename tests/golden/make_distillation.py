"""Generates distillation.npz: distillation losses and gradients of random logits, in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6
    venv/bin/python make_distillation.py distillation.npz

The weights of the two terms are GluonCV's (0.5, 0.5) and those recalled from "Bag of Tricks" (1, 1).
The losses are torch's cross-entropy and, for the soft term, its KL divergence.
"""

import json
import sys

import numpy as np
import torch
from torch.nn import functional

CASES = {"gluon": (0.5, 0.5), "paper": (1.0, 1.0)}
TEMPERATURES = (1.0, 4.0, 20.0)

generator = torch.Generator().manual_seed(20181204)
shape = (6, 10)
student = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
teacher = 5 * torch.randn(shape, generator=generator, dtype=torch.float64)
labels = torch.randint(0, 10, (6,), generator=generator)
mixed = 0.7 * functional.one_hot(labels, 10) + 0.3 * functional.one_hot(labels.flip(0), 10)
mixed = mixed.double()

arrays = {
    "student": student.numpy(),
    "teacher": teacher.numpy(),
    "labels": labels.numpy(),
    "mixed": mixed.numpy(),
}
for case, (hard, soft) in CASES.items():
    for temperature in TEMPERATURES:
        for kind, target in (("labels", labels), ("mixed", mixed)):
            logits = student.clone().requires_grad_()
            said = functional.softmax(teacher / temperature, dim=1)
            divergence = functional.kl_div(
                functional.log_softmax(logits / temperature, dim=1), said, reduction="none"
            ).sum(1)
            entropy = torch.distributions.Categorical(probs=said).entropy()
            losses = hard * functional.cross_entropy(logits, target, reduction="none")
            losses = losses + soft * temperature**2 * (divergence + entropy)
            losses.mean().backward()
            name = f"{case}/{temperature:g}/{kind}"
            arrays[f"{name}/losses"] = losses.detach().numpy()
            arrays[f"{name}/gradient"] = logits.grad.numpy()
meta = {
    "what": "loss of each image, and gradient of their mean by the student's logits; CASE/TEMPERATURE/TARGETS",
    "cases": CASES,
    "temperatures": TEMPERATURES,
    "versions": {"torch": torch.__version__, "numpy": np.__version__},
}
np.savez_compressed(sys.argv[1], meta=json.dumps(meta), **arrays)
