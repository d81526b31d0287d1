# %% [markdown]
# # Several GPUs, mixed precision, large batches on small machines
#
# Three things should change the speed of training but not its result: the number of devices, the precision of the
# arithmetic, and the number of micro-batches per update. This notebook trains the same recipe in each way and
# compares the losses.
#
# It needs no GPU: without one it splits the CPU into two logical devices, and everything but the speed is the same.
# Colab has one GPU at most. Only the package is downloaded.

# %% extras="tensorflow,plot"
import os

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: fewer digits, one epoch, no install

# %% [markdown]
# ## Devices
#
# The number of logical CPU devices must be set before TensorFlow is used. If there are GPUs, this cell changes
# nothing.

# %%
import tensorflow as tf

if not tf.config.list_physical_devices("GPU"):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.get_logger().setLevel("WARNING")  # otherwise one line per all-reduce
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
# `batch_size` is the number of images per update, whatever the number of devices. Of two devices, one takes the
# images at even positions and the other those at odd positions. Some operations depend on these shards:
#
# - `batch_norm="replica"`, the default, normalizes each shard separately, as in the published runs;
#   `"synchronized"` normalizes over the batch.
# - `mix_per_replica=True`, the default, mixes the images of each shard; `False` those of the batch.
# - Stochastic depth draws per image, on its device.
#
# To make one device comparable with two, normalize and mix over the whole batch:

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
# ## All devices
#
# `distribution="auto"` uses all GPUs if there are two or more; for CPU devices, use `"mirrored"`. Each device
# holds the weights and computes the gradients of its shard; their sum gives one update. The package repairs what
# Keras 3.15 computes wrongly in this setting (clipping before the sum, float16 overflow on one device only, uneven
# evaluation).

# %%
losses["all devices"] = recipe.fit(data, distribution="mirrored", verbose=2).history["loss"]

# %% [markdown]
# ## Micro-batches
#
# If a batch does not fit into memory, `gradient_accumulation_steps=2` computes it as two micro-batches and makes
# one update. Batch norm statistics and mixing are then per micro-batch, as on two separate devices: the losses are
# close, but not equal.

# %%
accumulated = recipe.replace(gradient_accumulation_steps=2)
losses["micro-batches"] = accumulated.fit(data, distribution="none", verbose=2).history["loss"]

# %% [markdown]
# ## Half precision
#
# `precision="auto"`, the default, is mixed_float16 on GPUs and mixed_bfloat16 on TPUs: layers compute in 16 bits
# and the weights remain in 32 bits. With float16 the loss is scaled so that small gradients do not underflow; an
# overflow skips the update. On a CPU this is many times slower, so it is skipped there.

# %%
if tf.config.list_physical_devices("GPU") or SMOKE:
    half = recipe.replace(precision="mixed_float16")
    losses["float16"] = half.fit(data, distribution="none", verbose=2).history["loss"]

# %% [markdown]
# ## Comparison
#
# One device and all devices differ only by the order of float32 sums, a difference that grows with each update.
# Half precision and micro-batch statistics differ by more. None of them should train worse.

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
    f"{replicas} replicas; model.fit(...) as usual, with callbacks=[krr.distribution.AveragedStatistics()]"
)

# %% [markdown]
# JAX does the same on several machines: docs/scale-out.md.
