"""Pictures of a run."""

import numpy as np
import pytest
from PIL import Image

from keras_resnet_recipes import plots


def test_the_curve_is_drawn_from_the_log(tmp_path):
    (tmp_path / "log.csv").write_text(
        "epoch,loss,top1,val_loss,val_top1,learning_rate\n0,0.7,0.1,0.6,0.2,1e-3\n1,0.5,0.4,,,2e-3\n"
    )
    path = plots.save_curve(tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_grid_shows_each_picture_in_its_place(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 10, 3), "uint8")
    sheet = np.asarray(Image.open(plots.save_grid(pictures, tmp_path / "grid.png")).convert("RGB"))
    assert sheet.shape == (2 * 10 - 2, 3 * 12 - 2, 3)
    np.testing.assert_array_equal(sheet[10:18, 12:22], pictures[1, 1])
    assert (sheet[8:10] == 255).all()


def test_a_folder_without_a_log_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"must hold a log\.csv"):
        plots.save_curve(tmp_path)
