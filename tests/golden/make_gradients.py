"""Generates gradients.npz: timm's gradients in float64, where rounding does not switch any ReLU.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pyyaml huggingface_hub safetensors
    venv/bin/pip install --no-deps timm==1.0.31 torchvision==0.28.0
    venv/bin/python make_gradients.py

The networks, weights, images and loss are those of the training step in models.npz. For each network
the file contains the loss and, in the order of timm's parameters, the norm of each gradient and its dot product
with the numbers that `draw` returns for the parameter's name and "/direction". The product detects
errors that the norm does not, such as a transposed kernel.
"""

import json
from pathlib import Path

import numpy as np

# Importing make_networks first also installs the stub for torchvision's operators.
from make_networks import draw, fill, timm, torch

NETWORKS = [
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet50c",
    "resnet50d",
    "resnet50t",
    "resnext50_32x4d",
    "seresnet50",
    "resnet10t",
]


def main():
    """Writes gradients.npz next to this file."""
    with np.load(Path(__file__).with_name("models.npz")) as models:
        images = torch.tensor(models["train_input"]).double()
    targets = torch.eye(1000, dtype=torch.float64)[[1, 2, 3, 4]]
    arrays = {}
    for name in NETWORKS:
        model = timm.create_model(name)
        fill(model)
        model.double().train()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(images), targets)
        loss.backward()
        gradients = {key: value.grad.numpy() for key, value in model.named_parameters()}
        arrays[f"{name}/loss"] = loss.item()
        arrays[f"{name}/norms"] = [np.linalg.norm(each) for each in gradients.values()]
        arrays[f"{name}/products"] = [
            np.vdot(each, draw(f"{key}/direction", each.shape)) for key, each in gradients.items()
        ]
    meta = {"versions": {"timm": timm.__version__, "torch": torch.__version__}}
    path = Path(__file__).with_name("gradients.npz")
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
