"""'Bag of Tricks for Image Classification with Convolutional Neural Networks' (He et al. 2018)."""

from keras_resnet_recipes.recipes.base import Recipe
from keras_resnet_recipes.recipes.source import Source

BAG_OF_TRICKS = Source(
    title="Bag of Tricks for Image Classification with Convolutional Neural Networks",
    authors="He, Tong and Zhang, Zhi and Zhang, Hang and Zhang, Zhongyue and Xie, Junyuan and Li, Mu",
    year=2018,
    arxiv="1812.01187",
)


class BagOfTricks(Recipe):
    """All tricks but the teacher, for ResNet-50-D: 79.15 % top-1 on ImageNet-1k.

    Published: 79.15 % top-1, 94.58 % top-5 with MixUp, 79.29 % with a teacher as well. Measured here:
    not on ImageNet. Every trick is a field, so a row of the paper's cumulative table is a `replace`.

    Values are those of the authors' released GluonCV script where it differs from the paper:
    `color_jitter` without the hue. UNVERIFIED are the form of MXNet's Nesterov momentum
    (`learning_rate_in_velocity`), `train_interpolation` and `test_interpolation`.

    >>> import keras_resnet_recipes as krr
    >>> krr.BagOfTricks().learning_rate
    0.4
    """

    source = BAG_OF_TRICKS
    published_top1 = 79.15

    network = "ResNet50D"
    train_size = 224
    test_size = 224
    test_crop_ratio = 0.875
    test_interpolation = "bilinear"
    epochs = 200
    batch_size = 1024
    zero_gamma = True
    optimizer = "sgd"
    learning_rate = 0.4
    momentum = 0.9
    nesterov = True
    weight_decay = 1e-4
    weight_decay_on = "kernels"
    schedule = "cosine"
    schedule_per = "update"
    schedule_reaches_ends = True
    warmup_epochs = 5
    warmup_prefix = True
    warmup_learning_rate = 0.0
    minimum_learning_rate = 0.0
    loss = "categorical_crossentropy"
    label_smoothing = 0.1
    crop_scale = (0.08, 1.0)
    crop_aspect = (3 / 4, 4 / 3)
    train_interpolation = "bilinear"
    horizontal_flip = True
    color_jitter = (0.4, 0.4, 0.4)
    lighting = 0.1
    mixup_alpha = 0.2
