"""A network with a new head, written as for keras.applications: load, freeze, fit, fine-tune, save, load.

    python examples/transfer.py [--network ResNet20] [--weights FILE] [--model digits.keras]

The pictures are scikit-learn's handwritten digits, and nothing is downloaded: by default the network
begins with random weights, on which a head alone learns little. `--weights` takes what the networks'
argument of that name does.
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
    parser.add_argument("--weights", help="what the network begins with; default: nothing")
    parser.add_argument("--digits", type=int, default=1797, help="how many of them to use")
    parser.add_argument("--epochs", type=int, default=5, help="of the head, and of all of it")
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

    # `training=False` above goes on: the statistics of batch normalization stay those of before.
    backbone.trainable = True
    slow = keras.optimizers.Adam(1e-4)
    model.compile(slow, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, batch_size=32, epochs=options.epochs, verbose=2)
    accuracy["all"] = model.evaluate(*test, verbose=0, return_dict=True)["accuracy"]

    with tempfile.TemporaryDirectory() as folder:
        path = options.model or f"{folder}/digits.keras"
        model.save(path)
        again = keras.saving.load_model(path)
    before, after = (each.predict(test[0], verbose=0) for each in (model, again))
    np.testing.assert_array_equal(before, after)
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for best in applications.decode_predictions(after[:3], top=2, class_names=names):
        print(", ".join(f"{name} {probability:.2f}" for _, name, probability in best))
    print(
        f"top-1 {accuracy['head']:.3f} with the head trained, {accuracy['all']:.3f} with all of it"
    )
    return accuracy


def digits(number: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Digits of 32x32 pixels, 0 to 255, three quarters to train on and a quarter to test."""
    data = load_digits()
    scans = np.repeat(data.images[:number, ..., None] * (255 / 16), 3, axis=-1)
    images = scans.round().astype("uint8").repeat(4, axis=1).repeat(4, axis=2)
    train_x, test_x, train_y, test_y = train_test_split(
        images, data.target[:number], test_size=0.25, random_state=0
    )
    return (train_x, train_y), (test_x, test_y)


if __name__ == "__main__":
    main()
