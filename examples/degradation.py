"""Compares plain and residual networks of several depths, as in figure 6 of He et al. (arXiv 1512.03385).

    python examples/degradation.py --data cifar10.npz --run-dir runs/degradation --depths 20 56

Plain networks get worse with depth, residual networks do not. The .npz contains x_train, y_train, x_test, y_test. The
plain networks are the residual ones without shortcuts. Test errors are of the last epoch; training errors are computed
on augmented images during the epoch, as in the paper. Run the same command again to resume.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

import keras_resnet_recipes as krr

DEPTHS = (20, 32, 44, 56, 110)
# Test errors in percent, table 6. For plain networks the paper has only curves, and more than 60 % for 110 layers.
PUBLISHED = {
    "Plain110": "> 60",
    "ResNet20": "8.75",
    "ResNet32": "7.51",
    "ResNet44": "7.17",
    "ResNet56": "6.97",
    "ResNet110": "6.43",
}


def main(arguments: list[str] | None = None) -> krr.experiments.Results:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--run-dir", default="runs/degradation", help="folder for runs and plot")
    parser.add_argument("--depths", type=int, nargs="+", choices=DEPTHS, default=[20, 56])
    parser.add_argument("--epochs", type=int, default=164)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--size", type=int, default=32, help="side of the images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args(arguments)
    recipe = krr.He2015CIFAR(
        epochs=options.epochs,
        # The rate falls after half and three quarters of the epochs.
        step_epochs=(options.epochs / 2, options.epochs * 3 / 4),
        train_size=options.size,
        test_size=options.size,
    ).rescaled(options.batch_size)
    names = [f"{kind}{depth}" for kind in ("Plain", "ResNet") for depth in options.depths]
    results = krr.experiments.train_rows(
        {name: recipe.replace(network=name) for name in names},
        options.data,
        options.data,
        run_dir=options.run_dir,
        seeds=options.seeds,
        verbose=2,
    )
    print(f"\n{results}\n")
    for name, logs in results.logs.items():
        test, training = (mean_errors(logs, key) for key in ("val_top1", "top1"))
        if test:
            published = PUBLISHED.get(name, "curve only")
            print(f"{name}: test error {test[-1]:.2f} % (published: {published})", end=", ")
            print(f"training error {training[-1]:.2f} %")
    draw(results, Path(options.run_dir) / "degradation.png")
    return results


def mean_errors(logs: tuple, key: str) -> list[float]:
    """Returns the mean error per epoch in percent, over the completed runs."""
    epochs = zip(*(log[key] for log in logs if log), strict=True)
    return [100 - 100 * sum(values) / len(values) for values in epochs]


def draw(results: krr.experiments.Results, path: Path) -> None:
    """Plots errors of plain and residual networks side by side; training is dashed, test solid."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, kind in zip(panels, ("Plain", "ResNet"), strict=True):
        for name, logs in results.logs.items():
            if name.startswith(kind):
                (line,) = axes.plot(mean_errors(logs, "val_top1"), label=name)
                axes.plot(mean_errors(logs, "top1"), "--", color=line.get_color())
        axes.set_xlabel("epoch")
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("error %")
    panels[0].set_ylim(bottom=0)
    figure.savefig(path, dpi=150)
    print(path)


if __name__ == "__main__":
    main()
