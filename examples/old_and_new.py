"""Compares the procedure of 2015 with that of 'ResNet strikes back' on CIFAR-10: same network, epochs and batch size.

    python examples/old_and_new.py --data cifar10.npz --run-dir runs/old_and_new --epochs 30

ResNet-20 is trained with He2015CIFAR, whose learning rate falls after half and three quarters of the epochs, and with
A2 at 32 pixels, its learning rate rescaled to batches of 128. Both train on 50,000 images per epoch, A2 on three copies
of a third of them. The .npz contains x_train, y_train, x_test, y_test. Run the same command again to resume.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

import keras_resnet_recipes as krr


def main(arguments: list[str] | None = None) -> krr.experiments.Results:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--run-dir", default="runs/old_and_new", help="folder for runs and plot")
    parser.add_argument("--network", default="ResNet20")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--size", type=int, default=32, help="side of the images")
    parser.add_argument("--precision", default="float32", help="or mixed_bfloat16, of both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args(arguments)
    recipes = rows(options.network, options.epochs, options.batch_size, options.size)
    results = krr.experiments.train_rows(
        {name: one.replace(precision=options.precision) for name, one in recipes.items()},
        options.data,
        options.data,
        run_dir=options.run_dir,
        seeds=options.seeds,
        verbose=2,
    )
    print(f"\n{results}\n")
    draw(results, Path(options.run_dir) / "old_and_new.png")
    return results


def rows(network: str, epochs: int, batch_size: int, size: int) -> dict[str, krr.Recipe]:
    """Returns both recipes at the size of the experiment."""
    small = {"network": network, "epochs": epochs, "train_size": size, "test_size": size}
    old = krr.He2015CIFAR(**small, step_epochs=(epochs / 2, epochs * 3 / 4))
    # The images are shown whole, as in the other recipe: there is nothing to crop at this size.
    new = krr.A2(**small, test_crop_ratio=1.0, warmup_epochs=min(5, epochs))
    return {name: one.rescaled(batch_size) for name, one in {"2015": old, "A2": new}.items()}


def draw(results: krr.experiments.Results, path: Path) -> None:
    """Plots the test accuracy after each epoch, one line per seed."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for color, (name, logs) in enumerate(results.logs.items()):
        for seed, log in enumerate(log for log in logs if log):
            top1 = [100 * value for value in log["val_top1"]]
            label = name if seed == 0 else None
            axes.plot(range(1, len(top1) + 1), top1, color=f"C{color}", label=label)
    axes.set(xlabel="epoch", ylabel="test accuracy, %")
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
