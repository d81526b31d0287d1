"""Imports go strictly down, and only `training` reads a recipe."""

import ast
from pathlib import Path

import pytest

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


def part_of(file):
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(file):
    """(part of the package, whether inside a function) for each import of the package's own."""
    tree = ast.parse(file.read_text())
    top = {id(node) for node in tree.body}
    typing_only = {
        id(child)
        for node in tree.body
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            if id(node) in typing_only:
                continue
            below = node.module.split(".")[1:]
            names = below[:1] or [alias.name for alias in node.names]
            yield from ((name, id(node) in top) for name in names)


def test_every_part_has_a_level():
    assert {part_of(file) for file in FILES} == set(LEVELS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_strictly_down(file):
    part = part_of(file)
    for imported, at_top in imported_parts(file):
        if imported == part:
            continue
        # Recipe.fit calls training, which reads recipes: the one loop, closed inside a method.
        if not at_top and (part, imported) == ("recipes", "training"):
            continue
        if (part, imported) == ("training", "recipes"):
            continue
        assert LEVELS[imported] < LEVELS[part], f"{file.name} imports {imported}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_training_reads_recipes(file):
    # A report tells what a recipe says, and acts on none of it.
    readers = {"training", "recipes", "experiments", "planning", "report", "cli", "__init__"}
    assert part_of(file) in readers or "recipes" not in dict(imported_parts(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_files_and_functions_are_small(file):
    lines = file.read_text().splitlines()
    assert len(lines) <= 350
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            code = node.end_lineno - (first.end_lineno if documented else node.lineno)
            assert code <= 45, f"{node.name} has {code} lines"
