"""torchvision's recipe, which builds on 'ResNet strikes back'."""

from keras_resnet_recipes.augment import (
    MixUpOrCutMix,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    TrivialAugmentWide,
)
from keras_resnet_recipes.colors import IMAGENET_MEAN
from keras_resnet_recipes.recipe import (
    EMA,
    SGD,
    CategoricalCrossentropy,
    Initialization,
    Source,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Cosine


class TorchVisionV2(Recipe):
    """torchvision's 'new recipe' of 2021, ResNet-50 IMAGENET1K_V2: 80.858 % top-1 on ImageNet-1k.

    Published: 80.858 % top-1 and 95.434 % top-5, with the EMA of the weights. Not measured here on ImageNet.

    Every batch is mixed, by MixUp or CutMix, and label smoothing is applied on top. The EMA is a plain copy of
    the weights during warm-up. `ema_decay` is the script's 0.99998 converted to one EMA step per 32
    updates: 1 - (1 - 0.99998) * 8 * 128 * 32 / 600. Buffers are averaged, too, as with the script's `use_buffers=True`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.TorchVisionV2().ema_every
        32
    """

    source = Source(
        title="How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives",
        authors="Vryniotis, Vasilis",
        year=2021,
        url="https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/",
    )
    published_top1 = 80.858

    network = "ResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    epochs = 600
    batch_size = 1024
    learning_rate = 0.5
    optimizer = SGD(momentum=0.9, weight_decay=2e-5, weight_decay_on="all_but_norm")
    schedule = Cosine(
        warmup_epochs=5,
        warmup_learning_rate=0.005,
        minimum_learning_rate=0.0,
        warmup_prefix=True,
    )
    ema = EMA(decay=1 - (1 - 0.99998) * 8 * 128 * 32 / 600, every=32, after_warmup=True)
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    train_size = 176
    repeated_augmentation = 4
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"),
        RandomFlip(),
        TrivialAugmentWide(),
        RandomErasing(probability=0.1, area=(0.02, 0.33), aspect=(0.3, 3.3), fill=IMAGENET_MEAN),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0, partner="rolled")
    test = Test(size=224, crop_ratio=224 / 232, interpolation="bilinear")
