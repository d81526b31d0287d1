"""Plots of learning rates and augmented images."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from keras_resnet_recipes.extras import install
from keras_resnet_recipes.files import local_path, replacing

if TYPE_CHECKING:
    from keras_resnet_recipes.input_pipeline.snapshots import Snapshot


def check_matplotlib(path: str | Path) -> None:
    """Checks that a plot can be written, before long computations.

    Args:
        path: Image file to write.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).
        ValueError: If `path` is not in an existing folder, is a folder, or has an unsupported suffix.
    """
    kinds = sorted(_matplotlib("backend_bases").FigureCanvasBase.get_supported_filetypes())
    path = local_path("path", path)
    if path.suffix[1:].lower() not in kinds:
        raise ValueError(
            f"`path` of a plot must end with .png (or .{', .'.join(kinds)}). Received: path={str(path)!r}"
        )
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(
            f"`path` of a plot must be a file in an existing folder. Received: path={str(path)!r}"
        )


def save_schedule(
    epochs: np.ndarray, rates: np.ndarray, path: str | Path, *, title: str = ""
) -> Path:
    """Plots learning rates over epochs as a step function.

    Args:
        epochs: Start of each rate, in epochs from 0, shape [n].
        rates: Learning rates, shape [n].
        path: PNG file to write.
        title: Title of the plot.

    Returns:
        The path of the PNG file.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    Example:
        >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plots.save_schedule(np.arange(3), np.array([0.1, 0.2, 0.1]), folder + "/rate.png").name
        'rate.png'
    """
    figure = _matplotlib("figure").Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(epochs, rates, drawstyle="steps-post")
    axes.set(xlabel="epoch", ylabel="learning rate", ylim=(0, None))
    axes.set_title(title, fontsize="medium", wrap=True)
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
    return Path(path)


def save_grid(images: np.ndarray, path: str | Path) -> Path:
    """Writes images as a grid.

    Args:
        images: uint8 array of shape [rows, columns, height, width, 3].
        path: PNG file to write.

    Returns:
        The path of the PNG file.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    Example:
        >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plots.save_grid(np.zeros((2, 3, 8, 8, 3), "uint8"), folder + "/grid.png").name
        'grid.png'
    """
    rows, columns, height, width, _ = images.shape
    gap = max(2, height // 32)
    grid = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for row, column in np.ndindex(rows, columns):
        top, left = row * (height + gap), column * (width + gap)
        grid[top : top + height, left : left + width] = images[row, column]
    with replacing(path) as temporary:
        _matplotlib("image").imsave(temporary, grid)
    return Path(path)


def save_snapshots(snapshots: "Sequence[Snapshot]", path: str | Path) -> Path:
    """Plots the images of a batch after each augmentation step, one row per step.

    Args:
        snapshots: Decoded images, and images after each step with their random parameters.
        path: PNG file to write.

    Returns:
        The path of the PNG file.

    Raises:
        ImportError: If matplotlib is missing (the extra `plot`).

    Example:
        >>> import tempfile, numpy as np, keras_resnet_recipes.preview.plots as plots
        >>> from keras_resnet_recipes.input_pipeline.snapshots import Snapshot
        >>> snapshot = Snapshot("RandomFlip", np.zeros((2, 8, 8, 3), "uint8"), ["mirrored", ""])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plots.save_snapshots([snapshot], folder + "/snapshots.png").name
        'snapshots.png'
    """
    columns = len(snapshots[0].images)
    lines = [
        max(caption.count("\n") + 1 for caption in snapshot.captions) for snapshot in snapshots
    ]
    # An image is 1.5 inches wide, a line of text 0.14 inches high.
    heights = [1.55 + 0.14 * count for count in lines]
    size, patches = (1.5 + 1.6 * columns, sum(heights)), _matplotlib("patches")
    figure = _matplotlib("figure").Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(snapshots), columns, squeeze=False, height_ratios=heights)
    for row, snapshot in zip(grid, snapshots, strict=True):
        for axes, image, caption in zip(row, snapshot.images, snapshot.captions, strict=True):
            axes.imshow(image)
            axes.set(xticks=[], yticks=[])
            axes.set_anchor("N")
            axes.set_xlabel(caption, fontsize=8, labelpad=2)
            for side in axes.spines.values():
                side.set_visible(False)
        row[0].set_ylabel(snapshot.name, rotation=0, ha="right", va="center", fontsize=9)
        for axes, box in zip(row, snapshot.boxes or (), strict=False):
            top, left, height, width = box
            # White with a black outline is visible on light and dark images.
            for color, line in (("black", 3.5), ("white", 1.5)):
                options = {"fill": False, "edgecolor": color, "linewidth": line, "clip_on": False}
                patch = patches.Rectangle((left - 0.5, top - 0.5), width, height, **options)
                axes.add_patch(patch)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return Path(path)


def _matplotlib(module: str) -> ModuleType:
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError:
        raise ImportError(f"Plotting requires matplotlib: run {install('plot')}.") from None
