"""Every part that this package has."""

import functools

from keras_resnet_recipes import augment, schedules
from keras_resnet_recipes.part import Part


def known_parts() -> dict[str, type[Part]]:
    """All parts by name, also those of modules that nobody has asked for yet, and the user's."""
    _load()
    return Part.known


@functools.cache
def _load() -> None:
    # These packages load lazily; PerUpdate is a class of Keras.
    for package in (augment, schedules):
        for name in package.__all__:
            if name != "PerUpdate":
                getattr(package, name)
