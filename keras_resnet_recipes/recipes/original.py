"""'Deep Residual Learning for Image Recognition' (He, Zhang, Ren, Sun 2015)."""

from keras_resnet_recipes.augment import Lighting, PadAndCrop, RandomFlip, ScaleJitterCrop
from keras_resnet_recipes.colors import CIFAR10_MEAN
from keras_resnet_recipes.recipe import SGD, UNPUBLISHED, CategoricalCrossentropy, Source, Test
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Step

ORIGINAL = Source(
    title="Deep Residual Learning for Image Recognition",
    authors="He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian",
    year=2015,
    arxiv="1512.03385",
)


class He2015(Recipe):
    """The procedure of the first ResNets: ResNet-50 at 224 pixels, 75.3 % top-1 on ImageNet-1k.

    Published for ResNet-50: 75.3 % with one crop (error 24.7 %, the released model), which is how
    `evaluate` looks at a picture; 77.15 % with ten crops (error 22.85 %, table 3), which is
    `.replace(test_views="ten_crop")`; 79.26 % dense at several scales (20.74 %, table 4), which is
    `.replace(test_views="multi_scale")`. Measured here: not on ImageNet.

    The rate was divided by 10 "when the error plateaus". At which epochs that was, and how long it had
    not fallen, was not published. So `step_epochs` has no value and `fit` asks for it. With
    `.replace(schedule=krr.schedules.Plateau(patience=...))` the rate falls when the validation's top-1
    (without validation data that of training) no longer rises. At most 600,000 updates of 256 images are
    120 epochs. The mean is that of each colour, not of each pixel. UNVERIFIED: whether biases and
    batch norm decayed (`weight_decay_on`), the resampling, and whether the scales were averaged after
    the softmax and over mirror images.

    >>> import keras_resnet_recipes as krr
    >>> krr.He2015(step_epochs=(30, 60)).learning_rate
    0.1
    >>> krr.He2015(schedule=krr.schedules.Plateau(patience=5), test_views="ten_crop").plateau_patience
    5
    """

    source = ORIGINAL
    published_top1 = 75.3

    network = "ResNet50V1"
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
    """The CIFAR-10 procedure of the first ResNets: ResNet-56, 93.03 % on the test pictures.

    Published: error 6.97 %, each picture looked at once and as it is, which is how `evaluate` does;
    8.75 % for ResNet-20, 7.51 % for 32, 7.17 % for 44. The 110 layers
    (6.43 %, mean 6.61 %) began at a rate of 0.01 until the training error was below 80 %, about
    400 updates, which this recipe does not. Measured here: not to its end.

    Its mean is that of each colour, not of each pixel, and of ImageNet in the network
    (`krr.data.mean_image` computes the other); padding has the mean colour of CIFAR-10.

    The rate falls after 32,000 and 48,000 of 64,000 updates, 390 of them an epoch of 50,000 pictures.

    >>> import keras_resnet_recipes as krr
    >>> krr.He2015CIFAR().padding
    4
    """

    source = ORIGINAL
    published_top1 = 93.03
    published_on = "CIFAR-10"

    network = "ResNet56"
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
