"""Lookup of all parts by name."""

import functools

from keras_resnet_recipes import augment, schedules
from keras_resnet_recipes.part import Part


def known_parts() -> dict[str, type[Part]]:
    """Returns all parts by name, including those of modules not imported yet and custom ones."""
    _load()
    return Part.known


@functools.cache
def _load() -> None:
    # These packages import lazily. PerUpdate is a Keras class, not a part, and would import Keras.
    for package in (augment, schedules):
        for name in package.__all__:
            if name != "PerUpdate":
                getattr(package, name)
