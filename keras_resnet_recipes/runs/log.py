"""The log of a run."""

import csv
import io
from collections.abc import Collection
from pathlib import Path

LOG = "log.csv"
# The log whose largest value marks the best epoch, for one label per image and for several.
TOP1, MEAN_AVERAGE_PRECISION = "val_top1", "val_mean_average_precision"
TITLES = {MEAN_AVERAGE_PRECISION: "mean average precision", TOP1: "top-1"}


def monitored(names: Collection[str]) -> str | None:
    """Returns which log's largest value marks the best epoch, of the logs of an epoch; None without validation.

    Example:
        >>> monitored(["loss", "val_loss", "val_top1"])
        'val_top1'
    """
    return next((name for name in TITLES if name in names), None)


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
        text = file.read_text(encoding="utf-8")
        # Every line ends, or the last number may be a part of one.
        if not text.endswith("\n"):
            raise ValueError("its last line is cut off")
        names, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        return [_row(names, cells, epoch) for epoch, cells in enumerate(lines)]
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{str(file)!r} is not the log of a run: {error}.") from None


def _row(names: list[str], cells: list[str], epoch: int) -> dict[str, float]:
    if len(cells) != len(names):
        raise ValueError(f"row {epoch + 1} has {len(cells)} cells for {len(names)} columns")
    row = {name: _number(text) for name, text in zip(names, cells, strict=True) if text}
    if row.get("epoch") != epoch:
        raise ValueError(f"row {epoch + 1} must have the epoch {epoch}")
    return row


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)
