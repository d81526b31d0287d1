"""Public names and their arguments do not disappear by accident."""

import pytest

from tests.public_names import LIST, lines

REGENERATE = "python -m tests.public_names"


def parsed(line):
    """Returns the name, its positional arguments and its keyword-only arguments, all empty for a value."""
    name, _, arguments = line.rstrip(")").partition("(")
    given = [argument for argument in arguments.split(", ") if argument]
    star = next((i for i, argument in enumerate(given) if argument.startswith("*")), len(given))
    return name, given[:star], [argument for argument in given[star:] if argument != "*"]


def broken(before, now):
    """Yields incompatible changes from `before` to `now`."""
    current = {name: (positional, named) for name, positional, named in map(parsed, now)}
    for name, positional, named in map(parsed, before):
        if name not in current:
            yield f"{name} is missing"
            continue
        first, others = current[name]
        if first[: len(positional)] != positional:
            yield f"{name}: {', '.join(positional)} became {', '.join(first)}"
        elif lost := {*named} - {*first, *others}:
            yield f"{name}: {', '.join(sorted(lost))} is missing"


@pytest.fixture(scope="module")
def now():
    return lines()


def test_no_public_name_or_argument_is_missing(now):
    found = list(broken(LIST.read_text().splitlines(), now))
    assert not found, (
        "Users' code may use these. Restore them, for instance with a deprecation warning; if the change is "
        f"intended, add it to CHANGELOG.md and run `{REGENERATE}`.\n" + "\n".join(found)
    )


def test_the_list_is_complete(now):
    new = {*now} - {*LIST.read_text().splitlines()}
    assert not new, f"New public names: run `{REGENERATE}` and commit the list.\n" + "\n".join(new)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("a.f(x, y)", "a.f(x, y, z, *, w)", []),
        ("a.f(x, *, y)", "a.f(x, y)", []),
        ("a.VALUE", "a.VALUE", []),
        ("a.f(x)", "a.g(x)", ["a.f is missing"]),
        ("a.f(x, y)", "a.f(y, x)", ["a.f: x, y became y, x"]),
        ("a.f(x)", "a.f(*, x)", ["a.f: x became "]),
        ("a.f(x, *, y)", "a.f(x, *, why)", ["a.f: y is missing"]),
        ("a.f(**more)", "a.f(x)", ["a.f: **more is missing"]),
    ],
)
def test_incompatible_changes_are_found(before, now, expected):
    assert list(broken([before], [now])) == expected
