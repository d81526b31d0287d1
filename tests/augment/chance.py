"""Critical values of statistical tests, at p = 0.001."""

import math

import numpy as np

NORMAL = 3.2905
"""Two-sided: a standard normal variate exceeds it in magnitude with probability 0.001."""

_NORMAL_ONE_SIDED = 3.0902


def chi_square_limit(freedom: int) -> float:
    """Returns Wilson and Hilferty's approximation, within 0.5 % for four or more degrees of freedom."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + _NORMAL_ONE_SIDED * math.sqrt(part)) ** 3


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sum((counts - expected) ** 2 / expected))


def ks_distance(sample: np.ndarray, cdf) -> float:
    """Returns the Kolmogorov-Smirnov distance of a sample from a distribution function."""
    values = cdf(np.sort(sample))
    n = len(sample)
    return float(max(np.max(np.arange(1, n + 1) / n - values), np.max(values - np.arange(n) / n)))


def ks_limit(n: int) -> float:
    """Returns Kolmogorov's asymptotic value, sqrt(-ln(p / 2) / 2) / sqrt(n)."""
    return math.sqrt(-math.log(0.001 / 2) / 2) / math.sqrt(n)


def share_limit(probability: float, n: int) -> float:
    """Returns the largest allowed deviation of an observed fraction from its probability."""
    return NORMAL * math.sqrt(probability * (1 - probability) / n)
