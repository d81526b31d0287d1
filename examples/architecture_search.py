"""Trains the 15 networks of the architecture search in 'How to Train Your ResNet', part 4 (David Page).

    python examples/architecture_search.py --data cifar10.npz --run-dir runs/search --seeds 0 1 2

The backbone has four convolutions and halves the image three times. After each halving it may have another convolution
(Extra) or a branch of two convolutions (Residual): seven choices each. Page ran each network ten times on CIFAR-10;
numbers were published for only two of them. Seconds are those of a run, including evaluation and compilation. Run the
same command again to resume.
"""

import argparse
import itertools
import statistics
from collections.abc import Callable
from functools import partial

import keras

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.dawnbench import backbone_features, dawnbench_network

# Top-1 in percent, and seconds on one V100.
PUBLISHED = {"backbone": "91.1 %, 47 s", "Residual:L1+L3": "93.8 %, 66 s"}


def main(arguments: list[str] | None = None) -> krr.experiments.Results:
    known = networks()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--run-dir", default="runs/search", help="folder for runs and results")
    parser.add_argument("--networks", nargs="+", choices=known, default=[*known], metavar="NAME")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--size", type=int, default=32, help="side of the images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args(arguments)
    recipe = krr.DAWNBench(
        classes=options.classes,
        epochs=options.epochs,
        # The rate rises during the first fifth of the epochs, then falls to 0.
        knots=((0, 0), (options.epochs / 5, 1), (options.epochs, 0)),
        train_size=options.size,
        test_size=options.size,
        cutout_size=options.size // 4,
    ).rescaled(options.batch_size)
    settings = {"classes": options.classes, "classifier_activation": None}
    results = krr.experiments.train_rows(
        dict.fromkeys(options.networks, recipe),
        options.data,
        options.data,
        run_dir=options.run_dir,
        seeds=options.seeds,
        models={name: partial(known[name], **settings) for name in options.networks},
        verbose=2,
    )
    print(f"\n{results}\n")
    for name, logs in results.logs.items():
        if seconds := [sum(log["seconds"]) for log in logs if log]:
            published = PUBLISHED.get(name, "figure only")
            print(f"{name}: {statistics.fmean(seconds):.0f} s (published: {published})")
    return results


def networks() -> dict[str, Callable[..., keras.Model]]:
    """Returns functions that build the networks, by their names in the search."""
    choices = [layers for count in (1, 2, 3) for layers in itertools.combinations((1, 2, 3), count)]
    found = {"backbone": network("Backbone")}
    for kind in ("Extra", "Residual"):
        for layers in choices:
            name = f"{kind}:{'+'.join(f'L{layer}' for layer in layers)}"
            found[name] = network(name.replace(":", "").replace("+", ""), **{kind.lower(): layers})
    return found


def network(name: str, **layers: tuple[int, ...]) -> Callable[..., keras.Model]:
    return dawnbench_network(
        name, summary=f"{name} of the search.", features=partial(backbone_features, **layers)
    )


if __name__ == "__main__":
    main()
