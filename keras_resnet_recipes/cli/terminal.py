"""Where the output goes."""

import sys


def verbosity() -> int:
    """What Keras calls verbose: 1, a progress bar, on a terminal; 2, lines, in a file."""
    return 1 if sys.stdout.isatty() else 2
