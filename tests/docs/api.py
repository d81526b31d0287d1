"""API pages: one per public module, covering every name in tests/public_names.txt."""

import inspect
from types import ModuleType

import keras_resnet_recipes as krr
from tests import public_names
from tests.docs.sessions import fenced

PACKAGE = krr.__name__
NETWORK = f"{PACKAGE}.applications.network.Network"
HEAD = """# Reference

All public names, generated from their docstrings; `krr` is `keras_resnet_recipes`.

| module | |
|---|---|
"""


def names() -> list[str]:
    """Returns every public name, including methods and fields of classes."""
    return [line.partition("(")[0] for line in public_names.LIST.read_text().splitlines()]


def pages() -> dict[str, str]:
    """Returns the Markdown of each page by its path; the first page lists the others."""
    modules = [module for module in public_names.modules() if public_names.names_of(module)]
    rows = [f"| [`{_short(m.__name__)}`]({_file(m)}) | {_summary(m)} |" for m in modules]
    seen: dict[int, str] = {}
    found = {"api/index.md": HEAD + "\n".join(rows) + "\n"}
    return found | {f"api/{_file(module)}": _page(module, seen) for module in modules}


def _short(path: str) -> str:
    return path.replace(PACKAGE, "krr", 1)


def _file(module: ModuleType) -> str:
    return f"{_short(module.__name__)}.md"


def _summary(module: ModuleType) -> str:
    return " ".join(inspect.getdoc(module).partition("\n\n")[0].split())


def _page(module: ModuleType, seen: dict[int, str]) -> str:
    """Describes the names of a module that are not in `seen`, links to the others, and updates `seen`."""
    entries, elsewhere, modules = [], [], list(public_names.modules())
    for name in sorted(public_names.names_of(module), key=str.lower):
        value, path = getattr(module, name), f"{module.__name__}.{name}"
        if inspect.ismodule(value):
            if value not in modules:
                continue
            elsewhere.append(f"[`{name}`]({_file(value)}){{ #{path} }}")
        elif id(value) in seen:
            elsewhere.append(f"[`{name}`][{seen[id(value)]}]{{ #{path} }}")
        elif module is krr.applications and name in krr.applications.NETWORKS:
            continue
        else:
            entries.append(_entry(path, value))
            seen[id(value)] = path
    networks = [_networks()] if module is krr.applications else []
    parts = [f"# `{_short(module.__name__)}`", fenced(inspect.getdoc(module)), *networks, *entries]
    if elsewhere:
        parts.insert(2, "Described elsewhere: " + ", ".join(elsewhere) + ".")
    return "\n\n".join(parts) + "\n"


def _entry(path: str, value: object) -> str:
    # A recipe's values are in its table; its methods are documented with `Recipe`.
    recipe = inspect.isclass(value) and issubclass(value, krr.Recipe) and value is not krr.Recipe
    options = "\n    options:\n      members: false\n      inherited_members: false"
    return f"::: {path}{options if recipe else ''}"


def _networks() -> str:
    """Returns a table of the networks: a function creates them, so no source file lists them."""
    rows = []
    for name in krr.applications.NETWORKS:
        text = inspect.getdoc(getattr(krr.applications, name))
        summary = " ".join(text.partition("\n\n")[0].split()).removeprefix(f"{name}: ")
        source = " ".join(text.partition("References:")[2].split())
        anchor = f"{krr.applications.__name__}.{name}"
        rows.append(f'| <span id="{anchor}">`{name}`</span> | {summary} | {source} |')
    head = "## Networks\n\n| network | | published in |\n|---|---|---|\n"
    signature = f"All networks have the same signature:\n\n::: {NETWORK}\n    options:\n      heading_level: 3"
    return head + "\n".join(rows) + "\n\n" + signature
