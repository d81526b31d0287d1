"""NumPy as the backend that draws are computed with on the processor.

What is drawn is written once, against the namespace of a Keras backend: `NUMPY` for the values here,
the running backend for the layers of the same names.
"""

from typing import Any

import numpy as np


class _NumPy:
    """As much of a Keras backend as draws need, on NumPy's arrays."""

    numpy = np

    def cast(self, x: Any, dtype: Any) -> Any:
        return np.asarray(x).astype(dtype)

    def convert_to_tensor(self, x: Any, dtype: Any = None) -> Any:
        return np.asarray(x, dtype)

    def shape(self, x: Any) -> tuple[int, ...]:
        return np.shape(x)


NUMPY = _NumPy()
"""In double precision where the variates are."""
