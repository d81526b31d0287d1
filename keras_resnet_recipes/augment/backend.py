"""NumPy as a backend, for the draws on the CPU.

Draws are written once, against the namespace of a Keras backend: `NUMPY` for the values of this
package, the current backend for the layers of the same names.
"""

from typing import Any

import numpy as np


class _NumPy:
    """The part of a Keras backend that draws need, on NumPy arrays."""

    numpy = np

    def cast(self, x: Any, dtype: Any) -> Any:
        return np.asarray(x).astype(dtype)

    def convert_to_tensor(self, x: Any, dtype: Any = None) -> Any:
        return np.asarray(x, dtype)

    def shape(self, x: Any) -> tuple[int, ...]:
        return np.shape(x)


NUMPY = _NumPy()
"""NumPy backend; it keeps the double precision of the variates."""
