"""All tricks of 'Bag of Tricks' and a teacher."""

from keras_resnet_recipes.recipes.bag_of_tricks import BAG_OF_TRICKS
from keras_resnet_recipes.recipes.base import Recipe


class Distill(Recipe):
    """BagOfTricks learning from a ResNet-152-D as well: 79.29 % top-1 on ImageNet-1k.

    Published: 79.29 % top-1 with MixUp and teacher, the paper's best ResNet-50-D; with MixUp alone 79.15 %,
    and 78.67 % with the teacher alone (UNVERIFIED). Measured here: not on ImageNet.

    `fit` needs `teacher=`, a trained network of the same classes with logits as output. Temperature and
    weights are those of GluonCV's code, half of each loss. The paper's form (UNVERIFIED) is the sum:
    `Distill(label_weight=1, distillation_weight=1)`, the same gradients at twice the size. UNVERIFIED is
    the network of the teacher, which is not checked: any Keras model will do. The rest is as in BagOfTricks,
    where the docstring says what is UNVERIFIED.

    >>> import keras_resnet_recipes as krr
    >>> krr.Distill().teacher
    'ResNet152D'
    """

    source = BAG_OF_TRICKS
    published_top1 = 79.29

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
    teacher = "ResNet152D"
    label_weight = 0.5
    distillation_weight = 0.5
    distillation_temperature = 20.0
    crop_scale = (0.08, 1.0)
    crop_aspect = (3 / 4, 4 / 3)
    train_interpolation = "bilinear"
    horizontal_flip = True
    color_jitter = (0.4, 0.4, 0.4)
    lighting = 0.1
    mixup_alpha = 0.2
