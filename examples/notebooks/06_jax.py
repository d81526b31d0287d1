# %% [markdown]
# # On JAX
#
# The same recipes, networks, losses and optimizers, with Keras on JAX. TensorFlow is not needed: images are
# prepared with NumPy on the CPU, or on the device.
#
# Only the package is downloaded.

# %% [markdown]
# Keras selects its backend once, at import. If the notebook has already imported Keras, restart the runtime.

# %% extras="jax,plot"
import os

os.environ["KERAS_BACKEND"] = "jax"
SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: fewer digits, one epoch, no install

# %%
import jax
import keras
import numpy as np
from IPython.display import Image, display
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_resnet_recipes as krr

print(keras.backend.backend(), jax.devices())

# %%
digits = load_digits()
count = 160 if SMOKE else 1797
images = (digits.images[:count, ..., None] * (255 / 16)).astype("uint8").repeat(2, 1).repeat(2, 2)
train_x, test_x, train_y, test_y = train_test_split(
    images, digits.target[:count], test_size=0.25, stratify=digits.target[:count], random_state=0
)

# %% [markdown]
# ## The data on the device
#
# `data_on_device=True` keeps all images in device memory; padded crops, flips and cutout run there, inside the
# compiled step. It supports recipes that use no other augmentation, such as the 2015 recipe for CIFAR-10. (If
# TensorFlow is installed, Keras imports it to set its seed.)

# %%
recipe = krr.He2015CIFAR(
    data_on_device=True,
    network="ResNet20",
    train_size=16,
    test_size=16,
    padding=2,
    random_flip=None,
    epochs=1 if SMOKE else 20,
    step_epochs=(10.0, 15.0),
    batch_size=40 if SMOKE else 64,
)
display(Image(filename=recipe.preview((train_x, train_y), "augmented.png")))

# %%
history = recipe.fit((train_x, train_y), verbose=2)
result = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
print(f"top-1 {result['top1']:.2%} on {result['images']} held-out digits")

# %% [markdown]
# ## The ingredients in JAX code
#
# `stateless_call` makes a Keras model a pure function of its weights, which works with `jax.jit` and `jax.grad`.
# So do the losses and the augmentation layers.

# %%
model = krr.applications.ResNet20(classes=10, classifier_activation=None)
loss = krr.losses.BinaryCrossentropy(target_threshold=0.2)
batch = train_x[:8].repeat(3, -1).astype("float32")
targets = np.eye(10, dtype="float32")[train_y[:8]]


@jax.jit
@jax.value_and_grad
def loss_of(trainable, non_trainable, images, targets):
    logits, _ = model.stateless_call(trainable, non_trainable, images, training=True)
    return loss(targets, logits)


trainable = [variable.value for variable in model.trainable_variables]
non_trainable = [variable.value for variable in model.non_trainable_variables]
value, gradients = loss_of(trainable, non_trainable, batch, targets)
norm = jax.numpy.sqrt(sum((gradient**2).sum() for gradient in gradients))
print(f"loss {float(value):.3f}, norm of its gradient {float(norm):.3f}")

# %% [markdown]
# ## Images prepared on the CPU
#
# A3 uses random resized crops and RandAugment: threads prepare the images on the CPU while JAX trains. The images
# have the same bytes on every backend.

# %%
a3 = krr.A3(
    network="ResNet20",
    train_size=16,
    test_size=16,
    crop_scale=(0.5, 1.0),
    random_flip=None,
    epochs=1 if SMOKE else 20,
    warmup_epochs=0 if SMOKE else 5,
    batch_size=40 if SMOKE else 64,
    learning_rate=4e-3,
)
history = a3.fit((train_x, train_y), verbose=2)
print(f"loss {history.history['loss'][-1]:.3f}")

# %% [markdown]
# ## Several devices
#
# With two or more JAX devices, `distribution="auto"` uses `keras.distribution.DataParallel` over all of them;
# batch norm then always normalizes over the whole batch. On several hosts, run the same script on each:
# docs/scale-out.md.

# %%
with krr.distribution.scope("auto") as replicas:
    print(f"{replicas} of {len(jax.devices())} devices")
