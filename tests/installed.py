"""Runs the quickstart of README.md with the installed package; `make dist` calls it in a clean environment.

python tests/installed.py
"""

import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

import keras_resnet_recipes as krr

CHECKOUT = Path(__file__).parents[1]
# The smallest A1 that keeps all augmentations.
SMALL = {
    "network": "ResNet20",
    "epochs": 1,
    "warmup_epochs": 0,
    "batch_size": 12,
    "train_size": 32,
    "test_size": 32,
}


def write_images(folder: Path, count: int) -> str:
    """Writes `count` images of two classes and returns the folder."""
    rng = np.random.default_rng(count)
    for number in range(count):
        file = folder / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 156, (40, 48, 3)) + 100 * (number % 2)
        Image.fromarray(pixels.astype("uint8")).save(file)
    return str(folder)


def main() -> None:
    """Trains, evaluates, and evaluates from the command line."""
    files = {str(file) for file in metadata.files("keras-resnet-recipes") or ()}
    for name in ("py.typed", "applications/published.csv", "recipe/timm_arguments.csv"):
        if f"keras_resnet_recipes/{name}" not in files:
            raise SystemExit(f"{name} is missing from the wheel.")
    if Path(krr.__file__) == CHECKOUT / "keras_resnet_recipes" / "__init__.py":
        raise SystemExit(f"{krr.__file__} is the checkout, not the installed package.")
    with tempfile.TemporaryDirectory() as folder:
        train, val = write_images(Path(folder, "train"), 24), write_images(Path(folder, "val"), 8)
        recipe = krr.A1(**SMALL)
        history = recipe.fit(train, run_dir=Path(folder, "run"), verbose=0)
        result = recipe.evaluate(history.model, val, verbose=0)
        krr_command = [sys.executable, "-m", "keras_resnet_recipes", "evaluate", f"{folder}/run"]
        subprocess.run([*krr_command, "--data", val], check=True)
    if "tensorflow" in sys.modules:
        raise SystemExit("TensorFlow was imported on another backend.")
    print(f"keras-resnet-recipes {krr.__version__} as installed: {result}")


if __name__ == "__main__":
    main()
