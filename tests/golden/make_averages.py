"""Generates averages.npz: moving averages of a random walk of weights, by timm and torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pillow==13.0.0 pyyaml huggingface_hub safetensors
    venv/bin/pip install --no-deps timm==1.0.31 torchvision==0.28.0
    venv/bin/python make_averages.py averages.npz

The walk has a parameter and a buffer, as in batch norm; NAME/weight and NAME/buffer
are their averages after every update.
"""

import json
import sys
import types

# torchvision's wheels need operators for CUDA, which are unused here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from timm.utils import ModelEmaV2  # noqa: E402
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn  # noqa: E402

UPDATES, STEPS_PER_EPOCH = 23, 9
TIMM = {"decay": 0.9}
# As in torchvision's script: every few batches, counted from the start of each epoch; copies during warm-up.
TORCHVISION = {"decay": 0.7, "every": 4, "warmup_epochs": 1}
# As in cifar10-fast: the count continues across epochs.
PAGE = {"momentum": 0.8, "every": 5}

generator = torch.Generator().manual_seed(20211001)
shape = (UPDATES + 1, 6)
walk = {
    name: torch.randn(shape, generator=generator, dtype=torch.float64).cumsum(0)
    for name in ("weight", "buffer")
}


class Walker(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(walk["weight"][0].clone())
        self.register_buffer("buffer", walk["buffer"][0].clone())

    def go(self, update):
        with torch.no_grad():
            self.weight.copy_(walk["weight"][update])
            self.buffer.copy_(walk["buffer"][update])


def averaged(average, network):
    """Returns the module's average after each update, where `average(update)` updates it."""
    rows = {"weight": [], "buffer": []}
    for update in range(1, UPDATES + 1):
        model.go(update)
        average(update)
        rows["weight"].append(network.weight.detach().clone().numpy())
        rows["buffer"].append(network.buffer.clone().numpy())
    return {name: np.stack(values) for name, values in rows.items()}


arrays = {f"walk/{name}": values.numpy() for name, values in walk.items()}

model = Walker()
ema = ModelEmaV2(model, decay=TIMM["decay"])
results = {"timm": averaged(lambda update: ema.update(model), ema.module)}

model = Walker()
swa = AveragedModel(model, avg_fn=get_ema_avg_fn(TORCHVISION["decay"]), use_buffers=True)


def torchvision(update):
    epoch, batch = divmod(update - 1, STEPS_PER_EPOCH)
    if batch % TORCHVISION["every"] == 0:
        swa.update_parameters(model)
        if epoch < TORCHVISION["warmup_epochs"]:
            swa.n_averaged.fill_(0)


results["torchvision"] = averaged(torchvision, swa.module)

model = Walker()
valid = Walker()


def page(update):
    if (update - 1) % PAGE["every"] == 0:
        rho = PAGE["momentum"] ** PAGE["every"]
        with torch.no_grad():
            for name, value in valid.state_dict().items():
                value.mul_(rho).add_(model.state_dict()[name], alpha=1 - rho)


results["page"] = averaged(page, valid)

for case, rows in results.items():
    arrays.update({f"{case}/{name}": values for name, values in rows.items()})
meta = {
    "what": "averages of walk/* after each update; timm's ModelEmaV2, torch's AveragedModel, a loop in torch",
    "steps_per_epoch": STEPS_PER_EPOCH,
    "timm": TIMM,
    "torchvision": TORCHVISION,
    "page": PAGE,
    "versions": {"timm": timm.__version__, "torch": torch.__version__, "numpy": np.__version__},
}
np.savez_compressed(sys.argv[1], meta=json.dumps(meta), **arrays)
