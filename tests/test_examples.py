"""The examples run unchanged on a few small images; docs/heads.md has the results of longer runs."""

import json
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr

pytestmark = pytest.mark.full

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.fixture(scope="module")
def detection():
    return load("detection")


def test_segmentation_runs(tmp_path, capsys):
    sheet = tmp_path / "results.png"
    options = ["--size", "32", "--images", "16", "--epochs", "1", "--plot", str(sheet)]
    mean_iou = load("segmentation")["main"](options)
    assert 0 < mean_iou < 1
    assert f"mean IoU {mean_iou:.3f} on 8 held-out images" in capsys.readouterr().out
    # Images, labels and predictions of eight images, in rows
    assert keras.utils.img_to_array(keras.utils.load_img(sheet)).shape == (96, 256, 3)


def test_detection_runs(detection, tmp_path, capsys):
    sheet = tmp_path / "results.png"
    options = ["--size", "32", "--images", "16", "--epochs", "1", "--plot", str(sheet)]
    precision = detection["main"](options)
    assert 0 <= precision <= 1
    assert f"AP at IoU 0.5: {precision:.3f} on 8 held-out images" in capsys.readouterr().out
    assert keras.utils.img_to_array(keras.utils.load_img(sheet)).shape == (64, 512, 3)


def test_targets_decode_to_their_boxes(detection):
    """With the targets as network outputs, every disk is found at its position and size."""
    _, boxes = detection["draw_images"](np.random.default_rng(0), 20, 64)
    outputs = [detection["target"](each, 64) for each in boxes]
    for output in outputs:
        output[..., 0] = np.where(output[..., 0] == 1, 5.0, -5.0)
    found = [detection["peaks"](output) for output in outputs]
    assert detection["average_precision"](found, boxes) == 1.0
    for decoded, expected in zip(found, boxes, strict=True):
        decoded, expected = (each[np.lexsort(each.T)] for each in (decoded[:, 1:], expected))
        # float32 rounding of values up to 64
        np.testing.assert_allclose(decoded, expected, atol=1e-4)


def test_average_precision_matches_a_calculation_by_hand(detection):
    box = np.array([0.0, 0.0, 10.0, 10.0])
    boxes = [np.stack([box, box + 20]), np.stack([box])]
    found = [
        # Correct, a duplicate, and a miss
        np.array([[0.9, *box], [0.8, *box], [0.1, *(box + 15)]]),
        np.array([[0.7, *(box + 1)]]),  # correct: IoU 81 / 119
    ]
    # Correct, wrong, correct, wrong for three boxes: precision 1 up to recall 1/3, 2/3 up to 2/3
    assert detection["average_precision"](found, boxes) == pytest.approx((1 + 2 / 3) / 3)


def test_transfer_loads_the_model_it_saved(tmp_path, capsys):
    model = tmp_path / "digits.keras"
    options = ["--digits", "64", "--epochs", "1", "--model", str(model)]
    accuracy = load("transfer")["main"](options)
    assert all(0 <= value <= 1 for value in accuracy.values())
    assert model.exists()
    assert f"top-1 {accuracy['head']:.3f} with the head" in capsys.readouterr().out


@pytest.mark.parametrize("network", ["EfficientNetV2B0", "ConvNeXtTiny"])
def test_other_networks_train_with_a_recipe(network, capsys):
    options = ["--networks", network, "--size", "32", "--digits", "24", "--epochs", "1"]
    found = load("other_networks")["main"](options)
    assert list(found) == [network]
    assert 0 <= found[network] <= 1
    assert "1 updates" in capsys.readouterr().out


@pytest.fixture
def dataset(tmp_path):
    """Path of an .npz file of 16 training and 8 test images in four classes."""
    rng = np.random.default_rng(0)
    arrays = {"y_train": np.arange(16) % 4, "y_test": np.arange(8) % 4}
    for split, count in (("train", 16), ("test", 8)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, 8, 8, 3), "uint8")
    np.savez(tmp_path / "images.npz", **arrays)
    return str(tmp_path / "images.npz")


def test_distillation_resumes(dataset, tmp_path, capsys):
    main, folder = load("distillation")["main"], tmp_path / "runs"
    options = ["--data", dataset, "--runs", str(folder), "--size", "8", "--batch-size", "8"]
    options += ["--teacher", "ResNet20", "--teacher-epochs", "1", "--epochs", "1", "--seeds", "1"]
    found = main(options)
    written = (folder / "results.json").read_text()
    assert {name: len(values) for name, values in found.items()} == {"alone": 1, "taught": 1}
    assert f"taught   top-1 {found['taught'][0]:.2f} % (seeds:" in capsys.readouterr().out
    assert main(options) == found
    assert (folder / "results.json").read_text() == written
    with pytest.raises(SystemExit, match="has other settings"):
        main([*options, "--epochs", "2"])


def test_degradation_trains_and_plots(dataset, tmp_path, capsys):
    options = ["--data", dataset, "--run-dir", str(tmp_path / "runs"), "--depths", "20"]
    options += ["--epochs", "2", "--size", "8", "--batch-size", "8"]
    results = load("degradation")["main"](options)
    assert list(results.table.rows) == ["Plain20", "ResNet20"]
    error = 100 - 100 * results.logs["ResNet20"][0]["val_top1"][-1]
    out = capsys.readouterr().out
    assert f"ResNet20: test error {error:.2f} % (published: 8.75), training error" in out
    figure = keras.utils.load_img(tmp_path / "runs" / "degradation.png")
    assert figure.size == (1350, 600)


def test_old_and_new_train_and_plot(dataset, tmp_path):
    options = ["--data", dataset, "--run-dir", str(tmp_path), "--epochs", "2", "--size", "8"]
    results = load("old_and_new")["main"]([*options, "--batch-size", "8", "--seeds", "0", "1"])
    assert list(results.table.rows) == ["2015", "A2"]
    assert [len(log["val_top1"]) for log in results.logs["A2"]] == [2, 2]
    assert keras.utils.load_img(tmp_path / "old_and_new.png").size == (880, 495)


def test_the_architecture_search_trains_its_networks(dataset, tmp_path, capsys):
    program = load("architecture_search")
    networks = program["networks"]()
    assert len(networks) == 15
    best = networks["Residual:L1+L3"](classifier_activation=None)
    assert best.count_params() == krr.applications.ResNet9().count_params()
    options = ["--data", dataset, "--run-dir", str(tmp_path), "--networks", "backbone", "Extra:L1"]
    options += ["--classes", "4", "--epochs", "1", "--size", "8", "--batch-size", "8"]
    results = program["main"](options)
    assert list(results.table.rows) == ["backbone", "Extra:L1"]
    assert "s (published: 91.1 %, 47 s)" in capsys.readouterr().out


def test_the_cumulative_table_trains_its_rows(dataset, tmp_path, capsys):
    options = ["--data", dataset, "--val", dataset, "--run-dir", str(tmp_path), "--epochs", "2"]
    options += ["--network", "ResNet20", "--size", "8", "--batch-size", "8"]
    program = load("cumulative_tricks")
    rows = program["rows"](krr.BagOfTricks(precision="mixed_float16"))
    assert list(rows) == list(program["PUBLISHED"])
    assert rows["+ MixUp"] == krr.BagOfTricks(precision="mixed_float16")
    assert (rows["baseline"].batch_size, rows["baseline"].epochs) == (256, 120)
    left_out = {"+ half precision", "+ ResNet-B", "+ ResNet-C", "+ ResNet-D"}
    assert (
        set(rows) - set(program["rows"](krr.BagOfTricks(precision="float32"), "ResNet20"))
        == left_out
    )
    results = program["main"]([*options, "--rows", "baseline", "+ MixUp"])
    assert list(results.table.rows) == ["baseline", "+ MixUp"]
    assert "+ MixUp: 79.15" in capsys.readouterr().out


def test_presets_are_compared(tiny_resnet20, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for number in range(20):
            file = tmp_path / "photographs" / split / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(file, rng.integers(0, 256, (9, 12, 3)))
    labels = np.arange(320) % 10
    images = rng.integers(0, 256, (320, 8, 8, 3)).astype("uint8")
    file = tmp_path / "small.npz"
    np.savez(file, x_train=images, y_train=labels, x_test=images[:40], y_test=labels[:40])
    program = load("fine_tuning")
    rows = program["presets"](240, "weights")
    assert [recipe.epochs for recipe in rows.values()] == [20, 20, 20, 20, 20, 30]
    options = [str(file), str(tmp_path / "photographs"), "--runs", str(tmp_path / "runs")]
    options += ["--network", "ResNet20", "--size", "8", "--photograph-size", "8", "--every", "4"]
    options += ["--pretrain-epochs", "1", "--pretrain-batch-size", "16"]
    options += ["--seeds", "3", "--presets", "SGD, rate 0.01"]
    found = program["main"](options)
    assert {task: list(rows) for task, rows in found.items()} == {
        "photographs": ["SGD, rate 0.01"],
        "CIFAR-10": ["SGD, rate 0.01"],
    }
    assert "photographs, SGD, rate 0.01, seed 3: top-1" in capsys.readouterr().out


@pytest.fixture
def gray_run(tmp_path, monkeypatch):
    """A run whose model tells four gray levels apart, and JPEG files of these levels."""
    levels = np.array([10, 90, 170, 250], "float32") / 255
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    # The score of level g for the gray value v is 2 g v - g^2: the nearest level wins.
    model.layers[-1].set_weights([np.tile(2 * levels / 3, (3, 1)), -(levels**2)])
    model.class_names = ("d", "c", "b", "a")
    recipe = krr.A3(network="ResNet20", classes=4, train_size=8, test_size=8)
    recipe.to_json(tmp_path / "recipe.json")
    monkeypatch.setattr(krr, "load_run", lambda path: model)
    for number, level in enumerate((0, 1, 2, 3, 3), 1):
        image = np.full((9, 8, 3), 255 * levels[level])
        file = tmp_path / "val" / "ab"[number % 2] / f"ILSVRC2012_val_{number:08}.JPEG"
        file.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(file, image, file_format="jpeg", scale=False)
    return tmp_path


def test_accuracy_on_real_labels(gray_run, capsys):
    main, labels = load("real_labels")["main"], gray_run / "real.json"
    arguments = [str(gray_run), str(gray_run / "val"), str(labels)]
    # Correct, correct as one of two labels, wrong, correct; the last image has no label.
    labels.write_text(json.dumps([[0], [2, 1], [3], [3], []]))
    assert main(arguments) == 3 / 4
    assert capsys.readouterr().out.endswith("ReaL accuracy 0.7500 on 4 images\n")
    labels.write_text("[[0], [1], [2], [3]]")
    with pytest.raises(
        SystemExit, match=r"ILSVRC2012_val_00000001 to 00000004. Received: .*5.JPEG"
    ):
        main(arguments)
    labels.write_text("[[], [], [], [], []]")
    with pytest.raises(SystemExit, match=r"no image in .* has labels"):
        main(arguments)
