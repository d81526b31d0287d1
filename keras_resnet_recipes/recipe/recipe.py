"""`BaseRecipe`: a training procedure as a frozen value."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

from keras_resnet_recipes.augment.augmentation import Augmentation
from keras_resnet_recipes.augment.mix import Mix
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import UNPUBLISHED, number
from keras_resnet_recipes.part import to_json
from keras_resnet_recipes.recipe.checks import check_together
from keras_resnet_recipes.recipe.distillation import Distillation
from keras_resnet_recipes.recipe.ema import EMA
from keras_resnet_recipes.recipe.fields import checked_field, part
from keras_resnet_recipes.recipe.flat import (
    Number,
    inner_changes,
    not_assigned,
    numbers,
    resolved,
)
from keras_resnet_recipes.recipe.groups import Group
from keras_resnet_recipes.recipe.initialization import Initialization
from keras_resnet_recipes.recipe.keras_objects import (
    KerasLayer,
    KerasLoss,
    KerasOptimizer,
    KerasSchedule,
)
from keras_resnet_recipes.recipe.losses import CategoricalCrossentropy, Loss
from keras_resnet_recipes.recipe.networks import network_name
from keras_resnet_recipes.recipe.optimizers import Lamb, Optimizer
from keras_resnet_recipes.recipe.progressive_size import ProgressiveSize
from keras_resnet_recipes.recipe.scaling import Scaling
from keras_resnet_recipes.recipe.source import Source
from keras_resnet_recipes.recipe.table import Comparison, compare, sheet
from keras_resnet_recipes.recipe.test import Test
from keras_resnet_recipes.schedules.cosine import Cosine
from keras_resnet_recipes.schedules.schedule import Schedule

NEUTRAL = Cosine(warmup_epochs=0, warmup_learning_rate=0.0, minimum_learning_rate=0.0)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False)
class BaseRecipe(Scaling):
    """All hyperparameters of a training procedure; `krr.Recipe` adds the methods that run it."""

    source: ClassVar[Source | None] = None
    published_top1: ClassVar[float | None] = None
    published_on: ClassVar[str] = "ImageNet-1k"
    published_lengths: ClassVar[tuple[tuple[int, float], ...]] = ()
    """Pairs of epochs and published top-1 in %, if several lengths were published."""
    reached_top1: ClassVar[float | None] = None
    reached_runs: ClassVar[int] = 0
    """Mean top-1 in % of runs of this package on that data set, and their number; docs/reached.md lists them."""
    target_top1: ClassVar[float | None] = None
    _abstract: ClassVar[bool] = True
    known: ClassVar[dict[str, type["BaseRecipe"]]] = {}
    """All recipes by class name."""

    network: Any = number("ResNet50", "network of krr.applications, or a function like those")
    classes: int | None = number(None, "number of classes", minimum=2, none="from the data")
    weights: str | None = number(
        None, "initial weights: published name such as a1_in1k, file, or run folder", none="random"
    )
    frozen_stages: int = number(
        0, "frozen stages: 1 is the stem, 5 all but the classifier", minimum=0, maximum=5
    )
    initialization: Initialization | None = part(
        None, "initial weights", Initialization, none="of the network"
    )
    zero_gamma: bool = number(
        False, "the last batch-norm scale of each residual branch starts at 0", off=False
    )
    drop_path_rate: float = number(
        0.0, "stochastic depth rate of the last block, linear from 0", minimum=0, maximum=1, off=0.0
    )
    epochs: int = number(100, "passes over the training set, including warm-up", minimum=1)
    batch_size: int = number(256, "images per update, over all devices", minimum=1, also=("bs",))
    learning_rate: float | None = number(
        0.001, "peak learning rate, not rescaled with batch_size", above=0, none="from the schedule"
    )
    optimizer: Optimizer | KerasOptimizer = part(Lamb(), "optimizer", Optimizer)
    groups: tuple[Group, ...] = part((), "groups of variables", Group)
    schedule: Schedule | KerasSchedule = part(NEUTRAL, "learning rate schedule", Schedule)
    ema: EMA | None = part(None, "EMA of the weights", EMA, optional=True)
    loss: Loss | KerasLoss = part(CategoricalCrossentropy(), "loss", Loss)
    distillation: Distillation | None = part(None, "distillation", Distillation, optional=True)
    train_size: int = number(
        224, "side of a training image, pixels", minimum=1, also=("image_size",)
    )
    progressive_size: ProgressiveSize | None = part(
        None, "smaller images first", ProgressiveSize, optional=True
    )
    repeated_augmentation: int = number(
        1, "copies of each image in a batch, augmented independently", minimum=1, off=1
    )
    balanced_sampling: bool = number(
        False, "draw the class of each image uniformly, then an image of the class", off=False
    )
    augmentation: tuple[Augmentation | KerasLayer, ...] = part((), "augmentation", Augmentation)
    mix: Mix | KerasLayer | None = part(None, "MixUp or CutMix", Mix)
    mix_per_replica: bool = number(True, "images are mixed within each device's shard of the batch")
    test: Test = part(Test(), "evaluation", Test)
    gradient_accumulation_steps: int = number(1, "micro-batches per update", minimum=1)
    data_on_device: bool = number(
        False, "data set in device memory, augmented on the device (small images)"
    )
    unreadable_images: str = number(
        "skip", "skip (error above 1 % of the data) or raise at once", choices=("skip", "raise")
    )
    batch_norm: str = number(
        "replica",
        "statistics per device, averaged for evaluation and checkpoints; or of the whole batch (JAX: always)",
        choices=("replica", "synchronized"),
    )
    precision: str = number(
        "auto",
        "auto: mixed_float16 on GPUs, mixed_bfloat16 on TPUs, float32 elsewhere",
        choices=("auto", "float32", "mixed_float16", "mixed_bfloat16"),
    )

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        """Turns the values of the class body into the defaults of the new recipe."""
        super().__init_subclass__()
        cls._abstract = abstract
        if not abstract:
            if len(cls.__bases__) > 1 or not cls.__base__._abstract:
                raise ValueError(
                    f"`{cls.__name__}` must inherit only from `Recipe`. Received: bases={cls.__bases__}"
                )
            cls._take_values()
        dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False)(cls)
        # In place of the one of dataclasses, whose error does not say what to write.
        cls.__setattr__ = not_assigned
        BaseRecipe.known[cls.__name__] = cls

    @classmethod
    def _take_values(cls) -> None:
        """Checks the values of a class body and declares them as fields."""
        declared = {field.name: field for field in dataclasses.fields(BaseRecipe)}
        legal = [name for name in BaseRecipe.__annotations__ if name not in ("_abstract", "known")]
        values = {
            name: one
            for name, one in vars(cls).items()
            if not name.startswith("_") and not isinstance(one, classmethod)
        }
        cls.__annotations__ = dict(vars(cls).get("__annotations__", {}))
        for name, value in values.items():
            if name not in legal:
                raise ValueError(
                    f"`{name}` of `{cls.__name__}` is not a field of a recipe.{closest(name, legal)}"
                )
            if field := declared.get(name):
                cls.__annotations__[name] = field.type
                metadata = {**field.metadata, "published": True}
                default = dataclasses.field(default=checked_field(field, value), metadata=metadata)
                setattr(cls, name, default)

    def __new__(cls, *positional: Any, **values: Any) -> Self:
        """Rejects positional arguments with a clear message."""
        if positional:
            raise ValueError(
                f"Arguments of `{cls.__name__}` must be keyword arguments. Received: {positional[0]!r}"
            )
        return super().__new__(cls)

    def __init__(self, **changes: Any) -> None:
        """Accepts fields and, by flat name, the numbers of parts."""
        defaults = {field.name: field.default for field in dataclasses.fields(type(self))}
        self._set(resolved(defaults, changes, type(self)))

    def _set(self, values: dict[str, Any]) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked_field(field, values[field.name]))
        check_together(self)

    def __getattr__(self, name: str) -> Any:
        """Returns the number of a part by its flat name."""
        # Fields are missing only while the recipe is being copied.
        if not name.startswith("_") and name not in self.__dataclass_fields__:
            for entry in numbers(self):
                if entry.name == name:
                    return entry.value
        raise AttributeError(f"{type(self).__name__} has no `{name}`")

    def __repr__(self) -> str:
        changed = ", ".join(f"{name}={value!r}" for name, value in self.changed().items())
        return f"{type(self).__name__}({changed})"

    def __str__(self) -> str:
        return sheet(self)

    def sheet(self, *, every_row: bool = False) -> str:
        """Returns the recipe as a text table; with `every_row`, including numbers at their neutral defaults."""
        return sheet(self, every_row=every_row)

    def numbers(self) -> Iterator[Number]:
        """Yields every number with its flat name, help and range."""
        return numbers(self)

    def changed(self) -> dict[str, Any]:
        """Returns the differences from the published recipe: numbers by flat name, or fields whose parts differ."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                inner = inner_changes(self, type(self), field.name)
                found |= {field.name: value} if inner is None else inner
        return found

    def missing(self) -> list[str]:
        """Returns the flat names of unpublished numbers that have no value yet."""
        return [entry.name for entry in numbers(self) if entry.value is UNPUBLISHED]

    @property
    def network_name(self) -> str:
        """Name of the network in tables and files."""
        return network_name(self.network)

    @property
    def total_epochs(self) -> int:
        """Number of epochs of the training: `epochs` plus the cooldown epochs of the schedule."""
        own = isinstance(self.schedule, Schedule)
        return self.schedule.total_epochs_of(self.epochs) if own else self.epochs

    @property
    def published(self) -> float | None:
        """Published top-1 in %, of `epochs` if several lengths were published."""
        return dict(self.published_lengths).get(self.epochs, self.published_top1)

    def train_size_in(self, epoch: int) -> int:
        """Returns the side of the training images of an epoch, counted from 0, in pixels."""
        size = self.progressive_size
        return size.in_epoch(epoch, self.epochs, self.train_size) if size else self.train_size

    @property
    def train_sizes(self) -> list[int]:
        """Sides of the training images of all epochs in pixels, each once, in ascending order."""
        size = self.progressive_size
        if size is None or size.missing() or UNPUBLISHED in (self.epochs, self.train_size):
            return [self.train_size]
        return sorted({self.train_size_in(epoch) for epoch in range(self.epochs)})

    @property
    def mixes(self) -> bool:
        """Whether images are mixed."""
        return self.mix is not None and getattr(self.mix, "mixes", True)

    @property
    def mixes_in_pairs(self) -> bool:
        """Whether image i is mixed with image n-1-i, which requires an even n."""
        return self.mixes and getattr(self.mix, "partner", "") == "reversed"

    @property
    def whitening(self) -> bool:
        """Whether the first layer of the network is a convolution that whitens patches of the data."""
        return bool(getattr(self.network, "whitening", False))

    def augmentation_of(self, kind: type[Augmentation]) -> Augmentation | None:
        """Returns the first augmentation of a class, or None."""
        return next((step for step in self.augmentation if isinstance(step, kind)), None)

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with other values.

        Args:
            **changes: Fields, or numbers of parts by flat name. To remove a part, set the name of its class in
                snake case to None.

        Raises:
            ValueError: If a name is unknown or a value is not legal.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> krr.A1().replace(epochs=100, mixup_alpha=0.1)
            A1(epochs=100, mixup_alpha=0.1)
            >>> [type(step).__name__ for step in krr.A1().replace(rand_augment=None).augmentation]
            ['RandomResizedCrop', 'RandomFlip']
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return type(self)(**resolved(values, changes, type(self)))

    def diff(self, other: "BaseRecipe") -> Comparison:
        """Returns the numbers in which two recipes differ; prints as a table.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> krr.A1().diff(krr.A1(epochs=300))
                    A1   A1 (epochs=300)
            epochs  600  300
        """
        return compare(self, other)

    def to_json(self, path: str | Path | None = None) -> str:
        """Returns the recipe as JSON, including every default; also writes it to `path` if given.

        `load_recipe` loads it again.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> print(krr.A3().to_json()[:20])
            {
              "recipe": "A3",
        """
        values = {f.name: to_json(getattr(self, f.name)) for f in dataclasses.fields(self)}
        text = json.dumps({"recipe": type(self).__name__, **values}, indent=2) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def citation(self) -> str:
        """Returns the BibTeX entry of the recipe's paper.

        Raises:
            ValueError: If the recipe has no source.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> print(krr.A1().citation().splitlines()[0])
            @article{arxiv:2110.00476,
        """
        if self.source is None:
            raise ValueError(f"`{type(self).__name__}` has no `source`, so it cannot be cited.")
        return self.source.bibtex()
