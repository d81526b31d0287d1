"""One process at a time trains into a run folder; a killed one does not block the next."""

import json
import os
import subprocess
import sys

import pytest

from keras_resnet_recipes.runs.lock import LOCK, locked

HOLD = """
import sys
from pathlib import Path
from keras_resnet_recipes.runs.lock import locked

with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `tmp_path`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process
        process.kill()


def test_the_error_says_who_trains(tmp_path, holder):
    with (
        pytest.raises(
            ValueError, match=rf"process {holder.pid} on '.+' since \d+-\d+-\d+"
        ) as error,
        locked(tmp_path),
    ):
        pass
    assert str(tmp_path) in str(error.value)
    assert json.loads((tmp_path / LOCK).read_text())["process"] == holder.pid


def test_a_killed_process_does_not_block(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / LOCK).is_file()
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["process"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_a_process_cannot_train_twice_into_a_folder(tmp_path):
    with locked(tmp_path):
        with pytest.raises(ValueError, match=f"process {os.getpid()}"), locked(tmp_path):
            pass
        assert (tmp_path / LOCK).is_file()
