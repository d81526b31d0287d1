"""Conditions of a measurement: versions, machine, command."""

import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

# Best first. TensorFlow's use of oneDNN depends on the instruction set.
VECTORS = {
    "avx512_bf16": "AVX-512 BF16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}
PACKAGES = ("keras", "keras-cv", "tensorflow", "jax", "torch", "timm", "pillow", "numpy")
PACKAGES += ("numba", "simplejpeg", "array_record")


def conditions(*peer_pythons: str | None) -> dict[str, Any]:
    """Returns the conditions of the current script, including the versions of its peers."""
    # Local paths are meaningless elsewhere.
    words = [Path(word).name if "/" in word else word for word in sys.argv]
    record = {
        "command": shlex.join(["python", f"benchmarks/{words[0]}", *words[1:]]),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": _versions(sys.executable),
    }
    peers = [_versions(python) for python in peer_pythons if python]
    if peers:
        record["peer_versions"] = {
            name: version for peer in peers for name, version in peer.items()
        }
    return record


def _versions(python: str) -> dict[str, str]:
    """Returns the package versions of an interpreter, which may belong to another environment."""
    program = (
        "import importlib.metadata as m, json, sys\n"
        "print(json.dumps({d.metadata['Name'].lower(): d.version for d in m.distributions()}))"
    )
    answer = subprocess.run([python, "-c", program], stdout=subprocess.PIPE, check=True, text=True)
    installed = json.loads(answer.stdout)
    return {name: installed[name] for name in PACKAGES if name in installed}


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        fields = {name.strip(): value.strip() for name, _, value in lines}
        flags = fields.get("flags", "").split()
        best = next((name for flag, name in VECTORS.items() if flag in flags), None)
        return ", ".join(filter(None, (fields.get("model name", platform.machine()), best)))
    return platform.processor() or platform.machine()
