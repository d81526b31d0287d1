"""timm's engine of steps.py: `steps_timm.py timm NETWORK SIZE BATCH`, in an environment without Keras."""

# isort: skip_file
from turns import Turns

TURNS = Turns()  # its clock starts before the imports

import os  # noqa: E402
import sys  # noqa: E402
import types  # noqa: E402

# torch's CPU build lacks the operations that this module of torchvision declares.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("unused"))

import timm  # noqa: E402
import torch  # noqa: E402
from timm.loss import BinaryCrossEntropy  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402

CLASSES = 10


def main(network: str, size: int, batch: int) -> None:
    """Trains on one batch of noise, in turns."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    model = timm.create_model(network.lower(), num_classes=CLASSES).train()
    model = model.to(memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(model, opt="lamb", lr=8e-3, weight_decay=0.02)
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


if __name__ == "__main__":
    TURNS.imported()
    main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
