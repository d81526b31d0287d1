"""Rows and seeds: run folders, results.json, and the spread of results."""

import json
from types import SimpleNamespace

import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.experiments import runs, spread

ROWS = (
    runs.Row("A3", krr.A3()),
    runs.Row("+ something else", krr.A3(epochs=30)),
)


def history(*top1):
    log = {"loss": [1.0] * len(top1), "val_top1": list(top1), "seconds": [2.0] * len(top1)}
    return SimpleNamespace(history=log)


def test_all_rows_are_trained_with_a_seed_before_the_next(tmp_path):
    calls = []

    def fit(row, folder, seed):
        calls.append((folder.relative_to(tmp_path).as_posix(), seed))
        return history(0.5, 0.25 * seed)

    logs = runs.each_run(ROWS, fit, run_dir=tmp_path, seeds=[1, 2])
    assert calls == [
        ("a3/seed-1", 1),
        ("something-else/seed-1", 1),
        ("a3/seed-2", 2),
        ("something-else/seed-2", 2),
    ]
    assert [log["val_top1"][-1] for log in logs["A3"]] == [0.25, 0.5]


def test_results_are_written_after_each_run(tmp_path):
    written = []

    def fit(row, folder, seed):
        file = tmp_path / "results.json"
        found = json.loads(file.read_text()) if file.exists() else []
        written.append(sum(len(row["runs"]) for row in found))
        return history(0.5, 0.25)

    runs.each_run(ROWS, fit, run_dir=tmp_path, seeds=[7])
    assert written == [0, 1]
    found = json.loads((tmp_path / "results.json").read_text())
    assert [(row["row"], row["recipe"]) for row in found] == [
        ("A3", "A3()"),
        ("+ something else", "A3(epochs=30)"),
    ]
    assert found[0]["runs"] == [
        {
            "seed": 7,
            "epochs": 2,
            "loss": 1.0,
            "val_top1": 0.25,
            "seconds": 4.0,
            "best_val_top1": 0.5,
        }
    ]


@pytest.mark.full
def test_a_failed_run_has_no_metrics_and_does_not_stop_the_others(tmp_path):
    def fit(row, folder, seed):
        if seed == 1 and row.name == "A3":
            raise FloatingPointError("the loss is nan in epoch 3")
        return history(0.5 + 0.1 * seed)

    logs = runs.each_run(ROWS, fit, run_dir=tmp_path, seeds=[1, 2, 3])
    assert spread.accuracy_cells(logs["A3"]) == ("75.00", "7.07", "2 of 3")
    assert spread.accuracy_cells(logs["+ something else"]) == ("70.00", "10.00", "3")
    assert spread.accuracy_cells([{}]) == ("not measured", "not measured", "0 of 1")
    assert spread.accuracy_cells(()) == ("not measured", "not measured", "0")
    assert spread.compared(logs).rows == {
        "A3": ("75.00", "7.07", "2 of 3", ""),
        "+ something else": ("70.00", "10.00", "3", "-5.00"),
    }
    found = json.loads((tmp_path / "results.json").read_text())
    assert found[0]["runs"][0] == {"seed": 1}


def test_nothing_is_compared_with_a_failed_row():
    rows = spread.compared({"A": [{}], "B": [{"val_top1": [0.5]}]}).rows
    assert rows["A"] == ("not measured", "not measured", "0 of 1", "")
    assert rows["B"] == ("50.00", "not measured", "1", "not measured")


def test_only_named_rows_are_chosen():
    rows = runs.chosen(ROWS, ["A3"])
    assert [row.name for row in rows] == ["A3"]
    assert runs.chosen(ROWS, None) == ROWS
    with pytest.raises(
        ValueError, match=r"`rows` must be one or more of 'A3', '\+ something else'\. Received"
    ):
        runs.chosen(ROWS, ["something else"])


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_are_checked(seeds):
    with pytest.raises(ValueError, match="`seeds` must be one or more different numbers"):
        runs.each_run(ROWS, None, run_dir=None, seeds=seeds)


def test_spreads_are_of_the_accuracy_or_else_of_the_loss():
    # 1, 2, 3, 4: mean 2.5, sample variance 5 / 3
    logs = [{"loss": [9.0], "val_top1": [0.9, value / 10]} for value in (1, 2, 3, 4)]
    table = spread.spreads([*logs, {}])
    assert table.rows["top-1, last epoch"] == ("0.2500", "0.1291", "0.1000", "0.4000")
    assert table.rows["top-1, best epoch"] == ("0.9000", "0.0000", "0.9000", "0.9000")
    assert spread.spreads([{}]).rows["top-1, last epoch"] == ("not measured",) * 4
    losses = spread.spreads([{"loss": [3.0, 1.0]}, {"loss": [3.0, 2.0]}])
    assert losses.rows == {"loss, last epoch": ("1.5000", "0.7071", "1.0000", "2.0000")}


def test_seconds_to_a_target_cover_the_runs_that_reached_it():
    logs = [
        {"loss": [1.0], "val_top1": [0.9, end], "train_seconds": [4.0, 2.0 + 10 * (end - 0.9)]}
        for end in (0.93, 0.94, 0.96)
    ]
    rows = spread.spreads([*logs, {}], 94.0).rows
    assert rows["seconds to 94 %, 2 of 4 runs"] == ("6.5000", "0.1414", "6.4000", "6.6000")
    assert spread.spreads(logs, 99.0).rows["seconds to 99 %, 0 of 3 runs"] == ("not measured",) * 4
