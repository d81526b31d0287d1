"""timm's process of parity.py: runs in timm's environment, which has no Keras, and executes commands from stdin.

`networks` and `rows` return JSON. `make NAME FOLDER` writes a checkpoint of random numbers and its
logits, `check NAME FOLDER` the logits of the returned checkpoint, loaded with strict=True.
"""

import json
import sys
from pathlib import Path

# Imported first, because it keeps torchvision from searching for a GPU.
from tests.applications import make_published
from tests.golden.make_networks import draw, fill

# isort: split
import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file

# 18, 9, 5 and 3 pixels in the stages, so that averaging shortcuts have odd sizes
IMAGES = draw("images", (2, 3, 72, 72)).astype(np.float32)


def logits(model):
    """Returns the logits of the images."""
    with torch.no_grad():
        return model.eval()(torch.tensor(IMAGES)).numpy()


def make(name, folder):
    """Writes a checkpoint without any initial values; running statistics and gammas differ from them, too."""
    model = timm.create_model(name)
    fill(model)
    save_file(model.state_dict(), folder / "timm.safetensors")
    np.save(folder / "timm.npy", logits(model))


def check(name, folder):
    """Loads a checkpoint written by this package into timm's model."""
    model = timm.create_model(name)
    model.load_state_dict(load_file(folder / "ours.safetensors"), strict=True)
    np.save(folder / "back.npy", logits(model))


def main():
    """Executes commands line by line, and answers each with one line."""
    for line in sys.stdin:
        command, *arguments = line.split()
        answer = None
        if command == "networks":
            answer = make_published.networks()
        elif command == "rows":
            answer = list(make_published.rows())
        else:
            name, folder = arguments
            {"make": make, "check": check}[command](name, Path(folder))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
