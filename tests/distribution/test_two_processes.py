"""Two JAX processes that communicate over loopback, compared with one with the same batches and devices."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from keras_resnet_recipes.runs.progress import TIMES

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "train_host.py"
# An idle machine needs 15 s. Errors between two processes appear as waiting.
SECONDS = 240


def started(folder, **environment):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(PROGRAM), str(folder)],
        env={
            **{name: value for name, value in os.environ.items() if "DISTRIBUTION" not in name},
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "CUDA_VISIBLE_DEVICES": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": str(ROOT),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(processes):
    """Returns the output of each process; all are killed after the timeout."""
    until = time.monotonic() + SECONDS
    try:
        outputs = [
            process.communicate(timeout=until - time.monotonic())[0] for process in processes
        ]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    assert not any(codes), (codes, [output[-3000:] for output in outputs])
    return outputs


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def results(folder, number):
    with np.load(folder / f"{number}.npz") as arrays:
        return json.loads((folder / f"{number}.json").read_text()), dict(arrays)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders of one process with two devices and of two with one, and the output of the two."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    ended([started(one, XLA_FLAGS="--xla_force_host_platform_device_count=2")])
    address = f"127.0.0.1:{free_port()}"
    outputs = ended(
        [
            started(
                two,
                XLA_FLAGS="--xla_force_host_platform_device_count=1",
                KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
                KERAS_DISTRIBUTION_NUM_PROCESSES="2",
                KERAS_DISTRIBUTION_PROCESS_ID=str(number),
            )
            for number in (0, 1)
        ]
    )
    return one, two, outputs


def test_two_processes_equal_one(folders):
    """With LAMB, clipping that has an effect, MixUp, CutMix and a resumed epoch."""
    one, two, _ = folders
    expected, single = results(one, 0)
    movement = np.abs(single["after"] - single["before"]).max()
    assert movement > 0.01
    for number in (0, 1):
        known, arrays = results(two, number)
        assert known["devices"] == expected["devices"] == 2
        # float32 sums in another order: the tolerance of all float32 comparisons, 0.01 %.
        assert np.abs(arrays["after"] - single["after"]).max() < 1e-4 * movement
        assert known["epochs"] == [0, 1]
        assert known["history"].keys() == expected["history"].keys()
        for name in known["history"].keys() - {*TIMES}:
            values = known["history"][name]
            np.testing.assert_allclose(values, expected["history"][name], rtol=1e-5, err_msg=name)


def test_both_processes_have_the_same_counts(folders):
    one, two, _ = folders
    expected = results(one, 0)[0]
    for number in (0, 1):
        evaluation = results(two, number)[0]["evaluation"]
        assert evaluation["images"] == expected["evaluation"]["images"] == 45
        for name in ("top1", "top5"):
            assert round(evaluation[name] * 45) == round(expected["evaluation"][name] * 45)
            assert evaluation[name] == pytest.approx(
                results(two, number)[0]["history"][f"val_{name}"][-1], abs=1e-6
            )


def test_one_process_writes(folders):
    _, two, outputs = folders
    files = [
        "best.weights.h5",
        "checkpoints.json",
        "last.weights.h5",
        "log.csv",
        "recipe.json",
        "run.json",
    ]
    # Listed by each process when its `fit` returned.
    assert [results(two, number)[0]["files"] for number in (0, 1)] == [files, files]
    with (two / "run" / "log.csv").open(newline="") as log:
        assert [row["epoch"] for row in csv.DictReader(log)] == ["0", "1"]
    assert ["epoch 1/2" in output for output in outputs] == [True, False]
