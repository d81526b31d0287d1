"""Each device mixes its own share of a batch."""

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.order import dealt
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

# Image i of 32 is all i and of class i, so that targets tell who was mixed with whom and how much.
RECIPE = krr.A3(
    network="ResNet20",
    classes=32,
    epochs=1,
    warmup_epochs=0,
    batch_size=32,
    train_size=8,
    rand_augment=None,
    random_flip=None,
    random_resized_crop=None,
    repeated_augmentation=1,
    label_smoothing=0,
    mixup_alpha=1.0,
    cutmix_alpha=0,
)


# Where the images of one device stand on four.
DEALT = dealt(32, 4).ravel()


def targets(recipe, replicas):
    x = np.broadcast_to(np.arange(32, dtype="uint8")[:, None, None, None], (32, 8, 8, 3)).copy()
    data = krr.data.from_arrays(x, np.arange(32))
    watcher = UnreadableImages(data, "raise")
    made = TrainingBatches(recipe, data, steps=1, seed=0, unreadable=watcher, devices=replicas)
    return [targets for _, targets in made.batches()]


def shares_and_pairs(rows):
    """The set of mixing weights in these rows, and that of the classes they mix."""
    return {round(float(w), 4) for w in rows[rows > 0]}, {tuple(np.flatnonzero(r)) for r in rows}


@pytest.mark.parametrize(("replicas", "parts"), [(2, 1), (4, 1), (2, 2)])
def test_each_device_draws_its_own_lambda(replicas, parts):
    recipe = RECIPE.replace(gradient_accumulation_steps=parts)
    drawn = []
    for batch in targets(recipe, replicas):
        for rows in np.split(batch, replicas):
            weights, pairs = shares_and_pairs(rows)
            assert len(weights) == 2  # lambda and the rest
            assert sum(weights) == pytest.approx(1, abs=2e-4)  # both are rounded to 1e-4
            # Partners of a row are in its own share: half as many pairs as rows.
            assert len(pairs) == len(rows) // 2
            drawn.append(max(weights))
    assert len(drawn) == replicas * parts == len(set(drawn))


def test_one_draw_a_batch_is_one_device_s():
    recipe = RECIPE.replace(mix_per_replica=False)
    np.testing.assert_array_equal(targets(recipe, 4)[0], targets(RECIPE, 1)[0][DEALT])


def test_replicas_change_nothing_but_the_mix():
    recipe = RECIPE.replace(mixup_alpha=0.0)
    np.testing.assert_array_equal(targets(recipe, 4)[0], targets(recipe, 1)[0][DEALT])
