"""Arguments of timm's training script, read from the `args.yaml` of a run."""

from pathlib import Path
from typing import Any

from keras_resnet_recipes.extras import install
from keras_resnet_recipes.recipe.timm_names import arguments

_LARGEST = 1 << 16


class Arguments(dict[str, Any]):
    """Arguments by name; `unmatched` holds those without a counterpart here."""

    def __init__(self, given: dict[str, Any]) -> None:
        known = arguments()
        super().__init__({name: default for name, (default, _) in known.items()} | given)
        self.unmatched = {
            name: value
            for name, value in given.items()
            if (name not in known and value not in (None, False, "", [], {}))
            or (known.get(name, (None, ""))[1] == "none" and value != known[name][0])
        }

    def match(self, name: str, *values: Any) -> None:
        """Adds the argument to `unmatched` unless it has one of these values."""
        if self[name] not in values:
            self.unmatched[name] = self[name]
        else:
            self.unmatched.pop(name, None)


def read(path: Path) -> Arguments:
    """Reads the arguments of an args.yaml; absent ones get the defaults of `train.py`.

    Raises:
        ValueError: If the file does not contain arguments of timm's `train.py`.
        ImportError: If PyYAML is missing.
    """
    try:
        import yaml
    except ImportError:
        raise ImportError(
            f"Reading timm's arguments requires PyYAML: run {install('timm')}."
        ) from None
    if not path.is_file():
        raise ValueError(
            f"`path` must be an existing args.yaml of timm. Received: path={str(path)!r}"
        )
    if path.stat().st_size > _LARGEST:
        raise ValueError(
            f"`path` must be an args.yaml of at most {_LARGEST} bytes. Received: path={str(path)!r}"
        )
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"`path` must be valid YAML. Received: path={str(path)!r} ({error})"
        ) from None
    if not isinstance(given, dict) or not {*given} & {*arguments()}:
        raise ValueError(
            f"`path` must contain arguments of timm's train.py. Received: path={str(path)!r}"
        )
    return Arguments({name: _number(value) for name, value in given.items()})


def _number(value: Any) -> Any:
    """Converts numbers such as 1e-4, which YAML reads as strings."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
