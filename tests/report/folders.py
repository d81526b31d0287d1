"""Synthetic run folders."""

import json
import os
import time

import keras_resnet_recipes as krr
from keras_resnet_recipes.files import sha256
from keras_resnet_recipes.runs import checkpoints

FACTS = {
    "dataset": "/home/somebody/flowers/train",
    "validation_dataset": "/home/somebody/flowers/val",
    "images": 240,
    "class_names": ["daisy", "tulips"],
    "steps_per_epoch": 7,
    "seed": 3,
    "own_model": False,
    "versions": {"keras_resnet_recipes": "0.1.0", "keras": "3.15.1"},
    "hardware": {"processor": "a processor", "accelerators": ["gpu:0"]},
    "command": "krr train A3 --data /home/somebody/flowers/train",
}
RECIPE = krr.A3(network="ResNet18", classes=2, epochs=4, warmup_epochs=1, batch_size=32)
HEADER = "epoch,loss,top1,val_loss,val_top1,val_top5,seconds,images_per_second,learning_rate\n"


def make_run(path, epochs=4, recipe=RECIPE, facts=FACTS, idle=0.0, top1=(0.2, 0.5, 0.4, 0.45)):
    """Creates a run folder with a log of 100 seconds per epoch, last written `idle` seconds ago."""
    path.mkdir(parents=True)
    recipe.to_json(path / "recipe.json")
    (path / "run.json").write_text(json.dumps({**FACTS, **facts}))
    if epochs:
        rows = [
            f"{e},{0.7 - 0.1 * e},0.1,{0.6 - 0.1 * e},{top1[e]},0.9,100.0,{200.0 + e},0.00{e + 1}\n"
            for e in range(epochs)
        ]
        (path / "log.csv").write_text(HEADER + "".join(rows))
        for name in ("best", "last"):
            entry = {"file": f"{name}.weights.h5", "sha256": sha256(memoryview(b"weights"))}
            entry |= {"epochs": epochs, "batches": 0, "seeds": [], "metrics": []}
            entry |= {"stopped": False, "shapes": "", "log_sha256": ""}
            checkpoints._write_manifest(path, entry)
        for name in ("best", "last"):
            (path / f"{name}.weights.h5").write_bytes(b"weights")
    then = time.time() - idle
    for file in path.iterdir():
        os.utime(file, (then, then))
    return path
