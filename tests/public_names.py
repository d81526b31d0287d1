"""The public names with their arguments: makes tests/public_names.txt, to which test_public_names.py holds the package.

python -m tests.public_names
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, WrapperDescriptorType
from typing import Any

import keras_resnet_recipes as krr

LIST = Path(__file__).with_name("public_names.txt")
# What only the package itself and its command line import; whatever else is added is public.
INTERNAL = {
    "__main__",
    "cli",
    "extras",
    "files",
    "hints",
    "names",
    "number",
    "part",
    "preview",
    "training",
    "version",
}


def modules() -> Iterator[ModuleType]:
    """The package and its public modules."""
    yield krr
    names = {module.name for module in pkgutil.iter_modules(krr.__path__)} - INTERNAL
    for name in sorted({*names, "augment.operations"}):
        yield importlib.import_module(f"{krr.__name__}.{name}")


def lines() -> list[str]:
    """A line for each name: a function or class with its arguments, the methods of a class, a value."""
    found, seen, public = {}, set(), list(modules())
    for module in public:
        for name in names_of(module):
            value, path = getattr(module, name), f"{module.__name__}.{name}"
            # A module that others reach through its package, such as evaluation.accuracy.
            if isinstance(value, ModuleType) and value not in public:
                continue
            # What a module gives on is listed in full at the first place alone; values of recipes are fields.
            short = id(value) in seen or isinstance(value, ModuleType) or _is_recipe(value)
            found |= {path: path} if short else _described(path, value)
            seen.add(id(value))
    return sorted(found.values())


def names_of(module: ModuleType) -> list[str]:
    """What a module gives to its users, without their members."""
    own = [name for name, value in vars(module).items() if _defined(name, value, module)]
    return list(getattr(module, "__all__", own))


def _defined(name: str, value: Any, module: ModuleType) -> bool:
    here = getattr(value, "__module__", None) == module.__name__
    return here and callable(value) and not name.startswith("_")


def _is_recipe(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, krr.Recipe) and value is not krr.Recipe


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Exception)


def _described(path: str, value: Any) -> dict[str, str]:
    if not callable(value):
        return {path: path}
    described = {path: f"{path}({_arguments(value)})"}
    if inspect.isclass(value):
        for name, member in members_of(value).items():
            described[f"{path}.{name}"] = _member(f"{path}.{name}", member)
    return described


def members_of(value: type) -> dict[str, Any]:
    """The public members of a class, by name, without those that it has from other packages."""
    found: dict[str, Any] = {}
    for part in value.__mro__:
        if part.__module__.startswith(krr.__name__):
            own = {name: one for name, one in vars(part).items() if not name.startswith("_")}
            found = {**own, **found}
    return found


def _member(path: str, member: Any) -> str:
    function = getattr(member, "__func__", member)
    return f"{path}({_arguments(function)})" if inspect.isfunction(function) else path


def _arguments(function: Any) -> str:
    """Their names, those given by name alone after a star."""
    if isinstance(getattr(function, "__init__", None), WrapperDescriptorType) and _is_error(
        function
    ):
        # Python gives no signature for a constructor that is inherited from its own exceptions.
        return "*args"
    positional, named = [], []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            named.insert(0, f"*{name}")
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named.append(f"**{name}")
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named += [name] if named else ["*", name]
        elif name not in ("self", "cls"):
            positional.append(name)
    return ", ".join([*positional, *named])


if __name__ == "__main__":
    LIST.write_text("\n".join(lines()) + "\n")
    print(f"{len(lines())} names in {LIST.name}")
