"""`Recipe`: a training procedure as a frozen, comparable value."""

import dataclasses
import json
import typing
from pathlib import Path
from typing import Any, ClassVar, Self

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipes.checks import check_together
from keras_resnet_recipes.recipes.fields import checked
from keras_resnet_recipes.recipes.running import Running
from keras_resnet_recipes.recipes.settings import Settings
from keras_resnet_recipes.recipes.source import Source
from keras_resnet_recipes.recipes.tables import Comparison, compare, sheet


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Recipe(Running, Settings):
    """A published training procedure: every number of it, and the method that runs it.

    A recipe is a class whose body holds values; an instance is frozen, hashable and comparable.
    Fields are given by name, a misspelt one is an error that names the nearest, and whatever is
    not given keeps the published value. All fields with their meaning: `print(krr.A1())`.

    >>> import keras_resnet_recipes as krr
    >>> recipe = krr.A3(epochs=30, network="ResNet18")
    >>> recipe
    A3(network='ResNet18', epochs=30)
    >>> recipe == krr.A3().replace(network="ResNet18", epochs=30)
    True

    A recipe of your own is a subclass with values; it cannot inherit from a published one:

    >>> class Short(krr.Recipe):
    ...     epochs = 3
    ...     learning_rate = 0.002
    >>> Short().epochs
    3
    """

    source: ClassVar[Source | None] = None
    published_top1: ClassVar[float | None] = None
    published_on: ClassVar[str] = "ImageNet-1k"
    target_top1: ClassVar[float | None] = None
    unpublished: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Makes the class body's values the defaults of the new recipe."""
        super().__init_subclass__()
        if cls.__bases__ != (Recipe,):
            raise ValueError(
                f"`{cls.__name__}` must inherit from `Recipe` alone; received {cls.__bases__}."
            )
        declared = {field.name: field for field in dataclasses.fields(Recipe)}
        legal = [
            *declared,
            "source",
            "published_top1",
            "published_on",
            "target_top1",
            "unpublished",
        ]
        values = {name: value for name, value in vars(cls).items() if not name.startswith("_")}
        cls.__annotations__ = dict(vars(cls).get("__annotations__", {}))
        for name, value in values.items():
            if name not in legal:
                raise ValueError(
                    f"`{cls.__name__}` sets `{name}`, which is no field.{closest(name, legal)}"
                )
            if name in declared:
                cls.__annotations__[name] = declared[name].type
                value = checked(declared[name], value)
                metadata = declared[name].metadata
                setattr(cls, name, dataclasses.field(default=value, metadata=metadata))
        for name in cls.unpublished:
            if name not in declared:
                raise ValueError(
                    f"`unpublished` of `{cls.__name__}` has {name!r}.{closest(name, declared)}"
                )
            cls.__annotations__[name] = declared[name].type
            metadata = {**declared[name].metadata, "unpublished": True}
            setattr(cls, name, dataclasses.field(default=None, metadata=metadata))
        dataclasses.dataclass(frozen=True, kw_only=True, repr=False)(cls)

    def __new__(cls, *positional: Any, **values: Any) -> Self:
        """Refuses what is no field with a hint, which the generated constructor cannot give."""
        if positional:
            raise ValueError(
                f"`{cls.__name__}` takes its fields by name; received {positional[0]!r} without one."
            )
        legal = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in legal:
                raise ValueError(
                    f"`{cls.__name__}` has no field `{name}`.{closest(name, legal)} Legal: {', '.join(legal)}."
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))
        check_together(self)

    def __repr__(self) -> str:
        changed = ", ".join(f"{name}={value!r}" for name, value in self._changed().items())
        return f"{type(self).__name__}({changed})"

    def __str__(self) -> str:
        return sheet(self, self._changed())

    def _changed(self) -> dict[str, Any]:
        """The fields that differ from the published recipe."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        published = {field.name: field.default for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value != published[name]}

    def replace(self, **changes: Any) -> Self:
        """The same recipe with other values.

        Args:
            **changes: Fields and their new values.

        Raises:
            ValueError: If a name is no field or a value is not legal.

        >>> import keras_resnet_recipes as krr
        >>> krr.A1().replace(epochs=100)
        A1(epochs=100)
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return type(self)(**{**values, **changes})

    def rescaled(self, batch_size: int) -> Self:
        """The recipe for another batch size, its learning rate scaled by the optimizer's rule.

        The peak rate of LAMB and AdamW goes with the square root of the batch size, that of SGD and
        RMSProp with the batch size itself (Goyal et al., arXiv:1706.02677); the warm-up's start and
        the minimum stay, as in the published commands for smaller machines (timm's A2 on 4 x 256:
        learning rate 3.5e-3 = 5e-3 * sqrt(1024 / 2048), warm-up from 1e-4).

        Args:
            batch_size: Images of one update.

        Raises:
            ValueError: If `batch_size` is no number of images, or rate or batch size have no value.

        >>> import keras_resnet_recipes as krr
        >>> krr.A2().rescaled(512)
        A2(batch_size=512, learning_rate=0.0025)
        """
        missing = [n for n in ("batch_size", "learning_rate") if getattr(self, n) is None]
        if missing:
            raise ValueError(
                f"`{'` and `'.join(missing)}` must have a value to be rescaled: of {type(self).__name__} nobody "
                f"published it. Give both for the batch you want, with `replace` or --set instead."
            )
        factor = batch_size / self.batch_size
        if self.optimizer in ("lamb", "adamw"):
            factor = max(factor, 0.0) ** 0.5
        return self.replace(batch_size=batch_size, learning_rate=self.learning_rate * factor)

    def diff(self, other: "Recipe") -> Comparison:
        """The fields in which two recipes differ, as a table when printed.

        >>> import keras_resnet_recipes as krr
        >>> krr.A1().diff(krr.A1(epochs=300))
                A1   A1
        epochs  600  300
        """
        return compare(self, other)

    def to_json(self, path: str | Path | None = None) -> str:
        """The recipe as JSON text, every field written out; also to a file if `path` is given.

        `load_recipe` reads it back.

        >>> import keras_resnet_recipes as krr
        >>> print(krr.A3().to_json()[:20])
        {
          "recipe": "A3",
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        text = json.dumps({"recipe": type(self).__name__, **values}, indent=2) + "\n"
        if path is not None:
            Path(path).write_text(text)
        return text

    def citation(self) -> str:
        """BibTeX of the paper the recipe comes from.

        Raises:
            ValueError: If the recipe has no source.

        >>> import keras_resnet_recipes as krr
        >>> print(krr.A1().citation().splitlines()[0])
        @article{arxiv:2110.00476,
        """
        if self.source is None:
            raise ValueError(f"`{type(self).__name__}` has no `source` to cite.")
        return self.source.bibtex()


# Resolved once, so that every later reader finds types and not their names.
for _field in dataclasses.fields(Recipe):
    _field.type = typing.get_type_hints(Recipe)[_field.name]
