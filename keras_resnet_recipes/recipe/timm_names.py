"""Names of timm's training script, and of the numbers that they are here."""

import csv
import functools
import json
from pathlib import Path
from typing import Any

# Every argument of train.py (pytorch-image-models, commit a6da4da1), its default and its counterpart here.
ARGUMENTS = Path(__file__).with_name("timm_arguments.csv")


@functools.cache
def arguments() -> dict[str, tuple[Any, str]]:
    """Returns the default of each argument of `train.py` and the name of its counterpart here.

    Example:
        >>> from keras_resnet_recipes.recipe.timm_names import arguments
        >>> arguments()["reprob"], arguments()["vflip"]
        ((0.0, 'random_erasing_probability'), (0.0, 'none'))
    """
    with ARGUMENTS.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {row["argument"]: (json.loads(row["default"]), row["here"]) for row in rows}
