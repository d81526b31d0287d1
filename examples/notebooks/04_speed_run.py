# %% [markdown]
# # CIFAR-10 to 94 % on a GPU
#
# In 2018 David Page trained a small ResNet to 94 % on CIFAR-10 in 79 seconds on one V100, the fastest DAWNBench
# entry at the time. `DAWNBench` is that recipe. The dataset is kept in device memory and augmented there, a whole
# epoch runs as one call, and nothing waits for the CPU.
#
# Choose a GPU: on Colab, Runtime, Change runtime type. Page's time is for a V100; a CPU is too slow. The notebook
# downloads 170 MB.

# %% extras="tensorflow,plot"
import os

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: 64 noise images, one epoch

# %%
import keras
import numpy as np
from IPython.display import Image, display

import keras_resnet_recipes as krr

print(keras.distribution.list_devices() or "no devices listed by Keras")

# %% [markdown]
# ## The data

# %%
if SMOKE:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (64, 32, 32, 3), "uint8"), np.arange(64) % 10
    train, test = (images[:32], labels[:32]), (images[32:], labels[32:])
else:
    train, test = keras.datasets.cifar10.load_data()
    train, test = (train[0], train[1].ravel()), (test[0], test[1].ravel())
print(f"{len(train[0])} training images, {len(test[0])} test images")

# %% [markdown]
# ## The recipe
#
# ResNet-9, 24 epochs of SGD with Nesterov momentum. The learning rate changes at every update: it rises for five
# epochs and falls to 0 over nineteen.

# %%
recipe = krr.DAWNBench()
if SMOKE:
    recipe = recipe.replace(epochs=1, knots=((0, 0), (0.5, 1), (1, 0)), batch_size=16)
display(
    Image(
        filename=recipe.plot_schedule(
            "schedule.png", steps_per_epoch=len(train[0]) // recipe.batch_size
        )
    )
)

# %% [markdown]
# The augmentation is three cheap steps on the device: a crop of the image padded by reflection by four pixels, a
# horizontal flip, and cutout. The CPU sends only six integers per image.

# %%
display(Image(filename=recipe.preview(train, "augmented.png")))

# %% [markdown]
# ## The run
#
# By default, `precision` is float16 on a GPU. There is one line per epoch, because the device returns nothing
# within an epoch. The first epoch includes compilation.

# %%
history = recipe.fit(train, validation_data=test, run_dir="runs/speed", verbose=2)

# %% [markdown]
# ## The time
#
# As in DAWNBench, only training is counted, without evaluation, up to the first epoch with a test accuracy of at
# least 94 %. 35 of Page's 50 runs reached it. A single run says little: `krr train DAWNBench --data cifar10.npz
# --seeds 5` reports mean and spread.

# %%
from keras_resnet_recipes.runs.progress import reached

found = reached(history.history, 94.0)
if found:
    print(f"94 % in epoch {found[0]}, after {found[1]:.1f} s of training")
else:
    print(f"94 % not reached: {max(history.history['val_top1']):.2%} at best")
print(f"{sum(history.history['train_seconds']):.1f} s for all {len(history.epoch)} epochs")

# %% [markdown]
# ## The later tricks
#
# Page's later posts add tricks, each of which is a number of the recipe: `label_smoothing`, `celu_alpha`,
# `ghost_batch_norm`, `frozen_batch_norm_scale`, `pool_before_batch_norm`, `whitening` (a first convolution
# computed from the images instead of learned) and, for evaluation, `test_views="mirrored"`. `diff` shows the
# differences between two recipes:

# %%
later = recipe.replace(label_smoothing=0.2, pool_before_batch_norm=True, test_views="mirrored")
later.diff(recipe)

# %%
history = later.fit(train, validation_data=test, run_dir="runs/later", verbose=2)
print(f"{history.history['val_top1'][-1]:.2%} after {len(history.epoch)} epochs")

# %% [markdown]
# Any recipe for small images can keep its data on the device: `krr.He2015CIFAR(data_on_device=True)`. RandAugment,
# MixUp and random resized crops are not supported there; recipes that use them prepare the images on the CPU.
