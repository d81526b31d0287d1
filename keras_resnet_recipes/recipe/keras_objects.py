"""Keras' own objects as values of a recipe."""

import importlib
import inspect
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part, how_to_know

if TYPE_CHECKING:
    import keras

# Objects of other packages are made only if their class is registered with Keras, or given.
_PACKAGES = ("keras", "keras_hub", "keras_resnet_recipes")
# Where this package's own are, which are registered once they are imported.
_OWN = ("layers", "losses", "optimizers", "schedules")


class KerasObject(Part, abstract=True):
    """An object of Keras by its class and configuration; `build` makes a new one.

    Give the object itself: `krr.A1(optimizer=keras.optimizers.Lion(weight_decay=0.02))`. The state of
    the object given is not kept, nor is its name, which Keras counts up.
    """

    classes: ClassVar[dict[str, type]] = {}
    """The user's own classes by name, which Keras finds only if they are registered with it."""

    namespace: ClassVar[str] = ""
    ignored: ClassVar[tuple[str, ...]] = ("name",)

    text: str = number(from_recipe=True)

    @classmethod
    def of(cls, given: Any) -> Self:
        """The value of an object of Keras.

        Raises:
            ValueError: If its configuration does not make another one.
        """
        saving = importlib.import_module("keras.saving")
        kind = type(given).__name__
        try:
            description = _without_names(saving.serialize_keras_object(given))
            if _package(description) not in _PACKAGES:
                KerasObject.classes[kind] = type(given)
            for name in cls.ignored:
                description["config"].pop(name, None)
            value = cls(text=json.dumps(description, sort_keys=True))
            value.build()
        except Exception as error:
            raise ValueError(
                f"{kind} cannot be part of a recipe: Keras does not make it again from its configuration ({error})"
            ) from None
        return value

    @property
    def description(self) -> dict[str, Any]:
        """What Keras' serialization says of the object."""
        return json.loads(self.text)

    @property
    def name(self) -> str:
        """The name of the object's class."""
        return self.description["class_name"]

    def build(self, **changes: Any) -> Any:
        """A new object, with changes to its configuration."""
        saving = importlib.import_module("keras.saving")
        description = self.description
        description["config"] |= changes
        return saving.deserialize_keras_object(
            description, custom_objects=self.classes, safe_mode=True
        )

    def __repr__(self) -> str:
        """How the object is made in Python; arguments with their default value are left out."""
        config = self.description["config"]
        given = [f"{name}={config[name]!r}" for name in config if self._needs(name)]
        package = _package(self.description)
        where = f"{self.namespace}." if package in _PACKAGES else ""
        if package == "keras_resnet_recipes":
            where = where.replace("keras.", "krr.", 1)
        return f"{where}{self.name}({', '.join(given)})"

    def _needs(self, name: str) -> bool:
        """Whether the object would be another one without an argument."""
        saving = importlib.import_module("keras.saving")
        description = self.description
        del description["config"][name]
        try:
            made = saving.deserialize_keras_object(description, custom_objects=self.classes)
            return type(self).of(made) != self
        except (TypeError, ValueError, KeyError):
            return True

    def to_json(self) -> dict[str, Any]:
        """The object as Keras' serialization has it."""
        return {"is": type(self).__name__, "object": self.description}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], known: Mapping[str, Any]) -> Self:
        """The value that `to_json` described; nothing but Keras' own and known classes is made.

        Raises:
            ValueError: If the object is of another package or kind, or Keras refuses it.
        """
        description = values.get("object")
        if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
            raise ValueError(f"{cls.__name__} needs an `object` as Keras serializes it.")
        classes = self_made(known)
        for folder in _OWN:
            importlib.import_module(f"keras_resnet_recipes.{folder}")
        _check_origin(description, classes)
        saving = importlib.import_module("keras.saving")
        try:
            made = saving.deserialize_keras_object(
                description, custom_objects=classes, safe_mode=True
            )
        except Exception as error:
            name = description.get("class_name")
            raise ValueError(f"Keras cannot make {name!r}: {error}") from None
        wrapped = wrapped_object(made)
        if not isinstance(wrapped, cls):
            raise ValueError(f"{description['class_name']!r} is none of {cls.namespace}.")
        return wrapped


class KerasOptimizer(KerasObject):
    """An optimizer of Keras; the recipe gives its learning rate."""

    namespace: ClassVar[str] = "keras.optimizers"
    ignored: ClassVar[tuple[str, ...]] = ("name", "learning_rate")

    @property
    def scaling(self) -> float:
        """Power of the batch size with which the learning rate grows, see `Recipe.rescaled`."""
        return 1.0 if self.name in ("SGD", "RMSprop") else 0.5

    @classmethod
    def of(cls, given: "keras.optimizers.Optimizer") -> Self:
        """The value of an optimizer.

        Raises:
            ValueError: If it has a learning rate of its own.
        """
        config = given.get_config()
        default = inspect.signature(type(given)).parameters.get("learning_rate")
        rate = config.get("learning_rate")
        if default is None or not _same_number(rate, default.default):
            raise ValueError(
                "`optimizer` must have no learning rate of its own: the recipe's is `learning_rate`. "
                f"Received: {type(given).__name__}(learning_rate={rate!r})"
            )
        return super().of(given)

    def build(self, learning_rate: Any = None, model: "keras.Model | None" = None) -> Any:
        """A new optimizer with the recipe's learning rate; it decays what Keras decays."""
        made = super().build()
        if learning_rate is None:
            return made
        return type(made).from_config({**made.get_config(), "learning_rate": learning_rate})


class KerasSchedule(KerasObject):
    """A learning rate schedule of Keras, by updates, with its own rates."""

    namespace: ClassVar[str] = "keras.optimizers.schedules"


class KerasLoss(KerasObject):
    """A loss of Keras, of logits."""

    namespace: ClassVar[str] = "keras.losses"
    label_smoothing: ClassVar[float] = 0.0

    @property
    def activation(self) -> str:
        """What makes probabilities of logits that are trained with this loss."""
        return "sigmoid" if self.name.startswith("Binary") else "softmax"

    @classmethod
    def of(cls, given: "keras.losses.Loss") -> Self:
        """The value of a loss.

        Raises:
            ValueError: If it takes probabilities, or is no mean over a batch.
        """
        config, kind = given.get_config(), type(given).__name__
        if config.get("from_logits") is False:
            raise ValueError(
                "`loss` must take logits, which the networks give: from_logits=True. "
                f"Received: {kind}(from_logits=False)"
            )
        reduction = config.get("reduction", "sum_over_batch_size")
        if reduction != "sum_over_batch_size":
            raise ValueError(
                "`loss` must be the mean over a batch, reduction='sum_over_batch_size'. "
                f"Received: {kind}(reduction={reduction!r})"
            )
        if not _learns_from_logits(given):
            raise ValueError(
                "`loss` must take targets and logits [n, classes], and fall as the logit of the right class rises, "
                f"below 0, too. Received: {kind}"
            )
        return super().of(given)

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """A new loss."""
        return super().build(reduction=reduction)


class KerasLayer(KerasObject):
    """An image layer of Keras, called with `training=True` on batches of float32 in 0..255."""

    namespace: ClassVar[str] = "keras.layers"


def _learns_from_logits(loss: "keras.losses.Loss") -> bool:
    """Whether a loss falls while the logit of the right class rises from below 0, where no probability is."""
    targets = np.array([[1, 0, 0]], np.float32)
    logits = np.array([[[-3, -4, -4]], [[-2, -4, -4]]], np.float32)
    try:
        low, high = (float(loss(targets, one)) for one in logits)
    except Exception:  # every backend has its own for targets of another shape
        return False
    return high < low


def wrapped_object(value: Any) -> Any:
    """The value of an object of Keras; anything else as it is."""
    keras = sys.modules.get("keras")
    if keras is None or isinstance(value, type):
        return value
    kinds = {
        KerasOptimizer: keras.optimizers.Optimizer,
        KerasSchedule: keras.optimizers.schedules.LearningRateSchedule,
        KerasLoss: keras.losses.Loss,
        KerasLayer: keras.layers.Layer,
    }
    for kind, base in kinds.items():
        if isinstance(value, base):
            return kind.of(value)
    return value


def _package(description: Mapping[str, Any]) -> str:
    return str(description.get("module") or "").partition(".")[0]


def _same_number(one: Any, other: Any) -> bool:
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return False
    # Keras keeps the rate in float32.
    return abs(one - other) <= 1e-6 * abs(other)


def _without_names(value: Any) -> Any:
    """Keras counts names up and numbers objects: the same script would be another recipe next time."""
    if isinstance(value, list | tuple):
        return [_without_names(one) for one in value]
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]  # of a policy it is all there is
        dropped = ("shared_object_id", "build_config", "compile_config")
        kept = {key: _without_names(one) for key, one in value.items() if key not in dropped}
        if isinstance(kept.get("config"), dict):
            kept["config"].pop("name", None)
        return kept
    return value


def _check_origin(value: Any, known: Mapping[str, Any]) -> None:
    """Raises ValueError unless every object in Keras' description is Keras' own, registered, or given."""
    if isinstance(value, list):
        for one in value:
            _check_origin(one, known)
        return
    if not isinstance(value, dict):
        return
    if "class_name" in value:
        module, name = str(value.get("module") or ""), str(value["class_name"])
        registered = importlib.import_module("keras.saving").get_registered_object
        own = _package(value) in _PACKAGES and name != "Lambda"
        given = (
            name in self_made(known) or registered(str(value.get("registered_name"))) is not None
        )
        if name in ("function", "__lambda__", "Lambda", "__tensor__") or not (own or given):
            raise ValueError(
                f"{module or 'no module'}.{name} is neither Keras' own nor known here. {how_to_know(name)}"
            )
    for one in value.values():
        _check_origin(one, known)


def self_made(known: Mapping[str, Any]) -> dict[str, Any]:
    """The user's own classes of Keras objects by name: those of this process, and those that are given."""
    parts = {name for name, one in known.items() if isinstance(one, type) and issubclass(one, Part)}
    return KerasObject.classes | {n: one for n, one in known.items() if n not in parts}
