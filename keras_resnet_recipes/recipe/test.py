"""The evaluation part of a recipe."""

from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Test(Part):
    """Image size, crop and views in evaluation.

    Args:
        size: Side of the network's input in pixels, at least 1.
        crop_ratio: Side of the center crop divided by the shorter side of the resized image, above 0, at most 1.
        interpolation: "bilinear" or "bicubic".
        views: Views of each image whose scores are averaged: "one"; "mirrored", the image and its mirror image;
            "shifted", these, and those of the image shifted by a pixel diagonally, down and up; "ten_crop"; or
            "multi_scale". Evaluation between epochs uses one view, unless the data is on the device.

    Example:
        >>> Test(size=224, crop_ratio=0.95)
        Test(crop_ratio=0.95)
    """

    __test__: ClassVar[bool] = False  # pytest would collect a class of this name
    prefix: ClassVar[str] = "test"

    size: int = number(224, "side of an evaluation image, pixels", minimum=1)
    crop_ratio: float = number(0.875, "center crop / resized shorter side", above=0, maximum=1)
    interpolation: str = number(
        "bicubic", "resampling in evaluation", choices=("bilinear", "bicubic")
    )
    views: str = number(
        "one",
        "views per image, scores averaged (one between epochs, unless data_on_device)",
        choices=("one", "mirrored", "shifted", "ten_crop", "multi_scale"),
    )
