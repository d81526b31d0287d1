"""torch side of ffcv_curves.py; runs in an environment with torch and timm, without Keras.

    weights FILE                         writes the initial weights of the network
    train FOLDER RESULT PERTURBATION     trains on the batches of a folder; writes the loss of every update

The network is timm's ResNet-18 with the blur of FFCV's BlurPoolConv2d in front of its strided convolutions. Rates and
groups of weights are computed from FFCV's rules, not read from the recipe.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from timm_training import DEVIATION, MEAN, perturb, timm
from torch.nn import functional

MOMENTUM, DECAY, SMOOTHING, PEAK_EPOCH = 0.9, 5e-5, 0.1, 2
FILTER = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])) / 16


def blurred(_: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    """Returns the input of a convolution, every channel blurred."""
    (images,) = inputs
    channels = images.shape[1]
    kernel = FILTER.repeat(channels, 1, 1, 1)
    return (functional.conv2d(images, kernel, padding=1, groups=channels),)


def network() -> torch.nn.Module:
    """Returns the network for ten classes."""
    model = timm.create_model("resnet18", num_classes=10)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d) and max(layer.stride) > 1 and layer.in_channels >= 16:
            layer.register_forward_pre_hook(blurred)
    return model


def optimizer_of(model: torch.nn.Module) -> torch.optim.Optimizer:
    """Returns SGD, which decays the parameters without "bn" in their name."""
    parts = {True: [], False: []}
    for name, weight in model.named_parameters():
        parts["bn" in name].append(weight)
    groups = [
        {"params": parts[True], "weight_decay": 0.0},
        {"params": parts[False], "weight_decay": DECAY},
    ]
    return torch.optim.SGD(groups, lr=1.0, momentum=MOMENTUM)


def rates(peak: float, epochs: int, steps: int) -> np.ndarray:
    """Returns the rate of every update."""
    ends = np.interp(np.arange(epochs + 1), [0, PEAK_EPOCH, epochs], [1e-4 * peak, peak, 0])
    inside = [np.interp(np.arange(steps), [0, steps], ends[e : e + 2]) for e in range(epochs)]
    return np.concatenate(inside)


def train(folder: Path, result: Path, perturbation: float) -> None:
    """Trains on the batches of a folder and writes the losses."""
    numbers = json.loads((folder / "numbers.json").read_text())
    model = network()
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    perturb(model, perturbation)
    optimizer, losses, begun = optimizer_of(model.train()), [], time.process_time()
    plan = rates(numbers["peak"], numbers["epochs"], numbers["steps"])
    for epoch in range(numbers["epochs"]):
        with np.load(folder / f"epoch_{epoch}.npz") as batches:
            images, labels = batches["images"], batches["labels"]
        for batch, label in zip(images, labels, strict=True):
            inputs = ((torch.tensor(batch) - MEAN) / DEVIATION).permute(0, 3, 1, 2)
            loss = functional.cross_entropy(
                model(inputs), torch.tensor(label), label_smoothing=SMOOTHING
            )
            for group in optimizer.param_groups:
                group["lr"] = plan[len(losses)]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}, {images.shape[2]} px: loss {losses[-1]:.4f}", flush=True)
    report = {
        "losses": losses,
        "cpu_seconds": time.process_time() - begun,
        "torch": torch.__version__,
        "timm": timm.__version__,
        "perturbation": perturbation,
    }
    result.write_text(json.dumps(report))


def main() -> None:
    """Runs the command."""
    command, *arguments = sys.argv[1:]
    if command == "weights":
        torch.manual_seed(0)
        save_file(network().state_dict(), arguments[0])
    else:
        train(Path(arguments[0]), Path(arguments[1]), float(arguments[2]))


if __name__ == "__main__":
    main()
