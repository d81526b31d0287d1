"""Writes a changed index.json of a prepared folder with a valid checksum."""

import hashlib
import json


def write_index(folder, values):
    """Writes changed values as index.json, with a new checksum."""
    values = {key: value for key, value in values.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    (folder / "index.json").write_text(json.dumps({**values, "sha256": digest}))
