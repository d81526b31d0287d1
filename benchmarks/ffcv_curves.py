"""Compares FFCVResNet18 with a training step in torch, loss by loss, while the size of the images rises.

    python benchmarks/ffcv_curves.py cifar10.npz RESULTS --peer-python PYTHON_WITH_TORCH_AND_TIMM

Our pipeline prepares 200 batches of real images, ten epochs of 20, at 48 pixels and from the eighth epoch on at 64.
torch trains the same network on them by FFCV's rules (ffcv_torch.py), and a second time from weights perturbed by a
relative 1e-7. Our run starts from the same weights file, in single precision, with the model that `fit` compiles.

RESULTS contains a JSON file per run, which is not repeated. The .npz file contains x_train and y_train.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from divergence import PERTURBATION, summary
from speed_run import Losses

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages, from_source
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.training import build

PEER = Path(__file__).with_name("ffcv_torch.py")
EPOCHS, STEPS, BATCH = 10, 20, 32


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for batches and results")
    parser.add_argument("--peer-python", required=True, help="a Python that has torch and timm")
    options = parser.parse_args()
    recipe, peer = shortened(), [options.peer_python, str(PEER)]
    batches = options.results / "batches"
    if not (batches / "numbers.json").is_file():
        batches.mkdir(parents=True, exist_ok=True)
        subprocess.run([*peer, "weights", str(batches / "weights.safetensors")], check=True)
        record(recipe, options.data, batches)
    for name, perturbation in {"torch": 0.0, "torch_floor": PERTURBATION}.items():
        result = options.results / f"{name}.json"
        if not result.is_file():
            subprocess.run(
                [*peer, "train", str(batches), str(result), str(perturbation)], check=True
            )
    ours = options.results / f"{keras.backend.backend()}.json"
    if not ours.is_file():
        ours.write_text(json.dumps(trained(recipe, batches)))
    files = sorted(options.results.glob("*.json"))
    runs = {file.stem: json.loads(file.read_text()) for file in files}
    print("\n".join(summary(runs, "torch", EPOCHS * STEPS)))


def shortened() -> krr.Recipe:
    """Returns the recipe at the size of the experiment, with the learning rate scaled to the batch size."""
    size = krr.recipe.ProgressiveSize(first_size=48, multiple=16)
    recipe = krr.FFCVResNet18(classes=10, epochs=EPOCHS, train_size=64, progressive_size=size)
    recipe = recipe.replace(precision="float32").rescaled(BATCH)
    return recipe.replace(warmup_learning_rate=1e-4 * recipe.learning_rate)


def record(recipe: krr.Recipe, source: str, folder: Path) -> None:
    """Writes the batches of every epoch, and what the peer needs to know."""
    with np.load(source) as file:
        data = from_source((file["x_train"], file["y_train"]))
    batches = TrainingBatches(
        recipe, data, steps=STEPS, seed=0, unreadable=UnreadableImages(data, "skip")
    )
    made = batches.batches()
    for epoch in range(EPOCHS):
        images, targets = zip(*(next(made) for _ in range(STEPS)), strict=True)
        labels = np.argmax(targets, axis=-1)
        arrays = {"images": np.stack(images), "targets": np.stack(targets), "labels": labels}
        np.savez(folder / f"epoch_{epoch}.npz", **arrays)
    numbers = {"peak": recipe.learning_rate, "epochs": EPOCHS, "steps": STEPS}
    (folder / "numbers.json").write_text(json.dumps(numbers))


def trained(recipe: krr.Recipe, folder: Path) -> dict[str, Any]:
    """Trains our version with the step of `Recipe.fit`."""
    model = build.network(recipe)
    krr.applications.load_weights(model, folder / "weights.safetensors")
    model = build.compiled(recipe, model, replicas=1, steps=STEPS)
    losses, begun = [], time.process_time()
    for epoch in range(EPOCHS):
        with np.load(folder / f"epoch_{epoch}.npz") as file:
            images, targets = file["images"], file["targets"]
        recorded = Losses()
        model.fit(
            images.reshape(-1, *images.shape[2:]),
            targets.reshape(-1, targets.shape[-1]),
            batch_size=BATCH,
            shuffle=False,
            callbacks=[recorded],
            verbose=2,
        )
        losses += recorded.losses
    return {
        "losses": losses,
        "cpu_seconds": time.process_time() - begun,
        "keras": keras.version(),
        "backend": keras.backend.backend(),
    }


if __name__ == "__main__":
    main()
