"""Trains networks of keras.applications with a scaled-down A2 on scikit-learn's handwritten digits.

    python examples/other_networks.py [--networks EfficientNetV2B0 ConvNeXtTiny] [--size 64] [--epochs 2]

Table 3 of 'ResNet strikes back' trains other networks with the recipes of ResNet-50. Any Keras network can be given to
`fit` if its input are images in 0..255 (hence `include_preprocessing=True`) and its output is one logit per class
(hence `classifier_activation=None`). Settings of the recipe's own network, such as A2's `drop_path_rate`, are then
unused.
"""

import argparse
from collections.abc import Sequence

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_resnet_recipes as krr

NETWORKS = ("EfficientNetV2B0", "ConvNeXtTiny")


def digits(size: int, count: int) -> list[np.ndarray]:
    """Returns images [n, size, size, 3] and labels, split into training and a held-out quarter."""
    data = load_digits()
    scans = np.repeat(data.images[:count, ..., None] * (255 / 16), 3, axis=-1)
    images = np.asarray(keras.ops.image.resize(scans, (size, size), interpolation="bicubic"))
    images = np.clip(np.rint(images), 0, 255).astype("uint8")
    return train_test_split(images, data.target[:count], test_size=0.25, random_state=0)


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Trains each network and returns its top-1 accuracy on the held-out digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--networks", nargs="+", default=NETWORKS, help="names in keras.applications"
    )
    parser.add_argument("--size", type=int, default=64, help="side of the images, pixels")
    parser.add_argument("--digits", type=int, default=1797, help="number of digits to use")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and augmentation")
    options = parser.parse_args(arguments)
    train_x, test_x, train_y, test_y = digits(options.size, options.digits)

    recipe = krr.A2(
        train_size=options.size,
        test_size=options.size,
        epochs=options.epochs,
        warmup_epochs=0,
        crop_scale=(0.5, 1.0),  # 8 % of a digit is a single stroke
        random_flip=None,  # mirrored digits are not digits
    ).rescaled(16)
    found = {}
    for name in options.networks:
        keras.utils.set_random_seed(options.seed)
        model = getattr(keras.applications, name)(
            weights=None,
            classes=10,
            input_shape=(options.size, options.size, 3),
            include_preprocessing=True,
            classifier_activation=None,
        )
        history = recipe.fit((train_x, train_y), model=model, seed=options.seed, verbose=2)
        result = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
        found[name] = result["top1"]
        print(
            f"{name}: {model.count_params() / 1e6:.1f} million parameters, "
            f"{int(model.optimizer.iterations)} updates, loss {history.history['loss'][-1]:.4f}, "
            f"top-1 {result['top1']:.3f} on {result['images']} held-out digits"
        )
    return found


if __name__ == "__main__":
    main()
