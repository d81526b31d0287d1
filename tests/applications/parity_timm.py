"""timm's side of parity.py: runs in timm's environment, which has no Keras, and obeys lines of its input.

`networks` and `rows` answer with JSON. `make NAME FOLDER` writes a checkpoint of random numbers and its
logits, `check NAME FOLDER` the logits of what came back, loaded with strict=True.
"""

import json
import sys
from pathlib import Path

# Imported first, since it keeps torchvision from looking for a GPU.
from tests.applications import make_published
from tests.golden.make_networks import draw, fill

# isort: split
import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file

# 18, 9, 5 and 3 pixels in the stages, so that averaging shortcuts meet an odd number
IMAGES = draw("images", (2, 3, 72, 72)).astype(np.float32)


def logits(model):
    """What the model makes of the images."""
    with torch.no_grad():
        return model.eval()(torch.tensor(IMAGES)).numpy()


def make(name, folder):
    """A checkpoint none of whose numbers is an initial value; running statistics and gammas differ, too."""
    model = timm.create_model(name)
    fill(model)
    save_file(model.state_dict(), folder / "timm.safetensors")
    np.save(folder / "timm.npy", logits(model))


def check(name, folder):
    """Loads what was written here into a model of timm."""
    model = timm.create_model(name)
    model.load_state_dict(load_file(folder / "ours.safetensors"), strict=True)
    np.save(folder / "back.npy", logits(model))


def main():
    """Obeys line after line, and answers each with one."""
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
