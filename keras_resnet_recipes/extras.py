"""The command that installs the package's extras."""

# The package is not released yet. Once it is: "keras-resnet-recipes[{}]" and "".
_PACKAGE, _WHERE = ".[{}]", " in a clone of keras-resnet-recipes"


def install(*extras: str) -> str:
    """Returns the command that installs optional packages, by the names of their extras.

    Example:
        >>> install("jax", "plot")
        "`pip install '.[jax,plot]'` in a clone of keras-resnet-recipes"
    """
    return f"`pip install '{_PACKAGE.format(','.join(extras))}'`{_WHERE}"
