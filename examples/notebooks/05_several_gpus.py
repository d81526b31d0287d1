# %% [markdown]
# # Several GPUs, mixed precision, large batches on small machines
#
# Three things that should change how long a training takes, and not what it learns: the number of devices, the
# precision of the arithmetic, and in how many parts a batch is computed. This notebook trains the same recipe in
# each way and looks at the losses.
#
# Run time: the tests' short mode takes 45 s of one core; the whole of it is not measured. It needs no GPU:
# without one, two CPU devices are made of one, and all but the speed is the same. Colab lends one GPU at most;
# what it takes there is not measured. Nothing is downloaded but the package.

# %%
import os
import subprocess
import sys

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: fewer digits, one epoch, no install
if "google.colab" in sys.modules and not SMOKE:
    package = "keras-resnet-recipes[tensorflow,plot]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

# %% [markdown]
# ## Devices
#
# TensorFlow is told how many CPU devices to make before it is used. With two or more GPUs these are taken, and
# this cell changes nothing.

# %%
import tensorflow as tf

if not tf.config.list_physical_devices("GPU"):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.get_logger().setLevel("WARNING")  # else a line for every sum over devices
print([device.name for device in tf.config.list_logical_devices()])

# %%
from IPython.display import Image, display
from sklearn.datasets import load_digits

import keras_resnet_recipes as krr

digits = load_digits()
count = 64 if SMOKE else 1792
images = (digits.images[:count, ..., None] * (255 / 16)).astype("uint8").repeat(2, 1).repeat(2, 2)
data = images, digits.target[:count]

# %% [markdown]
# ## The recipe
#
# `batch_size` counts the images of one update, whatever the number of devices: of two, one takes the images at
# even positions, the other those at odd ones. Three settings say what such a shard is to a device:
#
# - `batch_norm="replica"`, the default, normalizes each shard alone, as the published runs did; `"synchronized"`
#   normalizes over the batch.
# - `mix_per_replica=True`, the default, draws one lambda per shard; `False` one per batch.
# - Stochastic depth draws for each image, on its device.
#
# To compare one device with two, the batch is what counts:

# %%
recipe = krr.A3(
    network="ResNet20",
    train_size=16,
    test_size=16,
    crop_scale=(0.5, 1.0),
    random_flip=None,
    rand_augment=None,
    epochs=1 if SMOKE else 5,
    warmup_epochs=0 if SMOKE else 1,
    batch_size=32 if SMOKE else 128,
    learning_rate=2e-3,
    batch_norm="synchronized",
    mix_per_replica=False,
    precision="float32",
)
losses = {}

# %% [markdown]
# ## One device

# %%
losses["one device"] = recipe.fit(data, distribution="none", verbose=2).history["loss"]

# %% [markdown]
# ## All of them
#
# `distribution="auto"` takes all GPUs where there are two or more; to have CPU devices, `"mirrored"` is asked
# for. Each has the weights, computes the gradients of its share, and their sum makes one update. What Keras 3.15
# computes wrongly there (clipping before the sum, float16's overflow on one device only, uneven evaluations) is
# repaired.

# %%
losses["all devices"] = recipe.fit(data, distribution="mirrored", verbose=2).history["loss"]

# %% [markdown]
# ## A batch in parts
#
# Too large for the memory? `gradient_accumulation_steps=2` computes a batch in two parts and makes one update.
# Statistics of batch norm and mixing are then those of a part, as on two devices of their own: the losses are
# near, not the same.

# %%
parts = recipe.replace(gradient_accumulation_steps=2)
losses["two parts"] = parts.fit(data, distribution="none", verbose=2).history["loss"]

# %% [markdown]
# ## Half precision
#
# `precision="auto"`, the default, is mixed_float16 on GPUs and mixed_bfloat16 on TPUs: layers compute in 16 bits,
# the weights stay in 32, and with float16 the loss is scaled so that small gradients do not vanish; an overflow
# skips that update. A CPU takes many times longer for it, so it is left out there.

# %%
if tf.config.list_physical_devices("GPU") or SMOKE:
    half = recipe.replace(precision="mixed_float16")
    losses["float16"] = half.fit(data, distribution="none", verbose=2).history["loss"]

# %% [markdown]
# ## The same?
#
# One device and all of them differ by the order in which numbers of 24 bits are summed, which each update
# enlarges. Eleven bits, and statistics of parts, differ by more; none of them should train worse.

# %%
from matplotlib.figure import Figure

figure = Figure(figsize=(6, 3.5), layout="constrained")
axes = figure.subplots()
for (name, values), style in zip(losses.items(), ("-", "--", "-.", ":"), strict=False):
    axes.plot(range(1, len(values) + 1), values, style, marker="o", label=name)
    print(f"{name:12} " + " ".join(f"{value:.5f}" for value in values))
axes.set(xlabel="epoch", ylabel="training loss")
axes.legend()
figure.savefig("losses.png")
display(Image(filename="losses.png"))

# %% [markdown]
# ## Your own training loop
#
# The scope and the repairs work without a recipe:

# %%
import keras

with krr.distribution.scope("mirrored") as replicas:
    model = krr.applications.ResNet20(classes=10, classifier_activation=None)
    optimizer = krr.distribution.repair_optimizer(
        krr.optimizers.Lamb(2e-3), accumulation_steps=1, loss_scaling=False
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, auto_scale_loss=False)
print(
    f"{replicas} replicas; model.fit(...) as ever, with callbacks=[krr.distribution.AveragedStatistics()]"
)

# %% [markdown]
# On several machines JAX does the same: docs/scale-out.md.
