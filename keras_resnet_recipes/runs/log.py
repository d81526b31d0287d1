"""The log of a run."""

import csv
from pathlib import Path

LOG = "log.csv"


def read_log(path: str | Path) -> list[dict[str, float]]:
    """Reads the log of a run, one row per epoch; empty if there is none.

    Args:
        path: The run folder.

    Raises:
        ValueError: If its log.csv is another file.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.runs.read_log("no such folder")
        []
    """
    file = Path(path) / LOG
    if not file.is_file():
        return []
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return [
                {name: _number(str(text)) for name, text in row.items() if text}
                for row in csv.DictReader(lines)
            ]
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"{str(file)!r} is not the log of a run: {error}.") from None


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)
