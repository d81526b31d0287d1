"""Generates statistics.npz: distributions of draws from timm's augmentations.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pillow==13.0.0 pyyaml huggingface_hub safetensors
    venv/bin/pip install --no-deps timm==1.0.28 torchvision==0.28.0
    venv/bin/python make_statistics.py statistics.npz

timm 1.0.28 computes CutMix boxes as at the time of 'ResNet strikes back'; 1.0.31 does not. All other
draws are the same in both versions.

A distribution is stored as NAME/counts. With NAME/edges, counts[i] is the number of values (as
float32) above edges[i - 1] and up to edges[i]. Without, values are integers and counts has one
axis for each.
"""

import json
import random
import sys
import types

# torchvision's wheels need operators for CUDA, which are unused here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import numpy as np  # noqa: E402
import PIL  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data import create_transform, mixup, transforms  # noqa: E402

SEED = 20211001
IMAGES = 300_000  # both rounds together apply each of the operations 20,000 times
CROPS = BATCHES = ERASED = 100_000
FLIPS = 40_000
RAND_AUGMENT = {
    "m7": "rand-m7-mstd0.5-inc1",  # A1, A2
    "m6": "rand-m6-mstd0.5-inc1",  # A3
    "m9": "rand-m9-mstd1.0-inc1",  # one level in six is clipped at ten
}
# Grouped by the range of their arguments; the others have none.
KINDS = {
    "rotation": ["Rotate"],
    "shear": ["ShearX", "ShearY"],
    "shift": ["TranslateXRel", "TranslateYRel"],
    "factor": [f"{name}Increasing" for name in ("Color", "Contrast", "Brightness", "Sharpness")],
    "bits": ["PosterizeIncreasing"],
    "threshold": ["SolarizeIncreasing"],
    "addition": ["SolarizeAdd"],
}
SIZES = [(375, 500), (333, 250), (1000, 100)]  # height, width
MIXES = {"A1": (224, 0.2), "A3": (160, 0.1)}  # size, alpha of MixUp (A2: 224 and 0.1)

NONE = 15  # index of a skipped operation

arrays = {}


def store_values(name, values, bins):
    """Stores counts between approximately equiprobable edges, fewer if values coincide."""
    values = np.asarray(values, np.float32)
    edges = np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf")
    edges = np.unique(edges)
    places = np.searchsorted(edges, values, side="left")
    arrays[f"{name}/edges"] = edges
    arrays[f"{name}/counts"] = np.bincount(places, minlength=len(edges) + 1)


def store_whole(name, rows, shape):
    counts = np.zeros(shape, np.int64)
    np.add.at(counts, tuple(np.reshape(rows, (-1, len(shape))).T), 1)
    arrays[f"{name}/counts"] = counts


def training_transforms(**arguments):
    """Returns the transforms of timm's training script by class name."""
    chain = create_transform(224, is_training=True, interpolation="random", **arguments)
    return {type(step).__name__: step for step in chain.transforms}


class Canvas:
    """An image that records the interpolation of a geometric operation instead of applying it."""

    size = (32, 32)

    def rotate(self, degrees, resample, fillcolor):
        self.cubic = resample == Image.Resampling.BICUBIC

    def transform(self, size, method, data, resample, fillcolor):
        self.cubic = resample == Image.Resampling.BICUBIC


class Round:
    """A timm operation that records its draw instead of changing the image."""

    def __init__(self, place, operation, log):
        self.place, self.operation, self.log = place, operation, log
        self.level_function, self.function = operation.level_fn, operation.aug_fn
        operation.level_fn = operation.level_fn and self.argument_of
        operation.aug_fn = self.apply

    def __call__(self, image):
        self.row = [NONE, np.nan, np.nan, np.nan]
        self.operation(image)
        self.log.append(self.row)

    def argument_of(self, level, hparams):
        self.row[1] = level
        return self.level_function(level, hparams)

    def apply(self, image, *arguments, **kwargs):
        self.row[0] = self.place
        if arguments:
            self.row[2] = arguments[0]
        if self.operation.name in KINDS["rotation"] + KINDS["shear"] + KINDS["shift"]:
            canvas = Canvas()
            self.function(canvas, *arguments, **kwargs)
            self.row[3] = canvas.cubic


def draw_rand_augment(text):
    """Returns the names of the operations and rows [image, round] of (index, level, argument, cubic)."""
    augment, log = training_transforms(auto_augment=text)["RandAugment"], []
    names = [operation.name for operation in augment.ops]
    augment.ops = [Round(place, operation, log) for place, operation in enumerate(augment.ops)]
    for _ in range(IMAGES):
        augment(None)
    return names, np.array(log).reshape(IMAGES, 2, 4)


def rand_augment():
    for key, text in RAND_AUGMENT.items():
        names, rows = draw_rand_augment(text)
        place, level, argument, cubic = np.moveaxis(rows, 2, 0)
        name = f"rand_augment/{key}"
        store_whole(f"{name}/rounds", place.astype(int), (16, 16))
        store_values(f"{name}/level", level[~np.isnan(level)], 256)
        of_kind = {k: np.isin(place, [names.index(n) for n in ns]) for k, ns in KINDS.items()}
        for kind in ("rotation", "shear", "shift", "factor"):
            store_values(f"{name}/{kind}", argument[of_kind[kind]], 256)
        for kind in ("bits", "threshold", "addition"):
            whole = argument[of_kind[kind]].astype(int)
            store_whole(f"{name}/{kind}", whole, (257,))
        signs = argument > np.where(of_kind["factor"], 1, 0)
        signed = of_kind["rotation"] | of_kind["shear"] | of_kind["shift"] | of_kind["factor"]
        store_whole(f"{name}/signs", signs[signed.all(1)].astype(int), (2, 2))
        both = ~np.isnan(cubic).any(1)
        store_whole(f"{name}/cubic", cubic[both].astype(int), (2, 2))


def store_boxes(name, boxes, height, width):
    """Stores the distributions of rows [top, left, height, width] inside an image."""
    top, left, rows, columns = np.transpose(boxes).astype(float)
    for side, values in (("top", top), ("left", left), ("height", rows), ("width", columns)):
        store_values(f"{name}/{side}", values, 32)
    store_values(f"{name}/area", rows * columns / (height * width), 256)
    store_values(f"{name}/aspect", np.log(columns / rows), 256)
    # Eighths of the free range, if any, to test that the two directions are independent.
    room = np.stack([height - rows, width - columns], 1)
    free = (room > 0).all(1)
    eighths = 8 * np.stack([top, left], 1)[free] // (room[free] + 1)
    store_whole(f"{name}/place", eighths.astype(int), (8, 8))


def crops():
    crop, drawn = training_transforms()["RandomResizedCropAndInterpolation"], []
    functional = types.SimpleNamespace(
        get_image_size=transforms.F.get_image_size,
        resized_crop=lambda image, *arguments: drawn.append(arguments),
    )
    transforms.F, real = functional, transforms.F
    for height, width in SIZES:
        image, name = Image.new("RGB", (width, height)), f"crop/{height}x{width}"
        drawn.clear()
        for _ in range(CROPS):
            crop(image)
        boxes = np.array([row[:4] for row in drawn])
        store_boxes(name, boxes, height, width)
        middle = [*fallback(height, width)]
        store_whole(f"{name}/fallback", (boxes == middle).all(1).astype(int), (2,))
        cubic = [row[5] == transforms.str_to_interp_mode("bicubic") for row in drawn]
        store_whole(f"{name}/cubic", np.array(cubic, int), (2,))
    transforms.F = real


def fallback(height, width):
    """Returns timm's fallback crop, forced by an area larger than the image, which never fits."""
    image = Image.new("RGB", (width, height))
    return transforms.RandomResizedCropAndInterpolation.get_params(image, (9, 9), (3 / 4, 4 / 3))


def flips():
    flip = training_transforms(hflip=0.5)["RandomHorizontalFlip"]
    image = torch.tensor([[[0, 1]]])
    values = [int(flip(image)[0, 0, 0]) for _ in range(FLIPS)]
    store_whole("flip", np.array(values), (2,))


class Watched(mixup.Mixup):
    def _params_per_batch(self):
        self.drawn = super()._params_per_batch()
        return self.drawn


def mixes():
    real = mixup.cutmix_bbox_and_lam
    for key, (size, alpha) in MIXES.items():
        mix, boxes = Watched(alpha, 1.0, label_smoothing=0.0, num_classes=2), []

        def box(*arguments, boxes=boxes, **kwargs):
            boxes.append(real(*arguments, **kwargs))
            return boxes[-1]

        mixup.cutmix_bbox_and_lam = box
        images, labels = torch.zeros(2, 1, size, size), torch.tensor([0, 1])
        cut, weights, shares = [], [], []
        for _ in range(BATCHES):
            _, soft = mix(images, labels)
            use_cutmix = mix.drawn[1]
            cut.append(int(use_cutmix))
            (shares if use_cutmix else weights).append(float(soft[0, 0]))
        store_whole(f"mix/{key}/cut", np.array(cut), (2,))
        store_values(f"mix/{key}/weight", weights, 256)
        store_values(f"mix/{key}/share", shares, 256)
        for side, values in zip(
            ("top", "bottom", "left", "right"),
            zip(*[b for b, _ in boxes], strict=True),
            strict=True,
        ):
            store_values(f"mix/{key}/{side}", values, 32)
        bottom, top, right, left = (np.array([b[i] for b, _ in boxes]) for i in (1, 0, 3, 2))
        store_values(f"mix/{key}/height", bottom - top, 32)
        store_values(f"mix/{key}/width", right - left, 32)
        # A box that no edge clips has an even number of rows, twice the half.
        inside = (top > 0) & (bottom < size)
        store_whole(f"mix/{key}/odd", (bottom - top)[inside] % 2, (2,))
    mixup.cutmix_bbox_and_lam = real


def erasing():
    chain = training_transforms(re_prob=0.25, re_mode="pixel")
    erase, boxes, (height, width) = chain["RandomErasing"], [], (64, 48)
    erased = []
    for _ in range(ERASED):
        image = erase(torch.zeros(1, height, width))[0].numpy()
        rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
        erased.append(int(len(rows) > 0))
        if len(rows):
            boxes.append([rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1])
    store_whole("erasing/erased", np.array(erased), (2,))
    store_boxes("erasing", boxes, height, width)


def main(path):
    for number, draw in enumerate([rand_augment, crops, flips, mixes, erasing]):
        random.seed(SEED + number)
        np.random.seed(SEED + number)
        torch.manual_seed(SEED + number)
        draw()
    packages = timm, torch, torchvision, PIL, np
    names = sorted(key.removesuffix("/counts") for key in arrays if key.endswith("/counts"))
    meta = {
        "what": __doc__,
        "names": names,
        "versions": {package.__name__: package.__version__ for package in packages},
        "seeds": {"random, numpy, torch": f"{SEED} + place of the section in main"},
        "rand_augment": RAND_AUGMENT,
        "kinds": KINDS,
        "crop": SIZES,
        "mix": MIXES,
        "erasing": {"size": [64, 48], "probability": 0.25, "mode": "pixel"},
    }
    np.savez_compressed(path, meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
