"""The command prepare."""

import argparse
from pathlib import Path
from typing import Any

from keras_resnet_recipes import data
from keras_resnet_recipes.cli.recipes import DATA
from keras_resnet_recipes.cli.terminal import verbosity


def add_commands(commands: Any) -> None:
    """Adds prepare."""
    command = commands.add_parser("prepare", help="convert a data set to files that load faster")
    command.add_argument("source", metavar="SRC", help=DATA)
    command.add_argument(
        "folder", metavar="DST", help="new folder; run the same command again to resume"
    )
    size = command.add_mutually_exclusive_group()
    # `write_prepared` has the defaults.
    size.add_argument(
        "--shorter-side",
        type=int,
        default=argparse.SUPPRESS,
        metavar="PIXELS",
        help="shrink larger images to this shorter side; default: 294, 1.15 times 256",
    )
    size.add_argument(
        "--original",
        dest="shorter_side",
        action="store_const",
        const=None,
        default=argparse.SUPPRESS,
        help="do not shrink: copy the bytes of all images unchanged",
    )
    command.add_argument(
        "--quality",
        type=int,
        default=argparse.SUPPRESS,
        metavar="1..100",
        help="JPEG quality of shrunk images; default: 90",
    )
    command.add_argument(
        "--raw",
        action="store_true",
        help="store decoded pixels instead of JPEG: nothing to decode, but nine times the size",
    )
    command.add_argument(
        "--split", default="train", help="split of a TFDS data set; default: train"
    )
    command.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    chosen = {
        key: value
        for key, value in vars(options).items()
        if key in ("shorter_side", "quality", "raw")
    }
    if options.raw and "quality" in chosen:
        raise ValueError(
            "`--quality` must not be given with `--raw`, which does not write JPEG. "
            f"Received: --quality {chosen['quality']}"
        )
    source, folder = (Path(path).resolve() for path in (options.source, options.folder))
    if folder == source or source in folder.parents:
        raise ValueError(
            f"`DST` must not be inside `SRC`, whose subfolders are classes. Received: {options.folder!r}"
        )
    images = data.from_source(options.source, split=options.split)
    data.write_prepared(images, options.folder, **chosen, verbose=verbosity())
