"""Mean colours of data sets, RGB in 0..255."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Mean of ImageNet's training images, as torchvision and timm subtract it."""

IMAGENET_STD = (58.395, 57.12, 57.375)
"""Their standard deviation."""

CIFAR10_MEAN = (125.31, 122.95, 113.87)
"""Mean of CIFAR-10's training images, as davidcpage/cifar10-fast subtracts it."""
