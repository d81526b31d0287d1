"""No public name and no argument of one disappears by accident."""

import pytest

from tests.public_names import LIST, lines

REGENERATE = "python -m tests.public_names"


def parsed(line):
    """The name, its arguments that may go without a name, and those that need theirs; of a value no arguments."""
    name, _, arguments = line.rstrip(")").partition("(")
    words = [word for word in arguments.split(", ") if word]
    star = next((i for i, word in enumerate(words) if word.startswith("*")), len(words))
    return name, words[:star], [word for word in words[star:] if word != "*"]


def broken(before, now):
    """What code written for `before` would miss in `now`."""
    there = {name: (positional, named) for name, positional, named in map(parsed, now)}
    for name, positional, named in map(parsed, before):
        if name not in there:
            yield f"{name} is gone"
            continue
        first, rest = there[name]
        if first[: len(positional)] != positional:
            yield f"{name}: {', '.join(positional)} became {', '.join(first)}"
        elif lost := {*named} - {*first, *rest}:
            yield f"{name}: {', '.join(sorted(lost))} is gone"


@pytest.fixture(scope="module")
def now():
    return lines()


def test_no_public_name_or_argument_is_gone(now):
    found = list(broken(LIST.read_text().splitlines(), now))
    assert not found, (
        "Users' code may call these. Bring them back, for instance as a name that warns; or, if it is meant, "
        f"say so in CHANGELOG.md and run `{REGENERATE}`.\n" + "\n".join(found)
    )


def test_the_list_has_every_name(now):
    new = {*now} - {*LIST.read_text().splitlines()}
    assert not new, f"New public names: run `{REGENERATE}` and commit the list.\n" + "\n".join(new)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("a.f(x, y)", "a.f(x, y, z, *, w)", []),
        ("a.f(x, *, y)", "a.f(x, y)", []),
        ("a.VALUE", "a.VALUE", []),
        ("a.f(x)", "a.g(x)", ["a.f is gone"]),
        ("a.f(x, y)", "a.f(y, x)", ["a.f: x, y became y, x"]),
        ("a.f(x)", "a.f(*, x)", ["a.f: x became "]),
        ("a.f(x, *, y)", "a.f(x, *, why)", ["a.f: y is gone"]),
        ("a.f(**more)", "a.f(x)", ["a.f: **more is gone"]),
    ],
)
def test_what_breaks_code_is_found(before, now, said):
    assert list(broken([before], [now])) == said
