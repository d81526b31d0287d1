"""The command `krr`, with one module per group of subcommands."""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from keras_resnet_recipes.cli import (
    evaluate,
    experiments,
    export,
    finetune,
    predict,
    prepare,
    recipes,
    report,
    train,
)
from keras_resnet_recipes.cli.backend import import_keras, import_module, prepare_command, unusable
from keras_resnet_recipes.cli.terminal import complain, discard_output, plain_output
from keras_resnet_recipes.names import printable
from keras_resnet_recipes.version import __version__

# What the system says if a disk, a quota or a file can take no more.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: Arguments after `krr`; by default those of the process.

    Returns:
        Exit status: 0 for success, 2 for invalid arguments or data, 1 if training fails, a file cannot be
        written or some images cannot be read, 130 after an interrupt. SIGTERM exits with 143.

    Example:
        >>> from keras_resnet_recipes.cli import main
        >>> main(["compare", "A1", "A2"])
                         A1     A2
        epochs           600    300
        weight_decay     0.01   0.02
        label_smoothing  0.1    0
        mixup_alpha      0.2    0.1
        0
    """
    options = _parser().parse_args(arguments)
    prepare_command(options.debug)
    with plain_output(options.debug):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    """Runs a command and returns its exit status; an error becomes one line."""
    try:
        if options.needs_keras(options):
            import_keras(options.debug)
        for module in options.imports:
            import_module(module)
        status = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, wants no more.
        discard_output()
        return 0
    except Exception as error:
        status, message = _explained(error)
        if options.debug or status is None:
            raise
        complain(f"error: {message}")
        if isinstance(error, OSError) and error.filename is None:
            # It may be stdout that is full.
            discard_output()
        return status
    except KeyboardInterrupt:
        resumes = getattr(options, "run_dir", None) or getattr(options, "folder", None)
        hint = "; run the same command again to resume" if resumes else ""
        complain(f"interrupted{hint}")
        return 130
    return status or 0


def _explained(error: Exception) -> tuple[int | None, str]:
    """Returns the exit status and the message of an error, without a status if it is none of the user's."""
    if isinstance(error, MemoryError):
        return 1, f"out of memory. {error}"
    # TensorFlow, HDF5 and others have errors of their own for a full disk, with the system's words.
    if any(os.strerror(code) in str(error) for code in _FULL):
        return 1, _message(error)
    if isinstance(error, ValueError | ImportError | ConnectionError):
        return 2, unusable(error) or str(error)
    return (1 if isinstance(error, FloatingPointError | OSError) else None), _message(error)


def _message(error: Exception) -> str:
    """Returns the message of an error, without the errno of an OSError."""
    text = getattr(error, "strerror", None)
    if text is None:
        return " ".join(str(error).split())
    name = getattr(error, "filename", None)
    return text if name is None else f"{text}: {str(name)!r}"


class _Parser(argparse.ArgumentParser):
    """Parser whose errors show control characters escaped: a shell may have put names of files into the command."""

    def error(self, message: str) -> NoReturn:
        """Prints usage and the message, and exits with 2."""
        super().error(printable(message, keep="\n"))


class _Command(_Parser):
    """Parser of a command, which takes options between its arguments: `krr predict RUN --top 1 photo.jpg`.

    After `--` all are arguments, which then must not be on both sides of options.
    """

    intermixed = False

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses a command's arguments in any order."""
        # `parse_known_intermixed_args` calls this function for options and arguments in turn.
        if self.intermixed or "--" in (args or ()):
            return super().parse_known_args(args, namespace)
        self.intermixed = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.intermixed = False


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="krr", description="Published ResNet training recipes for Keras 3.")
    parser.add_argument(
        "--version", action="version", version=f"keras-resnet-recipes {__version__}"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module that defines custom parts, networks or Keras objects; repeatable",
    )
    # Commands that only print recipes override this, because importing Keras takes seconds.
    parser.set_defaults(needs_keras=lambda options: True)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    groups = (finetune, recipes, train, evaluate, experiments, report, predict, export, prepare)
    for group in groups:
        group.add_commands(commands)
    return parser
