"""Draws against samples of timm's, made by tests/golden/make_statistics.py: equal distributions."""

import numpy as np
import pytest
from scipy import special, stats

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import (
    MixUpOrCutMix,
    RandAugment,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    mix_formulas,
)
from keras_resnet_recipes.augment.rand_augment import OPERATIONS

P = 0.001
SEEDS = (0, 1, 2)  # chosen before the first comparison
SAMPLES = 20_000
ROUNDS = 150_000  # images, so that each operation is applied 10,000 times

KINDS = {
    "rotation": ["rotate"],
    "shear": ["shear_x", "shear_y"],
    "shift": ["translate_x", "translate_y"],
    "factor": ["color", "contrast", "brightness", "sharpness"],
    "bits": ["posterize"],
    "threshold": ["solarize"],
    "addition": ["solarize_add"],
}
RAND_AUGMENTS = {
    "m7": krr.A1().augmentation[2],
    "m6": krr.A3().augmentation[2],
    "m9": RandAugment(magnitude=9.0, std=1.0),
}
CROP = RandomResizedCrop(size=224)
SIZES = [(375, 500), (333, 250), (1000, 100)]
MIXES = {
    "A1": (224, krr.A1().mix),
    "A3": (160, krr.A3().mix),
}
ERASING = krr.DeiT().augmentation_of(RandomErasing)
ERASED = 64, 48

# Kolmogorov-Smirnov for these; chi-square for the others, which are integers or pixels.
CONTINUOUS = (
    *("level", "rotation", "shear", "shift", "factor"),
    *("area", "aspect", "weight", "share"),
)


@pytest.fixture(scope="module")
def timm(golden):
    return golden("statistics")


def p_value(timm, name, values):
    """Returns the probability that a difference from timm's draws at least this large is chance."""
    theirs = timm[f"{name}/counts"]
    if f"{name}/edges" in timm:
        # In single precision, like timm's counts, so that ties with the edges are counted equally.
        places = np.searchsorted(timm[f"{name}/edges"], np.float32(values), side="left")
    else:
        places = np.ravel_multi_index(np.reshape(values, (-1, theirs.ndim)).T, theirs.shape)
    ours = np.bincount(places, minlength=theirs.size)
    two_samples = kolmogorov_smirnov if name.split("/")[-1] in CONTINUOUS else chi_square
    return two_samples(ours, theirs.ravel())


def kolmogorov_smirnov(ours, theirs):
    """Computes the test from counts in the same bins; binning can hide a difference, never create one."""
    n, m = ours.sum(), theirs.sum()
    distance = np.abs(np.cumsum(ours) / n - np.cumsum(theirs) / m).max()
    return float(special.kolmogorov(distance * np.sqrt(n * m / (n + m))))


def chi_square(ours, theirs):
    """Tests homogeneity; cells with expected counts below five are merged with the rarest other cell."""
    n, m, both = ours.sum(), theirs.sum(), ours + theirs
    frequent = both * min(n, m) / (n + m) >= 5
    rarest = np.argmin(np.where(frequent, both, n + m))
    cells = np.where(frequent, np.arange(both.size), rarest)
    table = np.stack([np.bincount(cells, counts) for counts in (ours, theirs)])
    table = table[:, table.any(axis=0)]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def differing(timm, prefix, samples):
    """Returns the p-values below the limit, after a check that all stored samples are compared."""
    samples = {f"{prefix}/{name}": values for name, values in samples.items()}
    assert set(samples) == {name for name in timm.meta["names"] if name.startswith(f"{prefix}/")}
    found = {name: p_value(timm, name, values) for name, values in samples.items()}
    return {name: p for name, p in found.items() if not p > P}


def generator(*seeds):
    return np.random.default_rng(seeds)


def rows_of(drawn):
    """Returns the augmentation parameters per image."""
    return [dict(zip(drawn, row, strict=True)) for row in zip(*drawn.values(), strict=True)]


def rand_augment_samples(augment, seed):
    rows = augment.draw(generator(seed, 0), ROUNDS)
    operation, argument = rows["operation"], rows["argument"]
    of_kind = {
        kind: np.isin(operation, [OPERATIONS.index(name) for name in names])
        for kind, names in KINDS.items()
    }
    samples = {kind: argument[chosen] for kind, chosen in of_kind.items()}
    for kind in ("bits", "threshold", "addition"):
        assert (samples[kind] % 1 == 0).all()
        samples[kind] = samples[kind].astype(int)
    moving = of_kind["rotation"] | of_kind["shear"] | of_kind["shift"]
    signs = argument > np.where(of_kind["factor"], 1, 0)
    return samples | {
        "rounds": operation,
        "level": abs(samples["rotation"]) / 3,
        "signs": signs[(moving | of_kind["factor"]).all(1)].astype(int),
        "cubic": rows["cubic"][moving.all(1)].astype(int),
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", RAND_AUGMENTS)
def test_rand_augment(timm, key, seed):
    samples = rand_augment_samples(RAND_AUGMENTS[key], seed)
    assert not differing(timm, f"rand_augment/{key}", samples)


def box_samples(boxes, height, width):
    top, left, rows, columns = boxes.T.astype(float)
    room = np.stack([height - rows, width - columns], 1)
    free = (room > 0).all(1)
    eighths = 8 * boxes[free, :2] // (room[free] + 1)
    return {
        "top": top,
        "left": left,
        "height": rows,
        "width": columns,
        "area": rows * columns / (height * width),
        "aspect": np.log(columns / rows),
        "place": eighths.astype(int),
    }


def crop_samples(drawn, height, width):
    boxes = np.array([CROP.box(height, width, row) for row in rows_of(drawn)])
    too_large = rows_of(drawn)[0] | {"area": np.full(10, 9.0)}
    middle = CROP.box(height, width, too_large)
    return box_samples(boxes, height, width) | {
        "fallback": (boxes == middle).all(1).astype(int),
        "cubic": drawn["cubic"].astype(int),
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", SIZES)
def test_crops(timm, size, seed):
    samples = crop_samples(CROP.draw(generator(seed, 1), SAMPLES), *size)
    assert not differing(timm, "crop/{}x{}".format(*size), samples)


def flip_samples(flip, seed):
    return flip.draw(generator(seed, 2), SAMPLES)["flip"].astype(int)


@pytest.mark.parametrize("seed", SEEDS)
def test_flips(timm, seed):
    assert p_value(timm, "flip", flip_samples(RandomFlip(), seed)) > P


def mix_samples(step, size, seed):
    rng = generator(seed, 3)
    drawn = [step.draw(rng, size, size) for _ in range(2 * SAMPLES)]
    weight, box, share = (
        np.array([getattr(one, name) for one in drawn]) for name in ("weight", "box", "share")
    )
    cut = box.any(1)
    assert (weight[cut] == 1).all()
    assert (weight[~cut] == share[~cut]).all()
    top, left, bottom, right = box[cut].T
    inside = (top > 0) & (bottom < size)
    return {
        "cut": cut.astype(int),
        "weight": weight[~cut],
        "share": share[cut],
        "top": top,
        "bottom": bottom,
        "left": left,
        "right": right,
        "height": bottom - top,
        "width": right - left,
        "odd": (bottom - top)[inside] % 2,
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("key", MIXES)
def test_mixing(timm, key, seed):
    size, step = MIXES[key]
    samples = mix_samples(step, size, seed)
    assert not differing(timm, f"mix/{key}", samples)


def erasing_samples(erasing, seed):
    drawn = erasing.draw(generator(seed, 4), 2 * SAMPLES)
    # The erased pixels equal this rectangle; see test_erasing.py.
    sides = np.array([erasing._rectangle(row, *ERASED) for row in rows_of(drawn)])
    erase = sides[:, 2] > 0
    assert not erase[~drawn["erase"]].any()
    return box_samples(sides[erase], *ERASED) | {"erased": erase.astype(int)}


@pytest.mark.parametrize("seed", SEEDS)
def test_erasing(timm, seed):
    assert not differing(timm, "erasing", erasing_samples(ERASING, seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_a_batch_and_neighboring_batches_are_drawn_independently(timm, seed):
    # timm's two operations of one image are independent; so must be any two of ours.
    batches = [RAND_AUGMENTS["m7"].draw(generator(seed, i), 256) for i in range(80)]
    operation = np.stack([drawn["operation"] for drawn in batches])
    pairs = {
        "rounds": operation,
        "images": np.stack([operation[:, :-1, 0], operation[:, 1:, 0]], -1),
        "batches": np.stack([operation[:-1, :, 0], operation[1:, :, 0]], -1),
    }
    for name, rows in pairs.items():
        assert p_value(timm, "rand_augment/m7/rounds", rows) > P, name


@pytest.mark.parametrize("seed", SEEDS)
def test_images_of_a_batch_differ_and_the_generator_alone_decides(seed):
    # Except for RandomFlip, which has only two values, no two images of a batch have equal draws.
    steps = {"area": CROP, "argument": RandAugment(probability=1.0), "position": ERASING}
    for name, step in steps.items():
        drawn, again = (step.draw(generator(seed, 5), 256) for _ in range(2))
        assert drawn.keys() == again.keys()
        for key in drawn:
            np.testing.assert_array_equal(drawn[key], again[key])
        done = drawn[name].any(1)  # operations without an argument may be equal
        assert done.sum() > 230
        assert len(np.unique(drawn[name][done], axis=0)) >= 0.9 * done.sum()
        other = step.draw(generator(seed, 6), 256)
        assert not np.array_equal(drawn[name], other[name])
    flips = RandomFlip().draw(generator(seed, 5), 256)["flip"]
    assert 0 < flips.sum() < 256


def uniform_aspect(seed):
    drawn = CROP.draw(generator(seed, 1), SAMPLES)
    low, high = CROP.aspect
    drawn["aspect"] = low + (high - low) * np.log(drawn["aspect"] / low) / np.log(high / low)
    return crop_samples(drawn, 375, 500)


def one_try_only(seed):
    drawn = CROP.draw(generator(seed, 1), SAMPLES)
    drawn |= {name: np.repeat(drawn[name][:, :1], 10, axis=1) for name in ("area", "aspect")}
    return crop_samples(drawn, 333, 250)


def smaller_crops(seed):
    larger = RandomResizedCrop(size=224, scale=(0.1, 1.0))
    return crop_samples(larger.draw(generator(seed, 1), SAMPLES), 375, 500)


def same_position_in_both_directions(seed):
    drawn = CROP.draw(generator(seed, 1), SAMPLES)
    drawn["position"] = np.repeat(drawn["position"][:, :1], 2, axis=1)
    return crop_samples(drawn, 375, 500)


def with_rand_augment(**changed):
    arguments = {"magnitude": 7.0, "std": 0.5} | changed
    return lambda seed: rand_augment_samples(RandAugment(**arguments), seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("rand_augment/m7/level", with_rand_augment(std=0.6)),
        ("rand_augment/m7/level", with_rand_augment(magnitude=6.9)),
        ("rand_augment/m7/factor", with_rand_augment(std=0.6)),
        ("rand_augment/m7/threshold", with_rand_augment(std=0.6)),
        ("rand_augment/m7/rounds", with_rand_augment(probability=0.55)),
        ("crop/375x500/area", smaller_crops),
        ("crop/375x500/aspect", uniform_aspect),
        ("crop/333x250/area", one_try_only),
        ("crop/375x500/place", same_position_in_both_directions),
        ("flip", lambda seed: flip_samples(RandomFlip(probability=0.53), seed)),
    ],
)
def test_errors_of_this_size_are_found(timm, name, wrong, seed):
    samples = wrong(seed)
    sample = samples[name.split("/")[-1]] if isinstance(samples, dict) else samples
    assert p_value(timm, name, sample) < P


def newer_box(ops, size, lam, center):
    """The rule of timm 1.0.31, which keeps the odd row and column."""
    cut = (size * np.sqrt(1 - lam)).astype(np.int32)
    low, high = np.maximum(center - cut // 2, 0), np.minimum(center + (cut + 1) // 2, size)
    return np.concatenate([low, high]), 1 - np.prod(high - low) / np.prod(size)


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("names", "changed"),
    [
        # Each error changes different distributions.
        (
            ("weight", "share", "height", "cut"),
            {"mixup_alpha": 0.25, "cutmix_alpha": 1.2, "switch_probability": 0.53},
        ),
        (("odd",), {"box": newer_box}),
    ],
)
def test_errors_of_this_size_in_mixing_are_found(timm, names, changed, seed, monkeypatch):
    arguments = {"mixup_alpha": 0.2, "cutmix_alpha": 1.0} | changed
    monkeypatch.setattr(mix_formulas, "cut_box", arguments.pop("box", mix_formulas.cut_box))
    samples = mix_samples(MixUpOrCutMix(**arguments), 224, seed)
    for name in names:
        assert p_value(timm, f"mix/A1/{name}", samples[name]) < P, name
