"""`Recipe`: a training procedure as a value, with the methods that run it."""

from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.recipes.running import Running


class Recipe(Running, BaseRecipe, abstract=True):
    """A published training procedure: every number of it, and the methods that run it.

    A recipe is a class whose body holds values; an instance is frozen, hashable and comparable. What is
    optional is a part that is there or is not: an augmentation, an EMA, a teacher. Every number of a
    part has a flat name, by which keywords, `replace` and `--set` reach it; a misspelt name is an error that
    names the nearest. What is not given keeps the published value. `print(krr.A1())` shows all of them.

    >>> import keras_resnet_recipes as krr
    >>> recipe = krr.A3(epochs=30, network="ResNet18", mixup_alpha=0.2)
    >>> recipe
    A3(network='ResNet18', epochs=30, mixup_alpha=0.2)
    >>> recipe == krr.A3().replace(network="ResNet18", epochs=30, mixup_alpha=0.2)
    True

    `None` takes a part out, by the name of its class in snake case; a part is put in as a value:

    >>> krr.A3(rand_augment=None).augmentation[1:]
    (RandomFlip(),)
    >>> krr.A3(augmentation=(*krr.A3().augmentation, krr.augment.Cutout(size=8))).cutout_size
    8

    A recipe of your own is a subclass with values; it cannot inherit from a published one:

    >>> class Short(krr.Recipe):
    ...     epochs = 3
    ...     learning_rate = 0.002
    >>> Short().epochs
    3
    """
