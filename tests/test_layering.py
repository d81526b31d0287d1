"""Imports go strictly down, in no circle, and what needs Keras is imported when it is needed."""

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "keras_resnet_recipes"
# Every part of the package may import those of lower levels.
LEVELS = {
    **dict.fromkeys(("colors", "files", "hints", "names", "version"), 0),
    "number": 1,
    **dict.fromkeys(("distribution", "losses", "optimizers", "part"), 2),
    **dict.fromkeys(("augment", "averages", "schedules"), 3),
    **dict.fromkeys(("data", "layers"), 4),
    "applications": 5,
    **dict.fromkeys(("export", "recipe"), 6),
    **dict.fromkeys(("input_pipeline", "runs"), 7),
    "training": 8,
    **dict.fromkeys(("evaluation", "preview"), 9),
    "recipes": 10,
    **dict.fromkeys(("experiments", "planning", "report"), 11),
    "cli": 12,
    **dict.fromkeys(("__init__", "__main__"), 13),
}
FILES = sorted(PACKAGE.rglob("*.py"))
# What a reader of recipes need not have.
HEAVY = {"keras", "tensorflow", "jax", "torch", "numba"}
HEAVY |= {"matplotlib", "huggingface_hub", "tf2onnx", "yaml"}


def module_of(file):
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


MODULES = {module_of(file): file for file in FILES}


@functools.cache
def parsed(file):
    return ast.parse(file.read_text())


def name_of(file):
    return str(file.relative_to(PACKAGE))


def part_of(module):
    return [*module.split("."), "__init__"][1]


def modules_named(node, package):
    """The modules that a statement imports, or a call of import_module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        source = ".".join(part for part in (package if node.level else "", node.module) if part)
        names = [f"{source}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else source for name in names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
        text = node.args[0]
        return [text.value] if isinstance(text, ast.Constant) else []
    return []


@functools.cache
def imports(file):
    """The modules that a file imports when it is imported, and those that its functions import."""
    tree, package = parsed(file), ".".join(file.relative_to(PACKAGE.parent).parent.parts)
    within = {ast.FunctionDef: "function", ast.If: "typing"}
    place = {}
    for kind, name in within.items():
        for node in ast.walk(tree):
            if isinstance(node, kind) and (name != "typing" or "TYPE_CHECKING" in ast.dump(node)):
                place |= {id(child): name for child in ast.walk(node)}
    found = {"top": set(), "function": set(), "typing": set()}
    for node in ast.walk(tree):
        found[place.get(id(node), "top")] |= {*modules_named(node, package)}
    return found["top"], found["function"]


def own(modules):
    return {module for module in modules if module in MODULES}


@functools.cache
def needs(module):
    """What is heavy of all that is imported with a module."""
    top, _ = imports(MODULES[module])
    found = HEAVY & {name.split(".")[0] for name in top}
    return found.union(*(needs(name) for name in own(top)))


def gives(module):
    """The same, and what a lazy package imports when it is asked for something."""
    stub = MODULES[module].with_suffix(".pyi")
    given = own(imports(stub)[0]) if stub.exists() else set()
    return needs(module).union(*map(needs, given))


def circles(graph):
    """The strongly connected components of more than one node (Tarjan's algorithm)."""
    number, lowest, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            place = stack.index(node)
            found.append(sorted(stack[place:]))
            del stack[place:]

    for node in graph:
        if node not in number:
            visit(node)
    return [component for component in found if len(component) > 1]


def lines_of_code(function):
    """Without the docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.end_lineno - (first.end_lineno if documented else function.lineno)


def test_every_part_has_a_level():
    assert {part_of(module) for module in MODULES} == set(LEVELS)


def test_imports_go_strictly_down():
    wrong = [
        f"{module} imports {other}"
        for module, file in MODULES.items()
        for other in own(set.union(*imports(file)))
        if part_of(other) != part_of(module) and LEVELS[part_of(other)] >= LEVELS[part_of(module)]
    ]
    assert wrong == []


def test_circles_are_found():
    assert circles({"a": "b", "b": "cd", "c": "a", "d": "e"}) == [["a", "b", "c"]]


def test_no_files_import_each_other_in_a_circle():
    assert circles({module: own(imports(file)[0]) for module, file in MODULES.items()}) == []


def test_no_parts_import_each_other_in_a_circle():
    graph = {}
    for module, file in MODULES.items():
        graph.setdefault(part_of(module), set()).update(map(part_of, own(imports(file)[0])))
    assert circles(graph) == []


def test_functions_import_what_is_heavy_and_not_here_yet():
    wrong = [
        f"a function of {module} imports {other}"
        for module, file in MODULES.items()
        for other in own(imports(file)[1])
        if not gives(other) - needs(module)
    ]
    assert wrong == []


def test_recipes_are_light():
    """The package, its parts, recipes and command line import neither Keras nor what is optional."""
    light = {
        "__init__",
        "__main__",
        "backend",
        "cli",
        "names",
        "part",
        "recipe",
        "recipes",
        "number",
    }
    assert [m for m in MODULES if part_of(m) in light and needs(m)] == []


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
