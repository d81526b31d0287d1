"""Our side of gpu.py, on JAX without TensorFlow.

gpu_keras.py training NETWORK SIZE BATCH PRECISION UPDATES
gpu_keras.py speed_run CIFAR10 RUN_DIR SEED EPOCHS [BATCH]
"""

# isort: skip_file
from steps_keras import TURNS, noise, recipe_of  # first: starts the clock before the imports

import contextlib
import math
import sys
from typing import Any

import jax
import keras

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs.progress import reached

CLASSES = 1000


class InEpochs(keras.callbacks.Callback):
    """Makes `fit` wait after every epoch, which is a turn."""

    def __init__(self, **first: Any) -> None:
        super().__init__()
        self._first = first

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reports the duration of the updates; `fit` stops this clock when the device has finished."""
        extra = {"seconds": logs["train_seconds"], "device_mib": device_mib(), **self._first}
        self._first = {}
        if not TURNS.done(**extra):
            sys.exit()


def training(network: str, size: str, batch: str, precision: str, updates: str) -> None:
    """Runs `Recipe.fit` of A3 on noise in device memory."""
    recipe = recipe_of(network, int(size), int(batch)).replace(
        classes=CLASSES,
        # One epoch per turn, without limit.
        epochs=1_000_000,
        test_crop_ratio=1.0,
        data_on_device=True,
        precision=f"mixed_{precision}",
    )
    model = getattr(krr.applications, network)(input_shape=(int(size), int(size), 3))
    turns = InEpochs(device=device(), operations=operations(model))
    images, targets = noise(recipe, 4 * recipe.batch_size)
    recipe.fit(
        (images, targets.argmax(axis=1)),
        steps_per_epoch=int(updates),
        distribution="none",
        callbacks=[turns],
        verbose=0,
    )


def speed_run(data: str, run_dir: str, seed: str, epochs: str, *batch: str) -> None:
    """Runs DAWNBench with a seed; a shorter run compresses the learning rate schedule."""
    recipe = krr.DAWNBench()
    knots = tuple((epoch * int(epochs) / recipe.epochs, rate) for epoch, rate in recipe.knots)
    recipe = recipe.replace(epochs=int(epochs), knots=knots)
    if batch:
        recipe = recipe.rescaled(int(batch[0]))
    # stdout is the pipe to the parent, so print to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        history = recipe.fit(
            data,
            validation_data=data,
            run_dir=run_dir,
            seed=int(seed),
            distribution="none",
            verbose=2,
        ).history
    TURNS.done(
        device=device(),
        device_mib=device_mib(),
        target=recipe.target_top1,
        reached=reached(history, recipe.target_top1),
        **{name: history[name] for name in ("val_top1", "train_seconds")},
    )


def operations(model: keras.Model) -> int:
    """Returns the floating-point operations of a forward pass of one image; the input size must be fixed.

    Counts two per multiplication with a weight of a convolution or the last layer, and nothing else.
    """
    return sum(
        2 * math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)
    )


def device() -> dict[str, str]:
    """Returns JAX's description of the device."""
    first = jax.local_devices()[0]
    return {"name": first.device_kind, "platform": " ".join(first.client.platform_version.split())}


def device_mib() -> float | None:
    """Returns the peak device memory in MiB; None if JAX does not count it, as on a CPU."""
    stats = jax.local_devices()[0].memory_stats()
    return stats["peak_bytes_in_use"] / 2**20 if stats else None


if __name__ == "__main__":
    TURNS.imported()
    {"training": training, "speed_run": speed_run}[sys.argv[1]](*sys.argv[2:])
