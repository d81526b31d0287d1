"""All tricks of 'Bag of Tricks', including distillation."""

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
    Distillation,
    Initialization,
    Test,
)
from keras_resnet_recipes.recipes.bag_of_tricks import BAG_OF_TRICKS
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.schedules import Cosine


class Distill(Recipe):
    """BagOfTricks with distillation from a ResNet-152-D: 79.29 % top-1 on ImageNet-1k.

    Published: 79.29 % top-1 with MixUp and distillation, the paper's best ResNet-50-D; 79.15 % with MixUp
    only and 78.67 % with distillation only (UNVERIFIED). Not measured here on ImageNet.

    `fit` requires `teacher=`, a trained network with the same classes and logits as output. Any Keras model is
    accepted. Temperature and weights, one half for each loss, are those of GluonCV's code. The paper's form
    (UNVERIFIED) is the sum, `Distill(label_weight=1, distillation_weight=1)`, whose gradients are twice as large.

    UNVERIFIED: the teacher network. For the other values see BagOfTricks, which lists what is UNVERIFIED.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.Distill().teacher
        'ResNet152D'
    """

    source = BAG_OF_TRICKS
    published_top1 = 79.29

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
    distillation = Distillation(
        teacher="ResNet152D", label_weight=0.5, weight=0.5, temperature=20.0
    )
    augmentation = (
        RandomResizedCrop(scale=(0.08, 1.0), interpolation="bilinear"),
        RandomFlip(),
        ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
        Lighting(std=0.1),
    )
    mix = MixUpOrCutMix(mixup_alpha=0.2, draws="per_batch")
    test = Test(size=224, crop_ratio=0.875, interpolation="bilinear")
