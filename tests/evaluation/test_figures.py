"""Figures per class and calibration, equal to scikit-learn's and torchmetrics'."""

import json

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation import Examination, examine
from tests.tiny import tiny_resnet20

pytestmark = pytest.mark.every_backend


@pytest.fixture(scope="module")
def figures(golden):
    return golden("figures")


def model_of(scores):
    """Returns a model that returns the scores of the image whose index its pixel encodes."""
    image = keras.Input((1, 1, 3))
    # At most the last one, because it is also tried with noise.
    index = keras.ops.minimum(image[:, 0, 0, 0] + 256 * image[:, 0, 0, 1], len(scores) - 1)
    table = keras.layers.Embedding(*scores.shape)
    model = keras.Model(image, table(index))
    table.set_weights([scores])
    return model


def images_of(count):
    index = np.arange(count)
    return np.stack([index % 256, index // 256, 0 * index], 1).astype("uint8")[:, None, None]


@pytest.fixture(scope="module")
def examined(figures):
    """The golden scores, examined as logits of a softmax and of sigmoids."""
    model, images = model_of(figures["scores"]), images_of(len(figures["scores"]))
    recipes = {
        "softmax": krr.He2015CIFAR(test_size=1, batch_size=64),
        "sigmoid": krr.A3(test_size=1, batch_size=64),
    }
    return {
        name: examine(recipe, model, (images, figures["labels"]))
        for name, recipe in recipes.items()
    }


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_figures_per_class_are_those_of_scikit_learn(figures, examined, kind):
    found = examined[kind]
    rows = found.per_class
    assert [row.images for row in rows] == figures["support"].tolist()
    for name in ("precision", "recall", "f1"):
        np.testing.assert_allclose([getattr(row, name) for row in rows], figures[name], rtol=1e-14)
    mean = found.macro_average
    macro = mean.precision, mean.recall, mean.f1
    np.testing.assert_allclose(macro, figures["macro"], rtol=1e-14)
    np.testing.assert_array_equal(found.confusion, figures["confusion"])


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_calibration_error_is_that_of_the_recipes_activation(figures, examined, kind):
    found = examined[kind]
    assert found.activation == kind
    # torchmetrics computes in float32.
    assert found.calibration_error == pytest.approx(float(figures[f"{kind}_error"]), rel=1e-6)
    bins = found.confidence_bins
    assert len(bins) == 15
    assert sum(bin.images for bin in bins) == 500
    for bin in bins:
        assert not bin.images or bin.low < bin.probability <= bin.high


def test_probabilities_are_taken_as_they_are(figures):
    logits = model_of(figures["scores"])
    model = keras.Model(logits.input, keras.ops.softmax(logits.output))
    images = images_of(len(figures["scores"]))
    found = examine(krr.A3(test_size=1), model, (images, figures["labels"]))
    assert found.activation is None
    # The softmax is computed in float32.
    assert found.calibration_error == pytest.approx(float(figures["softmax_error"]), rel=1e-5)


@pytest.mark.parametrize("views", ["one", "ten_crop", "multi_scale", "mirrored"])
def test_the_scores_are_those_of_evaluate(views):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (13, 12, 10, 3), "uint8"), np.arange(13) % 7
    keras.utils.set_random_seed(0)
    with tiny_resnet20():
        model = krr.applications.ResNet20(classes=7, classifier_activation=None)
    recipe = krr.A3(test_size=8, test_views=views, batch_size=6)
    found, expected = examine(recipe, model, data), recipe.evaluate(model, data, verbose=0)
    assert found.scores.keys() == expected.keys()
    assert dict(found.scores) == pytest.approx(expected, rel=1e-5)


def test_a_constant_answer_is_compared():
    labels = np.array([0, 0, 0, 1, 1])
    common = {"dataset": "five", "class_names": ("a", "b"), "activation": None, "labels": labels}
    chances = np.full(5, 0.5)
    worse = Examination(**common, predicted=np.array([1, 1, 0, 1, 0]), probabilities=chances)
    assert (worse.most_frequent_class, worse.constant_top1) == ("a", 0.6)
    assert worse.constant_is_as_good
    better = Examination(**common, predicted=np.array([0, 0, 0, 1, 0]), probabilities=chances)
    assert not better.constant_is_as_good


@pytest.mark.full
def test_the_command_prints_a_table_and_writes_json(tmp_path, capsys):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (12, 8, 8, 3), "uint8"), np.array([0] * 8 + [1, 1, 2, 2])
    np.savez(
        tmp_path / "data.npz", x_train=data[0], y_train=data[1], x_test=data[0], y_test=data[1]
    )
    recipe = krr.He2015CIFAR(
        network="ResNet20", epochs=1, warmup_epochs=0, batch_size=4, train_size=8, test_size=8
    )
    with tiny_resnet20():
        recipe.fit(str(tmp_path / "data.npz"), run_dir=tmp_path / "run", verbose=0)
        capsys.readouterr()
        words = ["evaluate", str(tmp_path / "run"), "--data", str(tmp_path / "data.npz")]
        assert main([*words, "--json", str(tmp_path / "figures.json")]) == 0
    out = capsys.readouterr().out
    written = json.loads((tmp_path / "figures.json").read_text())
    assert f"top1 {written['top1']:.4f}" in out
    assert f"macro average      12   {written['macro_average']['precision']:8.2%}" in out
    assert ("A constant answer, always 0, would score as high: top1 0.6667." in out) == (
        # Keras' metric is in float32.
        round(written["top1"], 6) <= round(8 / 12, 6)
    )
    assert sum(map(sum, written["confusion"])) == written["images"] == 12
    assert [row["images"] for row in written["classes"]] == [8, 2, 2]
