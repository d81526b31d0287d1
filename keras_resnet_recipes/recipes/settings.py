"""The fields of a recipe: all numbers of a training procedure, each neutral unless a recipe sets it."""

import dataclasses

from keras_resnet_recipes import applications
from keras_resnet_recipes.recipes.fields import setting


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """Declares the fields of `Recipe`, in the order of table 2 of 'ResNet strikes back'.

    >>> from keras_resnet_recipes.recipes.settings import Settings
    >>> Settings().epochs
    100
    """

    network: str = setting(
        "ResNet50", "network of keras_resnet_recipes.applications", choices=applications.NETWORKS
    )
    classes: int | None = setting(None, "number of classes", minimum=2, none="from the data")
    train_size: int = setting(224, "side of a training picture, pixels", minimum=1)
    test_size: int = setting(224, "side of an evaluation picture, pixels", minimum=1)
    test_crop_ratio: float = setting(
        0.875, "evaluation: centre crop / resized shorter side", above=0, maximum=1
    )
    test_interpolation: str = setting(
        "bicubic", "evaluation: resampling", choices=("bilinear", "bicubic")
    )
    test_views: str = setting(
        "one",
        "evaluation: views of a picture whose scores are averaged (between epochs one; as given on the device)",
        choices=("one", "mirrored", "ten_crop", "multi_scale"),
    )
    epochs: int = setting(100, "passes over the training set, warm-up included", minimum=1)
    batch_size: int = setting(256, "images of one update, over all devices", minimum=1)
    gradient_accumulation_steps: int = setting(1, "parts in which a batch is computed", minimum=1)
    zero_gamma: bool = setting(
        False, "batch-norm scales that end a residual branch begin at 0 instead of 1"
    )
    pool_before_batch_norm: bool = setting(
        False, "ResNet9: max-pooling before the batch norm instead of after the activation"
    )
    celu_alpha: float | None = setting(None, "ResNet9: alpha of CELU", above=0, none="ReLU")
    ghost_batch_norm: int | None = setting(
        None, "ResNet9: images whose batch-norm statistics are their own", minimum=1
    )
    frozen_batch_norm_scale: bool = setting(False, "ResNet9: batch-norm scales stay 1")
    logit_scale: float = setting(0.125, "ResNet9: factor of the logits", above=0)
    whitening: bool = setting(
        False, "ResNet9: a fixed convolution first that whitens patches of the training images"
    )
    optimizer: str = setting("lamb", "optimizer", choices=("lamb", "sgd", "rmsprop_tf", "adamw"))
    learning_rate: float = setting(0.001, "peak rate, really used at batch_size", above=0)
    momentum: float = setting(0.0, "sgd, rmsprop_tf: momentum", minimum=0, maximum=1)
    nesterov: bool = setting(False, "sgd: Nesterov's momentum")
    learning_rate_in_velocity: bool = setting(
        False, "sgd: the velocity sums rate times gradient (Caffe) instead of gradients (torch)"
    )
    weight_decay: float = setting(
        0.0, "decay, with sgd and rmsprop_tf as a part of the gradient", minimum=0
    )
    weight_decay_on: str = setting(
        "kernels", "weights that decay", choices=("kernels", "all", "all_but_norm")
    )
    bias_learning_rate_factor: float = setting(
        1.0,
        "sgd: rate of biases and norms' shifts over that of the rest; divides their decay",
        above=0,
    )
    head_learning_rate_factor: float = setting(
        1.0, "rate of the classifier over that of the rest", above=0
    )
    gradient_clip: float | None = setting(None, "limit of the global gradient norm", above=0)
    adaptive_gradient_clip: float | None = setting(
        None, "limit of a unit's gradient norm / weight norm (AGC); not the classifier's", above=0
    )
    ema_decay: float | None = setting(
        None, "moving average of all weights, which is evaluated and saved", above=0, maximum=1
    )
    ema_every: int = setting(1, "updates from one step of that average to the next", minimum=1)
    ema_after_warmup: bool = setting(
        False, "that average begins after the warm-up, and counts its steps anew in every epoch"
    )
    schedule: str = setting(
        "cosine",
        "learning rate after the warm-up",
        choices=("cosine", "step", "plateau", "exponential", "piecewise_linear"),
    )
    schedule_per: str = setting("epoch", "the rate is constant within", choices=("epoch", "update"))
    schedule_reaches_ends: bool = setting(
        False,
        "the last epoch or update of the warm-up has the peak rate, the last of all the minimum; "
        "piecewise linear: updates count from 1",
    )
    step_epochs: tuple[float, ...] = setting(
        (), "step: epochs that begin with a lower rate", minimum=0
    )
    plateau_patience: int = setting(
        0, "plateau: epochs without a better top-1 after which the rate falls", minimum=0
    )
    step_factor: float = setting(
        0.1, "step, plateau, exponential: factor of the rate at each step", above=0, maximum=1
    )
    exponential_epochs: float = setting(1.0, "exponential: epochs from step to step", above=0)
    knot_epochs: tuple[float, ...] = setting(
        (), "piecewise linear: epochs of its corners", minimum=0
    )
    knot_factors: tuple[float, ...] = setting(
        (), "piecewise linear: share of learning_rate at the corners", minimum=0
    )
    warmup_epochs: int = setting(0, "epochs of linear warm-up, part of `epochs`", minimum=0)
    warmup_prefix: bool = setting(
        False, "the schedule begins after the warm-up instead of being cut by it"
    )
    warmup_learning_rate: float = setting(0.0, "rate of the first warm-up epoch", minimum=0)
    minimum_learning_rate: float = setting(0.0, "rate the schedule ends at", minimum=0)
    cooldown_epochs: int = setting(0, "epochs at the minimum rate after the schedule", minimum=0)
    loss: str = setting(
        "categorical_crossentropy",
        "loss",
        choices=("binary_crossentropy", "categorical_crossentropy"),
    )
    label_smoothing: float = setting(
        0.0, "weight spread evenly over the classes", minimum=0, maximum=1
    )
    target_threshold: float | None = setting(
        None,
        "binary cross-entropy: a class is present above this target",
        minimum=0,
        maximum=1,
        none="soft targets",
    )
    drop_path_rate: float = setting(
        0.0, "stochastic depth of the last block, linear from 0", minimum=0, maximum=1
    )
    repeated_augmentation: int = setting(
        1, "copies of an image in a batch, each augmented anew", minimum=1
    )
    shorter_side: tuple[int, int] | None = setting(
        None, "resize to a random shorter side, pixels, then a random crop", minimum=1
    )
    pad: int | None = setting(None, "pad by so many pixels, then a random crop", minimum=1)
    pad_color: tuple[float, float, float] | None = setting(
        None, "what is padded, 0 to 255", minimum=0, maximum=255, none="mirror image"
    )
    crop_scale: tuple[float, float] | None = setting(
        None,
        "random resized crop: share of the image's area",
        above=0,
        maximum=1,
        none="centre crop",
    )
    crop_aspect: tuple[float, float] = setting(
        (3 / 4, 4 / 3), "random resized crop: width / height", above=0
    )
    train_interpolation: str = setting(
        "random",
        "training: resampling (random: one of both for each image)",
        choices=("random", "bilinear", "bicubic"),
    )
    exact_resize: bool = setting(
        False, "training: resize to Pillow's bytes; off is faster, and 0.4 % of them differ by 1"
    )
    horizontal_flip: bool = setting(False, "mirror half of the images")
    cutout: int | None = setting(
        None, "side of a square, wholly inside the picture, that is painted over, pixels", minimum=1
    )
    cutout_color: tuple[float, float, float] | None = setting(
        None, "what it is painted with, 0 to 255", minimum=0, maximum=255, none="ImageNet's mean"
    )
    color_jitter: tuple[float, ...] = setting(
        (),
        "jitter of brightness, contrast, saturation and perhaps hue: 0.4 is 0.6 to 1.4",
        minimum=0,
    )
    lighting: float | None = setting(
        None, "PCA colour noise: standard deviation of its coefficients", above=0
    )
    trivial_augment: bool = setting(False, "TrivialAugmentWide: one operation a picture")
    rand_augment: tuple[float, float] | None = setting(
        None, "RandAugment: magnitude and its standard deviation", minimum=0, maximum=10
    )
    rand_augment_operations: int = setting(
        2, "RandAugment: operations drawn for an image", minimum=1
    )
    rand_augment_probability: float = setting(
        0.5, "RandAugment: probability of each drawn operation", minimum=0, maximum=1
    )
    random_erasing: float = setting(
        0.0, "probability that a rectangle of a picture is erased", minimum=0, maximum=1
    )
    random_erasing_fill: str = setting(
        "mean",
        "what it is filled with: the mean colour, or noise around it",
        choices=("mean", "noise"),
    )
    mixup_alpha: float = setting(0.0, "MixUp: lambda ~ Beta(alpha, alpha); 0 is off", minimum=0)
    cutmix_alpha: float = setting(0.0, "CutMix: lambda ~ Beta(alpha, alpha); 0 is off", minimum=0)
    mix_probability: float = setting(1.0, "share of batches that are mixed", minimum=0, maximum=1)
    mix_switch_probability: float = setting(
        0.5, "share of CutMix when both are on", minimum=0, maximum=1
    )
    mix_partner: str = setting(
        "reversed",
        "picture i is mixed with picture n-1-i, or with i-1",
        choices=("reversed", "rolled"),
    )
    mix_per_replica: bool = setting(
        True, "each device mixes its share of a batch on its own, as the original's processes did"
    )
    data_on_device: bool = setting(
        False, "small images in memory: the data set lies on the device and is augmented there"
    )
    unreadable_images: str = setting(
        "skip", "skip (raise above 1 % of the data) or raise at once", choices=("skip", "raise")
    )
    batch_norm: str = setting(
        "replica",
        "statistics of each device's share, averaged to evaluate and save; or of the batch (JAX: always)",
        choices=("replica", "synchronized"),
    )
    precision: str = setting(
        "auto",
        "auto is mixed_float16 on GPUs, mixed_bfloat16 on TPUs, float32 elsewhere",
        choices=("auto", "float32", "mixed_float16", "mixed_bfloat16"),
    )
