"""'Bag of Tricks for Image Classification with Convolutional Neural Networks' (He et al. 2018)."""

from keras_resnet_recipes.augment import (
    ColorJitter,
    Lighting,
    MixUpOrCutMix,
    RandomFlip,
    RandomResizedCrop,
)
from keras_resnet_recipes.recipe import (
    SGD,
    CategoricalCrossentropy,
    Initialization,
    Source,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Cosine

BAG_OF_TRICKS = Source(
    title="Bag of Tricks for Image Classification with Convolutional Neural Networks",
    authors="He, Tong and Zhang, Zhi and Zhang, Hang and Zhang, Zhongyue and Xie, Junyuan and Li, Mu",
    year=2018,
    arxiv="1812.01187",
)


class BagOfTricks(Recipe):
    """All tricks except distillation, for ResNet-50-D: 79.15 % top-1 on ImageNet-1k.

    Published: 79.15 % top-1 and 94.58 % top-5 with MixUp; 79.29 % top-1 with distillation added. Not
    measured here on ImageNet. Every trick is a field, so each row of the paper's cumulative table is one
    `replace`.

    The full text of the paper was not available; it is known here from transcriptions. Where it differs from the
    authors' released GluonCV script, the values are the script's. `color_jitter` has no hue, and MXNet's `MSRAPrelu`
    draws all kernels (`initialization`). The paper says Xavier's uniform distribution, with biases of 0; for that, set
    `initialization_scale=1.0, initialization_distribution="uniform"`.

    UNVERIFIED: the form of MXNet's Nesterov momentum (`learning_rate_in_velocity`), `crop_interpolation` and
    `test_interpolation`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.BagOfTricks().learning_rate
        0.4
    """

    source = BAG_OF_TRICKS
    published_top1 = 79.15

    network = "ResNet50D"
    initialization = Initialization(
        scale=2 / (1 + 0.25**2), mode="fan_avg", classifier="same", bias="zeros"
    )
    zero_gamma = True
    epochs = 200
    batch_size = 1024
    learning_rate = 0.4
    optimizer = SGD(momentum=0.9, nesterov=True, weight_decay=1e-4)
    schedule = Cosine(
        warmup_epochs=5,
        warmup_learning_rate=0.0,
        minimum_learning_rate=0.0,
        warmup_prefix=True,
        reach_ends=True,
        per="update",
    )
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"),
        RandomFlip(),
        ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
        Lighting(std=0.1),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.2, draws="per_batch")
    test = Test(size=224, crop_ratio=0.875, interpolation="bilinear")
