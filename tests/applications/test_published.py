"""The table of published weights, and models built with them."""

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications import published
from keras_resnet_recipes.applications.published import find, resolved, table
from keras_resnet_recipes.applications.weights import save_timm_weights
from tests.applications.parity import HEADER, TOLERANCE, published_table

# "ResNet strikes back" with the seed-0 weights, measured by timm's author: top-1 at 224 and at 288 pixels
STRIKES_BACK = {
    ("ResNet18", "a1_in1k"): (71.504, 73.164),
    ("ResNet34", "a2_in1k"): (75.520, 77.150),
    ("ResNet50", "a1_in1k"): (80.382, 81.240),
    ("ResNet50", "a2_in1k"): (79.828, 80.774),
    ("ResNet50", "b1k_in1k"): (79.564, 80.708),
    ("ResNet50", "c2_in1k"): (79.868, 80.862),
    ("ResNet50", "d_in1k"): (79.904, 81.012),
    ("ResNet101", "a1_in1k"): (81.494, 82.326),
    ("ResNet152", "a2_in1k"): (81.764, 82.614),
    ("SEResNet50", "a1_in1k"): (80.012, 81.114),
    ("ECAResNet50T", "a1_in1k"): (81.282, 82.110),
}


@pytest.mark.parametrize(("network", "tag"), STRIKES_BACK)
def test_strikes_back(network, tag):
    row = find(network, tag)
    evaluations = [
        (evaluation.size, evaluation.crop_ratio, evaluation.top1) for evaluation in row.evaluations
    ]
    small, large = STRIKES_BACK[network, tag]
    assert evaluations == [(224, 0.95, small), (288, 1.0, large)]
    assert row.interpolation == "bicubic"


def test_every_row_can_be_used():
    rows = table()
    assert len(rows) == 111
    assert len({(row.network, row.tag) for row in rows}) == len(rows)
    for row in rows:
        theirs = row.network.lower().replace("wideresnet", "wide_resnet")
        assert row.repository == f"timm/{theirs}.{row.tag}"
        assert row.network in krr.applications.NETWORKS
        assert row.interpolation in ("bilinear", "bicubic")
        sizes = [evaluation.size for evaluation in row.evaluations]
        assert sizes == sorted(set(sizes))
        assert all(0.8 < evaluation.crop_ratio <= 1 for evaluation in row.evaluations)
        # Weights without a classifier have not been evaluated.
        accurate = [
            evaluation.top1 is not None and 60 < evaluation.top1 < 90
            for evaluation in row.evaluations
        ]
        assert all(accurate) == (row.classes == 1000)
        assert bool(row.license) == (row.classes == 1000)


def test_mean_and_standard_deviation_are_on_the_scale_of_pixels():
    row, halves = find("ResNet50", "a1_in1k"), find("ResNet18D", "ra4_e3600_r224_in1k")
    assert (row.mean, row.std) == ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    assert (halves.mean, halves.std) == ((127.5,) * 3, (127.5,) * 3)


def test_the_evaluation_nearest_in_size():
    row = find("ResNet101D", "ra2_in1k")
    assert [row.evaluation(size).size for size in (32, 224, 256, 288, 289, 320)] == [256] * 4 + [
        320
    ] * 2


PAGE = (Path(krr.__file__).parents[1] / "docs" / "weights.md").read_text()


def test_the_page_shows_the_table():
    assert published_table() in PAGE


def test_the_page_has_the_parity_of_every_network_of_timm(golden):
    lines = PAGE.split(HEADER)[1].strip().split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(all(row) and len(row) == 6 for row in cells)
    theirs = [row[0].lower().replace("wideresnet", "wide_resnet") for row in cells]
    in_timm = [
        name for name, (_, products) in golden("networks").meta["counts"].items() if products
    ]
    assert sorted(theirs) == sorted(in_timm)
    assert all(float(row[2]) <= TOLERANCE and float(row[4]) <= TOLERANCE for row in cells)


@pytest.mark.parametrize(
    ("network", "tag", "message"),
    [
        (
            "ResNet50C",
            "imagenet1k",
            r"`weights` of ResNet50C .*tag \(gluon_in1k\), .*='imagenet1k'",
        ),
        ("ResNet50", "a1_in", r"\(a1_in1k, .*tv_in1k\), .*='a1_in'. Did you mean `a1_in1k`\?"),
        ("ResNet20", "a1_in1k", r"`weights` of ResNet20 must be .*\(there are none\)"),
    ],
)
def test_the_error_for_an_unknown_tag_lists_the_tags(network, tag, message):
    with pytest.raises(ValueError, match=message):
        getattr(krr.applications, network)(tag)


def test_a_path_is_not_a_tag(tmp_path):
    path = tmp_path / "a.keras"
    path.touch()
    assert resolved("ResNet50", str(path)) == (None, path)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file like the published one of ResNet10T."""
    path = tmp_path_factory.mktemp("hub") / "model.safetensors"
    network = krr.applications.ResNet10T()
    save_timm_weights(network, path)
    return path, network


@pytest.fixture
def downloaded(file, monkeypatch):
    """Replaces the download by that file."""
    path, network = file
    monkeypatch.setattr(published, "download", lambda repository: path)
    return network


def test_another_number_of_classes_gets_a_new_classifier(downloaded, capsys):
    model = krr.applications.ResNet10T("c3_in1k", classes=7)
    said = "`weights`: timm/resnet10t.c3_in1k has 1000 classes; the classifier of 7 is initialized randomly.\n"
    assert capsys.readouterr().out == said
    assert model.output_shape == (None, 7)
    for ours, theirs in zip(model.weights[:-2], downloaded.weights[:-2], strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_features_and_1000_classes_print_nothing(downloaded, tmp_path, capsys):
    features = krr.applications.ResNet10T("c3_in1k", include_top=False, pooling="avg")
    model = krr.applications.ResNet10T("c3_in1k", include_preprocessing=False)
    assert capsys.readouterr().out == ""
    assert features.published == model.published == find("ResNet10T", "c3_in1k")
    model.save(tmp_path / "model.keras")
    assert not hasattr(keras.saving.load_model(tmp_path / "model.keras"), "published")
    for ours, theirs in zip(model.weights, downloaded.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_preprocessing_is_that_of_the_weights(downloaded, monkeypatch):
    halves = find("ResNet18D", "ra4_e3600_r224_in1k")
    monkeypatch.setattr(published, "find", lambda network, tag: halves)
    model = krr.applications.ResNet10T("any", include_top=False)
    normalization = model.get_layer("normalization")
    pixels = np.array([0, 127.5, 255], "float32").reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(np.ravel(normalization(pixels)), [-1, 0, 1])


RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 50, 40, 3), "uint8"), np.arange(4) % 2


def tiny_network():
    """A network of two classes that depend on the image's mean color."""
    mean = [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((None, None, 3)), *mean, keras.layers.Dense(2)])


def evaluated(recipe, model):
    return recipe.evaluate(model, IMAGES, verbose=0)["loss"]


def test_evaluate_uses_the_crop_of_the_weights(capsys):
    model = tiny_network()
    recipe = krr.A3(test_size=32)
    tested = recipe.replace(test_crop_ratio=0.875, test_interpolation="bilinear")
    own, expected = evaluated(recipe, model), evaluated(tested, model)
    assert own != expected
    model.published = find("ResNet50", "tv_in1k")
    capsys.readouterr()
    assert evaluated(recipe, model) == expected
    assert capsys.readouterr().out == (
        "`test_crop_ratio`: 0.875, `test_interpolation`: bilinear, "
        "as timm/resnet50.tv_in1k is tested at 224.\n"
    )
    # Values changed by the user are kept.
    mine = evaluated(recipe.replace(test_crop_ratio=0.9), model)
    model.published = None
    assert mine == evaluated(tested.replace(test_crop_ratio=0.9), model)


def test_trained_weights_are_no_longer_the_published_ones():
    model = tiny_network()
    model.published = find("ResNet50", "tv_in1k")
    recipe = krr.A3(epochs=1, warmup_epochs=0, batch_size=4, train_size=32)
    recipe.fit(IMAGES, model=model, verbose=0)
    assert model.published is None
