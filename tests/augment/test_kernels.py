"""The cache of compiled kernels and its message; each subprocess is a user's first or second."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.kernels import packing

PACKAGE = "keras_resnet_recipes/augment/kernels"
IMAGE = [[[1, 2, 3], [255, 0, 254]]]
# Two kernels, and a user's own numba function, which must not be announced.
PROGRAM = f"""
import numba
import numpy as np
from {PACKAGE.replace("/", ".")} import packing
numba.njit(lambda x: x + 1)(1)
print(packing.unpack(packing.pack(np.array({IMAGE}, np.uint8))).tolist())
"""


@pytest.fixture
def installation(tmp_path):
    """A folder with the kernels alone, next to which not even root can write a cache."""
    package = tmp_path / "site" / PACKAGE
    shutil.copytree(
        Path(kernels.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    for folder in (package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    (package / "__pycache__").touch()
    return tmp_path / "site"


@pytest.fixture
def nowhere(tmp_path):
    """A path where nobody can create a folder."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "folder"


def use(installation, home, cache=None):
    """Returns the stderr of a subprocess that uses a kernel."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")
    }
    homes = ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE")
    environment |= {"PYTHONPATH": str(installation)} | dict.fromkeys(homes, str(home))
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=installation,  # which precedes PYTHONPATH
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{IMAGE}\n"
    return done.stderr


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.suffix in (".nbi", ".nbc"))


def test_the_first_use_prints_the_cache_path_for_the_second(installation, nowhere, tmp_path):
    cache = tmp_path / "cache"
    said = use(installation, nowhere, cache)
    assert said.startswith("Compiling image kernels for this machine, ")
    assert said.count("\n") == 1
    kept = Path(said.removesuffix("\n").partition("they are cached in ")[2])
    assert kept.parent == cache
    assert len(files(kept)) == 4  # an index and machine code for each of two kernels
    before = {path: path.stat().st_mtime_ns for path in kept.iterdir()}
    assert use(installation, nowhere, cache) == ""
    assert before == {path: path.stat().st_mtime_ns for path in kept.iterdir()}


def test_kernels_of_a_read_only_installation_are_in_the_users_cache(installation, tmp_path):
    said = use(installation, tmp_path / "home")
    assert f"they are cached in {tmp_path / 'home'}" in said
    assert len(files(tmp_path / "home")) == 4


def test_kernels_of_a_writable_installation_are_next_to_the_source(installation, nowhere):
    cache = installation / PACKAGE / "__pycache__"
    cache.unlink()
    assert use(installation, nowhere).endswith(f"they are cached in {cache}\n")
    assert len(files(cache)) == 4


@pytest.mark.parametrize("named", [False, True])
def test_without_a_writable_folder_every_process_compiles(installation, nowhere, named):
    said = use(installation, nowhere, nowhere if named else None)
    assert said.count("\n") == 1
    assert said.endswith("in every process, because no cache directory is writable\n")
    assert not files(installation)


def test_a_changed_kernel_is_recompiled(installation, nowhere, tmp_path):
    use(installation, nowhere, tmp_path / "cache")
    source = installation / PACKAGE / "packing.py"
    # The line numbers are the same, so that only the contents differ.
    source.write_text(source.read_text().replace("Packed pixels:", "PACKED PIXELS:"))
    assert use(installation, nowhere, tmp_path / "cache").startswith("Compiling")
    assert use(installation, nowhere, tmp_path / "cache") == ""


def test_packing_is_the_layout_of_rgbx_in_memory():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    packed = packing.pack(image)
    expected = np.pad(image, ((0, 0), (0, 0), (0, 1)))
    np.testing.assert_array_equal(packed.astype("<u4").view(np.uint8).reshape(5, 7, 4), expected)
    result = np.empty_like(image)
    assert packing.unpack(packed, result) is result
    np.testing.assert_array_equal(result, image)
    np.testing.assert_array_equal(packing.unpack(packed[1:4, ::2]), image[1:4, ::2])


def test_the_fourth_byte_is_unused():
    from keras_resnet_recipes.augment.kernels import by_name

    image = np.random.default_rng(0).integers(0, 256, (12, 15, 3), np.uint8)
    dirty = packing.pack(image) | np.uint32(0xA5000000)
    for name in (*by_name._UNMOVED, *by_name._MAPS):
        argument = 1.0 if name == "posterize" else 0.7
        clean = by_name.apply(name, packing.pack(image), argument, cubic=True)
        ours = by_name.apply(name, dirty.copy(), argument, cubic=True)
        np.testing.assert_array_equal(packing.unpack(ours), packing.unpack(clean), err_msg=name)
