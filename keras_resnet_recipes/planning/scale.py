"""What must stand around the accelerators so that they have something to do."""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path

from keras_resnet_recipes.planning.plan import Plan
from keras_resnet_recipes.recipe import table
from keras_resnet_recipes.training import parts

# docs/benchmarks.md: A1 at 224 pixels, on one core of an EPYC.
PER_CORE_PREPARED, PER_CORE_FILES = 583.0, 465.0
# docs/scale-out.md: photographs of flowers, as `krr prepare` writes them by default.
BYTES_PREPARED = 46_000.0
ACCELERATORS = (1, 8, 64, 512)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Host:
    """What one machine has. The defaults are assumptions, of a machine with eight accelerators.

    Args:
        accelerators: GPUs or TPU chips.
        cores: Processor cores for the pictures.
        disk: Bytes that it can read in a second from where the data set is.
        network: Bytes that it can send, and as many receive, in a second; 3.125e9 are 25 Gbit/s.

    Raises:
        ValueError: If one of them is not above 0.
    """

    accelerators: int = 8
    cores: int = 64
    disk: float = 2e9
    network: float = 3.125e9

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            _check_positive(name, value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What so many accelerators need, if each is as fast as one alone.

    Args:
        accelerators: How many there are.
        hosts: Machines.
        batch: Images of an update on each accelerator.
        hours: Hours of the training, evaluations left out.
        cores: Processor cores that make the pictures, over all hosts.
        disk: Bytes read in a second, over all hosts.
        pictures: Bytes of finished pictures in a second, over all hosts: what comes over the network
            where a tf.data service makes them.
        gradients: Bytes that each host sends in a second, in a ring of all hosts.
        loads: Of "processors", "disk" and "network" the share that is needed of what a host has.
        advice: What to do about the largest load.
    """

    accelerators: int
    hosts: int
    batch: int
    hours: float
    cores: int
    disk: float
    pictures: float
    gradients: float
    loads: dict[str, float]
    advice: str

    @property
    def bottleneck(self) -> str:
        """The part that is asked for most, if for more than there is; else "accelerators"."""
        name = max(self.loads, key=self.loads.__getitem__)
        return name if self.loads[name] > 1 else "accelerators"


@dataclasses.dataclass(frozen=True)
class Scale:
    """`Needs` of several numbers of accelerators; printing it gives the table.

    Args:
        rows: Each of them.
        notes: What is assumed.
    """

    rows: tuple[Needs, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        head = ("accelerators", "hosts", "images each", "hours", "cores", "disk MB/s")
        head += ("pictures MB/s", "gradients MB/s", "bottleneck", "load")
        cells = [head]
        for row in self.rows:
            rates = row.disk, row.pictures, row.gradients
            cells.append(
                (
                    *map(str, (row.accelerators, row.hosts, row.batch)),
                    f"{row.hours:.3g}",
                    f"{row.cores:,}",
                    *(f"{rate / 1e6:,.0f}" for rate in rates),
                    row.bottleneck,
                    ", ".join(f"{name} {load:.0%}" for name, load in row.loads.items()),
                )
            )
        advice = [f"{row.accelerators}: {row.advice}" for row in self.rows]
        return "\n".join(
            [*table(cells), "", "what to do about the bottleneck:", *advice, "", *self.notes]
        )


def scale(
    plan: Plan,
    images_per_second: float,
    *,
    accelerators: Sequence[int] | None = None,
    images_per_core: float | None = None,
    bytes_per_image: float | None = None,
    prepared: bool = True,
    host: Host | None = None,
) -> Scale:
    """What a training needs on 1, 8, 64 and 512 accelerators, and what is short first.

    This is arithmetic, and supposes that every accelerator is as fast as one alone, which it is not
    when its share of the batch is small.

    Args:
        plan: What is trained.
        images_per_second: Images that one accelerator trains on in a second, as measured.
        accelerators: How many there are; several numbers make several rows.
        images_per_core: Pictures that one processor core makes in a second; by default what docs/benchmarks.md
            has for A1 at 224 pixels: 583 from prepared shards, 465 from JPEG files.
        bytes_per_image: Mean size of an image where it lies; by default what docs/scale-out.md has for
            prepared photographs.
        prepared: Whether the data set is one that `krr prepare` wrote.
        host: What one machine has.

    Raises:
        ValueError: If a number is not above 0, or there are so many accelerators that they do not divide the batch.

    >>> import keras_resnet_recipes as krr
    >>> plan = krr.planning.plan(krr.A3())
    >>> row = krr.planning.scale(plan, 2500, accelerators=[8], images_per_core=500).rows[0]
    >>> round(row.hours, 2), row.cores, row.bottleneck
    (1.78, 40, 'accelerators')
    """
    host = Host() if host is None else host
    if plan.recipe.data_on_device:
        raise ValueError(
            "`data_on_device` must be False to plan several accelerators: it trains on one, which makes its "
            "pictures itself; received True."
        )
    measured = PER_CORE_PREPARED if prepared else PER_CORE_FILES
    per_core = measured if images_per_core is None else images_per_core
    size = BYTES_PREPARED if bytes_per_image is None else bytes_per_image
    _check_positive("images_per_second", images_per_second)
    _check_positive("images_per_core", per_core)
    _check_positive("bytes_per_image", size)
    parameters = _parameters(plan)
    rows = tuple(
        _needs(plan, count, count * images_per_second, per_core, size, parameters, prepared, host)
        for count in _checked(plan, accelerators)
    )
    notes = (
        f"{images_per_second:g} images/s of each accelerator, as given; {per_core:g} images/s of a core; "
        f"{size:,.0f} bytes an image, {plan.images * size / 1e9:,.1f} GB in all; {parameters:,} trained weights",
        f"a host: {host.accelerators} accelerators, {host.cores} cores, {host.disk / 1e6:,.0f} MB/s from disk, "
        f"{host.network / 1e6:,.0f} MB/s over the network",
        "disk, pictures: of all hosts together; pictures is what comes over the network where a tf.data service makes "
        "them; gradients: what each host sends, in a ring",
    )
    return Scale(rows, notes)


def stored(path: str | Path) -> tuple[float | None, bool]:
    """Mean size of an image of a data set in bytes, and whether `krr prepare` wrote it.

    Args:
        path: A folder with one subfolder a class, of which at most a thousand files are looked at, or one
            of `krr prepare`. The size of anything else is None.

    >>> stored("tfds:imagenet2012")
    (None, False)
    """
    from keras_resnet_recipes.data.folder import images_below
    from keras_resnet_recipes.data.shards import INDEX, read_index

    folder = Path(path).expanduser()
    if (folder / INDEX).is_file():
        index = read_index(folder)
        return index.bytes / index.images, True
    files = images_below(folder)
    if not files:
        return None, False
    seen = files[:: -(-len(files) // 1000)]
    return sum(os.path.getsize(file) for file in seen) / len(seen), False


def _checked(plan: Plan, accelerators: Sequence[int] | None) -> list[int]:
    """The numbers of accelerators; by default those of `ACCELERATORS` that divide the batch."""
    part = plan.recipe.batch_size // plan.recipe.gradient_accumulation_steps
    if accelerators is None:
        return [count for count in ACCELERATORS if not part % count]
    for count in accelerators:
        _check_positive("accelerators", count)
        if part % count:
            raise ValueError(
                "`accelerators` must divide `batch_size` / `gradient_accumulation_steps` "
                f"({plan.recipe.batch_size} / {plan.recipe.gradient_accumulation_steps}); received {count}."
            )
    return list(accelerators)


def _needs(
    plan: Plan,
    count: int,
    rate: float,
    per_core: float,
    size: float,
    parameters: int,
    prepared: bool,
    host: Host,
) -> Needs:
    recipe, hosts = plan.recipe, math.ceil(count / host.accelerators)
    cores = math.ceil(rate / per_core)
    # One image is read for all its copies.
    disk = rate * size / recipe.repeated_augmentation
    pictures = rate * 3 * recipe.train_size**2
    # In a ring each sends all gradients, float32, nearly twice.
    gradients = 8 * parameters * (hosts - 1) / hosts * rate / recipe.batch_size
    loads = {
        "processors": cores / (hosts * host.cores),
        "disk": disk / hosts / host.disk,
        "network": gradients / host.network,
    }
    needs = Needs(
        accelerators=count,
        hosts=hosts,
        batch=recipe.batch_size // count,
        hours=plan.images_seen / rate / 3600,
        cores=cores,
        disk=disk,
        pictures=pictures,
        gradients=gradients,
        loads=loads,
        advice="",
    )
    return dataclasses.replace(needs, advice=_advice(needs, host, prepared))


def _advice(needs: Needs, host: Host, prepared: bool) -> str:
    if needs.bottleneck == "accelerators":
        return "more accelerators, or more hosts"
    if needs.bottleneck == "network":
        return "a larger batch, so fewer updates, or a faster network"
    if not prepared:
        return "prepared shards (krr prepare)"
    if needs.bottleneck == "disk":
        return "a copy of the shards on every host's own disk, or more hosts"
    per_host = (needs.pictures / needs.hosts + needs.gradients) / host.network
    missing = needs.cores - needs.hosts * host.cores
    if per_host <= 1:
        return f"a tf.data service with {missing:,} cores"
    return f"more hosts, or fewer accelerators in each: a tf.data service needs {per_host:.0%} of the network"


def _parameters(plan: Plan) -> int:
    recipe = plan.recipe
    # How many classes there are changes little.
    network = parts.network(recipe.replace(classes=recipe.classes or 1000))
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"`{name}` must be a number above 0; received {value}.")
