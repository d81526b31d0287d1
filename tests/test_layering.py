"""Imports go strictly down, and only `training` reads a recipe."""

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "keras_resnet_recipes"
LEVELS = {
    "formulas": -1,
    "augment": 0,
    "losses": 0,
    "optimizers": 0,
    "schedules": 0,
    "distribution": 0,
    "version": 0,
    "files": -1,
    "hints": -1,
    "names": -1,
    "memory": -0.5,
    "backend": -1,
    "checkpoints": 0,
    "layers": 1,
    "data": 1,
    "testing": 1,
    "watchdog": 1,
    "clock": 1,
    "averages": 1,
    "callbacks": 2,
    "applications": 2,
    "inference": 2.5,
    "predict": 2.8,
    "training": 3,
    "plots": 3,
    "export": 3,
    "recipes": 4,
    "experiments": 4.5,
    "planning": 4.5,
    "report": 4.5,
    "cli": 5,
    "__main__": 6,
    "__init__": 6,
}
FILES = sorted(PACKAGE.rglob("*.py"))
# A report tells what a recipe says, and acts on none of it.
READERS = {"training", "recipes", "experiments", "planning", "report", "cli", "__init__"}


@functools.cache
def parsed(file):
    return ast.parse(file.read_text())


def name_of(file):
    return str(file.relative_to(PACKAGE))


def part_of(file):
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def imported_parts(file):
    """(part of the package, whether at the top of the file) for each import of the package's own."""
    tree = parsed(file)
    top = {id(node) for node in tree.body}
    typing_only = {
        id(child)
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            if id(node) in typing_only:
                continue
            below = node.module.split(".")[1:]
            names = below[:1] or [alias.name for alias in node.names]
            found += [(name, id(node) in top) for name in names]
    return found


def may_import(part, imported, at_top):
    # Recipe.fit calls training, which reads recipes: the one loop, closed inside a method.
    if (part, imported) == ("training", "recipes"):
        return True
    if (part, imported) == ("recipes", "training") and not at_top:
        return True
    return imported == part or LEVELS[imported] < LEVELS[part]


def lines_of_code(function):
    """Without the docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.end_lineno - (first.end_lineno if documented else function.lineno)


def test_every_part_has_a_level():
    assert {part_of(file) for file in FILES} == set(LEVELS)


def test_imports_go_strictly_down():
    wrong = [
        f"{name_of(file)} imports {imported}"
        for file in FILES
        for imported, at_top in imported_parts(file)
        if not may_import(part_of(file), imported, at_top)
    ]
    assert wrong == []


def test_only_training_reads_recipes():
    readers = [name_of(file) for file in FILES if "recipes" in dict(imported_parts(file))]
    assert [name for name in readers if part_of(PACKAGE / name) not in READERS] == []


def test_files_and_functions_are_small():
    large = [
        f"{name_of(file)} has more than 350 lines"
        for file in FILES
        if len(file.read_text().splitlines()) > 350
    ]
    large += [
        f"{node.name} in {name_of(file)} has {lines_of_code(node)} lines"
        for file in FILES
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef) and lines_of_code(node) > 45
    ]
    assert large == []
