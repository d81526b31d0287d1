"""Detection of the output terminal."""

import sys


def verbosity() -> int:
    """Returns Keras' `verbose`: 1, a progress bar, on a terminal; 2, one line per epoch, otherwise."""
    return 1 if sys.stdout.isatty() else 2
