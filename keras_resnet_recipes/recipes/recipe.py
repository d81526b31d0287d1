"""`Recipe`: a frozen training procedure and the methods that run it."""

from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.recipes.running import Running


class Recipe(Running, BaseRecipe, abstract=True):
    """A training procedure: all of its hyperparameters, and the methods that run it.

    A recipe is a class whose body lists values. Instances are frozen, hashable and comparable. Optional
    parts, such as an augmentation, an EMA or a teacher, are present or absent. Every number of a part has a
    flat name, used by keyword arguments, `replace` and `--set`; a misspelled name raises an error that
    suggests the nearest one. Values that are not given are those of the recipe's source; its docstring
    names unconfirmed ones. `print(krr.A1())` shows all of them.

    To remove a part, set the name of its class in snake case to `None`. To add a part, pass an instance.

    To define your own recipe, subclass `Recipe`; a recipe cannot inherit from a published one.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> recipe = krr.A3(epochs=30, network="ResNet18", mixup_alpha=0.2)
        >>> recipe
        A3(network='ResNet18', epochs=30, mixup_alpha=0.2)
        >>> recipe == krr.A3().replace(network="ResNet18", epochs=30, mixup_alpha=0.2)
        True
        >>> krr.A3(rand_augment=None).augmentation[1:]
        (RandomFlip(),)
        >>> krr.A3(augmentation=(*krr.A3().augmentation, krr.augment.Cutout(size=8))).cutout_size
        8
        >>> class Short(krr.Recipe):
        ...     epochs = 3
        ...     learning_rate = 0.002
        >>> Short().epochs
        3
    """
