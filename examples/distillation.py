"""Trains a student with and without distillation, with a scaled-down Distill on small images.

    python examples/distillation.py --data cifar10.npz [--seeds 0 1 2] [--runs runs/distillation]

The .npz contains x_train, y_train, x_test, y_test: uint8 images and integer labels. A single teacher is trained, with
seed 0 and the other values of the recipe, so that the spread over seeds is only that of the students. Each student is
evaluated with its last weights on all test images. results.json in the folder of the runs is written after each run.
Run the same command again to resume, also within a run.
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
    parser.add_argument("--data", required=True, help=".npz with x_train, y_train, x_test, y_test")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of the students"
    )
    parser.add_argument("--runs", default="runs/distillation", help="folder for runs and results")
    parser.add_argument("--teacher", default="ResNet56", help="network of the teacher")
    parser.add_argument("--student", default="ResNet20", help="network of the students")
    parser.add_argument("--teacher-epochs", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30, help="epochs of a student")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--size", type=int, default=32, help="side of the images")
    parser.add_argument("--train", type=int, help="number of training images; default: all")
    parser.add_argument("--test", type=int, help="number of test images; default: all")
    parser.add_argument("--temperature", type=float, default=20.0)
    parser.add_argument("--distillation-weight", type=float, default=0.5)
    options = parser.parse_args(arguments)
    train, test = (
        images(options.data, "train", options.train),
        images(options.data, "test", options.test),
    )

    distilled = krr.Distill(
        network=options.student,
        train_size=options.size,
        test_size=options.size,
        test_crop_ratio=1.0,
        epochs=options.epochs,
        warmup_epochs=min(5, options.epochs // 5),
        # The augmentation of CIFAR, because crops and color changes are for larger images.
        augmentation=(krr.augment.PadAndCrop(padding=4), krr.augment.RandomFlip()),
        distillation_temperature=options.temperature,
        distillation_weight=options.distillation_weight,
    ).rescaled(options.batch_size)
    print(distilled)
    alone = distilled.replace(distillation=None)
    teacher_recipe = alone.replace(network=options.teacher, epochs=options.teacher_epochs)

    results = Results(Path(options.runs), {**vars(options), "seeds": None, "runs": None})
    teacher = results.trained("teacher", teacher_recipe, train, test, seed=0)
    for seed in options.seeds:
        results.trained("alone", alone, train, test, seed=seed)
        results.trained("taught", distilled, train, test, seed=seed, teacher=teacher)
    return results.printed(["alone", "taught"], options.seeds)


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

    def trained(self, name: str, recipe: krr.Recipe, train: Any, test: Any, **options: Any) -> Any:
        """Trains or resumes a run, unless it is finished, and returns its model."""
        start, run = time.time(), f"{name}-{options['seed']}"
        history = recipe.fit(train, run_dir=self.folder / run, verbose=0, **options)
        if run not in self.runs:
            result = recipe.evaluate(history.model, test, verbose=0)
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
        return history.model

    def printed(self, names: list[str], seeds: list[int]) -> dict[str, list[float]]:
        """Returns top-1 in percent per seed, by name, and prints mean and standard deviation."""
        found = {}
        for name in names:
            found[name] = values = [100 * self.runs[f"{name}-{seed}"]["top1"] for seed in seeds]
            spread = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
            each = ", ".join(f"{value:.2f}" for value in values)
            print(f"{name:8} top-1 {np.mean(values):.2f}{spread} % (seeds: {each})")
        return found


def images(path: str, split: str, number: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first images of a split and their labels."""
    with np.load(path) as file:
        x, y = file[f"x_{split}"][:number], file[f"y_{split}"][:number]
    return np.repeat(x[..., None], 3, axis=-1) if x.ndim == 3 else x, y.reshape(-1)


if __name__ == "__main__":
    main()
