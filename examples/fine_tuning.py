"""Compares presets for fine-tuning, on photographs and on 1 % of half of CIFAR-10.

    python examples/fine_tuning.py cifar10.npz flowers [--seeds 0 1 2]

A network is pretrained on the first five classes of CIFAR-10, with enlarged images. From its weights every
preset trains on photographs, a folder with train/ and val/, and on 1 % of the images of the other five classes.
The last weights are evaluated on val/, and on all test images of these five classes. results.json in the folder
of the runs is written after each run. Run the same command again to resume, also within a run.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import keras_resnet_recipes as krr

OLD, NEW = range(5), range(5, 10)


def main(arguments: list[str] | None = None) -> dict[str, dict[str, list[float]]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cifar10", help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument("photographs", type=Path, help="folder with train/ and val/")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--presets", nargs="+", help="names of the table's rows; default: all")
    parser.add_argument("--runs", type=Path, default=Path("runs/fine_tuning"))
    parser.add_argument("--network", default="ResNet18")
    parser.add_argument("--size", type=int, default=64, help="side of the images of CIFAR-10")
    parser.add_argument("--photograph-size", type=int, default=128)
    parser.add_argument("--pretrain-epochs", type=int, default=16)
    parser.add_argument("--pretrain-batch-size", type=int, default=256)
    parser.add_argument("--pretrain-precision", default="float32", help="or mixed_bfloat16")
    parser.add_argument("--every", type=int, default=100, help="use every n-th image of CIFAR-10")
    options = parser.parse_args(arguments)

    results = Results(options.runs, vars(options))
    with np.load(options.cifar10) as file:
        arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    pretrained = str(options.runs / "pretrained")
    pretrain(options).fit(part(arrays, "train", OLD), run_dir=pretrained, verbose=2)
    small = part(arrays, "train", NEW, options.every), part(arrays, "test", NEW)
    photographs = tuple(
        krr.data.from_source(options.photographs, split=s) for s in ("train", "validation")
    )
    tasks = {
        "photographs": (*photographs, options.photograph_size),
        "CIFAR-10": (*map(krr.data.from_source, small), options.size),
    }
    for task, (training, test, size) in tasks.items():
        sizes = {"network": options.network, "train_size": size, "test_size": size}
        for seed in options.seeds:
            for name, preset in presets(training.size, pretrained).items():
                if options.presets is None or name in options.presets:
                    results.measure(task, name, preset.replace(**sizes), training, test, seed)
    return results.table()


def part(
    arrays: dict[str, np.ndarray], split: str, classes: range, every: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images of some classes of CIFAR-10, and their labels from 0: of each class every n-th image."""
    x, y = arrays[f"x_{split}"], arrays[f"y_{split}"].reshape(-1)
    chosen = np.sort(np.concatenate([np.flatnonzero(y == label)[::every] for label in classes]))
    return x[chosen], y[chosen].astype(np.int64) - classes.start


def pretrain(options: argparse.Namespace) -> krr.Recipe:
    """Returns the recipe that makes the weights: FFCV's, without blurred pooling."""
    return (
        krr.FFCVResNet18(
            network=options.network,
            train_size=options.size,
            test_size=options.size,
            progressive_size=None,
            crop_scale=(0.35, 1.0),  # 8 % of an image of 32 pixels is too little
            precision=options.pretrain_precision,
        )
        .rescaled(options.pretrain_batch_size)
        .shortened(options.pretrain_epochs)
    )


def presets(images: int, weights: str) -> dict[str, krr.Recipe]:
    """Returns the recipes that are compared, for a number of training images."""
    preset = krr.FineTune.for_images(images).replace(optimizer=krr.FineTune().optimizer, groups=())
    faster = krr.recipe.Group(on="classifier", learning_rate_factor=10.0)
    steps = krr.schedules.Step(boundaries=(8.0, 12.0, 16.0), warmup_epochs=4, per="update")
    published = krr.FineTune().rescaled(preset.batch_size).shortened(preset.epochs)
    tuned = {
        "SGD, rate 0.01": preset.replace(learning_rate=0.01),
        "SGD, rate 0.003, classifier 0.03": preset.replace(learning_rate=0.003, groups=(faster,)),
        "AdamW, rate 0.0001, classifier 0.001": preset.replace(
            learning_rate=1e-4, optimizer=krr.recipe.AdamW(weight_decay=0.05), groups=(faster,)
        ),
        # 500 updates: 100 of warm-up, a tenth of the rate after 200, 300 and 400.
        "BiT's rule": preset.replace(
            learning_rate=0.003,
            optimizer=krr.recipe.SGD(momentum=0.9),
            schedule=steps,
            label_smoothing=0.0,
        ),
        "FineTune, shortened": published,
    }
    scratch = krr.A3(epochs=30).rescaled(32)
    return {
        **{name: recipe.replace(weights=weights) for name, recipe in tuned.items()},
        "A3 from random weights, 30 epochs": scratch,
    }


class Results:
    """Results of the completed runs, saved to a file after every run."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.file = folder, folder / "results.json"
        kept = (
            "network",
            "size",
            "photograph_size",
            "pretrain_epochs",
            "pretrain_precision",
            "every",
        )
        self.settings: dict[str, Any] = {name: settings[name] for name in kept}
        self.runs: dict[str, dict[str, dict[str, float]]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        if self.file.is_file():
            saved = json.loads(self.file.read_text())
            if saved["settings"] != self.settings:
                raise SystemExit(f"{self.file} has other settings: {saved['settings']}")
            self.runs = saved["runs"]

    def measure(
        self, task: str, name: str, recipe: krr.Recipe, training: Any, test: Any, seed: int
    ) -> None:
        """Trains or resumes a run, unless it is finished, and saves its accuracy."""
        start, runs = time.time(), self.runs.setdefault(task, {}).setdefault(name, {})
        if str(seed) not in runs:
            folder = self.folder / f"{task}-{name}-{seed}"
            model = recipe.fit(training, run_dir=folder, seed=seed, verbose=0).model
            result = recipe.evaluate(model, test, verbose=0)
            runs[str(seed)] = {**result, "seconds": round(time.time() - start, 1)}
            temporary = self.file.with_suffix(".new")
            temporary.write_text(
                json.dumps({"settings": self.settings, "runs": self.runs}, indent=1)
            )
            temporary.replace(self.file)
        print(
            f"{task}, {name}, seed {seed}: top-1 {100 * runs[str(seed)]['top1']:.2f} %", flush=True
        )

    def table(self) -> dict[str, dict[str, list[float]]]:
        """Prints the mean and standard deviation of each preset, and returns top-1 in percent per seed."""
        found: dict[str, dict[str, list[float]]] = {}
        for task, rows in self.runs.items():
            for name, runs in rows.items():
                values = [100 * run["top1"] for run in runs.values()]
                found.setdefault(task, {})[name] = values
                spread = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
                print(f"{task:12} {name:36} {np.mean(values):.2f}{spread} %")
        return found


if __name__ == "__main__":
    main()
