"""Trains a new head on a network with the API of keras.applications: load, freeze, fit, fine-tune, save, load.

    python examples/transfer.py [--network ResNet20] [--weights FILE] [--model digits.keras]

The images are scikit-learn's handwritten digits. Nothing is downloaded: by default the network has random weights, on
which a head alone learns little. `--weights` accepts the same values as the argument of the networks.
"""

import argparse
import tempfile

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from keras_resnet_recipes import applications


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="ResNet20")
    parser.add_argument("--weights", help="initial weights; default: random")
    parser.add_argument("--digits", type=int, default=1797, help="number of digits to use")
    parser.add_argument(
        "--epochs", type=int, default=5, help="epochs of the head, then of the whole model"
    )
    parser.add_argument("--model", help="file to save to; default: a temporary one")
    options = parser.parse_args(arguments)
    keras.utils.set_random_seed(0)
    (train_x, train_y), test = digits(options.digits)

    network = getattr(applications, options.network)
    backbone = network(weights=options.weights, include_top=False, pooling="avg")
    backbone.trainable = False

    inputs = keras.Input((32, 32, 3))
    x = applications.preprocess_input(inputs)
    x = backbone(x, training=False)
    outputs = keras.layers.Dense(10, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, batch_size=32, epochs=options.epochs, verbose=2)
    accuracy = {"head": model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]}

    # `training=False` above still applies: the batch-norm statistics stay frozen.
    backbone.trainable = True
    optimizer = keras.optimizers.Adam(1e-4)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, batch_size=32, epochs=options.epochs, verbose=2)
    accuracy["all"] = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]

    with tempfile.TemporaryDirectory() as folder:
        path = options.model or f"{folder}/digits.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    before, after = (one.predict(test[0], verbose=0) for one in (model, loaded))
    np.testing.assert_array_equal(before, after)
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for best in applications.decode_predictions(after[:3], top=2, class_names=names):
        print(", ".join(f"{name} {probability:.2f}" for _, name, probability in best))
    print(f"top-1 {accuracy['head']:.3f} with the head trained, {accuracy['all']:.3f} fine-tuned")
    return accuracy


def digits(number: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Returns digits of 32x32 pixels in 0..255, three quarters for training and a quarter for testing."""
    data = load_digits()
    scans = np.repeat(data.images[:number, ..., None] * (255 / 16), 3, axis=-1)
    images = scans.round().astype("uint8").repeat(4, axis=1).repeat(4, axis=2)
    train_x, test_x, train_y, test_y = train_test_split(
        images, data.target[:number], test_size=0.25, random_state=0
    )
    return (train_x, train_y), (test_x, test_y)


if __name__ == "__main__":
    main()
