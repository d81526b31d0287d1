"""Measures the deviation of exported files from the Keras model, and their size.

    python benchmarks/export.py ResNet20:32 ResNet50:224

Each argument is a network and its image size. The weights are random with nonzero residual branches, as in a trained
network; the branches of an untrained network return 0. The deviation is that of
`export`: the largest on random images, relative to the image's largest probability.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_resnet_recipes import applications
from keras_resnet_recipes.export import FORMATS, export

SUFFIXES = {"saved_model": "", "onnx": ".onnx", "litert": ".tflite"}


def randomized(name: str) -> keras.Model:
    """Returns the network with random BatchNorm parameters, so that every branch contributes."""
    keras.utils.set_random_seed(0)
    model = getattr(applications, name)(classifier_activation=None)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            values = rng.uniform(0.5, 1, shape), *rng.normal(0, 0.1, (2, *shape))
            layer.set_weights([*values, rng.uniform(0.5, 1.5, shape)])
    return model


def row(name: str, size: int, format: str, activation: str) -> str:
    """Returns a row of the table."""
    model = randomized(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model" + SUFFIXES[format])
        deviation = export(model, path, format, activation=activation, size=size)
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        size_mb = sum(file.stat().st_size for file in files) / 1e6
    return f"| {name}, {size} px | {format} | {activation} | {deviation:.1e} | {size_mb:.1f} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NAME:PIXELS")
    options = parser.parse_args()
    print("| network | format | probabilities | largest deviation | MB |")
    print("|---|---|---|---|---|")
    for network in options.networks:
        name, size = network.split(":")
        for format in FORMATS:
            for activation in ("softmax", "sigmoid"):
                print(row(name, int(size), format, activation), flush=True)


if __name__ == "__main__":
    main()
