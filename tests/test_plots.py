"""Pictures of a run."""

import pytest

from keras_resnet_recipes import plots


def test_the_curve_is_drawn_from_the_log(tmp_path):
    (tmp_path / "log.csv").write_text(
        "epoch,loss,top1,val_loss,val_top1,learning_rate\n0,0.7,0.1,0.6,0.2,1e-3\n1,0.5,0.4,,,2e-3\n"
    )
    path = plots.save_curve(tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_a_log_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"must hold a log\.csv"):
        plots.save_curve(tmp_path)
