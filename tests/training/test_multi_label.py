"""Images with several labels: metrics against scikit-learn, the loss against torch, training, prediction, commands."""

import json
import warnings

import keras
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import average_precision_score, f1_score

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation.mistakes import examine
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.training.class_weights import training_loss
from keras_resnet_recipes.training.multi_label import mean_average_precision, scores
from tests.runs.same_run import StopAt, StoppedError, without_times
from tests.tiny import plain_recipe, tiny_model

pytestmark = pytest.mark.every_backend

CLASSES = 3
RECIPE = plain_recipe(epochs=2, batch_size=8, learning_rate=0.05, optimizer=keras.optimizers.SGD())


def colored(n=24, seed=0):
    """Images whose colors are their labels; some have none."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (n, CLASSES))
    y[:2] = [[0, 0, 0], [1, 1, 0]]
    noise = rng.integers(0, 60, (n, 8, 8, 3))
    return (180 * y[:, None, None] + noise).astype("uint8"), y


DATA, VAL = colored(), colored(13, seed=1)


def model(classes=CLASSES):
    keras.utils.set_random_seed(0)
    return tiny_model(classes, 8)


def fit(recipe=RECIPE, data=DATA, **options):
    return recipe.fit(data, **{"model": model(), "verbose": 0, "seed": 3, **options})


def logits_of(trained, x):
    return trained.predict(x.astype("float32"), verbose=0)


def scikit_learn(y, logits):
    """The macro average over the classes that occur, and the F1 score of all."""
    occurs = y.any(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f1 = f1_score(y, logits > 0, average="macro", zero_division=0)
    return average_precision_score(y[:, occurs], logits[:, occurs], average="macro"), f1


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rare", [False, True], ids=["all classes", "a class without positives"])
def test_metrics_equal_those_of_scikit_learn(ties, rare):
    rng = np.random.default_rng(0)
    y, logits = rng.integers(0, 2, (50, 6)), rng.standard_normal((50, 6))
    if ties:
        logits = np.round(2 * logits) / 2
        assert len(np.unique(logits)) < 20
    if rare:
        y[:, 2] = 0
        y[:, 4] = np.arange(50) == 7
    precision, f1 = scikit_learn(y, logits)
    found = scores(RECIPE, y, logits.astype("float32"))
    # scikit-learn computes in float64, Keras' F1 in float32.
    expected = precision if ties else scikit_learn(y, logits.astype("float32"))[0]
    assert found["mean_average_precision"] == pytest.approx(expected, rel=1e-12)
    assert found["f1"] == pytest.approx(f1, rel=1e-6)


def test_each_class_equals_scikit_learn():
    rng = np.random.default_rng(1)
    for size in (1, 2, 30):
        y = rng.integers(0, 2, (size, 1))
        y[0] = 1
        output = rng.integers(0, 5, (size, 1)).astype("float32")
        expected = average_precision_score(y[:, 0], output[:, 0])
        assert mean_average_precision(y, output) == pytest.approx(expected, rel=1e-12)


def test_no_class_occurs():
    assert np.isnan(mean_average_precision(np.zeros((3, 2)), np.zeros((3, 2))))


@pytest.mark.parametrize("on_device", [False, True], ids=["host", "device"])
def test_history_has_the_metrics_of_the_trained_model(on_device):
    recipe = RECIPE.replace(data_on_device=on_device)
    history = fit(recipe, validation_data=VAL)
    logs = history.history
    assert {"loss", "val_loss", "val_mean_average_precision", "val_f1"} <= {*logs}
    assert not any("top1" in name for name in logs)
    precision, f1 = scikit_learn(VAL[1], logits_of(history.model, VAL[0]))
    assert logs["val_mean_average_precision"][-1] == pytest.approx(precision, rel=1e-6)
    assert logs["val_f1"][-1] == pytest.approx(f1, rel=1e-6)
    result = recipe.evaluate(history.model, VAL, verbose=0)
    assert result["images"] == 13
    for name in ("loss", "mean_average_precision", "f1"):
        assert result[name] == pytest.approx(logs[f"val_{name}"][-1], rel=1e-6)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(logits_of(history.model, VAL[0])), torch.tensor(VAL[1], dtype=torch.float32)
    )
    assert result["loss"] == pytest.approx(float(losses), rel=1e-5)


def test_it_learns():
    history = fit(RECIPE.replace(epochs=40, learning_rate=1.0), validation_data=VAL).history
    assert history["val_mean_average_precision"][-1] > 0.95


def first_batch(recipe, data):
    unreadable = krr.data.UnreadableImages(data, "skip")
    recipe = recipe.replace(classes=CLASSES)
    return TrainingBatches(recipe, data, steps=1, seed=3, unreadable=unreadable).batch(0, 0)


@pytest.mark.parametrize("threshold", [None, 0.2])
def test_mixed_and_smoothed_targets(threshold):
    x = np.arange(8, dtype="uint8")[:, None, None, None] * np.ones((1, 8, 8, 3), "uint8")
    data = krr.data.from_arrays(x, DATA[1][:8])
    recipe = RECIPE.replace(target_threshold=threshold, label_smoothing=0.1)
    images, plain = first_batch(recipe, data)
    order = images[:, 0, 0, 0]
    expected = 0.9 * DATA[1][order] + 0.1 / 3
    np.testing.assert_allclose(plain, expected, rtol=2e-7)
    _, mixed = first_batch(recipe.replace(mix=krr.augment.MixUp(1.0)), data)
    share = np.linalg.lstsq(
        np.stack([expected.ravel(), expected[::-1].ravel()], 1), mixed.ravel(), rcond=None
    )[0]
    assert share.sum() == pytest.approx(1, abs=1e-5)
    assert 0 < share[0] < 1
    np.testing.assert_allclose(mixed, share[0] * expected + share[1] * expected[::-1], atol=1e-6)


@pytest.mark.parametrize("weights", ["balanced", (0.5, 0.0, 4.0)])
def test_class_weights_are_the_positive_weights_of_torch(weights):
    rng = np.random.default_rng(0)
    x, y = DATA
    logits, targets = 3 * rng.standard_normal((8, CLASSES)), rng.uniform(0, 1, (8, CLASSES))
    recipe = RECIPE.replace(class_weights=weights, target_threshold=None, classes=CLASSES)
    positive = (y == 0).sum(0) / (y == 1).sum(0) if weights == "balanced" else np.array(weights)
    loss = training_loss(recipe, krr.data.from_arrays(x, y))
    for t in (targets, np.round(targets)):
        expected = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(logits), torch.tensor(t), pos_weight=torch.tensor(positive)
        )
        ours = float(loss(t.astype("float32"), logits.astype("float32")))
        assert ours == pytest.approx(float(expected), rel=1e-6)
    assert keras.losses.deserialize(keras.losses.serialize(loss)).positive_weights == tuple(
        positive
    )


def test_class_weights_change_training_alone():
    recipe = RECIPE.replace(class_weights=(5.0, 1.0, 1.0))
    weighted, plain = (fit(one, validation_data=VAL) for one in (recipe, RECIPE))
    assert weighted.history["loss"][0] > plain.history["loss"][0]
    result = RECIPE.evaluate(weighted.model, VAL, verbose=0)
    assert weighted.history["val_loss"][-1] == pytest.approx(result["loss"], rel=1e-6)


def test_runs_resume_and_keep_the_best_epoch(tmp_path, tiny_resnet20):
    recipe = RECIPE.replace(epochs=3, learning_rate=0.5)

    def trained(folder, **options):
        return recipe.fit(DATA, validation_data=VAL, run_dir=folder, verbose=0, **options)

    whole = trained(tmp_path / "whole").history
    with pytest.raises(StoppedError):
        trained(tmp_path / "parts", callbacks=[StopAt(2, 1)])
    assert without_times(trained(tmp_path / "parts").history) == without_times(whole)
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["multi_label"] is True
    best = recipe.evaluate(krr.load_run(tmp_path / "whole", "best"), VAL, verbose=0)
    expected = max(whole["val_mean_average_precision"])
    assert best["mean_average_precision"] == pytest.approx(expected, rel=1e-6)
    changed = DATA[1].copy()
    changed[0] = [1, 0, 1]
    with pytest.raises(ValueError, match="instead of"):
        recipe.fit((DATA[0], changed), validation_data=VAL, run_dir=tmp_path / "whole", verbose=0)


def test_predictions_mark_what_is_present(tmp_path):
    trained = fit(RECIPE.replace(epochs=40, learning_rate=1.0)).model
    for number, image in enumerate(VAL[0][:4]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    found = list(RECIPE.predict(trained, [tmp_path], class_names=["red", "green", "blue"]))
    logits = logits_of(trained, VAL[0][:4])
    for prediction, row in zip(found, logits, strict=True):
        probabilities = {index: probability for index, _, probability in prediction.labels}
        assert len(probabilities) == CLASSES
        for index, value in probabilities.items():
            assert value == pytest.approx(1 / (1 + np.exp(-float(row[index]))), rel=1e-4)
        assert {index for index, *_ in prediction.present} == set(np.flatnonzero(row > 0))
    plain = next(iter(RECIPE.predict(model(), [tmp_path / "0.png"])))
    assert plain.present == ()


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        (
            {"loss": krr.recipe.CategoricalCrossentropy()},
            {},
            r"krr.A3\(loss=krr.recipe.BinaryCrossentropy\(\)\), --set 'loss=Binary",
        ),
        ({"balanced_sampling": True}, {}, "`balanced_sampling` must be False for images with sev"),
        (
            {"schedule": krr.schedules.Plateau(patience=1)},
            {},
            "`validation_data` must be given with Plateau",
        ),
        ({"classes": 2}, {}, r"within 0..1 for 2 classes. Received: 2"),
        (
            {},
            {"data": (DATA[0], np.arange(24) % 3), "validation_data": VAL},
            "of one label per image",
        ),
    ],
)
def test_what_cannot_be(changes, options, message):
    with pytest.raises(ValueError, match=message):
        fit(RECIPE.replace(**changes), **{"model": None, **options})


def test_a_plateau_follows_the_mean_average_precision():
    schedule = krr.schedules.Plateau(factor=0.1, patience=1)
    recipe = RECIPE.replace(schedule=schedule, epochs=3, learning_rate=1e-9)
    history = fit(recipe, validation_data=VAL).history
    np.testing.assert_allclose(history["learning_rate"], [1e-9, 1e-9, 1e-10], rtol=1e-5)


def test_there_is_no_confusion_matrix():
    with pytest.raises(ValueError, match="must have one label per image for a confusion matrix"):
        examine(RECIPE.replace(classes=CLASSES), model(), VAL)


@pytest.mark.full
def test_commands(tmp_path, capsys, tiny_resnet20):
    names, rows = ("red", "green", "blue"), []
    for number, (image, label) in enumerate(zip(*DATA, strict=True)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        own = [name for name, one in zip(names, label, strict=True) if one]
        rows.append(",".join([f"{number}.png", *own, *[""] * (3 - len(own))]))
    (tmp_path / "list.csv").write_text("\n".join(rows))
    RECIPE.to_json(tmp_path / "recipe.json")
    data, run = ["--data", str(tmp_path / "list.csv")], str(tmp_path / "run")
    options = [*data, "--val", data[1], "--run-dir", run]
    assert main(["train", str(tmp_path / "recipe.json"), *options]) == 0
    assert "mean average precision 0." in capsys.readouterr().out
    file = tmp_path / "figures.json"
    assert main(["evaluate", run, *data, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    shown = f"mean_average_precision {figures['mean_average_precision']:.4f}"
    assert shown in capsys.readouterr().out
    assert figures["images"] == len(rows)
    assert main(["predict", run, str(tmp_path / "1.png")]) == 0
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert sorted(line.split()[-1] for line in lines) == sorted(names)
    for line in lines:
        assert line.startswith("*") == (float(line.split("%")[0].strip("* ")) > 50)
    png = str(tmp_path / "preview.png")
    columns = ["--columns", "4", "--out", png]
    assert main(["preview", str(tmp_path / "recipe.json"), *data, *columns]) == 0
    loss = ["--set", "loss=CategoricalCrossentropy()"]
    assert main(["train", str(tmp_path / "recipe.json"), *data, *loss]) == 2
    assert "--set 'loss=BinaryCrossentropy()'" in capsys.readouterr().err
