"""A run, or several side by side, as a page."""

import shlex
from collections.abc import Sequence

from keras_resnet_recipes.number import shown
from keras_resnet_recipes.recipe import compare, table_rows
from keras_resnet_recipes.report.charts import Curve, chart
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.report.markup import Markup, element, joined, table
from keras_resnet_recipes.report.style import STYLE
from keras_resnet_recipes.runs.progress import duration
from keras_resnet_recipes.version import __version__

# No script, no font and no picture from elsewhere, whatever a class may be called.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, *sections: Markup) -> Markup:
    """A whole document, which needs nothing from elsewhere.

    >>> page("a < b").count("a &lt; b")
    1
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", content=_POLICY, attributes={"http-equiv": "Content-Security-Policy"}),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    foot = element("p", f"Written by keras-resnet-recipes {__version__}.", class_="soft")
    return joined(
        Markup("<!doctype html>\n"),
        element("html", head, element("body", *sections, foot), lang="en"),
        Markup("\n"),
    )


def section(title: str, *parts: str) -> Markup:
    """A part of a page under its title."""
    return element("section", element("h2", title), *parts)


def run_sections(run: Run) -> list[Markup]:
    """A run: its state, accuracy, curves, recipe and surroundings."""
    return [_heading(run), _accuracy(run), _curves([run]), _recipe(run), _surroundings(run)]


def comparison_sections(runs: Sequence[Run]) -> list[Markup]:
    """Several runs: accuracies, curves over each other, and what differs."""
    heading = joined(
        element("h1", f"{len(runs)} runs compared"),
        element("p", ", ".join(run.name for run in runs), class_="soft"),
    )
    return [heading, _results(runs), _curves(runs), _differences(runs)]


def percent(share: float | None) -> str:
    """A share as text; nothing for none.

    >>> percent(0.12345), percent(None)
    ('12.35 %', '–')
    """
    return "–" if share is None else f"{100 * share:.2f} %"


def _heading(run: Run) -> Markup:
    recipe, times = run.recipe, [row["seconds"] for row in run.rows if "seconds" in row]
    lines = [
        element("h1", f"{run.name}: {type(recipe).__name__} with {recipe.network_name}"),
        element("p", run.headline, class_=f"state {run.state}"),
    ]
    if run.state == "running" and times:
        left = (run.epochs - len(run.rows)) * times[-1]
        pace = f"Something was written {duration(run.idle)} ago; at this pace {duration(left)} are left."
        lines.append(element("p", pace))
    elif run.state != "finished":
        idle = f"Nothing was written for {duration(run.idle)}."
        more = " The same command goes on where this one stopped." if run.state == "stopped" else ""
        lines.append(element("p", idle + more))
    lines += [element("p", problem, class_="problem") for problem in run.problems]
    speed = [row["images_per_second"] for row in run.rows if "images_per_second" in row]
    best = run.best
    tiles = [
        (percent(run.rows[-1].get("val_top1") if run.rows else None), "top-1 of the last epoch"),
        (
            percent(best and best["val_top1"]),
            f"best top-1, epoch {best['epoch'] + 1:.0f}" if best else "best top-1",
        ),
        (f"{len(run.rows)} of {run.epochs}", "epochs"),
        (f"{speed[-1]:.4g}" if speed else "–", "images/s in the last epoch"),
        (duration(sum(times)) if times else "–", "for all epochs, evaluations included"),
    ]
    boxes = [
        element("div", element("b", value), element("span", of), class_="tile")
        for value, of in tiles
    ]
    return joined(*lines, element("div", *boxes, class_="tiles"))


def _accuracy(run: Run) -> Markup:
    kind = type(run.recipe)
    rows = [
        (f"this run, {name}", *_scores(row), f"{row['epoch'] + 1:.0f}", run.validated_on)
        for name, row in (("last epoch", run.rows[-1] if run.rows else None), ("best", run.best))
        if row is not None and "val_top1" in row
    ]
    notes = []
    if not rows:
        notes.append("This run has no accuracy on validation data.")
    if kind.published_top1 is not None:
        published = shown(kind().epochs)
        score = f"{kind.published_top1} %"
        rows.append((f"{kind.__name__}, as published", score, "–", published, kind.published_on))
        notes.append(
            f"The published figure is of {kind().network_name} on {kind.published_on}; this run was "
            f"trained on {run.facts.get('dataset', 'data whose name is not recorded')}. The two can be compared "
            "only where data set and recipe are the same."
        )
    header = ("", "top-1", "top-5", "epoch", "evaluated on")
    return section(
        "Accuracy",
        table(header, *rows, class_="numbers"),
        *(element("p", n, class_="soft") for n in notes),
    )


def _scores(row: dict[str, float]) -> tuple[str, str]:
    return percent(row.get("val_top1")), percent(row.get("val_top5"))


def _curves(runs: Sequence[Run]) -> Markup:
    figures = _curves_of(*runs) if len(runs) == 1 else _curves_over_each_other(runs)
    drawn = [figure for figure in figures if figure]
    if not drawn:
        return section("Curves", element("p", "No epoch is finished yet."))
    note = (
        "Training accuracy is of augmented and mixed pictures. The images/s of the first epoch hold "
        "the time that compiling takes."
    )
    return section(
        "Curves", element("div", *drawn, class_="charts"), element("p", note, class_="soft")
    )


def _curves_of(run: Run) -> list[Markup]:
    figures = []
    for title, name in (("loss", "loss"), ("top-1", "top1"), ("top-5", "top5")):
        training = Curve("training", run.column(name), 0, dashed=True)
        figures.append(chart(title, [training, Curve("validation", run.column(f"val_{name}"), 1)]))
    for title, name in (("learning rate", "learning_rate"), ("images/s", "images_per_second")):
        figures.append(chart(title, [Curve("last epoch", run.column(name))]))
    return figures


def _curves_over_each_other(runs: Sequence[Run]) -> list[Markup]:
    names = {
        "val_top1": "top-1, validation",
        "top1": "top-1, training",
        "val_loss": "loss, validation",
        "loss": "loss, training",
        "learning_rate": "learning rate",
        "images_per_second": "images/s",
    }
    return [
        # From the ninth on the colours come again.
        chart(title, [Curve(run.name, run.column(name), n, n > 7) for n, run in enumerate(runs)])
        for name, title in names.items()
    ]


def _recipe(run: Run) -> Markup:
    recipe, rows, changes = run.recipe, [], 0
    name = type(recipe).__name__
    rows = [
        (
            row.name,
            row.text if row.published is None else element("mark", row.text),
            row.published or "",
            element("span", row.help, class_="help"),
        )
        for row in table_rows(recipe)
    ]
    changes = sum(row[2] != "" for row in rows)
    source = "" if recipe.source is None else f" {recipe.source.title} ({recipe.source})."
    note = f"{name}.{source} {changes} values differ from the published recipe and are marked."
    header = ("", "this run", f"{name}, if changed", "meaning")
    return section("Recipe", element("p", note), table(header, *rows))


def _surroundings(run: Run) -> Markup:
    facts = dict(run.facts)
    command, names = facts.pop("command", None), facts.pop("class_names", None)
    rows = [(title, _value(value)) for title, value in _flat(facts)]
    parts = [table(("", ""), *rows)] if rows else [element("p", "run.json is missing.")]
    if names:
        parts.append(element("p", f"Classes: {', '.join(names)}."))
    if command:
        parts += [element("p", "Command:"), element("pre", str(command))]
    again = f"krr train {shlex.quote(str(run.path / 'recipe.json'))} --data … --val … --run-dir …"
    seed = run.facts.get("seed", 0)
    parts += [element("p", "The same recipe anew:"), element("pre", f"{again} --seed {seed}")]
    return section("Data, versions, hardware, command", *parts)


def _flat(facts: dict[str, object]) -> list[tuple[str, object]]:
    """What run.json says, without levels."""
    flat: list[tuple[str, object]] = []
    for name, value in facts.items():
        flat += value.items() if isinstance(value, dict) else [(name, value)]
    return [(str(name).replace("_", " "), value) for name, value in flat]


def _value(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _results(runs: Sequence[Run]) -> Markup:
    header = (
        "run",
        "recipe",
        "state",
        "last top-1",
        "best top-1",
        "epoch",
        "images/s",
        "evaluated on",
    )
    rows = []
    for run in runs:
        best, last = run.best, run.rows[-1] if run.rows else {}
        speed = last.get("images_per_second")
        rows.append(
            (
                run.name,
                f"{type(run.recipe).__name__}, {run.recipe.network_name}",
                element("span", run.headline, class_=f"state {run.state}"),
                percent(last.get("val_top1")),
                percent(best and best["val_top1"]),
                f"{best['epoch'] + 1:.0f}" if best else "–",
                "–" if speed is None else f"{speed:.4g}",
                run.validated_on,
            )
        )
    problems = [f"{run.name}: {problem}" for run in runs for problem in run.problems]
    if len({run.validated_on for run in runs}) > 1:
        problems.append(
            "The runs are evaluated on different data: their accuracies cannot be compared."
        )
    notes = [element("p", problem, class_="problem") for problem in problems]
    return section("Accuracy", table(header, *rows, class_="numbers"), *notes)


def _differences(runs: Sequence[Run]) -> Markup:
    header = ("", *(run.name for run in runs))
    fields = compare(*(run.recipe for run in runs)).rows
    rows = [(name, *values) for name, values in fields.items()]
    kinds = tuple(type(run.recipe).__name__ for run in runs)
    if len(set(kinds)) > 1:
        rows.insert(0, ("recipe", *kinds))
    known = [dict(_flat(run.facts)) for run in runs]
    others = [
        (name, *(_value(facts.get(name, "–")) for facts in known))
        for name in dict.fromkeys(name for facts in known for name in facts)
    ]
    others = [row for row in others if len(set(row[1:])) > 1]
    same = element("p", "There is no difference.")
    return joined(
        section("Recipes: what differs", table(header, *rows) if rows else same),
        section(
            "Data, versions, hardware: what differs", table(header, *others) if others else same
        ),
    )
