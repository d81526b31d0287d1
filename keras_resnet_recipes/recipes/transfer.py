"""From weights that were trained before: fine-tuning all of them, or a classifier on top of them."""

from keras_resnet_recipes.augment import MixUpOrCutMix, RandAugment, RandomFlip, RandomResizedCrop
from keras_resnet_recipes.recipe import SGD, UNPUBLISHED, CategoricalCrossentropy, Source, Test
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.recipes.strikes_back import STRIKES_BACK
from keras_resnet_recipes.schedules import Cosine, Step


class FineTune(Recipe):
    """Fine-tuning of ResNet-50 from A1's weights on another data set: 98.3 % top-1 on CIFAR-10.

    Published: table 5 of 'ResNet strikes back' transfers A1's ResNet-50, here by names in TFDS: cifar10
    98.3 %, cifar100 86.9 %, oxford_flowers102 97.9 %, and cars196, i_naturalist2018 and iNaturalist 2019
    (not in TFDS: a folder), whose figures could not be read. Measured here: not with these weights.

    How they fine-tuned was not found. The values are those that an author of that paper gave for DeiT on
    CIFAR-10 and Cars (facebookresearch/deit, issue 45): SGD, batches of 768, 0.01, decay 1e-4,
    1000 epochs, no erasing, no stochastic depth, "all other elements" as DeiT trains on ImageNet.
    UNVERIFIED are therefore that table 5 used them for ResNet-50, `momentum`, `nesterov` (what timm's
    `sgd` is by default), `warmup_learning_rate`, `minimum_learning_rate` and `cooldown_epochs` (DeiT's
    defaults for AdamW). For iNaturalist DeiT's authors give others (issue 105): AdamW, 7.5e-5, decay 0.05, 360
    epochs, stochastic depth 0.1, erasing 0.1. A thousand epochs are for large machines: `epochs` and
    `rescaled` are there to be used.

    `weights` is a published name, a file or a run folder; `frozen_stages` keeps the first stages.

    >>> import keras_resnet_recipes as krr
    >>> krr.FineTune().weights
    'a1_in1k'
    """

    source = STRIKES_BACK
    published_top1 = 98.3
    published_on = "CIFAR-10"

    network = "ResNet50"
    weights = "a1_in1k"
    epochs = 1000
    batch_size = 768
    learning_rate = 0.01
    optimizer = SGD(momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = Cosine(
        warmup_epochs=5,
        warmup_learning_rate=1e-6,
        minimum_learning_rate=1e-5,
        cooldown_epochs=10,
    )
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    repeated_augmentation = 3
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0), interpolation="bicubic"),
        RandomFlip(),
        RandAugment(magnitude=9.0, std=0.5, interpolation="bicubic"),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.8, cutmix_alpha=1.0)
    test = Test(size=224, crop_ratio=0.875)


class LinearProbe(Recipe):
    """A linear classifier on a frozen ResNet-50, as MoCo was judged: 60.6 % top-1 on ImageNet-1k.

    Published: 60.6 % for the released weights of MoCo v1, 67.7 % for those of v2 (200 epochs); nobody
    published one for A1's. Measured here: not with these weights. Values are the defaults of MoCo's
    script `main_lincls.py`; it begins with a classifier of standard deviation 0.01 and no bias,
    these networks with torch's usual values.

    `learning_rate` depends on how large the features are. MoCo's own, 30, is for features much
    smaller than those of a network trained with labels, as its section 4.1 warns; for the latter, such as
    `weights` here, none was published, and `fit` asks for one. Data sets: see FineTune.

    >>> import keras_resnet_recipes as krr
    >>> krr.LinearProbe(learning_rate=0.1).frozen_stages
    5
    """

    source = Source(
        title="Momentum Contrast for Unsupervised Visual Representation Learning",
        authors="He, Kaiming and Fan, Haoqi and Wu, Yuxin and Xie, Saining and Girshick, Ross",
        year=2019,
        arxiv="1911.05722",
    )
    published_top1 = 60.6

    network = "ResNet50"
    weights = "a1_in1k"
    frozen_stages = 5
    epochs = 100
    batch_size = 256
    learning_rate = UNPUBLISHED
    optimizer = SGD(momentum=0.9)
    schedule = Step(boundaries=(60.0, 80.0), factor=0.1)
    loss = CategoricalCrossentropy()
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"),
        RandomFlip(),
    )
    test = Test(size=224, crop_ratio=0.875, interpolation="bilinear")
