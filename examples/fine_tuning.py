"""Photographs, from pre-trained weights or from nothing, several seeds: FineTune, shrunk openly.

    python examples/fine_tuning.py --pretrain cifar10.npz --photographs flowers [--seeds 0 1 2]

The .npz holds x_train and y_train, uint8 images and integers, which are enlarged to `--size`; the folder has train/ and
val/ with one subfolder a class. One network is pre-trained, with seed 0. Each run is measured with its last
weights on val/. results.json in the folder of the runs is written as each run ends; the same command goes on
where it stopped, also within a run.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import keras_resnet_recipes as krr


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pretrain", required=True, help="file of x_train, y_train")
    parser.add_argument("--photographs", required=True, help="folder with train/ and val/")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", default="runs/fine_tuning", help="folder of runs and results")
    parser.add_argument("--network", default="ResNet18")
    parser.add_argument("--size", type=int, default=64, help="side of all pictures")
    parser.add_argument("--pretrain-epochs", type=int, default=10)
    parser.add_argument("--pretrain-images", type=int, help="default: all")
    parser.add_argument("--pretrain-batch-size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.02, help="of all of a network")
    parser.add_argument("--scratch-learning-rate", type=float, help="default: the same")
    parser.add_argument(
        "--probe-learning-rate", type=float, default=0.1, help="of a classifier alone"
    )
    ways = ("scratch", "tuned", "probe")
    parser.add_argument("--ways", nargs="+", default=["scratch", "tuned"], choices=ways)
    options = parser.parse_args(arguments)

    recipes = made(options)
    results = Results(
        Path(options.runs), {**vars(options), **dict.fromkeys(("seeds", "runs", "ways"))}
    )
    with np.load(options.pretrain) as file:
        x, y = (file[name][: options.pretrain_images] for name in ("x_train", "y_train"))
    x = np.repeat(x[..., None], 3, axis=-1) if x.ndim == 3 else x
    recipes["pretrained"].fit((x, y.reshape(-1)), run_dir=results.folder / "pretrained", verbose=0)
    for seed in options.seeds:
        for way in options.ways:
            results.measure(way, recipes[way], Path(options.photographs), seed)
    return results.printed(options.ways, options.seeds)


def made(options: argparse.Namespace) -> dict[str, krr.Recipe]:
    """The recipes of all runs, by name."""
    small = {"network": options.network, "train_size": options.size, "test_size": options.size}
    pretrained = krr.A3(
        **small,
        epochs=options.pretrain_epochs,
        warmup_epochs=min(5, options.pretrain_epochs // 5),
        rand_augment=None,
        crop_scale=(0.35, 1.0),  # eight per cent of a picture of 32 pixels is nothing
    ).rescaled(options.pretrain_batch_size)
    begin = {**small, "weights": str(Path(options.runs) / "pretrained"), "epochs": options.epochs}
    tuned = krr.FineTune(
        **begin,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_epochs=min(5, options.epochs // 5),
        cooldown_epochs=0,
        # A thousand epochs can take more of these.
        repeated_augmentation=1,
        rand_augment=None,
        crop_scale=(0.35, 1.0),
        mixup_alpha=0.2,
        cutmix_alpha=None,
    )
    print(tuned)
    probe = krr.LinearProbe(
        **begin,
        batch_size=options.batch_size,
        learning_rate=options.probe_learning_rate,
        step_epochs=(0.6 * options.epochs, 0.8 * options.epochs),
        crop_scale=(0.35, 1.0),
    )
    rate = options.scratch_learning_rate or options.learning_rate
    scratch = tuned.replace(weights=None, learning_rate=rate)
    return {"pretrained": pretrained, "tuned": tuned, "probe": probe, "scratch": scratch}


class Results:
    """What came out so far, in a file that is written after every run."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.file = folder, folder / "results.json"
        self.settings, self.runs = settings, {}
        folder.mkdir(parents=True, exist_ok=True)
        if self.file.is_file():
            known = json.loads(self.file.read_text())
            if known["settings"] != settings:
                raise SystemExit(f"{self.file} is of other settings: {known['settings']}")
            self.runs = known["runs"]

    def measure(self, name: str, recipe: krr.Recipe, photographs: Path, seed: int) -> None:
        """Trains, goes on with, or leaves a finished run as it is."""
        start, run = time.time(), f"{name}-{seed}"
        if run not in self.runs:
            options = {"run_dir": self.folder / run, "seed": seed, "verbose": 0}
            model = recipe.fit(photographs / "train", **options).model
            result = recipe.evaluate(model, photographs / "val", verbose=0)
            seconds = round(time.time() - start, 1)
            self.runs[run] = {
                "top1": result["top1"],
                "images": result["images"],
                "seconds": seconds,
            }
            aside = self.file.with_suffix(".new")
            aside.write_text(json.dumps({"settings": self.settings, "runs": self.runs}, indent=2))
            aside.replace(self.file)
        print(f"{run}: top-1 {100 * self.runs[run]['top1']:.2f} %", flush=True)

    def printed(self, names: list[str], seeds: list[int]) -> dict[str, list[float]]:
        """Top-1 of each seed in percent, by name; printed with mean and standard deviation."""
        found = {}
        for name in names:
            found[name] = values = [100 * self.runs[f"{name}-{seed}"]["top1"] for seed in seeds]
            spread = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            each = ", ".join(f"{value:.2f}" for value in values)
            print(f"{name:8} top-1 {np.mean(values):.2f}{spread} % (seeds: {each})")
        return found


if __name__ == "__main__":
    main()
