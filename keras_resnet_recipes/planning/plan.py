"""Cost of a recipe on a training set, and a time estimate for this machine."""

import dataclasses
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.planning.probe import Probe, probe
from keras_resnet_recipes.recipe import BaseRecipe, check_complete, misfits, table
from keras_resnet_recipes.recipe.source import DATASETS
from keras_resnet_recipes.runs.progress import duration
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training.learning_rate import learning_rates, per_update

if TYPE_CHECKING:
    import keras


@dataclasses.dataclass(frozen=True)
class Plan:
    """Cost of a training; prints as a table.

    Args:
        recipe: The recipe.
        images: Number of training images.
        dataset: Name of the training set.
        probe: Timing of some updates on this machine, or None.

    Example:
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
        """Updates per epoch; the last incomplete batch is dropped."""
        return self.images // self.recipe.batch_size

    @property
    def epochs(self) -> int:
        """Number of epochs, including cooldown."""
        return self.recipe.total_epochs

    @property
    def updates(self) -> int:
        """Number of updates of the training."""
        return self.updates_per_epoch * self.epochs

    @property
    def images_seen(self) -> int:
        """Number of images that the network is trained on, including copies of repeated augmentation."""
        return self.updates * self.recipe.batch_size

    @property
    def seconds(self) -> float | None:
        """Estimated seconds of training on this machine, without evaluation; None without a probe.

        Smaller images are estimated by their pixels.
        """
        if self.probe is None:
            return None
        sizes = [self.recipe.train_size_in(epoch) for epoch in range(self.epochs)]
        last = sum((size / self.recipe.train_size) ** 2 for size in sizes)
        return last * self.updates_per_epoch * self.probe.median

    def __str__(self) -> str:
        recipe, cooldown = self.recipe, self.epochs - self.recipe.epochs
        copies = recipe.repeated_augmentation
        epochs = f"{self.epochs} epochs" + (
            f", including {cooldown} of cooldown" if cooldown else ""
        )
        repeated = f", each image {copies} times per batch" if copies > 1 else ""
        rows = [
            ("training set", f"{self.images:,} images: {self.dataset}"),
            ("updates per epoch", f"{self.updates_per_epoch:,} of {recipe.batch_size:,} images"),
            ("updates", f"{self.updates:,} in {epochs}"),
            ("images seen", f"{self.images_seen:,}{repeated}"),
            *self._rates(),
            *self._measured(),
        ]
        notes = misfits(recipe, self.updates_per_epoch)
        return "\n".join([*table(rows), *notes])

    def _rates(self) -> list[tuple[str, str]]:
        """Returns rows for the start, peak and end of the learning rate, and its fall to 1/2, 1/10 and 1/100."""
        epochs, rates = learning_rates(self.recipe, self.updates_per_epoch)
        peak, last = int(rates.argmax()), len(rates) - 1
        points = {0: "start"}
        points |= {peak: "peak"}
        for fraction, name in (
            (0.01, "1/100 of peak"),
            (0.1, "1/10 of peak"),
            (0.5, "half of peak"),
        ):
            low = [i for i in range(peak, last) if rates[i] <= fraction * rates[peak] * (1 + 1e-6)]
            points |= {low[0]: f"at most {name}"} if low and low[0] not in points else {}
        points |= {last: "end"} if last != peak else {}
        rows = []
        for i, name in sorted(points.items()):
            time = f"epoch {int(epochs[i]) + 1}"
            if per_update(self.recipe):
                time = f"after {epochs[i]:.2f} epochs"
            rows.append(("" if rows else "learning rate", f"{time}: {rates[i]:.4g}, {name}"))
        if isinstance(self.recipe.schedule, Plateau):
            text = f"times {self.recipe.schedule.factor:g} whenever top-1 stops rising"
            rows[1:] = [("", text)]
        return rows

    def _measured(self) -> list[tuple[str, str]]:
        probe = self.probe
        if probe is None:
            return []
        several = len(self.recipe.train_sizes) > 1
        smaller = "; smaller images estimated by their pixels" if several else ""
        spread = f"{min(probe.seconds):.3g} to {max(probe.seconds):.3g} s"
        memory = []
        if probe.peak_memory is not None:
            memory = [("peak memory", f"{probe.peak_memory / 2**20:,.0f} MiB of this process")]
        return [
            (
                "time per update",
                f"{probe.median:.3g} s on this machine, median of {len(probe.seconds)} ({spread}); "
                f"first update, including compilation, {probe.first:.3g} s",
            ),
            ("images per second", f"{probe.images_per_second:.4g}"),
            (
                "total time",
                f"{duration(self.seconds)} on this machine, without evaluation{smaller}",
            ),
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
    """Computes the cost of a recipe on a training set, and estimates the time on this machine with a probe.

    The probe runs the real training on the data; the first updates, which compile, are not timed. After two
    minutes it stops as soon as three updates are timed. If batches take longer than that, plan with smaller
    ones: `recipe.rescaled(32)`.

    Args:
        recipe: The recipe.
        dataset: As for `Recipe.fit`; None for no probe.
        images: Number of training images, instead of that of `dataset`; by default, if `dataset` is None, that of
            the data set on which the recipe was published.
        teacher: As for `Recipe.fit`.
        probed_updates: Number of updates to time; 0 for no probe.

    Returns:
        The plan.

    Raises:
        ValueError: If a value of the recipe is missing, there are fewer images than `batch_size`, or as in
            `Recipe.fit`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> print(krr.planning.plan(krr.A1(), images=50_000))
        training set       50,000 images: as given
        updates per epoch  24 of 2,048 images
        updates            14,400 in 600 epochs
        images seen        29,491,200, each image 3 times per batch
        learning rate      epoch 1: 0.0001, start
                           epoch 6: 0.004999, peak
                           epoch 302: 0.002487, at most half of peak
                           epoch 479: 0.0004939, at most 1/10 of peak
                           epoch 564: 4.776e-05, at most 1/100 of peak
                           epoch 600: 1.034e-06, end
    """
    check_complete(recipe)
    name, data = "as given", None
    if dataset is not None:
        data = from_source(dataset)
        name, images = data.name, images or data.size
        if images is None:
            raise ValueError(
                f"`images` must be given for a dataset of unknown or infinite length. Received: {data.name}"
            )
    elif images is None:
        name = f"{recipe.published_on}, by default"
        images, _ = DATASETS.get(recipe.published_on, (None, None))
        if images is None:
            raise ValueError(
                f"`images` must be given for a recipe published on {recipe.published_on}. Received: images=None"
            )
    if images < recipe.batch_size:
        raise ValueError(
            f"`images` must be at least `batch_size` ({recipe.batch_size}). Received: images={images}"
        )
    timing = None
    if data is not None and probed_updates:
        timing = probe(recipe, data, teacher=teacher, updates=probed_updates)
    return Plan(recipe, images, name, timing)
