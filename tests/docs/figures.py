"""Figures for the pages on ingredients, generated with the ingredients while the site is built."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.rand_augment import OPERATIONS, level_argument
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD
from tests.docs import curves, scenes

augment = krr.augment


def pages() -> dict[str, bytes]:
    """Returns each figure as a PNG by its path in the site."""
    drawn = {
        "random-resized-crop": _random_resized_crop(),
        "scale-jitter-crop": _draws(augment.ScaleJitterCrop(160, shorter_edge=(180, 300))),
        "pad-and-crop": _pad_and_crop(),
        "rand-augment": _rand_augment(),
        "operations": _operations(),
        "trivial-augment": _draws(augment.TrivialAugmentWide()),
        "color-jitter": _draws(augment.ColorJitter(0.4, 0.4, 0.4)),
        "lighting": _draws(augment.Lighting(0.1)),
        "cutout": _draws(augment.Cutout(56, fill=IMAGENET_MEAN)),
        "random-erasing": _random_erasing(),
        "mixup": _mixup(),
        "cutmix": _cutmix(),
        "repeated-augmentation": _repeated(),
        **curves.figures(),
    }
    return {f"figures/{name}.png": _png(figure) for name, figure in drawn.items()}


def tiles(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 6) -> Figure:
    """Returns a grid of images, each with a title."""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.5 * columns, 1.75 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, image, title in zip(figure.axes, images, titles, strict=False):
        axes.imshow(image)
        axes.set_title(title, fontsize=8)
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    # Without matplotlib's version in the metadata, the bytes are reproducible.
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _draws(augmentation: krr.augment.Augmentation, count: int = 5) -> Figure:
    image = scenes.harbor()
    augmented = [augmentation(image, _rng(seed)) for seed in range(count)]
    return tiles([image, *augmented], ["original", *(f"seed {seed}" for seed in range(count))])


def _random_resized_crop() -> Figure:
    return _draws(augment.RandomResizedCrop(160))


def _pad_and_crop() -> Figure:
    image = scenes.harbor()
    fills = {"reflection": None, "mean color": IMAGENET_MEAN}
    shown = [
        augment.PadAndCrop(28, fill=fill)(image, _rng(seed))
        for fill in fills.values()
        for seed in (1, 4)
    ]
    titles = [f"{name}, seed {seed}" for name in fills for seed in (1, 4)]
    return tiles([image, *shown], ["original", *titles], columns=5)


def _rand_augment() -> Figure:
    image, augmentation = scenes.harbor(), augment.RandAugment(7.0, 0.5)
    rows = augmentation.draw(_rng(3), 11)
    shown, titles = [image], ["original"]
    for index in range(11):
        row = {name: values[index] for name, values in rows.items()}
        applied = [OPERATIONS[i] for i in row["operation"] if i < len(OPERATIONS)]
        shown.append(augmentation.apply(image.copy(), row))
        titles.append("\n".join(name.replace("_", " ") for name in applied) or "nothing")
    return tiles(shown, titles)


def _operations() -> Figure:
    image, augmentation = scenes.harbor(), augment.RandAugment(operations=1)
    shown, titles = [image], ["original"]
    for index, name in enumerate(OPERATIONS):
        argument = level_argument(NUMPY, np.array([index]), np.array([7.0]), np.array([1.0]))
        row = {"operation": [index], "argument": argument, "cubic": [False]}
        shown.append(augmentation.apply(image.copy(), row))
        titles.append(name.replace("_", " "))
    return tiles(shown, titles, columns=8)


def _random_erasing() -> Figure:
    image = scenes.harbor()
    noises = {"mean": 0.0, "noise": IMAGENET_STD}
    shown = [
        augment.RandomErasing(1.0, fill=IMAGENET_MEAN, noise=noise)(image, _rng(seed))
        for noise in noises.values()
        for seed in (0, 1, 2)
    ]
    return tiles(shown, [f"{name}, seed {seed}" for name in noises for seed in (0, 1, 2)])


def _pair() -> tuple[np.ndarray, np.ndarray]:
    return np.stack([scenes.harbor(), scenes.meadow()]), np.eye(2)


def _mixup() -> Figure:
    images, labels = _pair()
    lambdas = (1.0, 0.9, 0.7, 0.5, 0.3, 0.0)
    mixed = [augment.mixup(images, labels, lam)[0][0] for lam in lambdas]
    return tiles(mixed, [f"λ = {lam:g}" for lam in lambdas])


def _cutmix() -> Figure:
    images, labels = _pair()
    shown, titles = [], []
    for lam, center in ((0.9, (60, 60)), (0.7, (112, 112)), (0.7, (20, 200)), (0.4, (150, 90))):
        mixed, mixed_labels = augment.cutmix(images, labels, lam, center)
        shown.append(mixed[0])
        titles.append(f"λ = {lam:g},\nlabel weight {mixed_labels[0, 0]:.3f}")
    return tiles(shown, titles, columns=4)


def _repeated() -> Figure:
    shown, titles = [], []
    steps = (augment.RandomResizedCrop(160), augment.RandomFlip(), augment.RandAugment(7.0, 0.5))
    for name, scene in (("harbor", scenes.harbor()), ("meadow", scenes.meadow())):
        for copy in range(3):
            image, rng = scene, _rng(len(shown))
            for step in steps:
                image = step(image, rng)
            shown.append(image)
            titles.append(f"{name}, copy {copy + 1}")
    return tiles(shown, titles)
