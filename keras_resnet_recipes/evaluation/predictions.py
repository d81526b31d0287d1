"""Predictions for image files."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_resnet_recipes.applications import decode_predictions
from keras_resnet_recipes.applications.outputs import (
    activation_after,
    known_names,
    probabilities,
)
from keras_resnet_recipes.augment import CenterCrop, kernels
from keras_resnet_recipes.data.decode import UnreadableImage, opened, orientation, upright
from keras_resnet_recipes.data.folder import contents_of, images_below
from keras_resnet_recipes.data.parallel import Workers, mapped
from keras_resnet_recipes.evaluation.class_maps import ClassActivationMaps, framed, thumbnail
from keras_resnet_recipes.names import closest_path

# Pixels on the longer side of an explanation.
_EXPLAINED = 640

Label = tuple[str | int, str, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of a model for one image file.

    Args:
        path: The file.
        labels: (ImageNet synset or index, name, probability) of the most probable classes in
            descending order; empty for a path that cannot be read.
        error: Why the path cannot be read, or None.
        orientation: The file's EXIF orientation, 1 to 8, whether or not it was applied; 1 is upright.
        explanation: The image with the class activation map of the most probable class over the crop that the
            network sees, uint8 [height, width, 3], at most 640 pixels on the longer side; None unless `explain`.
        multi_label: Whether an image may have several labels: then `present` are those of this one.

    Example:
        >>> Prediction("cat.jpg", ((1, "cat", 0.75), (0, "dog", 0.25))).labels[0][1]
        'cat'
    """

    path: str
    labels: tuple[Label, ...]
    error: str | None = None
    orientation: int = 1
    explanation: np.ndarray | None = None
    multi_label: bool = False

    @property
    def present(self) -> tuple[Label, ...]:
        """The labels with a probability above 0.5, if the image may have several; otherwise none."""
        return tuple(label for label in self.labels if self.multi_label and label[2] > 0.5)


def predict(
    model: keras.Model,
    paths: Sequence[str | Path],
    crop: CenterCrop | None = None,
    *,
    activation: str | None = None,
    top: int | None = None,
    class_names: Sequence[str] | None = None,
    batch_size: int = 32,
    exif_rotate: bool = False,
    explain: bool = False,
) -> Iterator[Prediction]:
    """Classifies image files, preprocessed as in an evaluation.

    Files are decoded, resized and cropped by the code of `Recipe.evaluate`, several at a time.

    Args:
        model: A Keras model from pixels of 0..255 to logits or probabilities.
        paths: Image files (JPEG, PNG, BMP, GIF, WebP), and folders, whose image files are taken with
            those of their subfolders, sorted.
        crop: Size, crop ratio and interpolation; by default those of the test of the model's
            published weights, or else the model's input size (224 if it is
            free), crop ratio 0.875, bicubic.
        activation: As for `to_probabilities`.
        top: Number of classes to return per image; by default 5, or all for a model of images with several labels,
            whose attribute `multi_label` `Recipe.fit` sets.
        class_names: Names of the classes; by default the model's. If it has none, 1000 classes are those of
            ImageNet, and others are named by their index.
        batch_size: Images per batch.
        exif_rotate: Whether to turn images as their EXIF orientation says, as a phone shows them. Training and
            evaluation ignore it, as timm does.
        explain: Whether to draw class activation maps, see `ClassActivationMaps`.

    Returns:
        An iterator over one prediction per file, in order. That of a file that cannot be read, a path that does
        not exist or a folder without images has an error instead of labels.

    Raises:
        ValueError: If an argument is not as above, there is no path, or the model has no class activation maps.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (30, 40)).save(folder + "/black.png")
        ...     model = krr.applications.ResNet20(classes=2)
        ...     found = list(predict(model, [folder], CenterCrop(32), class_names=["cat", "dog"]))
        >>> sorted(name for _, name, _ in found[0].labels)
        ['cat', 'dog']
    """
    if (top is not None and top < 1) or batch_size < 1:
        raise ValueError(
            f"`top` and `batch_size` must be at least 1. Received: top={top!r}, batch_size={batch_size!r}"
        )
    names, classes = known_names(model, class_names), model.output_shape[-1]
    if names is None and classes != 1000:
        names = [str(index) for index in range(classes)]
    multi_label = getattr(model, "multi_label", False)
    top = top or (classes if multi_label else 5)
    files = _files(paths)
    classifier = _Classifier(
        model,
        ClassActivationMaps(model) if explain else None,
        evaluation_crop(model) if crop is None else crop,
        activation_after(model, activation),
        top,
        names,
        exif_rotate,
    )
    made = classifier.predictions(files, batch_size)
    return (dataclasses.replace(one, multi_label=multi_label) for one in made)


def evaluation_crop(model: keras.Model, size: int | None = None) -> CenterCrop:
    """Returns the preprocessing for a model without a recipe.

    Args:
        model: A Keras model of images.
        size: Height and width in pixels; by default the model's.

    Returns:
        The crop ratio and interpolation of the test of the model's published weights, if any, at the nearest size;
        otherwise crop ratio 0.875, bicubic, the recipes' default, at 224 pixels if the size is free.

    Raises:
        ValueError: If the model takes another size.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> evaluation_crop(ResNet20(input_shape=(32, 32, 3)))
        CenterCrop(size=32, crop_ratio=0.875, interpolation='bicubic')
    """
    own = model.input_shape[1]
    if size is not None and own not in (None, size):
        raise ValueError(f"`size` must be the model's {own}. Received: size={size!r}")
    published = getattr(model, "published", None)
    if published is None:
        return CenterCrop(size or own or 224, crop_ratio=0.875)
    tested = published.evaluations[0] if size is None else published.evaluation(size)
    return CenterCrop(
        size or own or tested.size,
        crop_ratio=tested.crop_ratio,
        interpolation=published.interpolation,
    )


def _files(paths: Sequence[str | Path]) -> list[str]:
    """Returns image files and those of folders; a folder without any is itself one, to be reported as unreadable."""
    files: list[str] = []
    for path in paths:
        found = []
        with contextlib.suppress(OSError):
            found = images_below(path)
        files += found or [os.fspath(path)]
    if not files:
        raise ValueError("`paths` must be at least one image or folder. Received: paths=[]")
    return files


@dataclasses.dataclass(frozen=True)
class _Seen:
    """A file, or why it cannot be read: the network's input, and a smaller image if it is to be explained."""

    path: str
    orientation: int = 1
    image: np.ndarray | None = None
    smaller: np.ndarray | None = None
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class _Classifier:
    """A model with the preprocessing of its images and the names of its classes."""

    model: keras.Model
    maps: ClassActivationMaps | None
    crop: CenterCrop
    activation: str | None
    top: int
    names: Sequence[str] | None
    exif_rotate: bool

    def predictions(self, files: list[str], batch_size: int) -> Iterator[Prediction]:
        """Yields the predictions of files, which are read while the model predicts others."""
        workers = Workers()
        groups = (files[begin : begin + batch_size] for begin in range(0, len(files), batch_size))
        for group in mapped(lambda group: self._all_seen(group, workers), groups, threads=1):
            yield from self._predicted(group)

    def _all_seen(self, files: list[str], workers: Workers) -> list[_Seen]:
        found: dict[str, _Seen] = {}

        def look(file: str) -> None:
            found[file] = self._seen(file)

        workers.each(look, files)
        return [found[file] for file in files]

    def _seen(self, file: str) -> _Seen:
        try:
            contents = contents_of(file)
            turned = orientation(contents)
            with opened(contents) as image:
                pixels = image.packed()
                if self.exif_rotate:
                    pixels = upright(pixels, turned)
                cut = kernels.packing.unpack(self.crop.cut(pixels))
                smaller = None if self.maps is None else thumbnail(pixels, _EXPLAINED)
        except UnreadableImage as error:
            return _Seen(file, error=_reason(file, error))
        return _Seen(file, turned, cut, smaller)

    def _predicted(self, group: list[_Seen]) -> Iterator[Prediction]:
        readable = [one for one in group if one.error is None]
        rows: Iterator[tuple[tuple[Label, ...], np.ndarray | None]] = iter(())
        if readable:
            batch = np.stack([one.image for one in readable])
            if self.maps is None:
                outputs, class_maps = self.model.predict_on_batch(batch), [None] * len(batch)
            else:
                outputs, class_maps = self.maps(batch)
            scores = probabilities(outputs, self.activation)
            labels = decode_predictions(scores, self.top, self.names)
            rows = zip(map(tuple, labels), class_maps, strict=True)
        for one in group:
            if one.error is not None:
                yield Prediction(one.path, (), one.error)
                continue
            labels, class_map = next(rows)
            drawn = None if class_map is None else framed(one.smaller, self.crop, class_map)
            yield Prediction(one.path, labels, None, one.orientation, drawn)


def _reason(file: str, error: Exception) -> str:
    if os.path.isdir(file):
        return "the folder contains no image that can be read"
    hint = closest_path(Path(file))
    return f"{error}.{hint}" if hint else str(error)
