"""A run folder as something to read and to hand on: report, card."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.recipes import DATA


def add_commands(commands: Any) -> None:
    """Adds report and card."""
    _add_report(commands.add_parser("report", help="write a page about a run, or compare several"))
    _add_card(commands.add_parser("card", help="write a run's model card, and upload the model"))


def _add_report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "runs", metavar="RUN", nargs="+", help="folder that krr train wrote, finished or not"
    )
    command.add_argument(
        "--data",
        metavar="DATA",
        help=f"validation data, to show where the model is wrong: {DATA}",
    )
    command.add_argument(
        "--train-data", metavar="DATA", help="training data, to show augmented pictures"
    )
    command.add_argument(
        "--weights", choices=("best", "last"), help="for --data; default: best where there are some"
    )
    command.add_argument(
        "--out",
        metavar="HTML",
        help="default report.html in the folder, for several runs comparison.html",
    )
    command.set_defaults(run=_report)


def _add_card(command: argparse.ArgumentParser) -> None:
    command.add_argument("run_dir", metavar="RUN", help="folder that krr train wrote")
    command.add_argument("--dataset", metavar="NAME", help="what the data set is called")
    command.add_argument("--license", metavar="ID", help="such as apache-2.0; default: not stated")
    command.add_argument(
        "--push",
        metavar="OWNER/NAME",
        help="upload card, weights, recipe and log to this repository of the Hugging Face hub; "
        "a README.md that is there is uploaded as it is",
    )
    command.add_argument("--private", action="store_true", help="a new repository is private")
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
    print(path)


def _card(options: argparse.Namespace) -> None:
    from keras_resnet_recipes.report import push_run, pushed_files, read_run, write_card
    from keras_resnet_recipes.report.card import CARD

    run = read_run(options.run_dir)
    if options.push is None or not (run.path / CARD).exists():
        print(write_card(run, dataset=options.dataset, license=options.license))
    elif options.dataset or options.license:
        raise ValueError(
            f"`--dataset` and `--license` are for a new card; {str(run.path / CARD)!r} exists already."
        )
    if options.license is None and "\nlicense:" not in (run.path / CARD).read_text():
        print("The card states no license: --license, or a line `license:` in its first part.")
    where = options.push or "OWNER/NAME"
    print(f"{'Uploading' if options.push else '--push would upload'} to {where}:")
    print("\n".join(f"  {name}: {what}" for name, what in pushed_files(run).items()))
    if options.push is not None:
        print(push_run(run, options.push, private=options.private))
