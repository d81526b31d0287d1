"""What a recipe comes to on a training set, and how long this machine would take."""

import dataclasses
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.planning.probe import Probe, probe
from keras_resnet_recipes.recipe import BaseRecipe, check_complete, table
from keras_resnet_recipes.runs.progress import duration
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training.feeds import feeds
from keras_resnet_recipes.training.learning_rate import learning_rates, per_update

if TYPE_CHECKING:
    import keras

IMAGENET = 1_281_167


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a training comes to; printing it tells.

    Args:
        recipe: The recipe.
        images: Size of the training set.
        dataset: What the training set is called.
        probe: What some updates took on this machine, if that was tried.

    >>> import keras_resnet_recipes as krr
    >>> plan = krr.planning.plan(krr.A3())
    >>> plan.updates_per_epoch, plan.updates, plan.images_seen
    (625, 62500, 128000000)
    """

    recipe: BaseRecipe
    images: int
    dataset: str
    probe: Probe | None = None

    @property
    def updates_per_epoch(self) -> int:
        """Updates of an epoch: those images are left out that fill no batch."""
        return self.images // self.recipe.batch_size

    @property
    def epochs(self) -> int:
        """Epochs, cool-down included."""
        return self.recipe.total_epochs

    @property
    def updates(self) -> int:
        """Updates of the whole training."""
        return self.updates_per_epoch * self.epochs

    @property
    def images_seen(self) -> int:
        """Pictures that the network trains on, the copies of repeated augmentation counted."""
        return self.updates * self.recipe.batch_size

    @property
    def seconds(self) -> float | None:
        """Seconds that training would take here, without evaluations; None without a probe."""
        return None if self.probe is None else self.updates * self.probe.median

    def __str__(self) -> str:
        recipe, cooldown = self.recipe, self.epochs - self.recipe.epochs
        copies = recipe.repeated_augmentation
        epochs = f"{self.epochs} epochs" + (f", {cooldown} of them cool-down" if cooldown else "")
        distinct = f", every image {copies} times in a batch" if copies > 1 else ""
        rows = [
            ("training set", f"{self.images:,} images: {self.dataset}"),
            ("updates per epoch", f"{self.updates_per_epoch:,} of {recipe.batch_size:,} images"),
            ("updates", f"{self.updates:,} in {epochs}"),
            ("images seen", f"{self.images_seen:,}{distinct}"),
            *self._rates(),
            *self._measured(),
        ]
        return "\n".join(table(rows))

    def _rates(self) -> list[tuple[str, str]]:
        """The corners of the learning rate's curve, and where it has fallen to a tenth and a hundredth."""
        places, rates = learning_rates(self.recipe, self.updates_per_epoch)
        peak, last = int(rates.argmax()), len(rates) - 1
        corners = {0: "at first"}
        corners |= {peak: "the peak"}
        for share, name in ((0.01, "a hundredth"), (0.1, "a tenth"), (0.5, "half of it")):
            low = [i for i in range(peak, last) if rates[i] <= share * rates[peak] * (1 + 1e-6)]
            corners |= {low[0]: f"{name} or less"} if low and low[0] not in corners else {}
        corners |= {last: "at last"} if last != peak else {}
        rows = []
        for i, name in sorted(corners.items()):
            where = f"epoch {int(places[i]) + 1}"
            if per_update(self.recipe):
                where = f"after {places[i]:.2f} epochs"
            rows.append(("" if rows else "learning rate", f"{where}: {rates[i]:.4g}, {name}"))
        if isinstance(self.recipe.schedule, Plateau):
            text = f"falls to {self.recipe.schedule.factor:g} of it wherever top-1 rises no more"
            rows[1:] = [("", text)]
        return rows

    def _measured(self) -> list[tuple[str, str]]:
        tried = self.probe
        if tried is None:
            return []
        spread = f"{min(tried.seconds):.3g} to {max(tried.seconds):.3g} s"
        memory = []
        if tried.peak_memory is not None:
            memory = [("peak memory", f"{tried.peak_memory / 2**20:,.0f} MiB of this process")]
        return [
            (
                "an update",
                f"{tried.median:.3g} s here, median of {len(tried.seconds)} timed ({spread}); "
                f"the first, which compiles, {tried.first:.3g} s",
            ),
            ("images per second", f"{tried.images_per_second:.4g}"),
            ("time", f"{duration(self.seconds)} here, evaluations left out"),
            *memory,
        ]


def plan(
    recipe: BaseRecipe,
    dataset: Any = None,
    *,
    images: int | None = None,
    teacher: "keras.Model | None" = None,
    probed_updates: int = 20,
) -> Plan:
    """What a recipe comes to on a training set, and from a probe how long this machine would take.

    The probe is the real training on the data, its first updates, which compile, not counted. It ends after
    two minutes if three updates are timed by then. Where a batch takes longer, plan with a smaller one:
    `recipe.rescaled(32)`.

    Args:
        recipe: The recipe.
        dataset: As for `Recipe.fit`; without it nothing is tried out.
        images: Size of the training set, instead of that of `dataset`; without both that of ImageNet-1k.
        teacher: As for `Recipe.fit`.
        probed_updates: How many updates to time; 0 for none.

    Raises:
        ValueError: If the recipe lacks a value, there are fewer images than a batch has, or as `Recipe.fit`.

    >>> import keras_resnet_recipes as krr
    >>> print(krr.planning.plan(krr.A1(), images=50_000))
    training set       50,000 images: as given
    updates per epoch  24 of 2,048 images
    updates            14,400 in 600 epochs
    images seen        29,491,200, every image 3 times in a batch
    learning rate      epoch 1: 0.0001, at first
                       epoch 6: 0.004999, the peak
                       epoch 302: 0.002487, half of it or less
                       epoch 479: 0.0004939, a tenth or less
                       epoch 564: 4.776e-05, a hundredth or less
                       epoch 600: 1.034e-06, at last
    """
    check_complete(recipe)
    name, data = "as given", None
    if dataset is not None:
        data = feeds(recipe).read(dataset)
        name, images = data.name, images or data.size
        if images is None:
            raise ValueError(
                f"`images` must be given: {data.name} is of unknown or infinite length."
            )
    elif images is None:
        images, name = IMAGENET, "those of ImageNet-1k, for no other number is given"
    if images < recipe.batch_size:
        raise ValueError(
            f"`images` must be at least `batch_size` ({recipe.batch_size}), or no update is made; "
            f"received {images}."
        )
    tried = None
    if data is not None and probed_updates:
        tried = probe(recipe, data, teacher=teacher, updates=probed_updates)
    return Plan(recipe, images, name, tried)
