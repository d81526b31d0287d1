"""API pages: one per public module, covering every name in tests/public_names.txt.

A member that a class has from a public base class is described there; the class links to it.
"""

import dataclasses
import functools
import inspect
from collections.abc import Iterator
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
    found = {"api/index.md": HEAD + "\n".join(rows) + "\n"}
    return found | {f"api/{_file(module)}": _page(module) for module in modules}


@functools.cache
def _homes() -> dict[int, str]:
    """Returns where each public object is described, by its id: the first module that has it."""
    homes: dict[int, str] = {}
    for module in public_names.modules():
        for name in public_names.names_of(module):
            homes.setdefault(id(getattr(module, name)), f"{module.__name__}.{name}")
    return homes


def _short(path: str) -> str:
    return path.replace(PACKAGE, "krr", 1)


def _file(module: ModuleType) -> str:
    return f"{_short(module.__name__)}.md"


def _summary(module: ModuleType) -> str:
    return " ".join(inspect.getdoc(module).partition("\n\n")[0].split())


def _page(module: ModuleType) -> str:
    """Describes the names of a module that are at home there, and links to the others."""
    entries, elsewhere, modules = [], [], list(public_names.modules())
    for name in sorted(public_names.names_of(module), key=str.lower):
        value, path = getattr(module, name), f"{module.__name__}.{name}"
        home = _homes()[id(value)]
        if inspect.ismodule(value):
            if value not in modules:
                continue
            elsewhere.append(f"[`{name}`]({_file(value)}){{ #{path} }}")
        elif home != path:
            elsewhere.append(f"[`{name}`][{home}]{{ #{path} }}")
        elif module is krr.applications and name in krr.applications.NETWORKS:
            continue
        else:
            entries.append(_entry(path, value))
    networks = [_networks()] if module is krr.applications else []
    parts = [f"# `{_short(module.__name__)}`", fenced(inspect.getdoc(module)), *networks, *entries]
    if elsewhere:
        parts.insert(2, "Described elsewhere: " + ", ".join(elsewhere) + ".")
    return "\n\n".join(parts) + "\n"


def _entry(path: str, value: object) -> str:
    if not inspect.isclass(value):
        return f"::: {path}"
    head = f"::: {path}\n    options:\n      members: false\n      inherited_members: false"
    # A recipe's values are in its table; its methods are documented with `Recipe`.
    if issubclass(value, krr.Recipe) and value is not krr.Recipe:
        return head
    return "\n\n".join([head, *_members(path, value)])


def _members(path: str, value: type) -> Iterator[str]:
    """Yields the parts of an entry that follow the docstring of a class: its fields, links, and own members."""
    fields = (
        {f.name: f for f in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else {}
    )
    inherited: dict[str, list[str]] = {}
    own, listed = [], []
    for name in public_names.members_of(value):
        anchor, base = f"{path}.{name}", _described_by(value, name)
        if name in fields:
            listed.append((anchor, fields[name]))
        elif base is not None:
            inherited.setdefault(base, []).append(name)
        else:
            own.append(f"::: {anchor}\n    options:\n      heading_level: 3")
    yield from _fields(inspect.getdoc(value) or "", listed)
    for base, names in inherited.items():
        yield _as_in(base, names, path)
    yield from own


def _fields(text: str, listed: list[tuple[str, dataclasses.Field]]) -> Iterator[str]:
    """Yields a table of fields, or only their anchors if the docstring describes them as arguments."""
    if "Args:" in text:
        yield "".join(f'<span id="{anchor}"></span>' for anchor, _ in listed)
    elif listed:
        rows = ["| field | default | |", "|---|---|---|"]
        for anchor, field in listed:
            required = field.default is field.default_factory is dataclasses.MISSING
            default = "required" if required else f"`{field.default!r}`".replace("|", "\\|")
            name = f'<span id="{anchor}">`{field.name}`</span>'
            rows.append(f"| {name} | {default} | {field.metadata.get('help', '')} |")
        yield "\n".join(rows)


def _described_by(value: type, name: str) -> str | None:
    """Returns "Keras" or the path of the most basic public class that a class has a member from; None: its own."""
    bases = [base for base in value.__mro__[1:-1] if name in vars(base)]
    homes = [_homes()[id(base)] for base in bases if id(base) in _homes()]
    foreign = any(not base.__module__.startswith(PACKAGE) for base in bases)
    return "Keras" if foreign else homes[-1] if homes else None


def _as_in(base: str, names: list[str], path: str) -> str:
    """Names the members that a base class describes, with links if it has a page here."""
    if base == "Keras":
        anchored = (f'<span id="{path}.{name}">`{name}`</span>' for name in names)
        return f"As in Keras: {', '.join(anchored)}."
    links = (f"[`{name}`][{base}.{name}]{{ #{path}.{name} }}" for name in names)
    return f"As in [`{base.rpartition('.')[2]}`][{base}]: {', '.join(links)}."


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
