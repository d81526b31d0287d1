"""Compares the first updates of Airbench94 on CIFAR-10 with torch, loss by loss: same weights, images and flips.

    python benchmarks/airbench_curves.py cifar10.npz RESULTS [--updates 20] [--batch-size 2000]

The torch run is that of airbench_reference.py, in float32, and a second one starts from weights perturbed by a
relative 1e-7: its divergence from the first is the floor that ours is compared with. The environment needs torch and
the backend of Keras. RESULTS contains a JSON file per run, which is not repeated, and airbench_curves.png. With a
batch size other than 2,000 the mean loss has the same rates.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from divergence import PERTURBATION, plot, summary
from speed_run import Losses

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.weights import set_timm_state, timm_state
from keras_resnet_recipes.applications.whitening import whiten
from keras_resnet_recipes.data.arrays import ImageArrays
from keras_resnet_recipes.data.dataset import from_memory
from keras_resnet_recipes.training import TrainingModel, build
from keras_resnet_recipes.training.feeds import device
from keras_resnet_recipes.training.feeds.parameters import drawn_parameters

PEER = Path(__file__).with_name("airbench_reference.py")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for the results")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=2000)
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    recipe = krr.Airbench94(batch_size=options.batch_size, classes=10, precision="float32")
    data = ImageArrays.from_npz(options.data, "train")
    keras.utils.set_random_seed(0)
    network = build.network(recipe)
    numbers = recipe.network
    whiten(network, data.images[: numbers.whitening_images], numbers.whitening_epsilon)
    state, tape = (
        initial_state(options.results / "weights.npz", network),
        options.results / "tape.npz",
    )
    count = options.updates * options.batch_size
    drawn = drawn_parameters(recipe, data.images.shape, count=count, seed=0, epoch=0)
    drawn = drawn.reshape(options.updates, options.batch_size, -1)
    for name, run in {
        "torch": lambda: peer(options.data, tape, state, drawn),
        "torch_floor": lambda: peer(options.data, tape, perturbed(state), drawn),
        keras.backend.backend(): lambda: trained(recipe, network, data, options.updates),
    }.items():
        result = options.results / f"{name}.json"
        if not result.is_file():
            result.write_text(json.dumps(run()))
    runs = {file.stem: json.loads(file.read_text()) for file in options.results.glob("*.json")}
    print("\n".join(summary(runs, "torch", options.updates)))
    plot(options.results / "airbench_curves.png", runs, "torch")


def initial_state(path: Path, network: keras.Model) -> dict[str, np.ndarray]:
    """Returns the weights of every run in torch's layouts, from a file that the first run writes, and sets them."""
    if not path.is_file():
        np.savez(path, **timm_state(network))
    with np.load(path) as file:
        state = dict(file)
    set_timm_state(network, state)
    return state


def perturbed(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns weights with a relative perturbation."""
    noise = np.random.default_rng(0).standard_normal
    kernels = {name: one for name, one in state.items() if name.endswith("weight")}
    changed = {name: one * (1 + PERTURBATION * noise(one.shape)) for name, one in kernels.items()}
    return state | changed


def peer(data: str, tape: Path, state: dict[str, np.ndarray], parameters: np.ndarray) -> Any:
    """Trains the torch version, in a process of its own: with TensorFlow in the same one it is slower."""
    np.savez(tape, parameters=parameters, **state)
    command = [sys.executable, str(PEER), "--data", data, "--tape", str(tape)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def trained(
    recipe: krr.Recipe, network: keras.Model, data: ImageArrays, updates: int
) -> dict[str, Any]:
    """Trains our version with the steps of `Recipe.fit`."""
    steps = data.size // recipe.batch_size
    feed = device.Feed(recipe, from_memory(data), None, steps=steps, seed=0)
    model = build.compiled(recipe, network, 1, steps)
    learner = TrainingModel(model, **feed.step)
    learner.compile(optimizer=model.optimizer, **build.objective(recipe), auto_scale_loss=False)
    learner.build_losses_and_metrics()
    losses, begun = Losses(), time.process_time()
    with feed.training(first_epoch=0, first_batch=0) as given:
        learner.fit(**given, steps_per_epoch=updates, shuffle=False, callbacks=[losses], verbose=2)
    return {"losses": losses.losses, "cpu_seconds": time.process_time() - begun}


if __name__ == "__main__":
    main()
