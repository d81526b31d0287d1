"""Images with several labels: what a recipe needs for them, and the metrics of an evaluation."""

import keras
import numpy as np

from keras_resnet_recipes import distribution
from keras_resnet_recipes.applications.outputs import probabilities
from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training import build


def check_trained(recipe: BaseRecipe, data: ImageDataset | ImageStream, *, validated: bool) -> None:
    """Raises ValueError if images have several labels and a recipe cannot learn them."""
    check_evaluated(recipe, data)
    if data.multi_label and recipe.balanced_sampling:
        raise ValueError(
            "`balanced_sampling` must be False for images with several labels, which are of no single class. "
            f"Received: balanced_sampling=True for {data.name}. class_weights='balanced' weights their labels."
        )
    if data.multi_label and isinstance(recipe.schedule, Plateau) and not validated:
        raise ValueError(
            "`validation_data` must be given with Plateau and images with several labels, because it follows their "
            "mean average precision. Received: validation_data=None"
        )


def check_evaluated(recipe: BaseRecipe, data: ImageDataset | ImageStream) -> None:
    """Raises ValueError if images have several labels and a recipe cannot evaluate them."""
    if not data.multi_label:
        return
    name, hosts = type(recipe).__name__, distribution.host()[1]
    if recipe.loss.activation != "sigmoid":
        raise ValueError(
            f"`loss` must be a binary cross-entropy for images with several labels, such as those of {data.name}: "
            f"krr.{name}(loss=krr.recipe.BinaryCrossentropy()), --set 'loss=BinaryCrossentropy()' of krr. "
            f"Received: loss={recipe.loss!r}"
        )
    if hosts > 1:
        raise ValueError(
            "`dataset` must have one label per image on several hosts. "
            f"Received: {data.name}, whose images have several, on {hosts} hosts"
        )


def scores(
    recipe: BaseRecipe, targets: np.ndarray, outputs: np.ndarray, *, logits: bool = True
) -> dict[str, float]:
    """Returns the loss and the metrics of an evaluation.

    Args:
        recipe: The recipe.
        targets: 0 and 1, [images, classes].
        outputs: Outputs of the model, [images, classes].
        logits: Whether outputs are logits; otherwise they are probabilities, and there is no loss.

    Returns:
        `loss`, of logits; `mean_average_precision`, see there; and `f1`, the mean over the classes of the F1 score of
        the predictions above a probability of 0.5, as `keras.metrics.F1Score`: that of a class that neither occurs nor
        is predicted is 0.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> found = scores(krr.A3(), np.eye(2), np.array([[1.0, -1.0], [1.0, 2.0]]))
        >>> {name: round(value, 4) for name, value in found.items()}
        {'loss': 0.5167, 'mean_average_precision': 0.75, 'f1': 0.8333}
    """
    found = {}
    if logits:
        losses = build.loss(recipe, reduction=None)(targets, outputs.astype(np.float32))
        found["loss"] = float(keras.ops.convert_to_numpy(losses).mean(dtype=np.float64))
    found["mean_average_precision"] = mean_average_precision(targets, outputs)
    predicted = probabilities(outputs, recipe.loss.activation if logits else None) > 0.5
    f1 = keras.metrics.F1Score(average="macro", threshold=0.5)
    f1.update_state(targets, predicted.astype(np.float32))
    found["f1"] = float(f1.result())
    return found


def mean_average_precision(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Returns the mean of the average precisions of the classes that occur.

    The average precision is the sum over the distinct outputs, from the largest down, of the precision there times the
    increase of the recall: scikit-learn's `average_precision_score`, without interpolation. For a class without a
    positive image it is undefined: scikit-learn takes 0, here the class is left out.

    Args:
        targets: 0 and 1, [images, classes].
        outputs: Larger for likelier classes, [images, classes].

    Returns:
        From 0 to 1; NaN if no class occurs.

    Example:
        >>> mean_average_precision(np.array([[1], [0], [1]]), np.array([[0.9], [0.8], [0.7]]))
        0.8333333333333333
    """
    each = [
        _average_precision(target > 0, output)
        for target, output in zip(targets.T, outputs.T, strict=True)
        if target.any()
    ]
    return float(np.mean(each)) if each else float("nan")


def _average_precision(positive: np.ndarray, output: np.ndarray) -> float:
    order = np.argsort(-output, kind="stable")
    hits, ranked = np.cumsum(positive[order]), output[order]
    # Equal outputs have one precision, that at the last of them.
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision = hits[last] / (last + 1)
    return float((np.diff(hits[last], prepend=0) * precision).sum() / hits[-1])
