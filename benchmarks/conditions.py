"""What a figure depends on beside the code: versions, the machine, the command."""

import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

# On what a processor can, from the best, TensorFlow's use of oneDNN depends.
VECTORS = {
    "avx512_bf16": "AVX-512 BF16",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}
PACKAGES = ("keras", "keras-cv", "tensorflow", "jax", "torch", "timm", "pillow", "numpy")
PACKAGES += ("numba", "simplejpeg", "array_record")


def conditions(*peer_pythons: str | None) -> dict[str, Any]:
    """The conditions of a run of the script at hand, and the versions of its peers."""
    # Paths of the machine tell nobody anything.
    words = [Path(word).name if "/" in word else word for word in sys.argv]
    made = {
        "command": shlex.join(["python", f"benchmarks/{words[0]}", *words[1:]]),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": _versions(sys.executable),
    }
    peers = [_versions(python) for python in peer_pythons if python]
    if peers:
        made["peer_versions"] = {name: version for peer in peers for name, version in peer.items()}
    return made


def _versions(python: str) -> dict[str, str]:
    """The packages of an interpreter; its own process, for it may be another environment."""
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
        told = {name.strip(): value.strip() for name, _, value in lines}
        flags = told.get("flags", "").split()
        best = next((name for flag, name in VECTORS.items() if flag in flags), None)
        return ", ".join(filter(None, (told.get("model name", platform.machine()), best)))
    return platform.processor() or platform.machine()
