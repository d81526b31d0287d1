"""Mean colors of data sets, RGB in 0..255."""

__all__ = ["CIFAR10_MEAN", "IMAGENET_MEAN", "IMAGENET_STD"]

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Mean of ImageNet's training images, as subtracted by torchvision and timm."""

IMAGENET_STD = (58.395, 57.12, 57.375)
"""Standard deviation of ImageNet's training images, by which torchvision and timm divide."""

CIFAR10_MEAN = (125.31, 122.95, 113.87)
"""Mean of CIFAR-10's training images, as subtracted by davidcpage/cifar10-fast."""
