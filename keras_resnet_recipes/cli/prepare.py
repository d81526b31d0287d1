"""Data sets in files that are read faster: prepare."""

import argparse
from pathlib import Path
from typing import Any

from keras_resnet_recipes import data
from keras_resnet_recipes.cli.recipes import DATA
from keras_resnet_recipes.cli.terminal import verbosity


def add_commands(commands: Any) -> None:
    """Adds prepare."""
    command = commands.add_parser(
        "prepare", help="write a data set into files that are read faster"
    )
    command.add_argument("source", metavar="SRC", help=DATA)
    command.add_argument("folder", metavar="DST", help="new folder; an unfinished one goes on")
    size = command.add_mutually_exclusive_group()
    # Without a default here: it is the function's.
    size.add_argument(
        "--shorter-side",
        type=int,
        default=argparse.SUPPRESS,
        metavar="PIXELS",
        help="make larger images smaller; default 294, 1.15 times 256",
    )
    size.add_argument(
        "--original",
        dest="shorter_side",
        action="store_const",
        const=None,
        default=argparse.SUPPRESS,
        help="keep the bytes of all images",
    )
    command.add_argument(
        "--quality",
        type=int,
        default=argparse.SUPPRESS,
        metavar="1..100",
        help="JPEG quality of images made smaller; default 90",
    )
    command.add_argument(
        "--raw",
        action="store_true",
        help="store pixels, not JPEG: nine times the space, and nothing to decode",
    )
    command.add_argument("--split", default="train", help="split of a TFDS name; default train")
    command.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    chosen = {
        key: value
        for key, value in vars(options).items()
        if key in ("shorter_side", "quality", "raw")
    }
    if options.raw and "quality" in chosen:
        raise ValueError("`--quality` is of JPEG, which `--raw` does not write.")
    source, folder = (Path(path).resolve() for path in (options.source, options.folder))
    if folder == source or source in folder.parents:
        raise ValueError(
            f"`DST` must not be in SRC, whose subfolders are classes. Received: {options.folder!r}"
        )
    images = data.from_source(options.source, split=options.split)
    data.write_prepared(images, options.folder, **chosen, verbose=verbosity())
