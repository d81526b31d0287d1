# %% [markdown]
# # Quickstart: a published recipe on a small dataset
#
# A *recipe* is a training procedure as a value: every number of it, with `fit` and `evaluate`. This notebook
# reduces A3 of 'ResNet strikes back', reconstructed from timm's code and independent re-runs, to 1797 handwritten
# digits, previews the augmented images, trains, evaluates, and classifies image files.
#
# It takes about four minutes on two CPU cores. Only the package is downloaded.

# %% extras="tensorflow,plot"
import os

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: fewer digits, one epoch, no install

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
# A printed recipe shows what it sets, as a table. `recipe.sheet(every_row=True)` shows every
# number.

# %%
print(krr.A3())

# %% [markdown]
# ## The data
#
# scikit-learn includes 8 x 8 scans of digits. They are resized to 32 x 32, because at 8 pixels a random crop has
# few possible positions. Images are RGB or grayscale, uint8 0..255. A quarter is held out and never used for
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
# ## Change the recipe
#
# A3 was designed for 1.3 million photographs. Values that do not suit digits are changed by name; the printed
# recipe shows each change next to the recipe's own value. A misspelled name raises an error that suggests the nearest
# one.

# %%
recipe = krr.A3(
    network="ResNet20",  # a CIFAR network, 0.3 million weights
    train_size=32,
    test_size=32,
    epochs=1 if SMOKE else 30,
    warmup_epochs=0 if SMOKE else 5,
    batch_size=40 if SMOKE else 64,
    learning_rate=4e-3,  # the published one is for batches of 2048
    crop_scale=(0.5, 1.0),  # eight percent of a digit is a stroke
    random_flip=None,  # mirrored digits are other digits
)
print(recipe)

# %%
recipe.diff(krr.A3())

# %% [markdown]
# ## Preview
#
# Each row shows the same eight images after one more ingredient, with the parameters that were drawn; the last row
# is the input of the network. CutMix or MixUp is drawn for each batch; another `seed` shows another draw.

# %%
display(Image(filename=recipe.preview((train_x, train_y), "digits.png")))

# %% [markdown]
# The learning rate rises for five epochs, then falls along a cosine.

# %%
display(Image(filename=recipe.plot_schedule("schedule.png")))

# %% [markdown]
# ## Train
#
# `fit` returns a Keras `History`; `history.model` is the trained model. The run folder contains the recipe, a log,
# and the last and best weights. The same call resumes an interrupted run, and returns a finished run without
# training it again.
#
# The training accuracy is low because each training image mixes two digits; watch `val_top1`.

# %%
history = recipe.fit((train_x, train_y), validation_data=(test_x, test_y), run_dir="runs/digits")

# %% [markdown]
# ## Evaluate
#
# The weights are those of the last epoch: selecting an epoch by its test accuracy would bias the result.

# %%
result = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
print(f"top-1 {result['top1']:.2%} on {result['images']} digits the network never saw")

# %% [markdown]
# ## Report
#
# `write_report` writes a self-contained HTML page with curves, the recipe with its changes marked, the worst
# mistakes and a confusion matrix. On Colab, find it under the folder icon on the left; download it and open it in
# a browser.

# %%
from keras_resnet_recipes.report import write_report

write_report("runs/digits", data=(test_x, test_y))

# %% [markdown]
# ## Predict
#
# `predict` reads image files in batches and prepares them as in the evaluation, with the recipe's crop.

# %%
from keras_resnet_recipes.evaluation import predict

for number in range(3):
    keras.utils.save_img(f"digit-{test_y[number]}-{number}.png", test_x[number])
files = [f"digit-{test_y[number]}-{number}.png" for number in range(3)]
crop = krr.augment.CenterCrop(recipe.test_size, recipe.test_crop_ratio, recipe.test_interpolation)
for prediction in predict(history.model, files, crop, top=2):
    guesses = ", ".join(f"{name} {probability:.0%}" for _, name, probability in prediction.labels)
    print(f"{prediction.path}: {guesses}")

# %% [markdown]
# Notebook 02 does the same with a folder of your own photographs and a pretrained network.
