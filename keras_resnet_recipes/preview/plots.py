"""Pictures: of learning rates, and of what the network sees."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from keras_resnet_recipes.input_pipeline.stages import Stage


def check_matplotlib(path: str | Path) -> None:
    """Raises an error where nothing can be drawn: before hours of training rather than after.

    Args:
        path: The picture to write.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).
        ValueError: If `path` is in no folder, is one, or ends as no picture does.
    """
    kinds = sorted(_matplotlib("backend_bases").FigureCanvasBase.get_supported_filetypes())
    path = Path(path)
    if path.suffix[1:].lower() not in kinds:
        raise ValueError(
            f"`path` of a picture must end with .png (or .{', .'.join(kinds)}); received {str(path)!r}."
        )
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"`path` of a picture must be in an existing folder; received {str(path)!r}."
        )


def save_schedule(
    places: np.ndarray, rates: np.ndarray, path: str | Path, *, title: str = ""
) -> Path:
    """Draws learning rates over epochs, as the steps they are.

    Args:
        places: Where each rate begins to hold, in epochs from 0.
        rates: The learning rates.
        path: The PNG to write.
        title: What stands above.

    Returns:
        The PNG.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save_schedule(np.arange(3), np.array([0.1, 0.2, 0.1]), folder + "/rate.png").name
    'rate.png'
    """
    figure = _matplotlib("figure").Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(places, rates, drawstyle="steps-post")
    axes.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    axes.set_title(title, fontsize="medium", wrap=True)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
    return Path(path)


def save_grid(pictures: np.ndarray, path: str | Path) -> Path:
    """Draws pictures side by side.

    Args:
        pictures: uint8 [rows, columns, height, width, 3].
        path: The PNG to write.

    Returns:
        The PNG.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save_grid(np.zeros((2, 3, 8, 8, 3), "uint8"), folder + "/grid.png").name
    'grid.png'
    """
    rows, columns, height, width, _ = pictures.shape
    gap = max(2, height // 32)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for row, column in np.ndindex(rows, columns):
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = pictures[row, column]
    _matplotlib("image").imsave(path, sheet)
    return Path(path)


def save_stages(stages: "Sequence[Stage]", path: str | Path) -> Path:
    """Draws what becomes of the pictures of a batch, a row after each ingredient.

    Args:
        stages: The pictures themselves and after each ingredient, with what was drawn for each.
        path: The PNG to write.

    Returns:
        The PNG.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
    >>> from keras_resnet_recipes.input_pipeline.stages import Stage
    >>> stage = Stage("RandomFlip", np.zeros((2, 8, 8, 3), "uint8"), ["mirrored", ""])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save_stages([stage], folder + "/stages.png").name
    'stages.png'
    """
    columns = len(stages[0].images)
    lines = [max(caption.count("\n") + 1 for caption in stage.captions) for stage in stages]
    # A picture is 1.5 inches wide, a line of words 0.14 high.
    heights = [1.55 + 0.14 * count for count in lines]
    size, patches = (1.5 + 1.6 * columns, sum(heights)), _matplotlib("patches")
    figure = _matplotlib("figure").Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(stages), columns, squeeze=False, height_ratios=heights)
    for row, stage in zip(grid, stages, strict=True):
        for axes, picture, caption in zip(row, stage.images, stage.captions, strict=True):
            axes.imshow(picture)
            axes.set(xticks=[], yticks=[])
            axes.set_anchor("N")
            axes.set_xlabel(caption, fontsize=8, labelpad=2)
            for side in axes.spines.values():
                side.set_visible(False)
        row[0].set_ylabel(stage.name, rotation=0, ha="right", va="center", fontsize=9)
        for axes, box in zip(row, stage.boxes or (), strict=False):
            top, left, height, width = box
            # Seen on white petals and on a black cat.
            for color, line in (("black", 3.5), ("white", 1.5)):
                options = {"fill": False, "edgecolor": color, "linewidth": line, "clip_on": False}
                part = patches.Rectangle((left - 0.5, top - 0.5), width, height, **options)
                axes.add_patch(part)
    figure.savefig(path, dpi=120)
    return Path(path)


def _matplotlib(part: str) -> ModuleType:
    try:
        return importlib.import_module(f"matplotlib.{part}")
    except ImportError:
        raise ImportError(
            "pictures are drawn with matplotlib: pip install 'keras-resnet-recipes[plot]'"
        ) from None
