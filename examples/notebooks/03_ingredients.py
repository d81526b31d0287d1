# %% [markdown]
# # What each ingredient of A2 does
#
# A2 of 'ResNet strikes back' is a plain ResNet-50 and a dozen ingredients. This notebook shows each alone: the
# pictures it makes, or the numbers it changes. At the end it trains a small network with and without some of
# them.
#
# Run time: pictures and numbers, seconds each; the ablation at the end is not measured on Colab, so choose a GPU
# there (Runtime, Change runtime type). The tests' short mode takes 30 s of one core. It downloads 220 MB of
# photographs.

# %%
import os
import subprocess
import sys

SMOKE = "KRR_SMOKE" in os.environ  # set by the package's tests: drawn pictures, no downloads
if "google.colab" in sys.modules and not SMOKE:
    package = "keras-resnet-recipes[tensorflow,plot]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)

# %%
from pathlib import Path

import keras
import numpy as np
from IPython.display import Image, display

import keras_resnet_recipes as krr

# %% [markdown]
# ## Some photographs
#
# Five kinds of flowers; every fifth photograph is held back for the ablation.

# %%
FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"


def draw_photos(folder: Path) -> Path:
    """Two classes of ten small pictures: stripes across, and stripes down."""
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
a2 = krr.A2(train_size=SIZE, test_size=SIZE)  # smaller pictures, all else as published

# %% [markdown]
# ## All of them
#
# Each row is the same batch after one more ingredient. The same photograph is there three times: *repeated
# augmentation* puts three copies of an image into a batch, each changed anew, and an epoch sees a third of the
# images.

# %%
display(Image(filename=a2.preview("train.csv", "all.png")))

# %% [markdown]
# ## Random resized crop
#
# Between 8 % and all of the area, between 3:4 and 4:3, resized to a square. It is the strongest of all: at 8 % a
# flower may be missing. For small data sets `crop_scale=(0.35, 1.0)` is a common choice; below, the second
# picture.

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
# Two operations of fifteen are drawn for a picture, and each is carried out with a probability of one half: a
# quarter of the pictures stay as they are. The magnitude, 7 of 10, says how strong. Here it is 10 and always, and
# the crop is gone. At 10 `posterize` keeps no bit at all, as in timm: such a picture is black.

# %%
rand = plain.replace(augmentation=(krr.augment.RandAugment(10.0, 0.5, probability=1.0),))
display(Image(filename=rand.preview("train.csv", "rand.png")))

# %% [markdown]
# Every operation is a function of its own, on NumPy arrays, byte for byte Pillow's:

# %%
picture = keras.utils.img_to_array(keras.utils.load_img(next(photos.rglob("*.jpg")))).astype(
    "uint8"
)
solarized = krr.augment.operations.solarize(picture, 128)
print(f"{(solarized != picture).mean():.0%} of the bytes are changed by solarize")

# %% [markdown]
# ## MixUp and CutMix
#
# A batch is blended with itself in reverse order (MixUp), or a box of each picture is replaced (CutMix); a coin
# decides. The targets are mixed by the same share, lambda: from Beta(0.1, 0.1) for MixUp, which is mostly near 0
# or 1, and uniform for CutMix.

# %%
mixed = plain.replace(augmentation=(), mix=krr.augment.MixUpOrCutMix(mixup_alpha=0.1))
display(Image(filename=mixed.preview("train.csv", "mixup.png", seed=2)))
mixed = plain.replace(augmentation=(), mix=krr.augment.MixUpOrCutMix(cutmix_alpha=1.0))
display(Image(filename=mixed.preview("train.csv", "cutmix.png", seed=1)))

# %% [markdown]
# ## Binary cross-entropy
#
# With mixed targets "which class is it?" has no answer; A2 asks of every class "is it there?". Above a share of
# 0.2 the answer is yes: two classes can be there at once, and a sliver of one counts as absent.

# %%
loss = krr.losses.BinaryCrossentropy(target_threshold=0.2)
logits = np.array([[2.0, 2.0, -4.0]])
for target in ([0.6, 0.4, 0.0], [0.9, 0.1, 0.0]):
    print(target, f"loss {float(loss(np.array([target]), logits)):.3f}")

# %% [markdown]
# The second is larger: the network is sure of both, and 0.1 of a class counts as none.
#
# ## Stochastic depth
#
# In training a residual branch is left out for a picture with a probability that rises to 0.05 in the last block;
# the others are divided by 0.95, so that the mean stays.

# %%
branch = krr.layers.StochasticDepth(0.05)
values = np.asarray(branch(np.ones((10_000, 1, 1, 1), "float32"), training=True))
print(
    f"{(values == 0).mean():.1%} left out, the others {values.max():.3f}, mean {values.mean():.3f}"
)

# %% [markdown]
# ## LAMB
#
# Batches of 2048 need a large learning rate, and layers differ in how much of it they stand. LAMB scales the step
# of each kernel to the kernel's own size: here one's gradients are a thousand times the other's, and both move by
# the same share, the learning rate. Biases have no such scale.

# %%
kernels = [keras.Variable(np.full((4, 4), size, "float32")) for size in (0.1, 10.0)]
gradients = [keras.ops.convert_to_tensor(np.full((4, 4), size, "float32")) for size in (1e-3, 1.0)]
lamb = krr.optimizers.Lamb(5e-3, weight_decay=0.02)
before = [keras.ops.convert_to_numpy(kernel).copy() for kernel in kernels]
lamb.apply(gradients, kernels)
for old, kernel in zip(before, kernels, strict=True):
    step = keras.ops.convert_to_numpy(kernel) - old
    print(f"moved by {np.linalg.norm(step) / np.linalg.norm(old):.2%} of its size")

# %% [markdown]
# ## The schedule
#
# Five epochs up, then a cosine, one rate an epoch.

# %%
display(Image(filename=krr.A2().plot_schedule("schedule.png")))

# %% [markdown]
# ## What each is worth
#
# `ablate` trains the recipe, then without each of its ingredients, and makes a run folder of each: the same call
# goes on where it stopped. `rows` takes some of them. One seed does not tell noise from gain: `seeds=range(3)` is
# three times the work.
#
# A2 is made for 300 epochs of ImageNet. In 30 epochs of 2936 photographs most of what it does against overfitting
# has little time to pay; expect rows that are better without.

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
# `krr report runs/a2/*/seed-0` draws the runs over each other.
