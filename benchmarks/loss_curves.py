"""Compares A1, A2 and A3 with timm's training step, loss by loss: same weights and batches.

    python benchmarks/loss_curves.py cifar10.npz RESULTS --peer-python PYTHON_WITH_TIMM

timm prepares the batches of real images once, with its transforms at 64 pixels, MixUp and CutMix. It then trains
its ResNet-18 on them with its LAMB, binary cross-entropy and schedule for 200 updates in 10 epochs
of 20, in single precision and without stochastic depth, and a second time from weights
perturbed by a relative 1e-7. Our run starts from the same weights file and trains on the same
batches, with the model that `Recipe.fit` compiles.

RESULTS contains a folder per recipe with a JSON file per run, which is not repeated, and the plot. The .npz file
contains x_train and y_train. Batches take 160 MB per recipe.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from divergence import PERTURBATION, plot, summary
from speed_run import Losses
from timm_numbers import numbers

import keras_resnet_recipes as krr
from keras_resnet_recipes.training import build, learning_rate

PEER = Path(__file__).with_name("timm_training.py")
EPOCHS, STEPS, BATCH, SIZE = 10, 20, 64, 64
RECIPES = {"A1": krr.A1, "A2": krr.A2, "A3": krr.A3}


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for batches and results")
    parser.add_argument("--peer-python", required=True, help="a Python that has timm")
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    options = parser.parse_args()
    for name in options.recipes:
        folder = options.results / name
        recipe = shortened(RECIPES[name]())
        measure(recipe, folder, [options.peer_python, str(PEER)], options.data)
        runs = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
        print("\n".join(f"{name}: {line}" for line in summary(runs, "timm", EPOCHS * STEPS)))
        plot(folder / "loss_curves.png", runs, "timm")


def shortened(recipe: krr.Recipe) -> krr.Recipe:
    """Returns the recipe at the size of the experiment, with the learning rate scaled to the batch size."""
    return recipe.replace(
        network="ResNet18",
        classes=10,
        train_size=SIZE,
        epochs=EPOCHS,
        drop_path_rate=0.0,
        precision="float32",
    ).rescaled(BATCH)


def measure(recipe: krr.Recipe, folder: Path, peer: list[str], data: str) -> None:
    """Creates the missing batches and runs."""
    batches = folder / "batches"
    if not (batches / "targets.npy").is_file():
        batches.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [*peer, "record", data, str(batches), json.dumps(numbers(recipe, STEPS))], check=True
        )
    for name, perturbation in {"timm": 0.0, "timm_floor": PERTURBATION}.items():
        result = folder / f"{name}.json"
        if not result.is_file():
            subprocess.run(
                [*peer, "train", str(batches), str(result), str(perturbation)], check=True
            )
    ours = folder / f"{keras.backend.backend()}.json"
    if not ours.is_file():
        ours.write_text(json.dumps(trained(recipe, batches)))


def trained(recipe: krr.Recipe, batches: Path) -> dict[str, Any]:
    """Trains our version with the steps of `Recipe.fit`."""
    model = build.network(recipe)
    krr.applications.load_weights(model, batches / "weights.safetensors")
    model = build.compiled(recipe, model, replicas=1, steps=STEPS)
    losses, begun = Losses(), time.process_time()
    history = model.fit(
        Recorded(batches),
        epochs=EPOCHS,
        shuffle=False,
        callbacks=[keras.callbacks.LearningRateScheduler(learning_rate.schedule(recipe)), losses],
        verbose=2,
    ).history
    return {
        "losses": losses.losses,
        "learning_rates": [float(rate) for rate in history["learning_rate"]],
        "cpu_seconds": time.process_time() - begun,
        "keras": keras.version(),
        "backend": keras.backend.backend(),
    }


class Recorded(keras.utils.PyDataset):
    """Recorded batches of a folder, epoch by epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._images = np.load(folder / "images.npy", mmap_mode="r")
        self._targets = np.load(folder / "targets.npy")
        self._epoch = -1

    @property
    def num_batches(self) -> int:
        """Number of batches per epoch."""
        return STEPS

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        # Keras requests a batch before the first epoch to infer the shapes.
        number = max(self._epoch, 0) * STEPS + batch
        return np.asarray(self._images[number]), self._targets[number]

    def on_epoch_begin(self) -> None:
        """Advances to the batches of the next epoch."""
        self._epoch += 1


if __name__ == "__main__":
    main()
