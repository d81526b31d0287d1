"""FFCV's recipes (Leclerc et al. 2022): ResNet-50 and ResNet-18 on ImageNet in minutes, at six lengths each."""

from keras_resnet_recipes.augment import RandomFlip, RandomResizedCrop
from keras_resnet_recipes.recipe import (
    SGD,
    CategoricalCrossentropy,
    Group,
    Initialization,
    ProgressiveSize,
    Source,
    Test,
)
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Polynomial

FFCV = Source(
    title="FFCV: Accelerating Training by Removing Data Bottlenecks",
    authors="Leclerc, Guillaume and Ilyas, Andrew and Engstrom, Logan and Park, Sung Min and Salman, Hadi and "
    "M{\\k{a}}dry, Aleksander",
    year=2022,
    url="https://github.com/libffcv/ffcv-imagenet",
)


class FFCVResNet50(Recipe):
    """FFCV's ResNet-50: 78.4 % top-1 on ImageNet-1k in 88 epochs, 77 minutes on 8 A100; 16 epochs take 15 minutes.

    Published, for each number of epochs:

    | `epochs` | top-1 | minutes on 8 A100 |
    |---|---|---|
    | 16 | 73.8 % | 14.9 |
    | 24 | 75.6 % | 21.7 |
    | 32 | 76.6 % | 28.7 |
    | 40 | 77.2 % | 35.6 |
    | 56 | 78.0 % | 49.4 |
    | 88 | 78.4 % | 77.2 |

    Not measured here on ImageNet. Only `epochs` differs between the lengths. The rate rises linearly for 2 epochs and
    then falls linearly to 0 (`schedule`). Images have 160 pixels at first and 192 in the last quarter
    (`progressive_size`).

    A fixed blur precedes each convolution with a stride (`BlurResNet50`). All weights decay except those whose name in
    torchvision contains "bn". The norms of shortcuts, called `downsample.1` there, and the classifier's bias do decay.
    The original resizes with OpenCV's INTER_AREA, this recipe with bilinear antialiasing. The original stored its
    images with at most 500 pixels, half of them as JPEG of quality 90, the others as pixels.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> recipe = krr.FFCVResNet50(epochs=16)
        >>> recipe.published, [recipe.train_size_in(epoch) for epoch in (0, 11, 12)]
        (73.8, [160, 160, 192])
    """

    source = FFCV
    published_top1 = 78.4
    published_lengths = ((16, 73.8), (24, 75.6), (32, 76.6), (40, 77.2), (56, 78.0), (88, 78.4))

    network = "BlurResNet50"
    initialization = Initialization(scale=2.0, mode="fan_out")
    epochs = 88
    batch_size = 4096
    learning_rate = 1.7
    optimizer = SGD(momentum=0.9, weight_decay=1e-4, weight_decay_on="all")
    groups = (Group(on="bn", weight_decay_factor=0.0),)
    schedule = Polynomial(warmup_epochs=2, warmup_learning_rate=1.7e-4, per="update")
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    train_size = 192
    progressive_size = ProgressiveSize(first_size=160)
    augmentation = (RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"), RandomFlip())
    test = Test(size=256, crop_ratio=224 / 256, interpolation="bilinear", views="mirrored")


class FFCVResNet18(Recipe):
    """FFCV's ResNet-18: 72.4 % top-1 on ImageNet-1k in 88 epochs, 187 minutes on one A100; 16 epochs take 35 minutes.

    Published, for each number of epochs:

    | `epochs` | top-1 | minutes on one A100 |
    |---|---|---|
    | 16 | 66.9 % | 35.0 |
    | 24 | 68.8 % | 51.6 |
    | 32 | 70.0 % | 68.9 |
    | 40 | 70.6 % | 85.5 |
    | 56 | 71.3 % | 119.4 |
    | 88 | 72.4 % | 187.3 |

    Not measured here on ImageNet. This is `FFCVResNet50` for one GPU, with a quarter of the batch size and half the
    weight decay. The original stored its images with at most 400 pixels, 10 % of them as JPEG.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.FFCVResNet18(epochs=24).published
        68.8
    """

    source = FFCV
    published_top1 = 72.4
    published_lengths = ((16, 66.9), (24, 68.8), (32, 70.0), (40, 70.6), (56, 71.3), (88, 72.4))

    network = "BlurResNet18"
    initialization = Initialization(scale=2.0, mode="fan_out")
    epochs = 88
    batch_size = 1024
    learning_rate = 0.5
    optimizer = SGD(momentum=0.9, weight_decay=5e-5, weight_decay_on="all")
    groups = (Group(on="bn", weight_decay_factor=0.0),)
    schedule = Polynomial(warmup_epochs=2, warmup_learning_rate=5e-5, per="update")
    loss = CategoricalCrossentropy(label_smoothing=0.1)
    train_size = 192
    progressive_size = ProgressiveSize(first_size=160)
    augmentation = (RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"), RandomFlip())
    test = Test(size=256, crop_ratio=224 / 256, interpolation="bilinear", views="mirrored")
