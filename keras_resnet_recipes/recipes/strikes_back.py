"""'ResNet strikes back' (Wightman, Touvron, Jégou 2021): procedures A1, A2 and A3 for ResNet-50."""

from keras_resnet_recipes.augment import MixUpOrCutMix, RandAugment, RandomFlip, RandomResizedCrop
from keras_resnet_recipes.recipe import BinaryCrossentropy, Lamb, Source, Test
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Cosine

STRIKES_BACK = Source(
    title="ResNet strikes back: An improved training procedure in timm",
    authors="Wightman, Ross and Touvron, Hugo and J{\\'e}gou, Herv{\\'e}",
    year=2021,
    arxiv="2110.00476",
)


class A1(Recipe):
    """The 600-epoch procedure: ResNet-50 at 224 pixels, 80.4 % top-1 on ImageNet-1k.

    Published: 80.4 % at seed 0; cost 110 hours on 4 V100 (third-party report). timm measures 80.382 %
    on the released weights. Measured here: not on ImageNet.

    The paper's body could not be read while this was written; values stand on timm's code of the
    time and on independent re-runs (mmpretrain). Not confirmed by the paper itself are:
    `warmup_learning_rate` and `minimum_learning_rate` (timm's defaults of the time),
    `cooldown_epochs` (the same script's default was 10 extra epochs at the minimum rate; whether
    the authors kept it is not known), `crop_interpolation` (timm's default) and that no clipping
    was asked for beyond LAMB's own limit of 1.0, which is `gradient_clip` here.

    `target_threshold` is 0.2: a class of a mixed picture counts as present when its share is above.
    With it `label_smoothing` only moves the cut from a share of 0.2 to one of 0.222. Whether A1 used the
    threshold or soft targets is open: the option came eight days before the paper, a re-run with
    soft targets reached 80.12 %. `target_threshold=None` gives soft targets.

    >>> import keras_resnet_recipes as krr
    >>> krr.A1().epochs
    600
    """

    source = STRIKES_BACK
    published_top1 = 80.4

    network = "ResNet50"
    zero_gamma = True
    drop_path_rate = 0.05
    epochs = 600
    batch_size = 2048
    learning_rate = 5e-3
    optimizer = Lamb(weight_decay=0.01, gradient_clip=1.0)
    schedule = Cosine(warmup_epochs=5, warmup_learning_rate=1e-4, minimum_learning_rate=1e-6)
    loss = BinaryCrossentropy(label_smoothing=0.1, target_threshold=0.2)
    train_size = 224
    repeated_augmentation = 3
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=7.0, std=0.5),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
    test = Test(size=224, crop_ratio=0.95)


class A2(Recipe):
    """The 300-epoch procedure: ResNet-50 at 224 pixels, 79.8 % top-1 on ImageNet-1k.

    Published: 79.8 %; cost 55 hours on 4 V100 (not confirmed). timm measures 79.828 % on the released
    weights; a re-run by mmpretrain with soft targets reached 79.55 %. Measured here: not on ImageNet.

    What the paper itself did not confirm is the same as for `A1`: `warmup_learning_rate`,
    `minimum_learning_rate`, `cooldown_epochs`, `crop_interpolation`, clipping beyond LAMB's own. Two
    third-party copies of the original command have the threshold of 0.2.

    >>> import keras_resnet_recipes as krr
    >>> krr.A2().weight_decay
    0.02
    """

    source = STRIKES_BACK
    published_top1 = 79.8

    network = "ResNet50"
    zero_gamma = True
    drop_path_rate = 0.05
    epochs = 300
    batch_size = 2048
    learning_rate = 5e-3
    optimizer = Lamb(weight_decay=0.02, gradient_clip=1.0)
    schedule = Cosine(warmup_epochs=5, warmup_learning_rate=1e-4, minimum_learning_rate=1e-6)
    loss = BinaryCrossentropy(label_smoothing=0.0, target_threshold=0.2)
    train_size = 224
    repeated_augmentation = 3
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=7.0, std=0.5),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.1, cutmix_alpha=1.0)
    test = Test(size=224, crop_ratio=0.95)


class A3(Recipe):
    """The 100-epoch procedure: ResNet-50 trained at 160 pixels, 78.1 % top-1 on ImageNet-1k at 224.

    Published: 78.1 %; cost 15 hours on 4 V100 (not confirmed). timm measures 78.052 % on the released
    weights; a re-run by mmpretrain with soft targets reached 78.30 %. Measured here: not on ImageNet.

    What the paper itself did not confirm is the same as for `A1`: `warmup_learning_rate`,
    `minimum_learning_rate`, `cooldown_epochs`, `crop_interpolation`, clipping beyond LAMB's own. Two
    third-party copies of the original command have the threshold of 0.2.

    >>> import keras_resnet_recipes as krr
    >>> krr.A3().train_size, krr.A3().test_size
    (160, 224)
    """

    source = STRIKES_BACK
    published_top1 = 78.1

    network = "ResNet50"
    zero_gamma = True
    drop_path_rate = 0.0
    epochs = 100
    batch_size = 2048
    learning_rate = 8e-3
    optimizer = Lamb(weight_decay=0.02, gradient_clip=1.0)
    schedule = Cosine(warmup_epochs=5, warmup_learning_rate=1e-4, minimum_learning_rate=1e-6)
    loss = BinaryCrossentropy(label_smoothing=0.0, target_threshold=0.2)
    train_size = 160
    repeated_augmentation = 1
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0)),
        RandomFlip(),
        RandAugment(magnitude=6.0, std=0.5),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.1, cutmix_alpha=1.0)
    test = Test(size=224, crop_ratio=0.95)
