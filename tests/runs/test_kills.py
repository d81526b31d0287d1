"""A training that is killed at any moment ends with the same bits as an uninterrupted one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from keras_resnet_recipes.runs import checkpoints
from keras_resnet_recipes.runs.log import read_log
from keras_resnet_recipes.runs.progress import TIMES

ROOT = Path(__file__).parents[2]
KILLS = 20


def contents(file):
    """Returns every array of a weights file (network, optimizer) and the seeds and metrics of the run."""
    found = {}
    with h5py.File(file) as opened:
        opened.visititems(
            lambda name, item: (
                found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None
            )
        )
    entry = checkpoints.verified(file)
    # The log has the seconds of each epoch.
    del entry["sha256"], entry["log_sha256"]
    return {**found, "entry": json.dumps(entry)}


@pytest.mark.full
def test_twenty_kills_do_not_change_the_result(tmp_path):
    script = Path(__file__).with_name("killed_run.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, str(KILLS)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    phases = done.stdout.splitlines()[-1].split()[2:]
    assert len(phases) == KILLS
    # The kills must hit different phases.
    assert {"start", "step", "save"} <= set(phases), phases
    print(phases)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    logs = [
        [{name: row[name] for name in row.keys() - {*TIMES}} for row in read_log(folder)]
        for folder in (whole, killed)
    ]
    assert logs[0] == logs[1]
    # The best weights are without the optimizer.
    for name, arrays in (("last.weights.h5", 20), ("best.weights.h5", 8)):
        one, other = contents(whole / name), contents(killed / name)
        assert len(one) > arrays
        assert one == other, name
