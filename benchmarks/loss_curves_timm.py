"""timm's side of loss_curves.py: runs in timm's environment, which has no Keras.

record DATA FOLDER NUMBERS            writes images.npy, targets.npy, weights.safetensors, numbers.json
train FOLDER RESULT PERTURBATION      trains on them with timm's own pieces
"""

import json
import sys
import time
import types
from pathlib import Path
from typing import Any

# torch's CPU build lacks the operations that this module of torchvision declares.
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
from timm.loss import BinaryCrossEntropy  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import create_scheduler_v2  # noqa: E402
from timm.utils import random_seed  # noqa: E402


def record(data: str, folder: Path, numbers: dict[str, Any]) -> None:
    """Batches as timm's loader collates them, and weights to begin with."""
    random_seed(0)
    transform = create_transform(
        numbers["size"],
        is_training=True,
        use_prefetcher=True,
        auto_augment=numbers["auto_augment"],
        interpolation="random",
    )
    collate = FastCollateMixup(
        mixup_alpha=numbers["mixup"],
        cutmix_alpha=numbers["cutmix"],
        label_smoothing=numbers["smoothing"],
        num_classes=numbers["classes"],
    )
    with np.load(data) as file:
        pictures, labels = file["x_train"], file["y_train"].reshape(-1)
    count, size, side = numbers["batches"], numbers["batch_size"], numbers["size"]
    chosen = np.resize(np.random.permutation(len(pictures)), (count, size))
    images = np.empty((count, size, side, side, 3), np.uint8)
    targets = np.empty((count, size, numbers["classes"]), np.float32)
    for number, rows in enumerate(chosen):
        pairs = [(transform(Image.fromarray(pictures[row])), int(labels[row])) for row in rows]
        mixed, target = collate(pairs)
        images[number], targets[number] = mixed.permute(0, 2, 3, 1), target
    model = timm.create_model("resnet18", num_classes=numbers["classes"])
    save_file(model.state_dict(), folder / "weights.safetensors")
    (folder / "numbers.json").write_text(json.dumps(numbers))
    np.save(folder / "images.npy", images)
    # Last: its being there says that all is.
    np.save(folder / "targets.npy", targets)


def train(folder: Path, result: Path, perturbation: float) -> None:
    """The losses of timm's training, each before its update."""
    numbers = json.loads((folder / "numbers.json").read_text())
    model = timm.create_model("resnet18", num_classes=numbers["classes"])
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 + perturbation * torch.randn(weight.shape, generator=generator))
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
    criterion = BinaryCrossEntropy(target_threshold=numbers["threshold"])
    images, targets = np.load(folder / "images.npy", mmap_mode="r"), np.load(folder / "targets.npy")
    mean, deviation = (
        255 * torch.tensor(each) for each in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    losses, learning_rates, begun = [], [], time.process_time()
    model.train()
    for number in range(numbers["batches"]):
        epoch, batch = divmod(number, numbers["batches_per_epoch"])
        if batch == 0:
            scheduler.step(epoch)
            learning_rates.append(optimizer.param_groups[0]["lr"])
        pictures = (torch.tensor(images[number]) - mean) / deviation
        loss = criterion(model(pictures.permute(0, 3, 1, 2)), torch.tensor(targets[number]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if batch == 0:
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


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "record":
        record(arguments[0], Path(arguments[1]), json.loads(arguments[2]))
    else:
        train(Path(arguments[0]), Path(arguments[1]), float(arguments[2]))
