"""Predictions of a model for a data set, and the figures that follow from them: per class and of the calibration."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

# As in the paper on calibration and its code.
_BINS = 15


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Prediction of a model for one image.

    Args:
        image: The image as the network sees it, uint8 [size, size, 3]; of several views, the first.
        original: The whole image, uint8 [height, width, 3], at most 320 pixels on the longer side; None for data that
            can only be iterated.
        name: Its name in the data set.
        label: Its class.
        predicted: The class with the largest score.
        probability: Probability of that class.
        loss: The recipe's loss of the image.
    """

    image: np.ndarray
    original: np.ndarray | None
    name: str
    label: int
    predicted: int
    probability: float
    loss: float


@dataclasses.dataclass(frozen=True)
class ClassFigures:
    """Figures of one class, or their mean over several.

    Args:
        name: Name of the class.
        images: Number of images of the class.
        precision: Fraction of the images predicted as this class that are of it, 0 to 1; 0 if there are none.
        recall: Fraction of the images of this class that are predicted as it, 0 to 1; 0 if there are none.
        f1: Harmonic mean of precision and recall, 0 to 1; 0 if both are 0.
    """

    name: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclasses.dataclass(frozen=True)
class ConfidenceBin:
    """Images whose predictions have about the same probability.

    Args:
        low: Exclusive lower bound of the probability.
        high: Inclusive upper bound.
        images: Number of images.
        probability: Mean probability of the predicted class, 0 to 1; 0 without images.
        accuracy: Fraction of the images that are classified correctly, 0 to 1; 0 without images.
    """

    low: float
    high: float
    images: int
    probability: float
    accuracy: float


@dataclasses.dataclass(frozen=True, eq=False)
class Examination:
    """Predictions of a model for a data set.

    Args:
        dataset: Name of the data set.
        class_names: Names of the classes.
        activation: Activation that made the scores probabilities: "softmax", "sigmoid" for a model trained with
            binary cross-entropy, or None for a model whose outputs are probabilities.
        labels: Class of every image, int64 [n].
        predicted: Class with the largest score, int64 [n].
        probabilities: Probability of that class, float64 [n].
        scores: What `Recipe.evaluate` returns.
        worst: The images with the largest losses, the largest first.

    Example:
        >>> found = Examination(
        ...     dataset="four images",
        ...     class_names=("cat", "dog"),
        ...     activation="softmax",
        ...     labels=np.array([0, 0, 0, 1]),
        ...     predicted=np.array([0, 0, 1, 1]),
        ...     probabilities=np.array([0.9, 0.9, 0.6, 0.6]),
        ... )
        >>> found.per_class[0]
        ClassFigures(name='cat', images=3, precision=1.0, recall=0.6666666666666666, f1=0.8)
        >>> round(found.calibration_error, 3), found.constant_top1
        (0.1, 0.75)

    References:
        - scikit-learn, `precision_recall_fscore_support` with `zero_division=0`
        - Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599), equation 3
    """

    dataset: str
    class_names: tuple[str, ...]
    activation: str | None
    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    worst: tuple[Verdict, ...] = ()

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def top1(self) -> float:
        """Top-1 accuracy, 0 to 1."""
        return _ratio(np.sum(self.labels == self.predicted), self.images)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Number of images by class (row) and predicted class (column), int64 [classes, classes]."""
        classes = len(self.class_names)
        pairs = self.labels * classes + self.predicted
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @cached_property
    def per_class(self) -> tuple[ClassFigures, ...]:
        """Figures of every class, in the order of the labels."""
        classes = len(self.class_names)
        images, predicted, correct = (
            np.bincount(which, minlength=classes)
            for which in (self.labels, self.predicted, self.labels[self.labels == self.predicted])
        )
        return tuple(
            ClassFigures(
                name,
                int(images[index]),
                precision=_ratio(correct[index], predicted[index]),
                recall=_ratio(correct[index], images[index]),
                f1=_ratio(2 * correct[index], images[index] + predicted[index]),
            )
            for index, name in enumerate(self.class_names)
        )

    @property
    def macro_average(self) -> ClassFigures:
        """Mean over the classes, each with the same weight.

        A class that has no images and is never predicted does not count, as in scikit-learn.
        """
        occurring = {*self.labels.tolist(), *self.predicted.tolist()}
        rows = [self.per_class[index] for index in sorted(occurring)]
        means = (
            _ratio(sum(getattr(row, name) for row in rows), len(rows))
            for name in ("precision", "recall", "f1")
        )
        return ClassFigures("macro average", self.images, *means)

    @cached_property
    def confidence_bins(self) -> tuple[ConfidenceBin, ...]:
        """Images by the probability of the predicted class, in 15 intervals of equal width."""
        bounds = np.linspace(0, 1, _BINS + 1)
        # Intervals include their upper bound.
        index = np.clip(np.searchsorted(bounds, self.probabilities, side="left") - 1, 0, _BINS - 1)
        images, probability, correct = (
            np.bincount(index, weights, minlength=_BINS)
            for weights in (None, self.probabilities, self.labels == self.predicted)
        )
        return tuple(
            ConfidenceBin(
                float(bounds[number]),
                float(bounds[number + 1]),
                int(images[number]),
                probability=_ratio(probability[number], images[number]),
                accuracy=_ratio(correct[number], images[number]),
            )
            for number in range(_BINS)
        )

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1: mean distance between accuracy and probability in `confidence_bins`.

        The probability is that of the predicted class: after a sigmoid too, where those of all classes need not
        add up to 1.
        """
        distances = (
            bin.images * abs(bin.accuracy - bin.probability) for bin in self.confidence_bins
        )
        return _ratio(sum(distances), self.images)

    @property
    def most_frequent_class(self) -> str:
        """Name of the class with the most images."""
        return max(self.per_class, key=lambda row: row.images).name

    @property
    def constant_top1(self) -> float:
        """Top-1 accuracy of a constant answer, the class with the most images; 0 to 1."""
        return _ratio(max(row.images for row in self.per_class), self.images)

    @property
    def constant_is_as_good(self) -> bool:
        """Whether a constant answer has at least the model's accuracy."""
        return self.constant_top1 >= self.top1

    def as_dict(self) -> dict[str, Any]:
        """Returns all figures as values of JSON, without the images."""
        return {
            "dataset": self.dataset,
            **self.scores,
            "activation": self.activation,
            "calibration_error": self.calibration_error,
            "constant_top1": self.constant_top1,
            "macro_average": dataclasses.asdict(self.macro_average),
            "classes": [dataclasses.asdict(row) for row in self.per_class],
            "confusion": self.confusion.tolist(),
            "confidence_bins": [dataclasses.asdict(bin) for bin in self.confidence_bins],
        }


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
