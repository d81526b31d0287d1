"""What a training will take: `krr show RECIPE --plan`."""

import argparse
from typing import TYPE_CHECKING

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.recipes import Recipe

if TYPE_CHECKING:
    from keras_resnet_recipes.planning import Plan, Scale

# Each is read with that other one only.
_READ_WITH = {
    **dict.fromkeys(("data", "images", "out", "images_per_second"), "plan"),
    **dict.fromkeys(("teacher", "probe_updates"), "data"),
    **dict.fromkeys(("gpus", "images_per_core", "bytes_per_image"), "images_per_second"),
    **dict.fromkeys(("gpus_per_host", "cores_per_host", "disk", "network"), "images_per_second"),
}


def add_options(command: argparse.ArgumentParser, data: str) -> None:
    """Adds `--plan` and what `show` reads with it."""
    command.add_argument(
        "--plan",
        action="store_true",
        help="also what training takes: updates, the learning rate's curve; with --data hours and memory on this "
        "machine; with --images-per-second what accelerators need",
    )
    group = command.add_argument_group("with --plan")
    group.add_argument("--data", metavar="DATA", help=f"training data: {data}")
    group.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="size of the training set; default that of --data, else ImageNet's",
    )
    group.add_argument("--out", metavar="PNG", help="draw the learning rate into this file")
    group.add_argument(
        "--teacher", metavar="PATH", help="run folder or .keras file of a network to learn from"
    )
    group.add_argument(
        "--probe-updates",
        type=int,
        metavar="N",
        help="updates on --data to time, at most two minutes or three updates; default 20, 0 for none",
    )
    _add_scale(command.add_argument_group("with --plan, for several accelerators"))


def _add_scale(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--images-per-second",
        type=float,
        metavar="X",
        help="of one accelerator, as measured there; nothing is tried out then",
    )
    group.add_argument(
        "--gpus",
        type=int,
        nargs="+",
        metavar="N",
        help="accelerators, over all hosts; default 1 8 64 512",
    )
    group.add_argument(
        "--images-per-core",
        type=float,
        metavar="X",
        help="pictures that a processor core makes in a second; default as measured (docs/benchmarks.md)",
    )
    group.add_argument(
        "--bytes-per-image",
        type=float,
        metavar="B",
        help="mean size of an image; default that of --data, else as measured (docs/scale-out.md)",
    )
    for name, kind, what in (
        ("--gpus-per-host", int, "accelerators of a host; default 8"),
        ("--cores-per-host", int, "its processor cores; default 64"),
        ("--disk", float, "bytes/s that it reads from where the data is; default 2e9"),
        ("--network", float, "bytes/s that it sends and receives; default 3.125e9, 25 Gbit/s"),
    ):
        group.add_argument(name, type=kind, metavar="X", help=what)


def check(options: argparse.Namespace) -> None:
    """Raises ValueError if an option is given that nothing would read."""
    for name, other in _READ_WITH.items():
        missing = other if options.plan else "plan"
        if getattr(options, name) is not None and getattr(options, missing) in (None, False):
            raise ValueError(
                f"`{_typed(missing)}` must be given with {_typed(name)}; received {getattr(options, name)!r} alone."
            )
    if options.images_per_second is not None:
        for name in ("teacher", "probe_updates"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"`{_typed(name)}` must not be given with --images-per-second, which takes the place of a "
                    f"probe; received {getattr(options, name)!r}."
                )


def show(recipe: Recipe, options: argparse.Namespace) -> None:
    """Prints what training takes."""
    from keras_resnet_recipes import planning

    measured = options.images_per_second is not None
    updates = 20 if options.probe_updates is None else options.probe_updates
    if options.data is not None and updates and not measured:
        print(f"\nTrying out the training on {options.data}: {updates} updates, or two minutes.")
    plan = planning.plan(
        recipe,
        options.data,
        images=options.images,
        teacher=None if options.teacher is None else load_network(options.teacher),
        probed_updates=0 if measured else updates,
    )
    print(f"\n{plan}")
    if options.out is not None:
        print(recipe.plot_schedule(options.out, steps_per_epoch=plan.updates_per_epoch))
    if measured:
        print(f"\n{_scale(plan, options)}")


def _scale(plan: "Plan", options: argparse.Namespace) -> "Scale":
    from keras_resnet_recipes import planning
    from keras_resnet_recipes.planning.scale import stored

    size, prepared = (None, True) if options.data is None else stored(options.data)
    host = {
        "accelerators": options.gpus_per_host,
        "cores": options.cores_per_host,
        "disk": options.disk,
        "network": options.network,
    }
    return planning.scale(
        plan,
        options.images_per_second,
        accelerators=options.gpus,
        images_per_core=options.images_per_core,
        bytes_per_image=size if options.bytes_per_image is None else options.bytes_per_image,
        prepared=prepared,
        host=planning.Host(**{name: value for name, value in host.items() if value is not None}),
    )


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")
