"""Compares the CIFAR-10 speed run with a torch version, loss by loss: same weights, images and order.

    python benchmarks/speed_run.py cifar10.npz RESULTS --peer-python PYTHON_WITH_TORCH

A run of 24 epochs takes hours on two CPU cores, so it is reduced to 6,400 training images, a batch size of 64
and 2 epochs of 100 updates. Training is chaotic, so the torch run is repeated from weights that are
perturbed by a relative 1e-7; its divergence from itself is the floor that our run is compared with.

RESULTS contains a JSON file per run, which is not repeated, and speed_run.png. The .npz file contains x_train,
y_train, x_test and y_test.
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

import keras_resnet_recipes as krr
from keras_resnet_recipes.data.arrays import ImageArrays
from keras_resnet_recipes.data.dataset import from_memory
from keras_resnet_recipes.training import TrainingModel, build
from keras_resnet_recipes.training.feeds import device
from keras_resnet_recipes.training.feeds.parameters import drawn_parameters

PEER = Path(__file__).with_name("speed_run_torch.py")
STEPS = 100
EPOCHS = 2


class Losses(keras.callbacks.Callback):
    """Records the loss of each batch; Keras reports the running mean of the epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Resets the running mean."""
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Records the loss of the batch."""
        self.losses.append(float((logs or {})["loss"]))


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for the results")
    parser.add_argument("--peer-python", required=True, help="a Python that has torch")
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    recipe = shortened(options.batch_size)
    images, tests = subset(options.data, options.batch_size)
    tape = options.results / "tape.npz"
    model = build.compiled(recipe, initial_network(recipe), 1, STEPS)
    if not tape.is_file():
        write_tape(tape, recipe, model, images, tests)
    peer = [options.peer_python, str(PEER), str(tape)]
    for name, more in {"torch": [], "torch_floor": ["--perturb", str(PERTURBATION)]}.items():
        result = options.results / f"{name}.json"
        if not result.is_file():
            subprocess.run([*peer, str(result), *more], check=True)
    ours = options.results / f"{keras.backend.backend()}.json"
    if not ours.is_file():
        ours.write_text(json.dumps(trained(recipe, model, images, tests)))
    print("\n".join(report(options.results)))


def shortened(batch_size: int) -> krr.DAWNBench:
    """Returns the recipe with 2 epochs and the learning rate peak at the same fraction of them."""
    recipe = krr.DAWNBench()
    knots = tuple((epoch * EPOCHS / recipe.epochs, factor) for epoch, factor in recipe.knots)
    changed = recipe.replace(epochs=EPOCHS, knots=knots, classes=10, precision="float32")
    return changed.rescaled(batch_size)


def subset(path: str, batch_size: int) -> tuple[ImageArrays, ImageArrays]:
    """Returns the first images of the file: those of one training epoch, and 1,000 test images."""
    train, test = (ImageArrays.from_npz(path, split) for split in ("train", "validation"))
    count = STEPS * batch_size
    return (
        ImageArrays("training", train.images[:count], train.labels[:count]),
        ImageArrays("test", test.images[:1000], test.labels[:1000]),
    )


def initial_network(recipe: krr.Recipe) -> keras.Model:
    """Returns the network with the initial weights of every run, on every backend."""
    model = build.network(recipe)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if not layer.trainable_weights or not hasattr(layer, "kernel"):
            continue
        bound = float(np.prod(layer.kernel.shape[:-1])) ** -0.5
        drawn = generator.uniform(-bound, bound, layer.kernel.shape)
        layer.kernel.assign(drawn.astype("float32"))
    return model


def write_tape(
    path: Path, recipe: krr.Recipe, model: keras.Model, images: ImageArrays, tests: ImageArrays
) -> None:
    """Writes the inputs of the torch run: images, augmentation parameters, weights and numbers."""
    drawn = [
        drawn_parameters(recipe, images.images.shape, count=images.size, seed=0, epoch=epoch)
        for epoch in range(EPOCHS)
    ]
    rows = np.concatenate(drawn).reshape(EPOCHS * STEPS, recipe.batch_size, -1)
    weights = {
        f"{layer.name}/{name}": np.asarray(getattr(layer, name))
        for layer in model.layers
        for name in ("kernel", "gamma", "beta")
        if getattr(layer, name, None) is not None
    }
    numbers = {
        "batch_size": recipe.batch_size,
        "steps_per_epoch": STEPS,
        "knot_epochs": [epoch for epoch, _ in recipe.knots],
        # The peer sums the loss over a batch, as the original does.
        "knot_rates": [factor * recipe.learning_rate for _, factor in recipe.knots],
        "momentum": recipe.momentum,
        "weight_decay": recipe.weight_decay,
        "pad": recipe.padding,
        "cutout": recipe.cutout_size,
    }
    parts_of_tape = {"x_train": images.images, "y_train": images.labels, "parameters": rows}
    parts_of_tape |= {"x_test": tests.images, "y_test": tests.labels, **weights}
    np.savez(path, numbers=json.dumps(numbers), **parts_of_tape)


def trained(
    recipe: krr.Recipe, model: keras.Model, images: ImageArrays, tests: ImageArrays
) -> dict[str, Any]:
    """Trains our version with the steps of `Recipe.fit`."""
    feed = device.Feed(recipe, from_memory(images), from_memory(tests), steps=STEPS, seed=0)
    learner = TrainingModel(model, **feed.step)
    learner.compile(optimizer=model.optimizer, **build.objective(recipe), auto_scale_loss=False)
    learner.build_losses_and_metrics()
    losses, begun = Losses(), time.process_time()
    with feed.training(first_epoch=0, first_batch=0) as given:
        history = learner.fit(
            **given, epochs=EPOCHS, shuffle=False, callbacks=[losses], verbose=2
        ).history
    return {
        "losses": losses.losses,
        "test_accuracies": history["val_top1"],
        "cpu_seconds": time.process_time() - begun,
        "keras": keras.version(),
        "backend": keras.backend.backend(),
    }


def report(folder: Path) -> list[str]:
    """Reports the accuracy of each run and its divergence from torch, and plots both."""
    runs = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    lines = summary(runs, "torch", STEPS)
    for name, run in runs.items():
        accuracies = ", ".join(f"{value:.3f}" for value in run["test_accuracies"])
        seconds = f"{run['cpu_seconds']:.0f} s of CPU time"
        lines.append(f"{name}: test accuracy {accuracies}; {seconds}")
    plot(folder / "speed_run.png", runs, "torch")
    return lines


if __name__ == "__main__":
    main()
