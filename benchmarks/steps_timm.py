"""timm engine of steps.py: `steps_timm.py "training timm" NETWORK SIZE BATCH`, in an environment without Keras."""

# isort: skip_file
from turns import Turns

TURNS = Turns()  # starts the clock before the imports

import os  # noqa: E402
import sys  # noqa: E402
import types  # noqa: E402

# torch's CPU build lacks the operations that this module of torchvision declares.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("unused"))

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data import create_transform  # noqa: E402
from timm.loss import BinaryCrossEntropy  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402

CLASSES = 10


def train(network: str, size: int, batch: int) -> None:
    """Trains on one batch of noise, in turns."""
    model = create_model(network).train()
    optimizer = lamb(model)
    criterion = BinaryCrossEntropy(target_threshold=0.2)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    targets = torch.nn.functional.one_hot(torch.randint(CLASSES, (batch,)), CLASSES).float()
    while True:
        optimizer.zero_grad()
        loss = criterion(model(images), targets)
        loss.backward()
        optimizer.step()
        loss.item()
        if not TURNS.done():
            return


def update(network: str, size: int, batch: int) -> None:
    """Runs only the LAMB update."""
    model = create_model(network)
    optimizer = lamb(model)
    for weight in model.parameters():
        weight.grad = 1e-3 * torch.randn_like(weight)
    while True:
        optimizer.step()
        if not TURNS.done():
            return


def evaluate(network: str, size: int, batch: int) -> None:
    """Applies timm's validation transform to noise images and counts correct predictions."""
    model, right = create_model(network).eval(), 0
    transform = create_transform(size, interpolation="bicubic", crop_pct=0.95)
    noise = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), "uint8")
    labels = torch.randint(CLASSES, (batch,))
    with torch.inference_mode():
        while True:
            images = torch.stack([transform(Image.fromarray(image)) for image in noise])
            scores = model(images.to(memory_format=torch.channels_last))
            right += int((scores.argmax(1) == labels).sum())
            if not TURNS.done():
                return


def lamb(model: torch.nn.Module) -> torch.optim.Optimizer:
    """Returns timm's LAMB for the model."""
    return create_optimizer_v2(model, opt="lamb", lr=8e-3, weight_decay=0.02)


def create_model(network: str) -> torch.nn.Module:
    """Returns the network, using all available cores."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    model = timm.create_model(network.lower(), num_classes=CLASSES)
    return model.to(memory_format=torch.channels_last)


if __name__ == "__main__":
    TURNS.imported()
    engines = {"training timm": train, "update timm": update, "evaluation timm": evaluate}
    engines[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
