"""A small trained run shared by the tests of this folder."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from tests.tiny import tiny_resnet20


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with images in `train` and `val`, and a run on them in `run`."""
    root = tmp_path_factory.mktemp("trained")
    rng = np.random.default_rng(0)
    for number in range(28):
        kind = "train" if number < 16 else "val"
        file = root / kind / ("bright", "dark & <b>cold</b>".replace("/", "|"))[number % 2]
        file.mkdir(parents=True, exist_ok=True)
        # The last image has the wrong label, which the best model gets wrong.
        bright = number % 2 == 0 or number == 27
        pixels = rng.integers(0, 100, (20, 20, 3)) + 150 * bright
        (file / f"{number}.png").write_bytes(tf.io.encode_png(pixels.astype("uint8")).numpy())
    recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, train_size=16, test_size=16)
    data = {"validation_data": root / "val", "run_dir": root / "run"}
    with tiny_resnet20():
        recipe.rescaled(8).fit(root / "train", **data, verbose=0)
    return root
