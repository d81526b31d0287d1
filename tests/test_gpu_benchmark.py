"""benchmarks/gpu.py without GPU and TensorFlow: it runs, resumes, and prints tables of the measurements."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
# As sitecustomize.py, simulates in all processes that TensorFlow is not installed.
WITHOUT = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
"""
# Multiplications at 224 pixels, "GFLOPS" in https://docs.pytorch.org/vision/stable/models.html.
RESNET18 = 1.814e9


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import gpu

    return gpu


def save_images(path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (16, 32, 32, 3), "uint8"), np.arange(16) % 10
    np.savez(path, x_train=images, y_train=labels, x_test=images[:8], y_test=labels[:8])
    return path


def run(folder):
    words = "--engines ours --network ResNet18 --sizes 32 --precisions bfloat16 --batch 8"
    words += " --updates 2 --rounds 1 --seeds 3 --epochs 2 --peak-tflops 2"
    paths = ["--cifar10", folder / "images.npz", "--results", folder / "results"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        # Otherwise half of the time is spent on optimizing programs that run only a few times.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, BENCHMARKS / "gpu.py", *words.split(), *paths]
    command += ["--json", folder / "gpu.json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "gpu.json").read_text()), done


@pytest.mark.full
def test_the_benchmark_runs_without_tensorflow_and_resumes(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    save_images(tmp_path / "images.npz")
    record, done = run(tmp_path)
    assert record["conditions"]["command"].startswith("python benchmarks/gpu.py --engines ours")
    assert {"keras", "jax"} <= set(record["conditions"]["versions"])
    (case,) = record["training"]
    assert (case["network"], case["size"], case["precision"]) == ("ResNet18", 32, "bfloat16")
    first, second = case["turns"]["ours"]
    assert min(first["seconds"], second["seconds"], first["import_seconds"]) > 0
    assert first["device"]["name"] == "cpu"
    # Feature maps have a seventh of the side; the last layer has 512 inputs and 1000 outputs. Published to 4 digits.
    multiplications = (RESNET18 - 512_000) / 49 + 512_000
    assert first["operations"] == pytest.approx(2 * multiplications, rel=5e-4)
    (seed,) = record["speed_runs"]
    assert (seed["seed"], seed["epochs"], seed["target"]) == (3, 2, 94.0)
    # The images are noise.
    assert seed["reached"] is None
    assert len(seed["val_top1"]) == len(seed["train_seconds"]) == 2
    assert min(seed["train_seconds"]) > 0
    for text in ("ResNet18, 32 px, batch 8, bfloat16, ours", "94 % | - (0 of 1 reached it) | - |"):
        assert text in done.stdout

    assert "measured:" in done.stderr
    again, done = run(tmp_path)
    # The test may run at midnight.
    for one in (again, record):
        del one["conditions"]["date"]
    assert again == record
    assert "measured:" not in done.stderr


def turns(*seconds, **first):
    rounds = [{"seconds": each, "device_mib": 100 * each} for each in seconds]
    return [rounds[0] | {"device": {"name": "one", "platform": "two"}} | first, *rounds[1:]]


def test_the_tables_contain_medians(gpu):
    case = {"network": "ResNet50", "size": 160, "batch": 10, "precision": "float16", "updates": 2}
    case["turns"] = {
        "ours": turns(30, 1.0, 2.0, 1.0, operations=10**9),
        "timm": turns(40, 2.0, 3.0, 1.5, compiled=False),
    }
    runs = [
        {"epochs": 3, "target": 94.0, "device": {"name": "one"}, "reached": reached, **logs}
        for reached, logs in (
            ([2, 8.0], {"val_top1": [0.2, 0.94, 0.95], "train_seconds": [6.0, 2.0, 2.0]}),
            ([3, 10.0], {"val_top1": [0.1, 0.2, 0.94], "train_seconds": [6.0, 2.0, 2.0]}),
            (None, {"val_top1": [0.1, 0.2, 0.93], "train_seconds": [7.0, 2.0, 2.0]}),
        )
    ]
    record = {"conditions": {"gpu": "card, driver 1"}, "peak_tflops": 0.5}
    record |= {"training": [case], "speed_runs": runs}
    # 20 images in 1 s, three times 10**9 operations each, at a peak of 5 * 10**11 per second.
    ours = "| 20.0 | 1.500 (1.500-2.000) | 0.120 | 3000 | 30.0 |"
    theirs = "| 10.0 | - | 0.060 | 4000 | 40.0 |"
    assert gpu.table(record) == [
        "| training | images/s | / timm | fraction of peak | device MiB | first turn s |",
        "|---|---|---|---|---|---|",
        f"| ResNet50, 160 px, batch 10, float16, ours {ours}",
        f"| ResNet50, 160 px, batch 10, float16, timm (not compiled) {theirs}",
        "",
        "| DAWNBench, 3 epochs | mean | standard deviation | seeds |",
        "|---|---|---|---|",
        "| seconds to 94 % | 9.00 (2 of 3 reached it) | 1.41 | 8.00, 10.00, - |",
        "| seconds of all epochs | 10.33 | 0.58 | 10.00, 10.00, 11.00 |",
        "| compilation seconds | 4.33 | 0.58 | 4.00, 4.00, 5.00 |",
        "| accuracy of the last epoch, % | 94.00 | 1.00 | 95.00, 94.00, 93.00 |",
        "",
        "- card, driver 1",
        "- ours: one",
        "- timm: one, two",
    ]


def test_a_change_of_settings_or_hardware_repeats_the_measurement(gpu, tmp_path):
    path, here = tmp_path / "case.json", {"gpu": "card", "versions": {"jax": "1"}}
    results = [gpu.kept(path, {"batch": 1}, here, lambda: {"value": 1})]
    results.append(gpu.kept(path, {"batch": 1}, here, lambda: {"value": 2}))
    results.append(gpu.kept(path, {"batch": 2}, here, lambda: {"value": 3}))
    results.append(gpu.kept(path, {"batch": 2}, here | {"gpu": "other"}, lambda: {"value": 4}))
    assert [result["value"] for result in results] == [1, 1, 3, 4]
