"""Training under MirroredStrategy: refused where Keras is wrong, right where it is not."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
import tensorflow as tf
import keras_resnet_recipes as krr

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
x = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), "uint8")
data = x, np.arange(16) % 2
recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, batch_size=8, train_size=16,
                test_size=16, rand_augment=None)

for change in ({}, {"gradient_clip": None, "precision": "mixed_float16"},
               {"gradient_clip": None, "gradient_accumulation_steps": 2}):
    try:
        recipe.replace(**change).fit(data, distribution="mirrored", verbose=0)
    except ValueError as error:
        print("refused:", str(error).splitlines()[1])

history = recipe.replace(gradient_clip=None).fit(data, distribution="mirrored", verbose=0)
print("trained:", int(history.model.optimizer.iterations.numpy()), np.isfinite(history.history["loss"][0]))
try:
    recipe.replace(gradient_clip=None, mixup_alpha=0, cutmix_alpha=0).replace(
        batch_size=7
    ).fit(data, distribution="mirrored", verbose=0)
except ValueError as error:
    print("refused:", error)
"""


def test_fit_on_two_devices():
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith(("refused", "trained"))]
    assert lines[0].startswith("refused: - gradient_clip=1.0: every replica clips")
    assert lines[1].startswith("refused: - precision='mixed_float16'")
    assert lines[2].startswith("refused: - gradient_accumulation_steps=2")
    assert lines[3] == "trained: 2 True"
    assert lines[4] == "refused: `batch_size` must be a multiple of the 2 devices; received 7."
