"""Generates augmentations.npz: outputs of torchvision's ColorJitter, TrivialAugmentWide and
resize with a crop, and of AlexNet's color noise in torch.

    python -m venv venv
    venv/bin/pip install torch==2.13.0 numpy==2.4.6 pillow==13.0.0
    venv/bin/pip install --no-deps torchvision==0.28.0
    venv/bin/python make_augmentations.py augmentations.npz

Large outputs are stored as their CRC-32.
"""

import json
import sys
import types
import zlib

# torchvision's wheels need operators for CUDA, which are unused here.
sys.modules.setdefault(
    "torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations")
)

import numpy as np  # noqa: E402
import PIL  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision.transforms import InterpolationMode, autoaugment, transforms  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812

# Strengths, and the number of draws for each.
JITTERS = [((0.4, 0.4, 0.4, 0.0), 12), ((0.4, 0.4, 0.4, 0.1), 12), ((1.5, 0.0, 2.0, 0.5), 8)]
HUES = [-0.5, -0.49, -0.25, -0.1, -1 / 255, 0.0, 0.003, 0.02, 0.1, 1 / 3, 0.4, 0.5]
# Image, length of the shorter edge, top, left, size of the square.
WINDOWS = [
    ("wide", 48, 0, 0, 32),
    ("wide", 48, 16, 40, 32),
    ("wide", 61, 11, 23, 32),
    ("wide", 33, 1, 12, 32),
    ("tall", 40, 3, 2, 32),
    ("tall", 119, 200, 70, 32),
    ("tall", 119, 240, 87, 32),
    ("tall", 83, 77, 51, 32),
]

arrays, meta = {}, {}


def picture(height, width, seed):
    """Returns smooth colors with noise on the right half, dark and bright parts, and a flat corner."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.uniform(1, 9, (3, 3))]
    image = 128 + 150 * np.stack(waves, -1)
    image += (np.arange(width) > width // 2)[None, :, None] * rng.normal(0, 30, image.shape)
    image[: height // 5, : width // 5] = (200, 30, 90)
    return np.clip(image, 0, 255).astype(np.uint8)


def crc(image):
    return zlib.crc32(np.ascontiguousarray(image).tobytes())


def color_cube():
    """Returns all colors of 48 levels per channel, one row for each red and green."""
    levels = np.linspace(0, 255, 48).round().astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(48 * 48, 48, 3)


def make_jitter(image):
    for strengths, draws in JITTERS:
        name = "/".join(map(str, strengths))
        jitter = transforms.ColorJitter(*strengths)
        ranges = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        orders, arguments, outputs = [], [], []
        for seed in range(draws):
            torch.manual_seed(seed)
            order, *factors = jitter.get_params(*ranges)
            torch.manual_seed(seed)
            outputs.append(np.asarray(jitter(Image.fromarray(image))))
            orders.append(order.numpy())
            neutral = (1.0, 1.0, 1.0, 0.0)
            arguments.append([n if f is None else f for f, n in zip(factors, neutral, strict=True)])
        arrays[f"jitter/{name}/order"] = np.array(orders)
        arrays[f"jitter/{name}/argument"] = np.array(arguments)
        arrays[f"jitter/{name}/output"] = np.array(outputs)
    cube = Image.fromarray(color_cube())
    arrays["hue/shift"] = np.array(HUES)
    arrays["hue/crc"] = np.array([crc(np.asarray(F.adjust_hue(cube, shift))) for shift in HUES])


def make_lighting():
    """Applies the transform of fb.resnet.torch on the scale 0..255 and rounds to integer levels."""
    values = torch.tensor([0.2175, 0.0188, 0.0045], dtype=torch.float64)
    vectors = torch.tensor(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]],
        dtype=torch.float64,
    )
    weights = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (20, 3)))
    colors = torch.stack([(vectors * w.view(1, 3) * values.view(1, 3)).sum(1) for w in weights])
    arrays["lighting/weights"], arrays["lighting/color"] = weights.numpy(), 255 * colors.numpy()


def make_trivial(pictures):
    space = autoaugment.TrivialAugmentWide()._augmentation_space(31)
    meta["operations"] = list(space)
    for mode in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        for name, image in pictures.items():
            sums = np.zeros((len(space), 31, 2), np.int64)
            turned = []
            for place, (operation, (magnitudes, signed)) in enumerate(space.items()):
                for number in range(31):
                    for negative in (0, 1):
                        value = float(magnitudes[number]) if magnitudes.ndim else 0.0
                        value *= -1 if signed and negative else 1
                        changed = autoaugment._apply_op(
                            Image.fromarray(image), operation, value, interpolation=mode, fill=None
                        )
                        sums[place, number, negative] = crc(np.asarray(changed))
                        if operation == "Rotate":
                            turned.append(np.asarray(changed))
            arrays[f"trivial/{mode.value}/{name}"] = sums
            if mode is InterpolationMode.BILINEAR:
                arrays[f"trivial/rotated/{name}"] = np.reshape(turned, (31, 2, *image.shape))


def make_windows(pictures):
    meta["windows"] = [list(window) for window in WINDOWS]
    for mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        cut = []
        for name, edge, top, left, size in WINDOWS:
            height, width = (
                np.array(pictures[name].shape[:2]) * edge // min(pictures[name].shape[:2])
            )
            # One axis at a time, width first: only Pillow 13 sometimes resizes the height first,
            # which changes bytes.
            resized = F.resize(Image.fromarray(pictures[name]), (len(pictures[name]), width), mode)
            resized = F.resize(resized, (height, width), mode)
            assert resized.size == F.resize(Image.fromarray(pictures[name]), edge, mode).size
            assert top + size <= resized.height
            assert left + size <= resized.width
            cut.append(np.asarray(F.crop(resized, top, left, size, size)))
        arrays[f"window/{mode.value}"] = np.array(cut)


def main():
    small = {"square": picture(24, 24, 1), "wide": picture(18, 29, 2)}
    large = {"wide": picture(60, 92, 3), "tall": picture(140, 60, 4)}
    make_jitter(small["wide"])
    make_lighting()
    make_trivial(small)
    make_windows(large)
    for name, pictures in (("picture", small), ("window/picture", large)):
        arrays.update({f"{name}/{which}": image for which, image in pictures.items()})
    meta["versions"] = {m.__name__: m.__version__ for m in (np, PIL, torch, torchvision)}
    meta["script"] = "make_augmentations.py"
    np.savez_compressed(sys.argv[1], meta=np.array(json.dumps(meta)), **arrays)


if __name__ == "__main__":
    main()
