"""Cost estimates: `krr show RECIPE --plan`."""

import argparse

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.recipes import Recipe

# Options that require another one.
_REQUIRES = {
    **dict.fromkeys(("data", "images", "out"), "plan"),
    **dict.fromkeys(("teacher", "probe_updates"), "data"),
}


def add_options(command: argparse.ArgumentParser, data: str) -> None:
    """Adds `--plan` and the options that require it."""
    command.add_argument(
        "--plan",
        action="store_true",
        help="also print the number of updates and the learning rate; with --data, time and memory on this machine",
    )
    group = command.add_argument_group("with --plan")
    group.add_argument("--data", metavar="DATA", help=f"training data: {data}")
    group.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="number of training images; default: that of --data, else of the published recipe's data set",
    )
    group.add_argument("--out", metavar="PNG", help="plot the learning rate to this file")
    group.add_argument(
        "--teacher",
        metavar="PATH",
        help="run folder or .keras file of the teacher for distillation",
    )
    group.add_argument(
        "--probe-updates",
        type=int,
        metavar="N",
        help="updates to time on --data, or 0 for none; fewer (at least 3) if they take over two minutes; default: 20",
    )


def check(options: argparse.Namespace) -> None:
    """Raises ValueError if an option is given without the one that it requires."""
    for name, required in _REQUIRES.items():
        missing = required if options.plan else "plan"
        if getattr(options, name) is not None and getattr(options, missing) in (None, False):
            raise ValueError(
                f"`{_flag(missing)}` must be given with `{_flag(name)}`. "
                f"Received: {_flag(name)} {getattr(options, name)}"
            )


def show(recipe: Recipe, options: argparse.Namespace) -> None:
    """Prints the plan of a training."""
    from keras_resnet_recipes import planning

    updates = 20 if options.probe_updates is None else options.probe_updates
    if options.data is not None and updates:
        say(f"\nTiming up to {updates} updates on {options.data}, for about two minutes at most.")
    plan = planning.plan(
        recipe,
        options.data,
        images=options.images,
        teacher=None if options.teacher is None else load_network(options.teacher),
        probed_updates=updates,
    )
    say(f"\n{plan}")
    if options.out is not None:
        say(recipe.plot_schedule(options.out, steps_per_epoch=plan.updates_per_epoch))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
