"""'Deep Residual Learning for Image Recognition' (He, Zhang, Ren, Sun 2015)."""

from keras_resnet_recipes.augment import Lighting, PadAndCrop, RandomFlip, ScaleJitterCrop
from keras_resnet_recipes.colors import CIFAR10_MEAN
from keras_resnet_recipes.recipe import (
    SGD,
    UNPUBLISHED,
    CategoricalCrossentropy,
    Initialization,
    Source,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Step

ORIGINAL = Source(
    title="Deep Residual Learning for Image Recognition",
    authors="He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
    year=2015,
    arxiv="1512.03385",
)


class He2015(Recipe):
    """The recipe of the original ResNets: ResNet-50 at 224 pixels, 75.3 % top-1 on ImageNet-1k.

    Published for ResNet-50: 75.3 % with one crop (error 24.7 %, the released model), the default of
    `evaluate`; 77.15 % with ten crops (error 22.85 %, table 3), `.replace(test_views="ten_crop")`; 79.26 %
    fully convolutional at several scales (error 20.74 %, table 4), `.replace(test_views="multi_scale")`. Not
    measured here on ImageNet.

    The learning rate was divided by 10 "when the error plateaus". The epochs at which this happened and the
    patience were not published, so `step_epochs` has no value: give it before `fit`. With
    `.replace(schedule=krr.schedules.Plateau(patience=...))` the rate falls when the top-1 on validation
    data (or, without validation data, on training data) stops rising.

    The limit of 600,000 updates of 256 images is 120 epochs. The mean is subtracted per channel, not per pixel.
    Kernels are initialized as in 'Delving Deep into Rectifiers' (arXiv:1502.01852).

    UNVERIFIED: whether the classifier was initialized like that, too (`initialization_classifier`); whether biases
    and batch norm decayed (`weight_decay_on`); the resampling; and whether the scales were averaged after the
    softmax and over mirrored images.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.He2015(step_epochs=(30, 60)).learning_rate
        0.1
        >>> krr.He2015(schedule=krr.schedules.Plateau(patience=5), test_views="ten_crop").plateau_patience
        5
    """

    source = ORIGINAL
    published_top1 = 75.3

    network = "ResNet50V1"
    initialization = Initialization(scale=2.0, mode="fan_in", classifier="same", bias="zeros")
    epochs = 120
    batch_size = 256
    learning_rate = 0.1
    optimizer = SGD(
        momentum=0.9, learning_rate_in_velocity=True, weight_decay=1e-4, weight_decay_on="all"
    )
    schedule = Step(boundaries=UNPUBLISHED, factor=0.1)
    loss = CategoricalCrossentropy()
    augmentation = (
        ScaleJitterCrop(shorter_edge=(256, 480), interpolation="bilinear"),
        RandomFlip(),
        Lighting(std=0.1),
    )
    test = Test(size=224, crop_ratio=0.875, interpolation="bilinear")


class He2015CIFAR(Recipe):
    """The CIFAR-10 recipe of the original ResNets: ResNet-56, 93.03 % top-1 on the test set.

    Published: a test error of 6.97 %, with one view of the unchanged image, the default of `evaluate`;
    8.75 % for ResNet-20, 7.51 % for ResNet-32, 7.17 % for ResNet-44. ResNet-110 (6.43 %, mean 6.61 %) was
    first trained at a learning rate of 0.01 until the training error fell below 80 %, about 400 updates; this
    recipe does not do that. Not trained here to the end.

    Kernels are initialized as for `He2015`. The network subtracts ImageNet's mean per channel, not a mean per
    pixel (`krr.data.mean_image` computes that). Padding has the mean color of CIFAR-10. The rate falls after
    32,000 and 48,000 of 64,000 updates; an epoch of 50,000 images has 390 updates.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.He2015CIFAR().padding
        4
    """

    source = ORIGINAL
    published_top1 = 93.03
    published_on = "CIFAR-10"

    network = "ResNet56"
    initialization = Initialization(scale=2.0, mode="fan_in", classifier="same", bias="zeros")
    epochs = 164
    batch_size = 128
    learning_rate = 0.1
    optimizer = SGD(
        momentum=0.9, learning_rate_in_velocity=True, weight_decay=1e-4, weight_decay_on="all"
    )
    schedule = Step(boundaries=(32_000 / 390, 48_000 / 390), factor=0.1, per="update")
    loss = CategoricalCrossentropy()
    train_size = 32
    augmentation = (PadAndCrop(padding=4, fill=CIFAR10_MEAN), RandomFlip())
    test = Test(size=32, crop_ratio=1.0, interpolation="bilinear")
