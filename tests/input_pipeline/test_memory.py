"""Memory use is constant over the images read, and small per listed file."""

import json
import subprocess
import sys

# In a separate process, because the peak of the whole process is the only portable measure.
SCRIPT = """
import json, pathlib, resource, sys, tempfile
import numpy as np
from PIL import Image
import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)

figures = {}
with tempfile.TemporaryDirectory() as folder:
    rng = np.random.default_rng(0)
    for number in range(100):
        file = pathlib.Path(folder, "ab"[number % 2], f"{number}.jpg")
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (128, 128, 3), "uint8")).save(file)
    data = krr.data.from_folder(folder)
    recipe = krr.A3(classes=2, batch_size=100, epochs=1, warmup_epochs=0, train_size=32, rand_augment=None)
    unreadable = UnreadableImages(data, "raise")
    batches = TrainingBatches(recipe, data, steps=30, seed=0, unreadable=unreadable)
    for number, _ in enumerate(batches.batches(), 1):
        figures[str(100 * number)] = peak()
    listed = pathlib.Path(folder, "list.csv")
    name = "a/" + "0" * 40
    lines = [f"{name}{number}.jpg,{number % 1000}\\n" for number in range(200_000)]
    pathlib.Path(folder, f"{name}0.jpg").touch()
    listed.write_text("".join(lines))
    before = peak()
    data = krr.data.from_csv(listed)
    figures["names"] = peak() - before
print(json.dumps(figures))
"""


def test_memory_is_bounded():
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks = json.loads(done.stdout.splitlines()[-1])
    # The files of 2000 images would take 37 MiB, their pixels 94 MiB. Growth below this bound is memory that the
    # allocator retains.
    assert peaks["2500"] - peaks["500"] < 20
    # The 1.28 million names of ImageNet in 1 GiB are 840 bytes per name.
    assert peaks["names"] < 200_000 * 840 / 2**20
