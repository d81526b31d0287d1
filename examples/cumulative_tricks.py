"""Trains the rows of the cumulative table of 'Bag of Tricks' (arXiv 1812.01187); each row adds one trick.

    python examples/cumulative_tricks.py --data imagenette/train --val imagenette/val --batch-size 256

The baseline has a quarter of the batch size and learning rate, a step schedule, and no trick. The last row, with MixUp,
is the recipe BagOfTricks; the others have 120 of its 200 epochs, as in the paper. The rows with distillation are not
included, see examples/distillation.py. Run the same command again to resume.
"""

import argparse

import keras_resnet_recipes as krr

# Top-1 in percent of ResNet-50 on ImageNet, tables 4 to 6. "?": from memory, not verified.
PUBLISHED = {
    "baseline": "75.87 ?",
    "+ linear scaling": "75.17 ?",
    "+ warm-up": "75.93 ?",
    "+ zero gamma": "76.37 ?",
    "+ no decay of biases": "76.03 ?",
    "+ half precision": "76.21 ?",
    "+ ResNet-B": "76.66 ?",
    "+ ResNet-C": "76.87 ?",
    "+ ResNet-D": "77.16 ?",
    "+ cosine": "77.91 ?",
    "+ label smoothing": "78.31 ?",
    "+ MixUp": "79.15",
}
# Fields that each trick sets to the values of BagOfTricks.
TRICKS = {
    "+ linear scaling": ("batch_size", "learning_rate"),
    "+ warm-up": ("warmup_epochs",),
    "+ zero gamma": ("zero_gamma",),
    "+ no decay of biases": ("weight_decay_on",),
    "+ half precision": ("precision",),
    "+ ResNet-B": ("network",),
    "+ ResNet-C": ("network",),
    "+ ResNet-D": ("network",),
    "+ cosine": ("schedule",),
    "+ label smoothing": ("label_smoothing",),
    "+ MixUp": ("mix", "epochs"),
}
NETWORKS = {"+ ResNet-B": "ResNet50", "+ ResNet-C": "ResNet50C", "+ ResNet-D": "ResNet50D"}


def main(arguments: list[str] | None = None) -> krr.experiments.Results:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", required=True, help="folder with one subfolder per class, or .npz"
    )
    parser.add_argument("--val", required=True, help="validation data, in the same formats")
    parser.add_argument("--run-dir", default="runs/tricks", help="folder for runs and results")
    parser.add_argument("--rows", nargs="+", choices=PUBLISHED, default=[*PUBLISHED], metavar="ROW")
    parser.add_argument(
        "--network", help="another network for all rows, without the rows of network tweaks"
    )
    parser.add_argument("--epochs", type=int, default=200, help="epochs of the last row")
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--size", type=int, default=224, help="side of the images")
    parser.add_argument("--precision", choices=("float32", "mixed_float16"), default="float32")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args(arguments)
    recipe = krr.BagOfTricks(
        epochs=options.epochs,
        warmup_epochs=min(5, options.epochs // 5),
        train_size=options.size,
        test_size=options.size,
        precision=options.precision,
    ).rescaled(options.batch_size)
    table = rows(recipe, options.network)
    results = krr.experiments.train_rows(
        {name: row for name, row in table.items() if name in options.rows},
        options.data,
        options.val,
        run_dir=options.run_dir,
        seeds=options.seeds,
        verbose=2,
    )
    print(f"\n{results}\n\npublished top-1 in percent, ResNet-50 on ImageNet:")
    for name in results.logs:
        print(f"{name}: {PUBLISHED[name]}")
    return results


def rows(recipe: krr.BagOfTricks, network: str | None = None) -> dict[str, krr.BagOfTricks]:
    """Returns the recipe of each row, without tricks that change nothing."""
    epochs = max(1, round(recipe.epochs * 120 / 200))
    current = recipe.replace(
        network=network or "ResNet50V1",
        epochs=epochs,
        batch_size=recipe.batch_size // 4,
        zero_gamma=False,
        learning_rate=recipe.learning_rate / 4,
        weight_decay_on="all",
        schedule=krr.schedules.Step(
            boundaries=tuple(epochs * part / 4 for part in (1, 2, 3)), reach_ends=True, per="update"
        ),
        label_smoothing=0.0,
        mix=None,
        precision="float32",
    )
    found = {"baseline": current}
    for name, fields in TRICKS.items():
        changes = {field: getattr(recipe, field) for field in fields}
        if name in NETWORKS:
            changes = {"network": network or NETWORKS[name]}
        if current != (current := current.replace(**changes)):
            found[name] = current
    return found


if __name__ == "__main__":
    main()
