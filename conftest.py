"""Imports the package before pytest runs its doctests, which would import some modules twice."""

import keras_resnet_recipes  # noqa: F401
