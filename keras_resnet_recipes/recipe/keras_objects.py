"""Keras objects as parts of a recipe."""

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

# Objects of other packages are built only if their class is registered with Keras, or given.
_PACKAGES = ("keras", "keras_hub", "keras_resnet_recipes")
# Subpackages whose import registers this package's own classes with Keras.
_OWN = ("layers", "losses", "optimizers", "schedules")


class KerasObject(Part, abstract=True):
    """A Keras object, stored as its class and configuration; `build` returns a new one.

    Pass the object itself to a recipe: `krr.A1(optimizer=keras.optimizers.Lion(weight_decay=0.02))`. Its
    state and name are dropped.
    """

    classes: ClassVar[dict[str, type]] = {}
    """Custom classes by name, because Keras finds them only if they are registered."""

    namespace: ClassVar[str] = ""
    ignored: ClassVar[tuple[str, ...]] = ("name",)

    text: str = number(from_recipe=True)

    @classmethod
    def of(cls, given: Any) -> Self:
        """Converts a Keras object to a part.

        Raises:
            ValueError: If the object cannot be rebuilt from its configuration.
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
                "Keras objects in a recipe must be serializable: Keras must be able to rebuild them from "
                f"their configuration. Received: {kind} ({error})"
            ) from None
        return value

    @property
    def description(self) -> dict[str, Any]:
        """The object as serialized by Keras."""
        return json.loads(self.text)

    @property
    def name(self) -> str:
        """The name of the object's class."""
        return self.description["class_name"]

    def build(self, **changes: Any) -> Any:
        """Returns a new object, with changes to its configuration."""
        saving = importlib.import_module("keras.saving")
        description = self.description
        description["config"] |= changes
        return saving.deserialize_keras_object(
            description, custom_objects=self.classes, safe_mode=True
        )

    def __repr__(self) -> str:
        """Returns the constructor call without arguments that have their default value."""
        config = self.description["config"]
        given = [f"{name}={config[name]!r}" for name in config if self._needs(name)]
        package = _package(self.description)
        where = f"{self.namespace}." if package in _PACKAGES else ""
        if package == "keras_resnet_recipes":
            where = where.replace("keras.", "krr.", 1)
        return f"{where}{self.name}({', '.join(given)})"

    def _needs(self, name: str) -> bool:
        """Returns whether the object would differ without this argument."""
        saving = importlib.import_module("keras.saving")
        description = self.description
        del description["config"][name]
        try:
            other = saving.deserialize_keras_object(description, custom_objects=self.classes)
            return type(self).of(other) != self
        except (TypeError, ValueError, KeyError):
            return True

    def to_json(self) -> dict[str, Any]:
        """Returns the object as serialized by Keras."""
        return {"is": type(self).__name__, "object": self.description}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], known: Mapping[str, Any]) -> Self:
        """Restores the part from `to_json`; builds only Keras' own and known classes.

        Raises:
            ValueError: If the object is from another package or of another kind, or Keras cannot build it.
        """
        description = values.get("object")
        if not isinstance(description, dict) or not isinstance(description.get("config"), dict):
            raise ValueError(
                f"`object` of {cls.__name__} must be an object serialized by Keras. "
                f"Received: object={description!r}"
            )
        classes = self_made(known)
        for folder in _OWN:
            importlib.import_module(f"keras_resnet_recipes.{folder}")
        _check_origin(description, classes)
        saving = importlib.import_module("keras.saving")
        try:
            built = saving.deserialize_keras_object(
                description, custom_objects=classes, safe_mode=True
            )
        except Exception as error:
            name = description.get("class_name")
            raise ValueError(f"Keras cannot build {name!r}: {error}") from None
        wrapped = wrapped_object(built)
        if not isinstance(wrapped, cls):
            raise ValueError(
                f"`object` of {cls.__name__} must be from {cls.namespace}. "
                f"Received: class_name={description['class_name']!r}"
            )
        return wrapped


class KerasOptimizer(KerasObject):
    """A Keras optimizer; the recipe sets its learning rate."""

    namespace: ClassVar[str] = "keras.optimizers"
    ignored: ClassVar[tuple[str, ...]] = ("name", "learning_rate")

    @property
    def scaling(self) -> float:
        """Exponent with which the learning rate scales with the batch size, see `Recipe.rescaled`."""
        return 1.0 if self.name in ("SGD", "RMSprop") else 0.5

    @classmethod
    def of(cls, given: "keras.optimizers.Optimizer") -> Self:
        """Converts an optimizer to a part.

        Raises:
            ValueError: If a learning rate was set.
        """
        config = given.get_config()
        default = inspect.signature(type(given)).parameters.get("learning_rate")
        rate = config.get("learning_rate")
        if default is None or not _same_number(rate, default.default):
            kind = type(given).__name__
            if isinstance(rate, dict):
                rate = f"{rate['class_name']}(...)"
                instead = f"schedule={rate}, learning_rate=None, optimizer={kind}()"
            else:
                instead = f"learning_rate={rate:.6g}, optimizer={kind}()"
            raise ValueError(
                "`optimizer` must not set a learning rate, which is a value of the recipe: "
                f"recipe.replace({instead}). Received: optimizer={kind}(learning_rate={rate})"
            )
        return super().of(given)

    def build(self, learning_rate: Any = None, model: "keras.Model | None" = None) -> Any:
        """Returns a new optimizer with the recipe's learning rate; weight decay applies as in Keras."""
        optimizer = super().build()
        if learning_rate is None:
            return optimizer
        config = {**optimizer.get_config(), "learning_rate": learning_rate}
        return type(optimizer).from_config(config)


class KerasSchedule(KerasObject):
    """A Keras learning rate schedule, per update and with its own rates."""

    namespace: ClassVar[str] = "keras.optimizers.schedules"


class KerasLoss(KerasObject):
    """A Keras loss on logits."""

    namespace: ClassVar[str] = "keras.losses"
    label_smoothing: ClassVar[float] = 0.0
    class_weights: ClassVar[None] = None

    @property
    def activation(self) -> str:
        """Activation that turns logits trained with this loss into probabilities."""
        return "sigmoid" if self.name.startswith("Binary") else "softmax"

    @classmethod
    def of(cls, given: "keras.losses.Loss") -> Self:
        """Converts a loss to a part.

        Raises:
            ValueError: If the loss takes probabilities, or does not average over the batch.
        """
        config, kind = given.get_config(), type(given).__name__
        if config.get("from_logits") is False:
            raise ValueError(
                "`loss` must take logits, from_logits=True, because the networks return logits. "
                f"Received: loss={kind}(from_logits=False)"
            )
        reduction = config.get("reduction", "sum_over_batch_size")
        if reduction != "sum_over_batch_size":
            raise ValueError(
                "`loss` must be the mean over a batch, reduction='sum_over_batch_size'. "
                f"Received: loss={kind}(reduction={reduction!r})"
            )
        if not _learns_from_logits(given):
            raise ValueError(
                "`loss` must take targets and logits [n, classes] and decrease as the logit of the correct class "
                f"increases, also for negative logits. Received: loss={kind}"
            )
        return super().of(given)

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns a new loss."""
        return super().build(reduction=reduction)


class KerasLayer(KerasObject):
    """A Keras image layer, called with `training=True` on float32 batches in 0..255."""

    namespace: ClassVar[str] = "keras.layers"


def _learns_from_logits(loss: "keras.losses.Loss") -> bool:
    """Returns whether a loss decreases as the correct class's logit increases from -3 to -2, no probabilities."""
    targets = np.array([[1, 0, 0]], np.float32)
    logits = np.array([[[-3, -4, -4]], [[-2, -4, -4]]], np.float32)
    try:
        before, after = (float(loss(targets, batch)) for batch in logits)
    except Exception:  # each backend raises another type for targets of a wrong shape
        return False
    return after < before


def wrapped_object(value: Any) -> Any:
    """Converts a Keras object to a part; returns anything else unchanged."""
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
    # Keras stores the rate in float32.
    return abs(one - other) <= 1e-6 * abs(other)


def _without_names(value: Any) -> Any:
    """Removes names and object ids, which Keras counts up, so that equal objects give equal recipes."""
    if isinstance(value, list | tuple):
        return [_without_names(one) for one in value]
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy":
            return value["config"]["name"]
        dropped = ("shared_object_id", "build_config", "compile_config")
        kept = {key: _without_names(one) for key, one in value.items() if key not in dropped}
        if isinstance(kept.get("config"), dict):
            kept["config"].pop("name", None)
        return kept
    return value


def _check_origin(value: Any, known: Mapping[str, Any]) -> None:
    """Raises ValueError unless every serialized object is Keras' own, registered, or given."""
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
                f"{module or 'no module'}.{name} is not part of Keras and not known here. {how_to_know(name)}"
            )
    for one in value.values():
        _check_origin(one, known)


def self_made(known: Mapping[str, Any]) -> dict[str, Any]:
    """Returns custom Keras classes by name: those used in this process and those given by the user."""
    parts = {name for name, one in known.items() if isinstance(one, type) and issubclass(one, Part)}
    return KerasObject.classes | {n: one for n, one in known.items() if n not in parts}
