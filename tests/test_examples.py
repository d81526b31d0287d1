"""The examples run as they are, on few and small pictures; what longer runs reach stands in docs/heads.md."""

import runpy
from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.full

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.fixture(scope="module")
def detection():
    return load("detection")


def test_segmentation_runs(tmp_path, capsys):
    picture = tmp_path / "results.png"
    tiny = ["--size", "32", "--pictures", "16", "--epochs", "1", "--picture", str(picture)]
    mean_iou = load("segmentation")["main"](tiny)
    assert 0 < mean_iou < 1
    assert f"mean IoU {mean_iou:.3f} on 8 held-out pictures" in capsys.readouterr().out
    # Pictures, truth and predictions of eight pictures below each other
    assert keras.utils.img_to_array(keras.utils.load_img(picture)).shape == (96, 256, 3)


def test_detection_runs(detection, tmp_path, capsys):
    picture = tmp_path / "results.png"
    tiny = ["--size", "32", "--pictures", "16", "--epochs", "1", "--picture", str(picture)]
    precision = detection["main"](tiny)
    assert 0 <= precision <= 1
    assert f"AP at IoU 0.5: {precision:.3f} on 8 held-out pictures" in capsys.readouterr().out
    assert keras.utils.img_to_array(keras.utils.load_img(picture)).shape == (64, 512, 3)


def test_perfect_outputs_are_all_found(detection):
    """Targets as if a network had given them: every disk is found, at the place and size it has."""
    _, boxes = detection["draw_pictures"](np.random.default_rng(0), 20, 64)
    outputs = [detection["target"](each, 64) for each in boxes]
    for output in outputs:
        output[..., 0] = np.where(output[..., 0] == 1, 5.0, -5.0)
    found = [detection["peaks"](output) for output in outputs]
    assert detection["average_precision"](found, boxes) == 1.0
    for ours, theirs in zip(found, boxes, strict=True):
        ours, theirs = (each[np.lexsort(each.T)] for each in (ours[:, 1:], theirs))
        # float32 of numbers up to 64
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_average_precision_is_the_area_worked_out_by_hand(detection):
    box = np.array([0.0, 0.0, 10.0, 10.0])
    boxes = [np.stack([box, box + 20]), np.stack([box])]
    found = [
        # Right, the same once more, and beside it
        np.array([[0.9, *box], [0.8, *box], [0.1, *(box + 15)]]),
        np.array([[0.7, *(box + 1)]]),  # right: IoU 81 / 119
    ]
    # Right, wrong, right, wrong of three boxes: precision 1 up to recall 1/3, 2/3 up to 2/3
    assert detection["average_precision"](found, boxes) == pytest.approx((1 + 2 / 3) / 3)


def test_transfer_loads_what_it_saved(tmp_path, capsys):
    model = tmp_path / "digits.keras"
    tiny = ["--digits", "64", "--epochs", "1", "--model", str(model)]
    accuracy = load("transfer")["main"](tiny)
    assert all(0 <= value <= 1 for value in accuracy.values())
    assert model.exists()
    assert f"top-1 {accuracy['head']:.3f} with the head" in capsys.readouterr().out


@pytest.mark.parametrize("network", ["EfficientNetV2B0", "ConvNeXtTiny"])
def test_other_networks_train_by_a_recipe(network, capsys):
    tiny = ["--networks", network, "--size", "32", "--digits", "24", "--epochs", "1"]
    found = load("other_networks")["main"](tiny)
    assert list(found) == [network]
    assert 0 <= found[network] <= 1
    assert "1 updates" in capsys.readouterr().out


@pytest.fixture
def pictures(tmp_path):
    """The path of an .npz of 16 and 8 images in four classes."""
    rng = np.random.default_rng(0)
    arrays = {"y_train": np.arange(16) % 4, "y_test": np.arange(8) % 4}
    for split, labels in (("train", 16), ("test", 8)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (labels, 8, 8, 3), "uint8")
    np.savez(tmp_path / "pictures.npz", **arrays)
    return str(tmp_path / "pictures.npz")


def test_distillation_goes_on_where_it_stopped(pictures, tmp_path, capsys):
    main, folder = load("distillation")["main"], tmp_path / "runs"
    tiny = ["--data", pictures, "--runs", str(folder), "--size", "8", "--batch-size", "8"]
    tiny += ["--teacher", "ResNet20", "--teacher-epochs", "1", "--epochs", "1", "--seeds", "1"]
    found = main(tiny)
    written = (folder / "results.json").read_text()
    assert {name: len(values) for name, values in found.items()} == {"alone": 1, "taught": 1}
    assert f"taught   top-1 {found['taught'][0]:.2f} % (seeds:" in capsys.readouterr().out
    assert main(tiny) == found
    assert (folder / "results.json").read_text() == written
    with pytest.raises(SystemExit, match="of other settings"):
        main([*tiny, "--epochs", "2"])


def test_fine_tuning_runs(pictures, tmp_path, capsys):
    for split in ("train", "val"):
        for name in ("one", "two"):
            (tmp_path / "photographs" / split / name).mkdir(parents=True)
            for number in range(4):
                image = np.random.default_rng(number).integers(0, 256, (9, 12, 3))
                keras.utils.save_img(
                    tmp_path / "photographs" / split / name / f"{number}.png", image
                )
    tiny = [
        "--pretrain",
        pictures,
        "--photographs",
        str(tmp_path / "photographs"),
        "--network",
        "ResNet20",
    ]
    tiny += [
        "--runs",
        str(tmp_path / "runs"),
        "--size",
        "8",
        "--pretrain-epochs",
        "1",
        "--epochs",
        "1",
    ]
    tiny += ["--pretrain-batch-size", "8", "--batch-size", "8", "--seeds", "3"]
    found = load("fine_tuning")["main"](tiny)
    assert set(found) == {"scratch", "tuned"}
    assert f"tuned    top-1 {found['tuned'][0]:.2f} % (seeds:" in capsys.readouterr().out
