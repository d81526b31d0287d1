"""CIFAR-10 speed run in torch, written only from its description: the peer of `speed_run.py`.

It shares no code with the package. The image order, crop offsets, flips, cutout positions
and initial weights come from a file, so that only the arithmetic can differ.

Page, 'How to train your ResNet'; davidcpage/cifar10-fast `dawn.py`, `core.py`, `torch_backend.py`.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN = torch.tensor([125.31, 122.95, 113.87])
STD = torch.tensor([62.99, 62.09, 66.7])
UNITS = {
    "prep": (3, 64),
    "layer1": (64, 128),
    "res1a": (128, 128),
    "res1b": (128, 128),
    "layer2": (128, 256),
    "layer3": (256, 512),
    "res3a": (512, 512),
    "res3b": (512, 512),
}


class Net(nn.Module):
    """Residual:L1+L3, the network of the run, with nine layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ModuleDict(
            {
                name: nn.Conv2d(before, after, 3, padding=1, bias=False)
                for name, (before, after) in UNITS.items()
            }
        )
        self.bn = nn.ModuleDict({name: nn.BatchNorm2d(c) for name, (_, c) in UNITS.items()})
        self.linear = nn.Linear(512, 10, bias=False)

    def unit(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Applies convolution, batch norm and ReLU."""
        return functional.relu(self.bn[name](self.conv[name](x)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the logits of normalized images."""
        x = self.unit(x, "prep")
        x = functional.max_pool2d(self.unit(x, "layer1"), 2)
        x = x + self.unit(self.unit(x, "res1a"), "res1b")
        x = functional.max_pool2d(self.unit(x, "layer2"), 2)
        x = functional.max_pool2d(self.unit(x, "layer3"), 2)
        x = x + self.unit(self.unit(x, "res3a"), "res3b")
        return self.linear(functional.max_pool2d(x, 4).flatten(1)) * 0.125


def load(net: Net, weights: dict[str, np.ndarray]) -> None:
    """Copies weights from the Keras layout."""
    with torch.no_grad():
        for name in UNITS:
            kernel = torch.from_numpy(weights[f"{name}_conv/kernel"]).permute(3, 2, 0, 1)
            net.conv[name].weight.copy_(kernel)
            net.bn[name].weight.copy_(torch.from_numpy(weights[f"{name}_bn/gamma"]))
            net.bn[name].bias.copy_(torch.from_numpy(weights[f"{name}_bn/beta"]))
        net.linear.weight.copy_(torch.from_numpy(weights["linear/kernel"]).T)


def normalized(images: np.ndarray) -> torch.Tensor:
    """Returns normalized images in the layout of the network."""
    return ((torch.from_numpy(images).float() - MEAN) / STD).permute(0, 3, 1, 2)


def augmented(images: np.ndarray, parameters: np.ndarray, pad: int, cutout: int) -> torch.Tensor:
    """Applies the parameters (crop row, crop column, flip, cutout row, cutout column) of each image."""
    padded = functional.pad(normalized(images), (pad,) * 4, mode="reflect")
    out = torch.empty(images.shape[0], 3, 32, 32)
    for i, (row, column, flip, top, left) in enumerate(parameters.tolist()):
        image = padded[i, :, row : row + 32, column : column + 32]
        out[i] = image.flip(2) if flip else image
        if cutout:
            out[i, :, top : top + cutout, left : left + cutout] = 0
    return out


def update(
    parameters: list[nn.Parameter],
    velocities: list[torch.Tensor],
    rate: float,
    momentum: float,
    decay: float,
) -> None:
    """Applies a Nesterov step with the learning rate inside the velocity."""
    with torch.no_grad():
        for weight, velocity in zip(parameters, velocities, strict=True):
            step = -rate * (weight.grad + decay * weight)
            velocity.mul_(momentum).add_(step)
            weight.add_(step + momentum * velocity)
            weight.grad = None


def test(net: Net, images: np.ndarray, labels: np.ndarray) -> float:
    """Returns the accuracy on unaugmented images."""
    net.eval()
    with torch.no_grad():
        chunks = range(0, len(images), 500)
        right = sum(
            int(
                (
                    net(normalized(images[c : c + 500])).argmax(1).numpy() == labels[c : c + 500]
                ).sum()
            )
            for c in chunks
        )
    net.train()
    return right / len(images)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tape", help="the .npz that speed_run.py wrote")
    parser.add_argument("result", help="JSON to write")
    parser.add_argument("--perturb", type=float, default=0.0, help="relative change of the weights")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    tape = dict(np.load(options.tape))
    numbers = json.loads(str(tape["numbers"]))
    net = Net()
    load(net, tape)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(1 + options.perturb * torch.randn(weight.shape, generator=generator))
    parameters = list(net.parameters())
    velocities = [torch.zeros_like(weight) for weight in parameters]
    batch, per_epoch = numbers["batch_size"], numbers["steps_per_epoch"]
    losses, accuracies, begun = [], [], time.process_time()
    for k, drawn in enumerate(tape["parameters"], 1):
        rate = np.interp(k / per_epoch, numbers["knot_epochs"], numbers["knot_rates"]) / batch
        index = drawn[:, 0]
        x = augmented(tape["x_train"][index], drawn[:, 1:], numbers["pad"], numbers["cutout"])
        labels = torch.from_numpy(tape["y_train"][index].astype(np.int64))
        loss = functional.cross_entropy(net(x), labels, reduction="sum")
        loss.backward()
        update(parameters, velocities, rate, numbers["momentum"], numbers["weight_decay"] * batch)
        losses.append(loss.item() / batch)
        if k % per_epoch == 0:
            accuracies.append(test(net, tape["x_test"], tape["y_test"]))
            print(
                f"step {k}: loss {losses[-1]:.4f}, test accuracy {accuracies[-1]:.4f}", flush=True
            )
    report = {
        "losses": losses,
        "test_accuracies": accuracies,
        "cpu_seconds": time.process_time() - begun,
        "torch": torch.__version__,
        "perturb": options.perturb,
    }
    with open(options.result, "w") as file:
        json.dump(report, file)


if __name__ == "__main__":
    main()
