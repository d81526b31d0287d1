"""Models in .keras files."""

from pathlib import Path

import keras

from keras_resnet_recipes.applications.archives import check_weights
from keras_resnet_recipes.applications.network import deep_recursion
from keras_resnet_recipes.hints import shortened


def load_file(path: str | Path, *, compile: bool = True) -> keras.Model:
    """Loads a .keras file; one that contains code is refused, as in Keras' safe mode.

    Args:
        path: A file that `keras.Model.save` wrote.
        compile: Whether to load its loss and optimizer too, whose classes may be unknown here.

    Raises:
        ValueError: If there is no such file, or Keras cannot or will not read it.

    Example:
        >>> import tempfile
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ResNet20().save(folder + "/model.keras")
        ...     load_file(folder + "/model.keras").output_shape
        (None, 10)
    """
    path = Path(path)
    if path.suffix != ".keras" or not path.is_file():
        raise ValueError(f"`path` must be an existing .keras file. Received: path={str(path)!r}")
    try:
        check_weights(path)
        with deep_recursion():
            return keras.models.load_model(path, compile=compile)
    except Exception as error:
        # Keras and the formats below it raise a dozen kinds of errors for a damaged file.
        raise ValueError(f"{str(path)!r} cannot be read: {shortened(error)}") from error
