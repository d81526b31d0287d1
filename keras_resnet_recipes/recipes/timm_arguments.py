"""The arguments of timm's training script, as a run of it leaves them in a file."""

import csv
import functools
import json
from pathlib import Path
from typing import Any

# Every argument with its default and what it is here, after train.py of pytorch-image-models, commit a6da4da1.
ARGUMENTS = Path(__file__).with_name("timm_arguments.csv")
_LARGEST = 1 << 16


class Arguments(dict[str, Any]):
    """The arguments by name, and those of them for which nothing was found here."""

    def __init__(self, given: dict[str, Any]) -> None:
        known = arguments()
        super().__init__({name: default for name, (default, _) in known.items()} | given)
        self.unmatched = {
            name: value
            for name, value in given.items()
            if (name not in known and value not in (None, False, "", [], {}))
            or (known.get(name, (None, ""))[1] == "none" and value != known[name][0])
        }

    def match(self, name: str, *values: Any) -> None:
        """Notes the argument unless it has one of these values."""
        if self[name] not in values:
            self.unmatched[name] = self[name]
        else:
            self.unmatched.pop(name, None)


@functools.cache
def arguments() -> dict[str, tuple[Any, str]]:
    """The default of each argument of `train.py`, and what it is here.

    >>> from keras_resnet_recipes.recipes.timm_arguments import arguments
    >>> arguments()["reprob"], arguments()["vflip"]
    ((0.0, 'random_erasing_probability'), (0.0, 'none'))
    """
    with ARGUMENTS.open(newline="") as file:
        rows = csv.DictReader(file)
        return {row["argument"]: (json.loads(row["default"]), row["here"]) for row in rows}


def read(path: Path) -> Arguments:
    """The arguments of an args.yaml, those that it lacks with their defaults.

    Raises:
        ValueError: If the file holds no such arguments.
        ImportError: If PyYAML is missing.
    """
    try:
        import yaml
    except ImportError:
        raise ImportError(
            "timm's arguments are YAML: pip install 'keras-resnet-recipes[timm]'."
        ) from None
    if not path.is_file():
        raise ValueError(f"`path` must be an args.yaml of timm; there is no file {str(path)!r}.")
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{str(path)!r} has more than {_LARGEST} bytes and is none of timm's.")
    try:
        given = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is no YAML: {error}.") from None
    if not isinstance(given, dict) or not {*given} & {*arguments()}:
        raise ValueError(f"{str(path)!r} holds no arguments of timm's train.py.")
    return Arguments({name: _number(value) for name, value in given.items()})


def _number(value: Any) -> Any:
    """YAML takes 1e-4 for a word; train.py does not."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
