"""The commands report and card."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.recipes import DATA
from keras_resnet_recipes.cli.terminal import say


def add_commands(commands: Any) -> None:
    """Adds report and card."""
    _add_report(commands.add_parser("report", help="write an HTML report of one run or several"))
    _add_card(
        commands.add_parser("card", help="write the model card of a run; --push uploads the run")
    )


def _add_report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "runs", metavar="RUN", nargs="+", help="run folder of krr train, finished or not"
    )
    command.add_argument(
        "--data",
        metavar="DATA",
        help=f"validation data, to show the model's mistakes: {DATA}",
    )
    command.add_argument(
        "--train-data", metavar="DATA", help="training data, to show augmented images"
    )
    command.add_argument(
        "--weights", choices=("best", "last"), help="weights for --data; default: best if saved"
    )
    command.add_argument(
        "--out",
        metavar="HTML",
        help="file to write; default: report.html in the run folder, comparison.html for several runs",
    )
    command.set_defaults(run=_report)


def _add_card(command: argparse.ArgumentParser) -> None:
    command.add_argument("run_dir", metavar="RUN", help="run folder of krr train")
    command.add_argument("--dataset", metavar="NAME", help="name of the data set, for the card")
    command.add_argument(
        "--license", metavar="ID", help="license such as apache-2.0; default: not stated"
    )
    command.add_argument(
        "--data",
        metavar="DATA",
        help=f"validation data, to add a confusion matrix; needs the extra plot: {DATA}",
    )
    command.add_argument(
        "--push",
        metavar="OWNER/NAME",
        help="upload card, weights, recipe and log to this repository of the Hugging Face hub; "
        "an existing README.md in the run folder is uploaded unchanged",
    )
    command.add_argument("--private", action="store_true", help="create the repository as private")
    command.set_defaults(run=_card)


def _report(options: argparse.Namespace) -> None:
    from keras_resnet_recipes.report import write_report

    path = write_report(
        *options.runs,
        out=options.out,
        data=options.data,
        train_data=options.train_data,
        weights=options.weights,
    )
    say(path)


def _card(options: argparse.Namespace) -> None:
    from keras_resnet_recipes.report import push_run, pushed_files, read_run, write_card
    from keras_resnet_recipes.report.card import CARD

    run = read_run(options.run_dir)
    if options.push is None or not (run.path / CARD).exists():
        say(write_card(run, dataset=options.dataset, license=options.license, data=options.data))
    elif options.dataset or options.license or options.data:
        raise ValueError(
            "`--dataset`, `--license` and `--data` must not be given if the card exists. "
            f"Received: {str(run.path / CARD)!r}"
        )
    if options.license is None and "\nlicense:" not in (run.path / CARD).read_text(
        encoding="utf-8"
    ):
        say("The card states no license. Use --license, or add `license:` to its metadata.")
    repository = options.push or "OWNER/NAME"
    say(f"{'Uploading' if options.push else '--push would upload'} to {repository}:")
    say("\n".join(f"  {name}: {help}" for name, help in pushed_files(run).items()))
    if options.push is not None:
        say(push_run(run, options.push, private=options.private))
