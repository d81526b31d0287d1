# %% [markdown]
# # What each ingredient of A2 does
#
# A2 of 'ResNet strikes back' is a plain ResNet-50 and a dozen ingredients. This notebook shows each of them alone,
# by the images it produces or the numbers it changes. At the end it trains a small network with and without some
# of them.
#
# Each image and number takes seconds. The ablation at the end trains three networks: choose a GPU for it, on Colab
# under Runtime, Change runtime type. The notebook downloads 220 MB of photographs.

# %% extras="tensorflow,plot"
import os

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: synthetic images, no downloads

# %%
from pathlib import Path

import keras
import numpy as np
from IPython.display import Image, display

import keras_resnet_recipes as krr

# %% [markdown]
# ## The data
#
# Five kinds of flowers; every fifth photograph is held out for the ablation.

# %%
FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"


def draw_photos(folder: Path) -> Path:
    """Writes two classes of ten small images: horizontal and vertical stripes."""
    rng = np.random.default_rng(0)
    for name in ("across", "down"):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            waves = 128 + 100 * np.sin(
                np.arange(40)[:, None] / rng.uniform(1, 3) + rng.uniform(0, 6)
            )
            pixels = np.tile(waves, (1, 40))[..., None] * rng.uniform(0.3, 1, 3)
            turned = pixels if name == "across" else pixels.transpose(1, 0, 2)
            keras.utils.save_img(folder / name / f"{number}.jpg", turned, scale=False)
    return folder


if SMOKE:
    photos = draw_photos(Path("photos"))
else:
    photos = Path(keras.utils.get_file(origin=FLOWERS, extract=True))
lists = {"train.csv": [], "val.csv": []}
for number, file in enumerate(sorted(photos.rglob("*.jpg"))):
    lists["val.csv" if number % 5 == 0 else "train.csv"].append(
        f"{file.resolve()},{file.parent.name}"
    )
for name, lines in lists.items():
    Path(name).write_text("\n".join(["path,label", *lines]) + "\n")
    print(f"{name}: {len(lines)} photographs")

# %%
SIZE = 32 if SMOKE else 160
a2 = krr.A2(train_size=SIZE, test_size=SIZE)  # smaller images, otherwise the recipe's own values

# %% [markdown]
# ## All ingredients
#
# Each row shows the same batch after one more ingredient. Each photograph appears three times: *repeated
# augmentation* puts three independently augmented copies of an image into a batch, and an epoch uses a third of
# the images.

# %%
display(Image(filename=a2.preview("train.csv", "all.png")))

# %% [markdown]
# ## Random resized crop
#
# A crop of 8 to 100 % of the area, with an aspect ratio between 3:4 and 4:3, resized to a square. This is the
# strongest augmentation: at 8 % a flower may be missing. For small datasets `crop_scale=(0.35, 1.0)` is a common
# choice, shown in the second figure.

# %%
plain = a2.replace(
    repeated_augmentation=1,
    rand_augment=None,
    random_flip=None,
    mix=None,
)
display(Image(filename=plain.preview("train.csv", "crop.png")))
display(Image(filename=plain.replace(crop_scale=(0.35, 1.0)).preview("train.csv", "wide.png")))

# %% [markdown]
# ## RandAugment
#
# Two of fifteen operations are drawn per image, and each is applied with probability 0.5: a quarter of the images
# are unchanged. The magnitude, 7 of 10, sets the strength. The figure uses magnitude 10 and probability 1, without
# the crop. At magnitude 10 `posterize` keeps no bits, as in timm: such an image is black.

# %%
rand = plain.replace(augmentation=(krr.augment.RandAugment(10.0, 0.5, probability=1.0),))
display(Image(filename=rand.preview("train.csv", "rand.png")))

# %% [markdown]
# Every operation is also a function on NumPy arrays, equal to Pillow byte for byte:

# %%
image = keras.utils.img_to_array(keras.utils.load_img(next(photos.rglob("*.jpg")))).astype("uint8")
solarized = krr.augment.operations.solarize(image, 128)
print(f"{(solarized != image).mean():.0%} of the bytes change")

# %% [markdown]
# ## MixUp and CutMix
#
# Each batch is either blended with itself in reverse order (MixUp), or a box of each image is replaced (CutMix),
# chosen at random. The targets are mixed with the same weight, lambda. It is drawn from Beta(0.1, 0.1) for MixUp,
# which is mostly near 0 or 1, and uniformly for CutMix.

# %%
mixed = plain.replace(augmentation=(), mix=krr.augment.MixUpOrCutMix(mixup_alpha=0.1))
display(Image(filename=mixed.preview("train.csv", "mixup.png", seed=2)))
mixed = plain.replace(augmentation=(), mix=krr.augment.MixUpOrCutMix(cutmix_alpha=1.0))
display(Image(filename=mixed.preview("train.csv", "cutmix.png", seed=1)))

# %% [markdown]
# ## Binary cross-entropy
#
# A mixed image does not have a single class. A2 decides for every class whether it is present: targets above 0.2
# become 1. Two classes can be present at once, and a small part of a class counts as absent.

# %%
loss = krr.losses.BinaryCrossentropy(target_threshold=0.2)
logits = np.array([[2.0, 2.0, -4.0]])
for target in ([0.6, 0.4, 0.0], [0.9, 0.1, 0.0]):
    print(target, f"loss {float(loss(np.array([target]), logits)):.3f}")

# %% [markdown]
# The second loss is larger: the network predicts both classes, but a target of 0.1 counts as absent.
#
# ## Stochastic depth
#
# During training a residual branch is dropped per image with a probability that rises to 0.05 in the last block.
# The remaining branches are divided by 0.95 to preserve the mean.

# %%
branch = krr.layers.StochasticDepth(0.05)
values = np.asarray(branch(np.ones((10_000, 1, 1, 1), "float32"), training=True))
print(
    f"{(values == 0).mean():.1%} dropped, the others {values.max():.3f}, mean {values.mean():.3f}"
)

# %% [markdown]
# ## LAMB
#
# Batches of 2048 need a large learning rate, and layers tolerate different step sizes. LAMB scales the step of
# each kernel to the norm of the kernel. Below, one gradient is a thousand times the other, but both kernels move
# by the same fraction of their norm, the learning rate. Biases are not scaled.

# %%
kernels = [keras.Variable(np.full((4, 4), size, "float32")) for size in (0.1, 10.0)]
gradients = [keras.ops.convert_to_tensor(np.full((4, 4), size, "float32")) for size in (1e-3, 1.0)]
lamb = krr.optimizers.Lamb(5e-3, weight_decay=0.02)
before = [keras.ops.convert_to_numpy(kernel).copy() for kernel in kernels]
lamb.apply(gradients, kernels)
for old, kernel in zip(before, kernels, strict=True):
    step = keras.ops.convert_to_numpy(kernel) - old
    print(f"moved by {np.linalg.norm(step) / np.linalg.norm(old):.2%} of its norm")

# %% [markdown]
# ## The schedule
#
# Five epochs of warm-up, then a cosine, with one learning rate per epoch.

# %%
display(Image(filename=krr.A2().plot_schedule("schedule.png")))

# %% [markdown]
# ## Ablation
#
# `ablate` trains the recipe and its leave-one-out variants, each in its own run folder; the same call resumes an
# interrupted ablation. `rows` selects variants. One seed cannot distinguish noise from gain; `seeds=range(3)`
# takes three times as long.
#
# A2 was designed for 300 epochs of ImageNet. In 30 epochs of 2936 photographs most of its regularization has
# little time to pay off; expect some rows to be better without an ingredient.

# %%
small = a2.replace(
    network="ResNet20" if SMOKE else "ResNet18",
    train_size=SIZE if SMOKE else 128,
    test_size=SIZE if SMOKE else 128,
    epochs=1 if SMOKE else 30,
    warmup_epochs=0 if SMOKE else 5,
    repeated_augmentation=1,
).rescaled(8 if SMOKE else 64)
results = krr.experiments.ablate(
    small,
    "train.csv",
    "val.csv",
    run_dir="runs/a2",
    rows=["A2"] if SMOKE else ["A2", "without rand_augment", "without cutmix_alpha"],
    verbose=2,
)
print(results)

# %% [markdown]
# `krr report runs/a2/*/seed-0` plots the runs together.
