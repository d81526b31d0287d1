"""Layering: imports only go to lower levels, have no cycles, and heavy packages are imported lazily."""

import ast
import functools
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "keras_resnet_recipes"
# Every subpackage or module may import only those of lower levels.
LEVELS = {
    **dict.fromkeys(("colors", "extras", "files", "hints", "names", "version"), 0),
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
# Packages that reading recipes must not import.
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


def subpackage_of(module):
    return [*module.split("."), "__init__"][1]


def modules_named(node, package):
    """Returns the modules that a statement or a call of import_module imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        source = ".".join(name for name in (package if node.level else "", node.module) if name)
        names = [f"{source}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else source for name in names]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
        name = node.args[0]
        return [name.value] if isinstance(name, ast.Constant) else []
    return []


@functools.cache
def imports(file):
    """Returns the modules imported at the top level of a file, and those imported in functions."""
    tree, package = parsed(file), ".".join(file.relative_to(PACKAGE.parent).parent.parts)
    scopes = {ast.FunctionDef: "function", ast.If: "typing"}
    scope_of = {}
    for kind, name in scopes.items():
        for node in ast.walk(tree):
            if isinstance(node, kind) and (name != "typing" or "TYPE_CHECKING" in ast.dump(node)):
                scope_of |= {id(child): name for child in ast.walk(node)}
    found = {"top": set(), "function": set(), "typing": set()}
    for node in ast.walk(tree):
        found[scope_of.get(id(node), "top")] |= {*modules_named(node, package)}
    return found["top"], found["function"]


def own(modules):
    return {module for module in modules if module in MODULES}


@functools.cache
def heavy_imports(module):
    """Returns the heavy packages that importing a module imports, directly or indirectly."""
    top, _ = imports(MODULES[module])
    found = HEAVY & {name.split(".")[0] for name in top}
    return found.union(*(heavy_imports(name) for name in own(top)))


def lazy_heavy_imports(module):
    """Returns `heavy_imports` including the lazy attributes of a package."""
    stub = MODULES[module].with_suffix(".pyi")
    lazy = own(imports(stub)[0]) if stub.exists() else set()
    return heavy_imports(module).union(*map(heavy_imports, lazy))


def cycles(graph):
    """Returns the strongly connected components with more than one node (Tarjan's algorithm)."""
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
            index = stack.index(node)
            found.append(sorted(stack[index:]))
            del stack[index:]

    for node in graph:
        if node not in number:
            visit(node)
    return [component for component in found if len(component) > 1]


def lines_of_code(function):
    """Returns the number of lines without the docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.end_lineno - (first.end_lineno if documented else function.lineno)


def test_every_subpackage_has_a_level():
    assert {subpackage_of(module) for module in MODULES} == set(LEVELS)


def test_imports_only_go_to_lower_levels():
    wrong = [
        f"{module} imports {other}"
        for module, file in MODULES.items()
        for other in own(set.union(*imports(file)))
        if subpackage_of(other) != subpackage_of(module)
        and LEVELS[subpackage_of(other)] >= LEVELS[subpackage_of(module)]
    ]
    assert wrong == []


def test_cycles_are_found():
    assert cycles({"a": "b", "b": "cd", "c": "a", "d": "e"}) == [["a", "b", "c"]]


def test_imports_of_files_have_no_cycles():
    assert cycles({module: own(imports(file)[0]) for module, file in MODULES.items()}) == []


def test_imports_of_subpackages_have_no_cycles():
    graph = {}
    for module, file in MODULES.items():
        targets = map(subpackage_of, own(imports(file)[0]))
        graph.setdefault(subpackage_of(module), set()).update(targets)
    assert cycles(graph) == []


def test_functions_import_only_heavy_modules_not_imported_yet():
    wrong = [
        f"a function of {module} imports {other}"
        for module, file in MODULES.items()
        for other in own(imports(file)[1])
        if not lazy_heavy_imports(other) - heavy_imports(module)
    ]
    assert wrong == []


def test_recipes_are_light():
    """Recipes, their parts and the command line import neither Keras nor optional packages."""
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
    assert [m for m in MODULES if subpackage_of(m) in light and heavy_imports(m)] == []


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
