"""Generates schedules.npz: learning rates of timm's StepLRScheduler, and of its cosine in DeiT's loop.

python -m venv venv
venv/bin/pip install torch==2.13.0 numpy==2.4.6 pillow==13.0.0 pyyaml huggingface_hub safetensors
venv/bin/pip install --no-deps timm==1.0.31 torchvision==0.28.0
venv/bin/python make_schedules.py schedules.npz
"""

import argparse
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
from timm.scheduler import StepLRScheduler, create_scheduler  # noqa: E402

# EfficientNet's steps of 2.4 epochs, and steps of one epoch.
CASES = {
    "stairs": {"lr": 0.064, "decay_t": 2.4, "decay_rate": 0.97, "warmup_t": 3, "warmup": 1e-6},
    "epochs": {"lr": 0.082, "decay_t": 1, "decay_rate": 0.988, "warmup_t": 5, "warmup": 1e-4},
    "plain": {"lr": 0.1, "decay_t": 30, "decay_rate": 0.1, "warmup_t": 0, "warmup": 0.0},
}
EPOCHS = 100

# Defaults of DeiT's main.py, and with the rate and epochs of its fine-tuning (issue 45).
DEIT = {
    "sched": "cosine",
    "lr": 1e-3,
    "warmup_lr": 1e-6,
    "min_lr": 1e-5,
    "decay_epochs": 30,
    "warmup_epochs": 5,
    "cooldown_epochs": 10,
    "patience_epochs": 10,
    "decay_rate": 0.1,
    "lr_noise": None,
    "lr_noise_pct": 0.67,
    "lr_noise_std": 1.0,
    "epochs": 300,
}
LOOPS = {"deit": DEIT, "deit_fine_tuning": {**DEIT, "lr": 0.01, "epochs": 1000}}

arrays = {}
for name, case in CASES.items():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case["lr"])
    schedule = StepLRScheduler(
        optimizer,
        decay_t=case["decay_t"],
        decay_rate=case["decay_rate"],
        warmup_t=case["warmup_t"],
        warmup_lr_init=case["warmup"],
        warmup_prefix=False,  # as timm's training script calls it
    )
    rates = []
    for epoch in range(EPOCHS):
        schedule.step(epoch)
        rates.append(optimizer.param_groups[0]["lr"])
    arrays[name] = np.array(rates)
for name, arguments in LOOPS.items():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=arguments["lr"])
    # main.py ignores the number of epochs that timm returns, which includes the cooldown, and steps the
    # scheduler to the epoch that has just ended, not to the next one.
    schedule, _ = create_scheduler(argparse.Namespace(**arguments), optimizer)
    rates = []
    for epoch in range(arguments["epochs"]):
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step(epoch)
    arrays[name] = np.array(rates)
meta = {
    "what": "the rate in force in each epoch; deit...: of timm's cosine, stepped as by facebookresearch/deit main.py",
    "cases": CASES,
    "loops": LOOPS,
    "versions": {"timm": timm.__version__, "torch": torch.__version__, "numpy": np.__version__},
}
np.savez_compressed(sys.argv[1], meta=json.dumps(meta), **arrays)
