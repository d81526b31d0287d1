# %% [markdown]
# # Quickstart: a published recipe on a small data set
#
# A *recipe* is a training procedure as a value: every number of the paper's table, with `fit` and `evaluate`.
# This notebook takes A3 of 'ResNet strikes back', shrinks it openly to 1797 handwritten digits, looks at what the
# network will see, trains, measures, and classifies picture files.
#
# Run time: some four minutes on two idle CPU cores, measured with the same training in examples/digits.py; not
# measured on Colab (the tests' short mode takes 30 s of one core). Nothing is downloaded but the package.

# %%
import os
import subprocess
import sys

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: fewer digits, one epoch, no install
if "google.colab" in sys.modules and not SMOKE:
    package = "keras-resnet-recipes[tensorflow,plot]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

# %%
import keras
import numpy as np
from IPython.display import Image, display
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_resnet_recipes as krr

# %% [markdown]
# ## A recipe
#
# Printed, it is the table of the paper: what the recipe sets. `recipe.sheet(every_row=True)` has every number.

# %%
print(krr.A3())

# %% [markdown]
# ## The data
#
# scikit-learn brings 8 x 8 scans of digits. They are enlarged to 32 x 32, because at 8 pixels a random crop has
# few places to begin at. Pictures are RGB or grey, bytes of 0..255; a quarter is held out and never seen in
# training.

# %%
digits = load_digits()
scans = digits.images[..., None] * (255 / 16)
images = np.asarray(keras.ops.image.resize(scans, (32, 32), interpolation="bicubic"))
images = np.clip(np.rint(images), 0, 255).astype("uint8")
if SMOKE:
    images, digits.target = images[:160], digits.target[:160]
train_x, test_x, train_y, test_y = train_test_split(
    images, digits.target, test_size=0.25, stratify=digits.target, random_state=0
)
print(f"{len(train_y)} digits to train on, {len(test_y)} held out, {images.shape[1:]} pixels")

# %% [markdown]
# ## What you change
#
# A3 is made for 1.3 million photographs. What does not fit digits is given by name; printed, each change stands
# beside the published value. A misspelt name is an error that names the nearest field.

# %%
recipe = krr.A3(
    network="ResNet20",  # a CIFAR network, 0.3 million weights
    train_size=32,
    test_size=32,
    epochs=1 if SMOKE else 30,
    warmup_epochs=0 if SMOKE else 5,
    batch_size=40 if SMOKE else 64,
    learning_rate=4e-3,  # the published one is for batches of 2048
    crop_scale=(0.5, 1.0),  # eight per cent of a digit is a stroke
    random_flip=None,  # mirrored digits are other digits
)
print(recipe)

# %%
recipe.diff(krr.A3())

# %% [markdown]
# ## See before you train
#
# Each row is the same eight pictures after one more ingredient, with what was drawn for them; the last row is
# what the network is given. CutMix or MixUp is drawn anew for each batch: another `seed` shows another draw.

# %%
display(Image(filename=recipe.preview((train_x, train_y), "digits.png")))

# %% [markdown]
# The learning rate rises for five epochs, then falls along a cosine.

# %%
display(Image(filename=recipe.plot_schedule("schedule.png")))

# %% [markdown]
# ## Train
#
# `fit` returns Keras' own `History`; its model is `history.model`. The run folder holds the recipe, a log, and
# the last and the best weights. The same call goes on where a stopped run left off, and returns a finished run
# without training it again.
#
# The accuracy on the training pictures is low because they are mixed of two digits; `val_top1` is the one to
# watch.

# %%
history = recipe.fit((train_x, train_y), validation_data=(test_x, test_y), run_dir="runs/digits")

# %% [markdown]
# ## Measure
#
# With the weights of the last epoch: choosing an epoch by its test accuracy would flatter the result.

# %%
result = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
print(f"top-1 {result['top1']:.2%} on {result['images']} digits the network never saw")

# %% [markdown]
# ## Read about the run
#
# `write_report` makes one self-contained page: curves, the recipe with its changes marked, the worst mistakes,
# who is taken for whom. On Colab it is under the folder symbol at the left; download it and open it in a browser.

# %%
from keras_resnet_recipes.report import write_report

write_report("runs/digits", data=(test_x, test_y))

# %% [markdown]
# ## Use it
#
# `predict` reads picture files, several at a time, and prepares them as the evaluation does: the crop is the
# recipe's.

# %%
from keras_resnet_recipes.evaluation.predictions import predict

for number in range(3):
    keras.utils.save_img(f"digit-{test_y[number]}-{number}.png", test_x[number])
files = [f"digit-{test_y[number]}-{number}.png" for number in range(3)]
crop = krr.augment.CenterCrop(recipe.test_size, recipe.test_crop_ratio, recipe.test_interpolation)
for prediction in predict(history.model, files, crop, top=2):
    guesses = ", ".join(f"{name} {probability:.0%}" for _, name, probability in prediction.labels)
    print(f"{prediction.path}: {guesses}")

# %% [markdown]
# Next: 02 does this with a folder of your own photographs and a network that was trained before.
