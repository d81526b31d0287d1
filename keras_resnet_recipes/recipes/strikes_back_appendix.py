"""The alternative recipes in the appendix of 'ResNet strikes back': B, C.1, C.2 and D."""

from keras_resnet_recipes.augment import MixUpOrCutMix, RandAugment, RandomFlip, RandomResizedCrop
from keras_resnet_recipes.recipe import (
    EMA,
    SGD,
    UNPUBLISHED,
    AdamW,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Initialization,
    RMSpropTF,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.recipes.strikes_back import STRIKES_BACK
from keras_resnet_recipes.schedules import Cosine, Exponential


class B(Recipe):
    """Procedure B of the appendix, with RMSProp and MixUp: ResNet-50, 79.56 % top-1 on ImageNet-1k.

    Published: timm measures 79.564 % (batch size 1024) and 79.388 % (2048) with the released weights. Not
    measured here on ImageNet.

    No published source for its hyperparameters was found. Give the fields without a value before `fit`. Known
    are RMSProp as TensorFlow defines it, a step decay of the learning rate after a warm-up, RandAugment, MixUp,
    and an EMA of the weights. docs/recipes.md has a similar run by timm's author.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.B().learning_rate
        UNPUBLISHED
    """

    source = STRIKES_BACK
    published_top1 = 79.564

    network = "ResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    zero_gamma = True
    epochs = UNPUBLISHED
    batch_size = 1024
    learning_rate = UNPUBLISHED
    optimizer = RMSpropTF(weight_decay=UNPUBLISHED, momentum=UNPUBLISHED)
    schedule = Exponential(
        every_epochs=UNPUBLISHED,
        factor=UNPUBLISHED,
        warmup_epochs=UNPUBLISHED,
        warmup_learning_rate=UNPUBLISHED,
    )
    ema = EMA(decay=UNPUBLISHED)
    loss = CategoricalCrossentropy(label_smoothing=UNPUBLISHED)
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=UNPUBLISHED, std=UNPUBLISHED),
    )
    mix = MixUpOrCutMix(mixup_alpha=UNPUBLISHED)
    test = Test(size=224, crop_ratio=0.95)


class C1(Recipe):
    """Procedure C.1 of the appendix, SGD with adaptive clipping: ResNet-50, 79.77 % top-1 on ImageNet-1k.

    Published: timm measures 79.766 % with the released weights. Not measured here on ImageNet.

    No published source for its hyperparameters was found. Give the fields without a value before `fit`. Known
    are SGD with Nesterov momentum, adaptive gradient clipping, and a cosine schedule after a warm-up.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.C1().nesterov
        True
    """

    source = STRIKES_BACK
    published_top1 = 79.766

    network = "ResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    zero_gamma = True
    epochs = UNPUBLISHED
    batch_size = UNPUBLISHED
    learning_rate = UNPUBLISHED
    optimizer = SGD(
        weight_decay=UNPUBLISHED,
        momentum=UNPUBLISHED,
        nesterov=True,
        adaptive_gradient_clip=UNPUBLISHED,
    )
    schedule = Cosine(
        warmup_epochs=UNPUBLISHED,
        warmup_learning_rate=UNPUBLISHED,
        minimum_learning_rate=UNPUBLISHED,
    )
    loss = CategoricalCrossentropy(label_smoothing=UNPUBLISHED)
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=UNPUBLISHED, std=UNPUBLISHED),
    )
    mix = MixUpOrCutMix(mixup_alpha=UNPUBLISHED, cutmix_alpha=UNPUBLISHED)
    test = Test(size=224, crop_ratio=0.95)


class C2(Recipe):
    """Procedure C.2 of the appendix, a variant of C.1: ResNet-50, 79.87 % top-1 on ImageNet-1k.

    Published: timm measures 79.868 % with the released weights. Not measured here on ImageNet.

    No published source was found for its differences from C.1. Give the fields without a value before `fit`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.C2().nesterov
        True
    """

    source = STRIKES_BACK
    published_top1 = 79.868

    network = "ResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    zero_gamma = True
    epochs = UNPUBLISHED
    batch_size = UNPUBLISHED
    learning_rate = UNPUBLISHED
    optimizer = SGD(
        weight_decay=UNPUBLISHED,
        momentum=UNPUBLISHED,
        nesterov=True,
        adaptive_gradient_clip=UNPUBLISHED,
    )
    schedule = Cosine(
        warmup_epochs=UNPUBLISHED,
        warmup_learning_rate=UNPUBLISHED,
        minimum_learning_rate=UNPUBLISHED,
    )
    loss = CategoricalCrossentropy(label_smoothing=UNPUBLISHED)
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=UNPUBLISHED, std=UNPUBLISHED),
    )
    mix = MixUpOrCutMix(mixup_alpha=UNPUBLISHED, cutmix_alpha=UNPUBLISHED)
    test = Test(size=224, crop_ratio=0.95)


class D(Recipe):
    """Procedure D of the appendix, AdamW and binary cross-entropy: ResNet-50, 79.90 % top-1 on ImageNet-1k.

    Published: timm measures 79.904 % with the released weights. Not measured here on ImageNet.

    No published source for its hyperparameters was found. Give the fields without a value before `fit`. Known
    are AdamW, binary cross-entropy, and a cosine schedule after a warm-up.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.D().label_smoothing
        UNPUBLISHED
    """

    source = STRIKES_BACK
    published_top1 = 79.904

    network = "ResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    zero_gamma = True
    epochs = UNPUBLISHED
    batch_size = UNPUBLISHED
    learning_rate = UNPUBLISHED
    optimizer = AdamW(weight_decay=UNPUBLISHED)
    schedule = Cosine(
        warmup_epochs=UNPUBLISHED,
        warmup_learning_rate=UNPUBLISHED,
        minimum_learning_rate=UNPUBLISHED,
    )
    loss = BinaryCrossentropy(label_smoothing=UNPUBLISHED)
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=UNPUBLISHED, std=UNPUBLISHED),
    )
    mix = MixUpOrCutMix(mixup_alpha=UNPUBLISHED, cutmix_alpha=UNPUBLISHED)
    test = Test(size=224, crop_ratio=0.95)
