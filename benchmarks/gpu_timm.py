"""timm side of gpu.py; trains like timm's script with --channels-last, --torchcompile and --amp.

gpu_timm.py NETWORK SIZE BATCH PRECISION UPDATES
"""

# isort: skip_file
from steps_timm import TURNS  # first: starts the clock before the imports

import sys
import time
from collections.abc import Callable
from typing import Any

import timm
import torch
from timm.loss import BinaryCrossEntropy
from timm.optim import create_optimizer_v2
from torch._dynamo.exc import BackendCompilerFailed

CLASSES = 1000
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def main(network: str, size: int, batch: int, precision: str, updates: int) -> None:
    """Trains on one batch of noise, in turns of `updates` updates."""
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    model = timm.create_model(network.lower(), num_classes=CLASSES)
    model = model.to(DEVICE, memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, size, size, device=DEVICE)
    update = _update(model, images.to(memory_format=torch.channels_last), precision)
    extra: dict[str, Any] = {"device": device()}
    # The first turn includes compilation.
    begun = time.perf_counter()
    forward, extra["compiled"] = _compiled(model, update)
    update_count = updates - 1
    while True:
        for _ in range(update_count):
            update(forward)
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
        if not TURNS.done(seconds=seconds, device_mib=device_mib(), **extra):
            return
        extra, update_count, begun = {}, updates, time.perf_counter()


def _update(
    model: torch.nn.Module, images: torch.Tensor, precision: str
) -> Callable[[Callable[..., Any]], None]:
    """Returns a function that runs one update with a (compiled) forward function."""
    optimizer = create_optimizer_v2(model, opt="lamb", lr=8e-3, weight_decay=0.02)
    criterion = BinaryCrossEntropy(target_threshold=0.2)
    scaler = torch.amp.GradScaler(DEVICE, enabled=precision == "float16")
    labels = torch.randint(CLASSES, (len(images),), device=DEVICE)
    targets = torch.nn.functional.one_hot(labels, CLASSES).float()

    def update(forward: Callable[..., Any]) -> None:
        optimizer.zero_grad()
        with torch.autocast(DEVICE, dtype=getattr(torch, precision)):
            loss = criterion(forward(images), targets)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return update


def _compiled(
    model: torch.nn.Module, update: Callable[[Callable[..., Any]], None]
) -> tuple[Callable[..., Any], bool]:
    """Compiles the model and runs one update; stays eager if that fails, as without a C++ compiler."""
    forward = torch.compile(model)
    try:
        update(forward)
    except BackendCompilerFailed as error:
        print(f"timm is not compiled: {error}", file=sys.stderr)
        update(model)
        return model, False
    return forward, True


def device() -> dict[str, str]:
    """Returns torch's description of the device."""
    if DEVICE == "cpu":
        return {"name": "cpu"}
    return {
        "name": torch.cuda.get_device_name(),
        "platform": f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}",
    }


def device_mib() -> float | None:
    """Returns the peak device memory in MiB; None on a CPU."""
    return torch.cuda.max_memory_allocated() / 2**20 if DEVICE == "cuda" else None


if __name__ == "__main__":
    TURNS.imported()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
