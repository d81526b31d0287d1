"""The command `krr`, with one module per group of subcommands."""

import argparse
import os
import sys
from collections.abc import Sequence

from keras_resnet_recipes.cli import (
    experiments,
    export,
    predict,
    prepare,
    recipes,
    report,
    train,
)
from keras_resnet_recipes.cli.backend import import_keras, import_module, prepare_command, unusable
from keras_resnet_recipes.version import __version__


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
    try:
        if options.needs_keras(options):
            import_keras(options.debug)
        for module in options.imports:
            import_module(module)
        status = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, wants no more; Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ImportError, ConnectionError) as error:
        if options.debug:
            raise
        print(f"krr: error: {unusable(error) or error}", file=sys.stderr)
        return 2
    except (FloatingPointError, OSError) as error:
        if options.debug:
            raise
        print(f"krr: error: {_message(error)}", file=sys.stderr)
        return 1
    except MemoryError as error:
        if options.debug:
            raise
        print(f"krr: error: out of memory. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resumes = getattr(options, "run_dir", None) or getattr(options, "folder", None)
        hint = "; run the same command again to resume" if resumes else ""
        print(f"krr: interrupted{hint}", file=sys.stderr)
        return 130
    return status or 0


def _message(error: Exception) -> str:
    """Returns the message of an error, without the errno of an OSError."""
    text = getattr(error, "strerror", None)
    if text is None:
        return str(error)
    name = getattr(error, "filename", None)
    return text if name is None else f"{text}: {str(name)!r}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="krr", description="Published ResNet training recipes for Keras 3."
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-resnet-recipes {__version__}"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks of errors")
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
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (recipes, train, experiments, report, predict, export, prepare):
        group.add_commands(commands)
    return parser
