# %% [markdown]
# # Your own folder of photographs
#
# A ResNet-50 pretrained on ImageNet with A1 (`a1_in1k`, published with timm) learns your classes from a few
# thousand photographs or fewer. Your data is a folder with one subfolder per class:
#
#     photos/daisy/0001.jpg
#     photos/daisy/0002.jpg
#     photos/tulips/0001.jpg
#
# This notebook uses TensorFlow's five flowers, 3670 photographs under CC BY; change one line to use your own.
#
# It downloads 220 MB of photographs and 100 MB of weights. Choose a GPU if there is one: on Colab, Runtime, Change
# runtime type.

# %% extras="tensorflow,hub,plot"
import os

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: synthetic images, no downloads

# %%
from pathlib import Path

import keras
import numpy as np
from IPython.display import Image, display

import keras_resnet_recipes as krr

# %% [markdown]
# ## The photographs

# %%
FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"


def draw_photos(folder: Path) -> Path:
    """Writes three classes of twelve small noise images around a color, for the tests."""
    rng = np.random.default_rng(0)
    for name, color in {"blue": (0, 0, 160), "green": (0, 160, 0), "red": (160, 0, 0)}.items():
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 96, (40, 48, 3)) + color
            keras.utils.save_img(folder / name / f"{number:02}.jpg", pixels, scale=False)
    return folder


if SMOKE:
    photos = draw_photos(Path("photos"))
else:
    photos = Path(keras.utils.get_file(origin=FLOWERS, extract=True))  # or Path("my/photos")
files = sorted(photos.rglob("*.jpg"))
print(f"{len(files)} photographs of {len({file.parent.name for file in files})} classes")

# %% [markdown]
# ## Hold out a validation set
#
# A fifth of the photographs of each class is used for validation only. If yours are in two folders already, call
# `from_source` twice.
#
# Photographs of the same burst, or of the same flower, should not be in both sets: the accuracy would only show
# that they are recognized again.

# %%
data = krr.data.from_source(photos)
training, validation = krr.data.split(data, 0.2)
print(f"{training.size} photographs for training, {validation.size} for validation")

# %% [markdown]
# ## The recipe
#
# `FineTune` has the values that the authors of DeiT gave for fine-tuning: a thousand epochs on a large machine.
# `for_images` is the best of five presets for 10 or 20 epochs that docs/experiments.md compares. Its batch size fits
# the number of images. From a shell, `krr finetune photos` does the same.

# %%
recipe = krr.FineTune.for_images(training.size)
recipe.diff(krr.FineTune())

# %% [markdown]
# `weights` is a published name, a file, or the folder of an earlier run. The tests run without a network
# connection, so they save the weights of a small untrained network:

# %%
if SMOKE:
    small = krr.applications.ResNet20(classes=10)
    krr.applications.save_timm_weights(small, "resnet20.safetensors")
    recipe = recipe.replace(
        network="ResNet20", weights="resnet20.safetensors", train_size=32, test_size=32
    ).shortened(1)
print(recipe.network, recipe.weights)

# %% [markdown]
# ## Preview
#
# The frame shows the crop. Can you still recognize the class in the last row? If not, increase the first number of
# `crop_scale`: `recipe.replace(crop_scale=(0.35, 1))`.

# %%
display(Image(filename=recipe.preview(training, "photos.png")))

# %% [markdown]
# ## Train
#
# The backbone starts from the pretrained weights; the classifier is new. Unreadable photographs are counted,
# reported and replaced by others; more than 1 % is an error.

# %%
history = recipe.fit(training, validation_data=validation, run_dir="runs/photos")

# %%
result = recipe.evaluate(history.model, validation, verbose=0)
print(f"top-1 {result['top1']:.2%} on {result['images']} held-out photographs")

# %% [markdown]
# ## The classifier alone
#
# With few photographs or no GPU, freeze the backbone: `frozen_stages=5` trains only the last layer. This is also
# the baseline for fine-tuning.

# %%
probe = recipe.replace(frozen_stages=5)
probed = probe.fit(training, validation_data=validation, run_dir="runs/probe", verbose=2)
probed_result = probe.evaluate(probed.model, validation, verbose=0)
print(f"top-1 {probed_result['top1']:.2%}, the classifier alone")

# %% [markdown]
# ## Inspect the mistakes
#
# The report shows the photographs with the largest losses and a confusion matrix. Mislabeled photographs are often
# among them. The report is a single file: download it (on Colab, the folder icon on the left) and open it.

# %%
from keras_resnet_recipes.report import write_report

write_report("runs/photos", data="runs/photos/validation.csv")

# %% [markdown]
# ## Predict
#
# The model contains its class names. From a shell, `krr predict runs/photos photo.jpg` does the same.

# %%
examples = [validation.describe(index) for index in range(0, validation.size, 30)]
for prediction in recipe.predict(history.model, examples, top=2):
    guesses = ", ".join(f"{name} {probability:.0%}" for _, name, probability in prediction.labels)
    print(f"{Path(prediction.path).parent.name}: {guesses}")

# %% [markdown]
# `krr card runs/photos` writes a model card; `krr export runs/photos --to onnx --out photos.onnx` writes a file
# for other programs.
