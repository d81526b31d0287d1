"""Trains on photographs from pretrained or random weights, with a scaled-down FineTune.

    python examples/fine_tuning.py --pretrain cifar10.npz --photographs flowers [--seeds 0 1 2]

The .npz contains x_train and y_train: uint8 images, which are enlarged to `--size`, and integer labels. The folder
has train/ and val/ with one subfolder per class. A single network is pretrained, with seed 0. Each run is evaluated
with its last weights on val/. results.json in the folder of the runs is written after each run. Run the same command
again to resume, also within a run.
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
    parser.add_argument("--pretrain", required=True, help=".npz with x_train, y_train")
    parser.add_argument("--photographs", required=True, help="folder with train/ and val/")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", default="runs/fine_tuning", help="folder for runs and results")
    parser.add_argument("--network", default="ResNet18")
    parser.add_argument("--size", type=int, default=64, help="side of all images")
    parser.add_argument("--pretrain-epochs", type=int, default=10)
    parser.add_argument("--pretrain-images", type=int, help="default: all")
    parser.add_argument("--pretrain-batch-size", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.02, help="for fine-tuning")
    parser.add_argument(
        "--scratch-learning-rate", type=float, help="from random weights; default: --learning-rate"
    )
    parser.add_argument(
        "--probe-learning-rate", type=float, default=0.1, help="for the linear classifier"
    )
    ways = ("scratch", "tuned", "probe")
    parser.add_argument("--ways", nargs="+", default=["scratch", "tuned"], choices=ways)
    options = parser.parse_args(arguments)

    recipes = build_recipes(options)
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


def build_recipes(options: argparse.Namespace) -> dict[str, krr.Recipe]:
    """Returns the recipes of all runs, by name."""
    small = {"network": options.network, "train_size": options.size, "test_size": options.size}
    pretrained = krr.A3(
        **small,
        epochs=options.pretrain_epochs,
        warmup_epochs=min(5, options.pretrain_epochs // 5),
        rand_augment=None,
        crop_scale=(0.35, 1.0),  # 8 % of an image of 32 pixels is too little
    ).rescaled(options.pretrain_batch_size)
    shared = {**small, "weights": str(Path(options.runs) / "pretrained"), "epochs": options.epochs}
    tuned = krr.FineTune(
        **shared,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_epochs=min(5, options.epochs // 5),
        cooldown_epochs=0,
        # FineTune's stronger augmentation is for 1000 epochs.
        repeated_augmentation=1,
        rand_augment=None,
        crop_scale=(0.35, 1.0),
        mixup_alpha=0.2,
        cutmix_alpha=None,
    )
    print(tuned)
    probe = krr.LinearProbe(
        **shared,
        batch_size=options.batch_size,
        learning_rate=options.probe_learning_rate,
        step_epochs=(0.6 * options.epochs, 0.8 * options.epochs),
        crop_scale=(0.35, 1.0),
    )
    rate = options.scratch_learning_rate or options.learning_rate
    scratch = tuned.replace(weights=None, learning_rate=rate)
    return {"pretrained": pretrained, "tuned": tuned, "probe": probe, "scratch": scratch}


class Results:
    """Results of the completed runs, saved to a file after every run."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.file = folder, folder / "results.json"
        self.settings, self.runs = settings, {}
        folder.mkdir(parents=True, exist_ok=True)
        if self.file.is_file():
            saved = json.loads(self.file.read_text())
            if saved["settings"] != settings:
                raise SystemExit(f"{self.file} has other settings: {saved['settings']}")
            self.runs = saved["runs"]

    def measure(self, name: str, recipe: krr.Recipe, photographs: Path, seed: int) -> None:
        """Trains or resumes a run, unless it is finished, and saves its accuracy."""
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
            temporary = self.file.with_suffix(".new")
            contents = {"settings": self.settings, "runs": self.runs}
            temporary.write_text(json.dumps(contents, indent=2))
            temporary.replace(self.file)
        print(f"{run}: top-1 {100 * self.runs[run]['top1']:.2f} %", flush=True)

    def printed(self, names: list[str], seeds: list[int]) -> dict[str, list[float]]:
        """Returns top-1 in percent per seed, by name, and prints mean and standard deviation."""
        found = {}
        for name in names:
            found[name] = values = [100 * self.runs[f"{name}-{seed}"]["top1"] for seed in seeds]
            spread = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            each = ", ".join(f"{value:.2f}" for value in values)
            print(f"{name:8} top-1 {np.mean(values):.2f}{spread} % (seeds: {each})")
        return found


if __name__ == "__main__":
    main()
