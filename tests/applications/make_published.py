"""Generates applications/published.csv: the weights that timm publishes for the networks of this package.

    git clone https://github.com/huggingface/pytorch-image-models    # the file below, commit 4e5207c7
    python -m tests.applications.make_published pytorch-image-models/results/results-imagenet.csv

It requires timm, and from this package only the names of the networks. `timm` has the locations of the
weights and the settings of their evaluation; the accuracies were measured by its author with exactly these
settings. Evaluations with another size or crop are omitted.
"""

import ast
import csv
import sys
import types
from collections.abc import Iterator
from pathlib import Path

# torchvision's wheels contain CUDA operators, which are not needed here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import timm  # noqa: E402

PACKAGE = Path(__file__).parents[2] / "keras_resnet_recipes" / "applications"
TABLE = PACKAGE / "published.csv"


def networks() -> dict[str, str]:
    """Returns timm's name of each network of this package that timm has."""
    # Parsed, not imported, because timm's environment has no Keras.
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    names = sorted(alias.name for node in imported for alias in node.names)
    known = {name: name.lower().replace("wideresnet", "wide_resnet") for name in names}
    return {name: theirs for name, theirs in known.items() if timm.is_model(theirs)}


def rows(results: Path | None = None) -> Iterator[dict[str, str]]:
    """Yields the rows of the table; without results, rows have no accuracies."""
    top1 = {}
    if results is not None:
        with results.open(newline="") as file:
            for line in csv.DictReader(file):
                test = int(line["img_size"]), float(line["crop_pct"]), line["interpolation"]
                top1[line["model"], *test] = line["top1"]
    for network, theirs in networks().items():
        default = timm.get_pretrained_cfg(theirs).tag
        for name in timm.list_pretrained(f"{theirs}.*"):
            config = timm.get_pretrained_cfg(name)
            tests = [(config.input_size[1], config.crop_pct)]
            if config.test_input_size is not None:
                tests.append((config.test_input_size[1], config.test_crop_pct))
            row = {
                "network": network,
                "tag": config.tag,
                "default": "yes" if config.tag == default else "",
                "repository": config.hf_hub_id,
                "classes": str(config.num_classes),
                "interpolation": config.interpolation,
                "mean": " ".join(map(str, config.mean)),
                "std": " ".join(map(str, config.std)),
                "license": config.license or "",
            }
            for number, (size, crop) in enumerate(sorted(tests), start=1):
                key = name, size, float(crop), config.interpolation
                row[f"size_{number}"] = str(size)
                row[f"crop_ratio_{number}"] = str(float(crop))
                row[f"top1_{number}"] = top1.get(key, "")
            yield row


def main() -> None:
    """Writes the table."""
    lines = list(rows(Path(sys.argv[1])))
    columns = max((list(line) for line in lines), key=len)
    with TABLE.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(lines)
    print(f"{len(lines)} lines")


if __name__ == "__main__":
    main()
