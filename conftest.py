"""The package is imported before its doctests are: pytest would run a module a second time for them, beside its parent's."""

import keras_resnet_recipes  # noqa: F401
