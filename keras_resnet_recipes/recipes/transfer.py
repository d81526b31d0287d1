"""Transfer learning from pretrained weights: fine-tuning, and a linear classifier on frozen features."""

import math

from keras_resnet_recipes.augment import MixUpOrCutMix, RandAugment, RandomFlip, RandomResizedCrop
from keras_resnet_recipes.recipe import (
    SGD,
    UNPUBLISHED,
    AdamW,
    CategoricalCrossentropy,
    Group,
    Initialization,
    Source,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.recipes.strikes_back import STRIKES_BACK
from keras_resnet_recipes.schedules import Cosine, Step

# Below this number of images BiT's rule has 500 updates and does not mix images.
_FEW = 20_000
_UPDATES = 500
# The smallest batch.
FEWEST = 16


class FineTune(Recipe):
    """Fine-tuning of ResNet-50 from A1's weights on another data set: 98.3 % top-1 on CIFAR-10.

    Published: table 5 of 'ResNet strikes back' transfers A1's ResNet-50 to, by TFDS name, cifar10 (98.3 %),
    cifar100 (86.9 %), oxford_flowers102 (97.9 %), cars196, i_naturalist2018 and iNaturalist 2019 (not in
    TFDS; use a folder). The figures of the last three were not available. Not measured here with these weights.

    `weights` is a published name, a file or a run folder. `frozen_stages` freezes the first stages. To train for
    less than 1000 epochs or with smaller batches, use `epochs` and `rescaled`.

    The fine-tuning hyperparameters of that table were not found. The values are those that an author of the
    paper gave for DeiT on CIFAR-10 and Cars (facebookresearch/deit, issue 45): SGD, batch size 768, learning
    rate 0.01, decay 1e-4, 1000 epochs, no random erasing, no stochastic depth, "all other elements" as in
    DeiT's ImageNet training. As in DeiT, there is no cooldown, and the learning rate is that of the epoch before
    (`lag_epochs`). DeiT's authors confirm `minimum_learning_rate` (issue 117).

    UNVERIFIED: that table 5 used them for ResNet-50; `momentum` and `nesterov` (timm's default for `sgd`);
    `warmup_learning_rate` (DeiT's default).

    For iNaturalist, DeiT's authors give other values (issue 105): AdamW, learning rate 7.5e-5, decay 0.05, 360
    epochs, stochastic depth 0.1, random erasing 0.1.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.FineTune().weights
        'a1_in1k'
    """

    source = STRIKES_BACK
    published_top1 = 98.3
    published_on = "CIFAR-10"

    network = "ResNet50"
    weights = "a1_in1k"
    initialization = Initialization(scale=2.0, mode="fan_out")
    epochs = 1000
    batch_size = 768
    learning_rate = 0.01
    optimizer = SGD(momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = Cosine(
        warmup_epochs=5,
        warmup_learning_rate=1e-6,
        minimum_learning_rate=1e-5,
        lag_epochs=1,
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

    @classmethod
    def for_images(cls, images: int, *, pretrained: bool = True) -> "FineTune":
        """Returns the preset of `krr finetune` for a number of training images: 10 or 20 epochs instead of 1000.

        The batch size is the power of two, from 16 to 256, with which the training has 500 to 1,000 updates, if there
        is one; 500 is the length that BiT's rule gives data sets below 20,000 images. As in that rule, images are not
        mixed below 20,000. The learning rate falls by a cosine per update after one epoch of warm-up.

        From pretrained weights, AdamW trains the classifier with ten times the rate of the other layers. Of five
        presets, this had the highest accuracy on 240 photographs and on 1 % of CIFAR-10, from weights trained on
        other images (docs/experiments.md); larger data sets and A1's weights were not measured. From random weights
        the optimizer is `FineTune`'s SGD.

        Args:
            images: Number of training images, at least 16.
            pretrained: Whether training starts from `weights`; otherwise from random ones, for five times as long.

        Raises:
            ValueError: If `images` is below 16.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> preset = krr.FineTune.for_images(240)
            >>> preset.epochs, preset.batch_size, preset.learning_rate
            (20, 16, 0.0001)

        References:
            Kolesnikov et al., "Big Transfer (BiT)" (arXiv:1912.11370), section 3.3, and bit_hyperrule.py of
            google-research/big_transfer.
        """
        if not isinstance(images, int) or images < FEWEST:
            raise ValueError(
                f"`images` must be an integer of at least {FEWEST}. Received: images={images!r}"
            )
        few = images < _FEW
        epochs = 20 if few else 10
        batch = 2 ** math.floor(math.log2(max(images * epochs / _UPDATES, FEWEST)))
        recipe = cls(
            epochs=epochs,
            batch_size=min(batch, 256),
            schedule=Cosine(
                warmup_epochs=1, warmup_learning_rate=0.0, minimum_learning_rate=0.0, per="update"
            ),
            repeated_augmentation=1,
            rand_augment=None,
            mix=None if few else cls().mix,
        )
        if pretrained:
            faster = Group(on="classifier", learning_rate_factor=10.0)
            adamw = AdamW(weight_decay=0.05)
            return recipe.replace(optimizer=adamw, learning_rate=1e-4, groups=(faster,))
        return recipe.replace(weights=None).shortened(5 * epochs)


class LinearProbe(Recipe):
    """A linear classifier on a frozen ResNet-50, the evaluation of MoCo: 60.6 % top-1 on ImageNet-1k.

    Published: 60.6 % with the released weights of MoCo v1, 67.7 % with those of v2 (200 epochs); no figure
    was published for A1's weights. Not measured here with these weights. Values are the defaults of MoCo's
    script `main_lincls.py`; `initialization` matters for the classifier only.

    `learning_rate` depends on the scale of the features. MoCo's own, 30, is for features much smaller than
    those of a network trained with labels, as its section 4.1 warns. None was published for supervised weights,
    such as `weights` here: give one before `fit`. For datasets see FineTune.

    Example:
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
    initialization = Initialization(scale=2.0, mode="fan_out", classifier=0.01, bias="zeros")
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
