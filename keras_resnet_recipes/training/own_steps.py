"""The caller's own layers and functions in place of a recipe's augmentation and mixing."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

# What stays of a recipe's own steps where the caller augments.
_GEOMETRY = ("crop", "pad", "flip")


@dataclasses.dataclass(frozen=True, eq=False)
class OwnSteps:
    """What the caller gave `Recipe.fit` as `augment` and `mix`; None is the recipe's own.

    Args:
        augment: Keras layers or functions, from images float32 [n, height, width, 3] in 0..255 to
            as many of that size.
        mix: A Keras layer of {"images", "labels"}, or a function of (images, labels) that returns
            both; labels are float32 [n, classes].

    Raises:
        ValueError: If `augment` is no list of these, or `mix` cannot be called.
    """

    augment: Sequence[Callable[..., Any]] | None = None
    mix: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        listed = self.augment is None or isinstance(self.augment, list | tuple)
        if not listed or not all(callable(step) for step in self.augment or ()):
            raise ValueError(
                f"`augment` must be a list of Keras layers or functions; received {self.augment!r}."
            )
        if self.mix is not None and not callable(self.mix):
            raise ValueError(f"`mix` must be a Keras layer or a function; received {self.mix!r}.")

    @property
    def workers(self) -> int | None:
        """Calls at a time: one in turn, or random numbers that have a state would come in any order."""
        return tf.data.AUTOTUNE if self.augment is None and self.mix is None else None

    def facts(self) -> dict[str, Any]:
        """What run.json says of them: classes and settings, of functions the names."""
        steps = None if self.augment is None else [_described(step) for step in self.augment]
        return {"augment": steps, "mix": None if self.mix is None else _described(self.mix)}

    def kept(self, steps: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the recipe's steps that are not replaced."""
        replaced = self.augment is not None
        return {name: step for name, step in steps.items() if not replaced or name in _GEOMETRY}

    def augmented(self, images: tf.Tensor) -> tf.Tensor:
        """uint8 pictures after all of `augment`."""
        *_, (_, changed) = [("", images), *self.changes(images)]
        return changed

    def changes(self, images: tf.Tensor) -> Iterator[tuple[str, tf.Tensor]]:
        """The name of each step of `augment`, and the uint8 pictures after it."""
        changed = tf.cast(images, tf.float32)
        for step in self.augment or ():
            changed = _called(step, changed)
            _check_shape("augment", step, "images", changed, images)
            yield name_of(step), _pixels(changed, images)

    def mixed(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """uint8 pictures and float32 labels after `mix`."""
        floats = tf.cast(images, tf.float32)
        if isinstance(self.mix, keras.Layer):
            result = _called(self.mix, {"images": floats, "labels": labels})
            changed, targets = result["images"], result["labels"]
        else:
            changed, targets = _called(self.mix, floats, labels)
        _check_shape("mix", self.mix, "images", changed, images)
        _check_shape("mix", self.mix, "labels", targets, labels)
        targets = tf.ensure_shape(tf.cast(targets, tf.float32), labels.shape)
        return _pixels(changed, images), targets


def _called(step: Callable[..., Any], *inputs: Any) -> Any:
    # tf.function turns Python's `if` on tensors into TensorFlow's, which the pipeline around it does not.
    options = {"training": True} if isinstance(step, keras.Layer) else {}
    return tf.function(lambda *tensors: step(*tensors, **options))(*inputs)


def _pixels(images: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    nearest = tf.round(tf.clip_by_value(tf.cast(images, tf.float32), 0.0, 255.0))
    return tf.ensure_shape(tf.cast(nearest, tf.uint8), like.shape)


def _check_shape(argument: str, step: Any, what: str, result: Any, given: tf.Tensor) -> None:
    shape = getattr(result, "shape", None)
    if shape is None or not given.shape.is_compatible_with(shape):
        raise ValueError(
            f"`{argument}`: {name_of(step)} must return {what} of the shape {tuple(given.shape)} that it "
            f"is given; received {type(result).__name__ if shape is None else tuple(shape)}."
        )


def name_of(step: Any) -> str:
    """What messages call a layer or a function of the caller."""
    return getattr(step, "__qualname__", type(step).__name__)


def _described(step: Any) -> Any:
    if not isinstance(step, keras.Layer):
        return name_of(step)
    # What is no JSON counts by its class alone: its repr may hold an address.
    settings = json.dumps(step.get_config(), default=lambda value: type(value).__name__)
    return {"class": type(step).__name__, "settings": _without_names(json.loads(settings))}


def _without_names(settings: Any) -> Any:
    """Keras counts names up: the same script would be another run next time."""
    if isinstance(settings, list):
        return [_without_names(value) for value in settings]
    if isinstance(settings, dict):
        return {key: _without_names(value) for key, value in settings.items() if key != "name"}
    return settings
