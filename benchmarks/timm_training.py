"""timm side of loss_curves.py and learning.py; runs in timm's environment, without Keras.

    record DATA FOLDER NUMBERS        writes images.npy, targets.npy, weights.safetensors, numbers.json
    train FOLDER RESULT PERTURBATION  trains on them; writes the loss of every update
    learn DATA RESULT NUMBERS SEED    trains on the images themselves; writes the test accuracy

Everything that timm provides is used from timm. NUMBERS is the JSON of `timm_numbers.numbers(recipe)`.
"""

import json
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Works around operators that torch's CPU build lacks.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("unused"))

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from timm.data import (  # noqa: E402
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    FastCollateMixup,
    create_transform,
)
from timm.data.distributed_sampler import RepeatAugSampler  # noqa: E402
from timm.loss import BinaryCrossEntropy  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import create_scheduler_v2  # noqa: E402
from timm.utils import random_seed  # noqa: E402

Numbers = dict[str, Any]
MEAN, DEVIATION = (
    255 * torch.tensor(each) for each in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
)


class Images(torch.utils.data.Dataset):
    """Images in memory, transformed on access."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Any) -> None:
        self.images, self.labels, self.transform = images, labels.reshape(-1), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.images[row])), int(self.labels[row])


def training_images(images: np.ndarray, labels: np.ndarray, numbers: Numbers) -> Images:
    """Returns the training images with timm's augmentation."""
    transform = create_transform(
        numbers["train_size"],
        is_training=True,
        use_prefetcher=True,
        auto_augment=numbers["auto_augment"],
        interpolation="random",
    )
    return Images(images, labels, transform)


def test_images(images: np.ndarray, labels: np.ndarray, numbers: Numbers) -> Images:
    """Returns the test images with timm's evaluation transform."""
    transform = create_transform(
        numbers["test_size"],
        is_training=False,
        use_prefetcher=True,
        interpolation=numbers["test_interpolation"],
        crop_pct=numbers["test_crop_ratio"],
    )
    return Images(images, labels, transform)


def collating(numbers: Numbers) -> FastCollateMixup:
    """Returns timm's MixUp and CutMix collate function."""
    return FastCollateMixup(
        mixup_alpha=numbers["mixup"],
        cutmix_alpha=numbers["cutmix"],
        label_smoothing=numbers["smoothing"],
        num_classes=numbers["classes"],
    )


def network(numbers: Numbers) -> torch.nn.Module:
    """Returns timm's network."""
    return timm.create_model(
        numbers["network"], num_classes=numbers["classes"], drop_path_rate=numbers["drop_path"]
    )


def trainer(model: torch.nn.Module, numbers: Numbers) -> tuple[Any, Any, Any]:
    """Returns timm's optimizer, schedule and loss."""
    optimizer = create_optimizer_v2(
        model, opt="lamb", lr=numbers["rate"], weight_decay=numbers["weight_decay"]
    )
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched="cosine",
        num_epochs=numbers["epochs"],
        warmup_epochs=numbers["warmup_epochs"],
        warmup_lr=numbers["warmup_rate"],
        min_lr=numbers["minimum_rate"],
        cooldown_epochs=0,
    )
    return optimizer, scheduler, BinaryCrossEntropy(target_threshold=numbers["threshold"])


def update(model: Any, optimizer: Any, criterion: Any, images: Any, targets: Any) -> float:
    """Trains on a batch, uint8 [n, height, width, 3]; returns the loss before the update."""
    inputs = ((images - MEAN) / DEVIATION).permute(0, 3, 1, 2)
    loss = criterion(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def record(data: str, folder: Path, numbers: Numbers) -> None:
    """Writes batches from timm's collate function, and the initial weights."""
    random_seed(0)
    with np.load(data) as file:
        dataset = training_images(file["x_train"], file["y_train"], numbers)
    collate, size, side = collating(numbers), numbers["batch_size"], numbers["train_size"]
    count = numbers["epochs"] * numbers["batches_per_epoch"]
    chosen = np.resize(np.random.permutation(len(dataset)), (count, size))
    images = np.empty((count, size, side, side, 3), np.uint8)
    targets = np.empty((count, size, numbers["classes"]), np.float32)
    for number, rows in enumerate(chosen):
        mixed, target = collate([dataset[row] for row in rows])
        images[number], targets[number] = mixed.permute(0, 2, 3, 1), target
    save_file(network(numbers).state_dict(), folder / "weights.safetensors")
    (folder / "numbers.json").write_text(json.dumps(numbers))
    np.save(folder / "images.npy", images)
    # Written last: marks the folder as complete.
    np.save(folder / "targets.npy", targets)


def perturb(model: torch.nn.Module, perturbation: float) -> None:
    """Multiplies every weight by 1 plus a drawn number of this size."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 + perturbation * torch.randn(weight.shape, generator=generator))


def train(folder: Path, result: Path, perturbation: float) -> None:
    """Trains with timm on the recorded batches and writes the losses."""
    numbers = json.loads((folder / "numbers.json").read_text())
    model = network(numbers)
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    perturb(model, perturbation)
    optimizer, scheduler, criterion = trainer(model.train(), numbers)
    images, targets = np.load(folder / "images.npy", mmap_mode="r"), np.load(folder / "targets.npy")
    losses, learning_rates, begun = [], [], time.process_time()
    for number, (batch, target) in enumerate(zip(images, targets, strict=True)):
        epoch, first = divmod(number, numbers["batches_per_epoch"])
        if not first:
            scheduler.step(epoch)
            learning_rates.append(optimizer.param_groups[0]["lr"])
        given = torch.tensor(batch), torch.tensor(target)
        losses.append(update(model, optimizer, criterion, *given))
        if not first:
            print(f"epoch {epoch}: loss {losses[-1]:.4f}", flush=True)
    report = {
        "losses": losses,
        "learning_rates": learning_rates,
        "cpu_seconds": time.process_time() - begun,
        "torch": torch.__version__,
        "timm": timm.__version__,
        "perturbation": perturbation,
    }
    result.write_text(json.dumps(report))


def learn(data: str, result: Path, numbers: Numbers, seed: int) -> None:
    """Trains with timm on the images and writes the test accuracy after the last epoch."""
    random_seed(seed)
    with np.load(data) as file:
        dataset = training_images(file["x_train"], file["y_train"], numbers)
        tests = test_images(file["x_test"], file["y_test"], numbers)
    model = network(numbers)
    optimizer, scheduler, criterion = trainer(model, numbers)
    collate, begun = collating(numbers), time.perf_counter()
    for epoch in range(numbers["epochs"]):
        scheduler.step(epoch)
        model.train()
        losses = []
        for rows in _batches(dataset, numbers, epoch):
            mixed, target = collate([dataset[row] for row in rows])
            batch = mixed.permute(0, 2, 3, 1)
            losses.append(update(model, optimizer, criterion, batch, target))
        print(f"timm, seed {seed}, epoch {epoch}: loss {np.mean(losses):.4f}", flush=True)
    report = {"top1": accuracy(model, tests), "seconds": time.perf_counter() - begun}
    result.write_text(json.dumps({**report, "seed": seed, "timm": timm.__version__}))


def _batches(dataset: Images, numbers: Numbers, epoch: int) -> Iterator[list[int]]:
    """Yields the full batches of an epoch, from timm's repeated augmentation or a permutation."""
    if numbers["copies"] > 1:
        sampler = RepeatAugSampler(
            dataset, num_replicas=1, rank=0, num_repeats=numbers["copies"], selected_round=0
        )
        sampler.set_epoch(epoch)
        rows = list(sampler)
    else:
        rows = np.random.permutation(len(dataset)).tolist()
    size = numbers["batch_size"]
    for first in range(0, len(rows) - size + 1, size):
        yield rows[first : first + size]


def accuracy(model: torch.nn.Module, tests: Images) -> float:
    """Returns the top-1 accuracy."""
    model.eval()
    right, size = 0, 250
    with torch.no_grad():
        for first in range(0, len(tests), size):
            pairs = [tests[row] for row in range(first, min(first + size, len(tests)))]
            images = torch.tensor(np.stack([np.asarray(image) for image, _ in pairs]))
            scores = model((images.permute(0, 2, 3, 1) - MEAN).div(DEVIATION).permute(0, 3, 1, 2))
            labels = torch.tensor([label for _, label in pairs])
            right += int((scores.argmax(1) == labels).sum())
    return right / len(tests)


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    if command == "record":
        record(words[0], Path(words[1]), json.loads(words[2]))
    elif command == "train":
        train(Path(words[0]), Path(words[1]), float(words[2]))
    else:
        learn(words[0], Path(words[1]), json.loads(words[2]), int(words[3]))
