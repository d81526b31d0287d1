"""How a recipe looks at an image to evaluate."""

from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Test(Part):
    """Size, crop and views of an evaluation.

    Args:
        size: Side of an image that the network sees, pixels.
        crop_ratio: Centre crop over the resized shorter side, in 0..1.
        interpolation: "bilinear" or "bicubic".
        views: Views of an image whose scores are averaged: "one", "mirrored", "ten_crop" or
            "multi_scale". Between epochs it is one (with the data on the device as given).

    Example:
        >>> Test(size=224, crop_ratio=0.95)
        Test(crop_ratio=0.95)
    """

    __test__: ClassVar[bool] = False  # pytest takes the name for a class of tests
    prefix: ClassVar[str] = "test"

    size: int = number(224, "side of an evaluation image, pixels", minimum=1)
    crop_ratio: float = number(0.875, "centre crop / resized shorter side", above=0, maximum=1)
    interpolation: str = number(
        "bicubic", "resampling of an evaluation", choices=("bilinear", "bicubic")
    )
    views: str = number(
        "one",
        "views of an image whose scores are averaged (between epochs one; as given on the device)",
        choices=("one", "mirrored", "ten_crop", "multi_scale"),
    )
