"""Each snapshot of a preview matches the training."""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes import preview
from keras_resnet_recipes.augment import (
    ColorJitter,
    Cutout,
    Lighting,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    TrivialAugmentWide,
)
from keras_resnet_recipes.input_pipeline.order import order
from keras_resnet_recipes.training.feeds import host

SMALL = {"train_size": 16, "batch_size": 8, "classes": 3}
RECIPES = {
    "repeated, RandAugment, mixed": krr.A1(**SMALL, mixup_alpha=0.0),
    "other color augmentations": krr.TorchVisionV2(
        **SMALL,
        augmentation=(
            RandomResizedCrop(interpolation="bilinear"),
            RandomFlip(),
            Cutout(size=4),
            TrivialAugmentWide(),
            ColorJitter(0.4, 0.4, 0.4, 0.1),
            Lighting(),
            RandomErasing(0.9),
        ),
    ),
    "scale jitter": krr.He2015(**SMALL, shorter_edge=(17, 24), step_epochs=(30.0,)),
    "without crop": krr.DAWNBench(**SMALL, data_on_device=False, cutout_size=4),
}
RARELY_MIXED = krr.A2(**SMALL, mix_probability=0.01, repeated_augmentation=1)
NAMES = {
    "repeated, RandAugment, mixed": ["RandomResizedCrop", "RandomFlip", "RandAugment", "CutMix"],
    "other color augmentations": [
        *("RandomResizedCrop", "RandomFlip", "Cutout", "TrivialAugmentWide", "ColorJitter"),
        *("Lighting", "RandomErasing", "MixUp"),
    ],
    "scale jitter": ["ScaleJitterCrop", "RandomFlip", "Lighting"],
    "without crop": ["CenterCrop", "PadAndCrop", "RandomFlip", "Cutout"],
}
# With this seed the second recipe draws MixUp.
SEED = 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of images of various sizes; the first training image is unreadable."""
    root, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name in ("ant", "bee", "cow"):
        (root / name).mkdir()
        for number in range(34):
            size = 20 + number, 30 - number // 3, 3
            image = Image.fromarray(rng.integers(0, 256, size, "uint8"))
            image.save(root / name / f"{number}.png")
    data = krr.data.from_source(root)
    first = order(data.size, SEED, epoch=0)[0]
    Path(data.describe(int(first))).write_bytes(b"no image")
    return root


@pytest.fixture(scope="module", params=RECIPES)
def shown(request, folder):
    """Name of the case, recipe and snapshots."""
    recipe = RECIPES[request.param]
    return request.param, recipe, preview.snapshots(recipe, folder, columns=8, seed=SEED)


def test_the_last_stage_is_the_input_of_the_network(shown, folder):
    _, recipe, snapshots = shown
    expected = preview.preview(recipe, folder, rows=1, columns=8, seed=SEED)[0]
    np.testing.assert_array_equal(np.stack(snapshots[-1].images), expected)


def test_every_augmentation_has_a_stage(shown):
    name, _, snapshots = shown
    assert [snapshot.name.partition("\n")[0] for snapshot in snapshots] == [
        "as decoded",
        *NAMES[name],
    ]
    assert all(len(snapshot.captions) == len(snapshot.images) == 8 for snapshot in snapshots)
    assert {*snapshots[0].captions} <= {"ant", "bee", "cow"}


def test_images_without_a_caption_are_unchanged(shown):
    _, _, snapshots = shown
    unchanged = 0
    for before, after in itertools.pairwise(snapshots[1:]):
        for image, changed, caption in zip(
            before.images, after.images, after.captions, strict=True
        ):
            if not caption:
                np.testing.assert_array_equal(changed, image)
                unchanged += 1
            if caption == "mirrored":
                np.testing.assert_array_equal(changed, image[:, ::-1])
    assert unchanged


def test_captions_name_the_operations(folder):
    snapshots = preview.snapshots(RARELY_MIXED, folder, columns=40, seed=SEED)
    assert snapshots[-1].name == "not mixed"
    before, after = snapshots[2:4]
    found = 0
    for image, changed, caption in zip(before.images, after.images, after.captions, strict=True):
        names = [line.split()[0] for line in caption.splitlines()]
        if len(names) == 1 and names[0] in ("auto_contrast", "equalize", "invert", "posterize"):
            operation = getattr(krr.augment.operations, names[0])
            arguments = [int(number) for number in caption.split()[1:]]
            expected = operation(image, *arguments)
            np.testing.assert_array_equal(changed, expected)
            found += 1
    assert found


def test_captions_show_the_training_targets(folder):
    recipe = RECIPES["repeated, RandAugment, mixed"]
    data = krr.data.from_source(folder)
    last = preview.snapshots(recipe, folder, columns=8, seed=SEED)[-1]
    feed = host.Feed(recipe, data, None, steps=1, seed=SEED)
    with feed.training(first_epoch=0, first_batch=0) as batches:
        targets = next(iter(batches["x"]))[1].numpy()
    for target, caption in zip(targets, last.captions, strict=True):
        weight, name = caption.splitlines()[0].split()
        assert float(weight) == pytest.approx(target.max(), abs=0.005)  # two decimals
        assert name == ("ant", "bee", "cow")[target.argmax()]


def test_keras_layers_have_stages(folder):
    recipe = RECIPES["repeated, RandAugment, mixed"]
    crop_and_flip = recipe.augmentation[:2]
    recipe = recipe.replace(
        augmentation=(*crop_and_flip, keras.layers.Rescaling(-1.0, 255.0)),
        mix=keras.layers.CutMix(seed=1),
    )
    snapshots = preview.snapshots(recipe, folder, columns=8, seed=SEED)
    assert [snapshot.name for snapshot in snapshots[2:]] == ["RandomFlip", "Rescaling", "CutMix"]
    np.testing.assert_array_equal(snapshots[3].images[0], 255 - snapshots[2].images[0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [(0, "`columns` must be at least 1"), (7, "even")],
    ids=["0", "odd"],
)
def test_invalid_numbers_of_columns_are_errors(folder, tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        krr.A1(**SMALL).preview(folder, tmp_path / "x.png", columns=columns)
    assert list(tmp_path.iterdir()) == []


def test_fewer_images_than_columns(folder):
    data = np.zeros((2, 16, 16, 3), "uint8"), np.arange(2)
    recipe = krr.A3(**SMALL)
    # Arrays repeat; an invalid label of a stream is an error, not an endless search for a valid one.
    assert len(preview.snapshots(recipe, data, columns=8, seed=0)[0].images) == 8
    stream = krr.data.from_dataset([*zip(data[0], [0, 3], strict=True)])
    with pytest.raises(ValueError, match=r"must be within 0..2 for 3 classes. Received: 3"):
        preview.snapshots(recipe, stream, columns=8, seed=0)


def test_unpublished_values_without_visible_effect_may_be_missing(folder):
    known = preview.snapshots(RECIPES["scale jitter"], folder, columns=4, seed=SEED)
    unknown = krr.He2015(**SMALL, shorter_edge=(17, 24))  # `step_epochs` is unpublished
    shown = preview.snapshots(unknown, folder, columns=4, seed=SEED)
    np.testing.assert_array_equal(shown[-1].images, known[-1].images)
    tuned = {
        "rand_augment_magnitude": 6.0,
        "rand_augment_std": 0.5,
        "mixup_alpha": 0.2,
        "label_smoothing": 0.1,
    }
    assert preview.preview(krr.B(**SMALL, **tuned), folder, rows=1, columns=4, seed=0).any()


def test_unpublished_values_with_visible_effect_must_be_given(folder):
    with pytest.raises(
        ValueError,
        match=r"^`label_smoothing`, `rand_augment_magnitude`, `rand_augment_std`, `mixup_alpha` must",
    ):
        preview.snapshots(krr.B(**SMALL), folder, columns=4, seed=SEED)
