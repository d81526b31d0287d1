"""airbench94 with Muon in torch on the CPU, in float32, written from its description: the peer of `krr.Airbench94`.

    python benchmarks/airbench_reference.py --data cifar10.npz --seed 0

It prints JSON: the accuracy with one view after each epoch and with six at the end, processor seconds, seconds of the
training without tests, torch's version and its number of threads. It shares no code with the package.
tests/golden/make_airbench.py and airbench_curves.py use its parts.

Differences from the original, which runs on a GPU in half precision: float32 throughout, also in Muon's iterations, and
no compilation. Jordan, KellerJordan/cifar10-airbench, `airbench94_muon.py`.
"""

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
EPOCHS, BATCH, BIAS_EPOCHS = 8, 2000, 3
BIAS_RATE, HEAD_RATE, FILTER_RATE, DECAY = 0.053, 0.67, 0.24, 2e-6 * BATCH
Tensor = torch.Tensor


class Group(nn.Module):
    """Two convolutions, the first of which is followed by max pooling."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        # torch's momentum is the part that is not kept.
        self.norm1, self.norm2 = (nn.BatchNorm2d(after, eps=1e-12, momentum=0.4) for _ in "12")
        for norm in (self.norm1, self.norm2):
            norm.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Returns features of half the size."""
        x = functional.gelu(self.norm1(functional.max_pool2d(self.conv1(x), 2)))
        return functional.gelu(self.norm2(self.conv2(x)))


class Net(nn.Module):
    """The network of the run, for normalized images."""

    def __init__(self, widths: tuple[int, int, int] = (64, 256, 256)) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad_(False)
        self.groups = nn.ModuleList(map(Group, (24, *widths[:2]), widths))
        self.head = nn.Linear(widths[2], 10, bias=False)
        with torch.no_grad():
            for kernel in self.kernels():
                nn.init.dirac_(kernel[: kernel.shape[1]])
            self.head.weight /= self.head.weight.std()

    def kernels(self) -> list[nn.Parameter]:
        """Returns the kernels that Muon trains."""
        return [conv.weight for group in self.groups for conv in (group.conv1, group.conv2)]

    def shifts(self) -> list[nn.Parameter]:
        """Returns the shifts of batch normalization."""
        return [norm.bias for group in self.groups for norm in (group.norm1, group.norm2)]

    def forward(self, x: Tensor, bias_trains: bool = True) -> Tensor:
        """Returns logits."""
        bias = self.whiten.bias if bias_trains else self.whiten.bias.detach()
        x = functional.gelu(functional.conv2d(x, self.whiten.weight, bias))
        for group in self.groups:
            x = group(x)
        x = functional.max_pool2d(x, 3).flatten(1)
        return self.head(x) / x.shape[1]


def whitening_filters(images: Tensor) -> Tensor:
    """Returns the 24 filters [24, 3, 2, 2] that whiten the patches of normalized images."""
    patches = functional.unfold(images, 2).transpose(1, 2).reshape(-1, 12)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / torch.sqrt(values + 5e-4)).T.reshape(12, 3, 2, 2)
    return torch.cat([filters, -filters])


class Muon:
    """Updates kernels by their orthogonalized momentum."""

    def __init__(self, kernels: list[nn.Parameter], rate: float) -> None:
        self.kernels, self.rate = kernels, rate
        self.momenta = [torch.zeros_like(kernel) for kernel in kernels]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """Updates the kernels with a factor on the rate."""
        for kernel, momentum in zip(self.kernels, self.momenta, strict=True):
            momentum.mul_(0.6).add_(kernel.grad)
            update = orthogonalized((kernel.grad + 0.6 * momentum).reshape(len(kernel), -1))
            kernel *= len(kernel) ** 0.5 / kernel.norm()
            kernel -= factor * self.rate * update.reshape(kernel.shape)


def orthogonalized(matrix: Tensor) -> Tensor:
    """Returns a matrix after three Newton-Schulz iterations."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if tall else x


class Trainer:
    """Updates a network; the rates fall linearly to 0.

    Args:
        net: The network.
        steps: Updates per epoch.
        epochs: Number of epochs.
        scale: Factor on all rates.
    """

    def __init__(self, net: Net, steps: int, epochs: int = EPOCHS, scale: float = 1.0) -> None:
        self.net, self.count, self.scale = net, 0, scale
        self.total, self.bias_steps = steps * epochs, steps * BIAS_EPOCHS
        rates = {BIAS_RATE: net.shifts(), HEAD_RATE: [net.head.weight]}
        groups = [{"params": [net.whiten.bias], "lr": BIAS_RATE, "weight_decay": DECAY / BIAS_RATE}]
        for rate, parameters in rates.items():
            groups.append({"params": parameters, "lr": rate, "weight_decay": DECAY / rate})
        self.sgd = torch.optim.SGD(groups, momentum=0.85, nesterov=True)
        self.rates = [group["lr"] for group in groups]
        self.muon = Muon(net.kernels(), FILTER_RATE)

    def update(self, images: Tensor, labels: Tensor) -> float:
        """Makes one update; returns the mean loss of the images."""
        bias_trains = self.count < self.bias_steps
        logits = self.net(images, bias_trains)
        loss = functional.cross_entropy(logits, labels, label_smoothing=0.2)
        # The original sums over 2,000 images; for other batches, the factor keeps its rates.
        (BATCH * loss).backward()
        factor = self.scale * (1 - self.count / self.total)
        factors = [self.scale * (1 - self.count / self.bias_steps), factor, factor]
        for group, rate, own in zip(self.sgd.param_groups, self.rates, factors, strict=True):
            group["lr"] = rate * own
        self.sgd.step()
        self.muon.step(factor)
        self.net.zero_grad(set_to_none=True)
        self.count += 1
        return loss.item()


def normalized(images: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
    """Returns uint8 images [n, 32, 32, 3] normalized, [n, 3, 32, 32]."""
    values = (torch.from_numpy(images).to(dtype) / 255 - torch.tensor(MEAN, dtype=dtype)) / (
        torch.tensor(STD, dtype=dtype)
    )
    return values.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def augmented(images: Tensor, mirrored: Tensor, corners: Tensor, epoch: int) -> Tensor:
    """Returns images, mirrored once at the start, padded, cropped, and in odd epochs mirrored again.

    Args:
        images: Normalized, [n, 3, 32, 32].
        mirrored: bool [n].
        corners: Top and left of the crop in the padded image, 0 to 4, [n, 2].
        epoch: The epoch, from 0.
    """
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    padded = functional.pad(images, (2, 2, 2, 2), "reflect")
    made = torch.empty_like(images)
    for top in range(5):
        for left in range(5):
            there = (corners == torch.tensor([top, left])).all(1)
            made[there] = padded[there, :, top : top + 32, left : left + 32]
    return made.flip(3) if epoch % 2 else made


@torch.no_grad()
def tested(net: Net, images: Tensor, views: int) -> Tensor:
    """Returns the logits of normalized images, from one view or averaged over six."""

    def both(images: Tensor) -> Tensor:
        return (net(images) + net(images.flip(3))) / 2

    net.eval()
    if views == 1:
        return net(images)
    padded = functional.pad(images, (1, 1, 1, 1), "reflect")
    shifted = [both(padded[:, :, first : first + 32, first : first + 32]) for first in (0, 2)]
    return both(images) / 2 + sum(shifted) / 4


def batches(images: Tensor, labels: Tensor, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields the batches of all epochs."""
    mirrored = torch.rand(len(images)) < 0.5
    for epoch in range(epochs):
        made = augmented(images, mirrored, torch.randint(5, (len(images), 2)), epoch)
        for indices in torch.randperm(len(images)).split(BATCH)[: len(images) // BATCH]:
            yield made[indices], labels[indices]


def replayed(data: str, tape: str) -> dict[str, object]:
    """Makes the updates in a file of airbench_curves.py, with its weights and augmentation parameters."""
    with np.load(data) as file, np.load(tape) as given:
        x, y, tape = file["x_train"], file["y_train"].ravel().astype("int64"), dict(given)
    net = Net().to(memory_format=torch.channels_last)
    parameters = {"prep.whiten.weight": net.whiten.weight, "prep.bias.bias": net.whiten.bias}
    for number, group in enumerate(net.groups, start=1):
        parameters[f"layer{number}.conv.weight"] = group.conv1.weight
        parameters[f"extra{number}.conv.weight"] = group.conv2.weight
    with torch.no_grad():
        for name, parameter in (parameters | {"linear.weight": net.head.weight}).items():
            parameter.copy_(torch.from_numpy(tape[name]))
    trainer = Trainer(net.train(), len(x) // tape["parameters"].shape[1])
    losses, begun = [], time.process_time()
    for batch in torch.from_numpy(tape["parameters"]):
        indices = batch[:, 0].numpy()
        images = augmented(normalized(x[indices]), batch[:, 3] == 1, batch[:, 1:3], epoch=0)
        losses.append(trainer.update(images, torch.from_numpy(y[indices])))
    return {"losses": losses, "cpu_seconds": time.process_time() - begun}


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="CIFAR-10 as .npz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tape", help="file of airbench_curves.py, whose updates are made instead")
    options = parser.parse_args()
    if options.tape:
        print(json.dumps(replayed(options.data, options.tape)))
        return
    with np.load(options.data) as file:
        images = [normalized(file[name]) for name in ("x_train", "x_test")]
        labels = [
            torch.from_numpy(file[f"y_{n}"].ravel().astype("int64")) for n in ("train", "test")
        ]
    torch.manual_seed(options.seed)
    begun = time.process_time(), time.perf_counter()
    net = Net().to(memory_format=torch.channels_last)
    with torch.no_grad():
        net.whiten.weight.copy_(whitening_filters(images[0][:5000]))
    trainer = Trainer(net, len(images[0]) // BATCH)
    net.train()

    def top1(views: int) -> float:
        parts = [tested(net, part, views) for part in images[1].split(BATCH)]
        net.train()
        return (torch.cat(parts).argmax(1) == labels[1]).double().mean().item()

    losses, by_epoch, testing = [], [], 0.0
    for batch in batches(images[0], labels[0], EPOCHS):
        losses.append(trainer.update(*batch))
        if len(losses) % (len(images[0]) // BATCH) == 0:
            paused = time.perf_counter()
            by_epoch.append(top1(1))
            testing += time.perf_counter() - paused
    seconds = time.process_time() - begun[0], time.perf_counter() - begun[1] - testing
    record = {
        "top1_1": by_epoch[-1],
        "top1_6": top1(6),
        "top1_by_epoch": by_epoch,
        "processor_seconds": seconds[0],
        "wall_seconds": seconds[1],
        "seed": options.seed,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "losses": losses,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
