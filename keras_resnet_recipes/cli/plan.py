"""What a training will take: `krr show RECIPE --plan`."""

import argparse

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.recipes import Recipe

# Each is read with that other one only.
_READ_WITH = {
    **dict.fromkeys(("data", "images", "out"), "plan"),
    **dict.fromkeys(("teacher", "probe_updates"), "data"),
}


def add_options(command: argparse.ArgumentParser, data: str) -> None:
    """Adds `--plan` and what `show` reads with it."""
    command.add_argument(
        "--plan",
        action="store_true",
        help="also what training takes: updates, the learning rate's curve; with --data hours and memory on this "
        "machine",
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


def check(options: argparse.Namespace) -> None:
    """Raises ValueError if an option is given that nothing would read."""
    for name, other in _READ_WITH.items():
        missing = other if options.plan else "plan"
        if getattr(options, name) is not None and getattr(options, missing) in (None, False):
            raise ValueError(
                f"`{_typed(missing)}` must be given with {_typed(name)}; received {getattr(options, name)!r} alone."
            )


def show(recipe: Recipe, options: argparse.Namespace) -> None:
    """Prints what training takes."""
    from keras_resnet_recipes import planning

    updates = 20 if options.probe_updates is None else options.probe_updates
    if options.data is not None and updates:
        print(f"\nTrying out the training on {options.data}: {updates} updates, or two minutes.")
    plan = planning.plan(
        recipe,
        options.data,
        images=options.images,
        teacher=None if options.teacher is None else load_network(options.teacher),
        probed_updates=updates,
    )
    print(f"\n{plan}")
    if options.out is not None:
        print(recipe.plot_schedule(options.out, steps_per_epoch=plan.updates_per_epoch))


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")
