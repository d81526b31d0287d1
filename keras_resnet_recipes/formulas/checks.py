"""Checks of arguments that augmentations and layers share."""

from collections.abc import Sequence
from numbers import Real


def check_probability(name: str, value: float) -> None:
    """Raise a ValueError unless the value is in 0..1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in 0..1, got {value!r}")


def check_alpha(name: str, alpha: float | None) -> None:
    """Raise a ValueError unless alpha can be the parameter of a distribution, or is off."""
    if not (alpha is None or alpha >= 0):
        raise ValueError(f"{name} must be at least 0 or None, got {alpha!r}")


def check_pixels(name: str, value: int) -> None:
    """Raise a ValueError unless the value is a number of pixels."""
    if not (isinstance(value, int) and value >= 1):
        raise ValueError(f"{name} must be an int of at least 1, got {value!r}")


def area_range(area: Sequence[float]) -> tuple[float, float]:
    """The range of areas as a tuple; ValueError unless it is one."""
    area = tuple(area)
    if not (len(area) == 2 and 0 < area[0] <= area[1] <= 1):
        raise ValueError(f"area must be two ascending fractions within (0, 1], got {area!r}")
    return area


def aspect_range(aspect: Sequence[float]) -> tuple[float, float]:
    """The range of aspect ratios as a tuple; ValueError unless it is one."""
    aspect = tuple(aspect)
    if not (len(aspect) == 2 and 0 < aspect[0] <= aspect[1]):
        raise ValueError(f"aspect must be two ascending positive ratios, got {aspect!r}")
    return aspect


def color(name: str, value: float | Sequence[float]) -> float | tuple[float, float, float]:
    """The value of all channels, or those of three as a tuple; ValueError unless it is one."""
    if isinstance(value, Real):
        return value
    value = tuple(value)
    if not (len(value) == 3 and all(isinstance(one, Real) for one in value)):
        raise ValueError(f"{name} must be a number or three numbers, got {value!r}")
    return value
