"""The 15 networks of the architecture search of David Page's speed run ('How to Train Your ResNet', part 4).

    python examples/architecture_search.py --data cifar10.npz --run-dir runs/search --seeds 0 1 2

The backbone has four convolutions, and halves the image three times. After each of these a convolution more (Extra), or
a branch of two (Residual), can stand: seven choices each. Page ran each network ten times, on CIFAR-10; the numbers
were published of two of them alone. Seconds are those of a run, evaluations and compilation included. The same command
resumes where it was stopped.
"""

import argparse
import itertools
import statistics
from collections.abc import Callable
from functools import partial

import keras

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.dawnbench import backbone_features, dawnbench_network

# Top-1 in per cent, and seconds on one V100.
PUBLISHED = {"backbone": "91.1 %, 47 s", "Residual:L1+L3": "93.8 %, 66 s"}


def main(arguments: list[str] | None = None) -> krr.experiments.Results:
    known = networks()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="file of x_train, y_train, x_test, y_test")
    parser.add_argument("--run-dir", default="runs/search", help="folder of runs and results")
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
        # The rate rises in the first fifth of the epochs, and falls to 0 in the others.
        knots=((0, 0), (options.epochs / 5, 1), (options.epochs, 0)),
        train_size=options.size,
        test_size=options.size,
        cutout_size=options.size // 4,
    ).rescaled(options.batch_size)
    made = {"classes": options.classes, "classifier_activation": None}
    results = krr.experiments.train_rows(
        dict.fromkeys(options.networks, recipe),
        options.data,
        options.data,
        run_dir=options.run_dir,
        seeds=options.seeds,
        models={name: partial(known[name], **made) for name in options.networks},
        verbose=2,
    )
    print(f"\n{results}\n")
    for name, logs in results.logs.items():
        if seconds := [sum(log["seconds"]) for log in logs if log]:
            published = PUBLISHED.get(name, "a picture only")
            print(f"{name}: {statistics.fmean(seconds):.0f} s (published: {published})")
    return results


def networks() -> dict[str, Callable[..., keras.Model]]:
    """What builds each network, by the name that the search gave it."""
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
