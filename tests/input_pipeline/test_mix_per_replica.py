"""Each device mixes its own shard of a batch."""

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.order import dealt
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

# All pixels of image i are i and its class is i, so that the targets show the pairs and mixing weights.
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

# The order on four devices of the images of one device.
DEALT = dealt(32, 4).ravel()


def targets(recipe, replicas, host=(0, 1)):
    return [targets for _, targets in batches(recipe, replicas, host)]


def batches(recipe, replicas, host=(0, 1)):
    x = np.broadcast_to(np.arange(32, dtype="uint8")[:, None, None, None], (32, 8, 8, 3)).copy()
    data = krr.data.from_arrays(x, np.arange(32))
    unreadable = UnreadableImages(data, "raise")
    made = TrainingBatches(
        recipe, data, steps=1, seed=0, unreadable=unreadable, devices=replicas, host=host
    )
    return list(made.batches())


def weights_and_pairs(rows):
    """Returns the set of mixing weights in these rows and the set of mixed classes."""
    return {round(float(w), 4) for w in rows[rows > 0]}, {tuple(np.flatnonzero(r)) for r in rows}


@pytest.mark.parametrize(("replicas", "micro_batches"), [(2, 1), (4, 1), (2, 2)])
def test_each_device_draws_its_own_lambda(replicas, micro_batches):
    recipe = RECIPE.replace(gradient_accumulation_steps=micro_batches)
    drawn = []
    for batch in targets(recipe, replicas):
        for rows in np.split(batch, replicas):
            weights, pairs = weights_and_pairs(rows)
            assert len(weights) == 2  # lambda and 1 - lambda
            assert sum(weights) == pytest.approx(1, abs=2e-4)  # both are rounded to 1e-4
            # The partner of a row is in the same shard: half as many pairs as rows.
            assert len(pairs) == len(rows) // 2
            drawn.append(max(weights))
    assert len(drawn) == replicas * micro_batches == len(set(drawn))


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize(("replicas", "micro_batches"), [(2, 1), (4, 1), (2, 2)])
def test_all_devices_can_have_one_lambda_and_partners_of_their_own(replicas, micro_batches, hosts):
    recipe = RECIPE.replace(gradient_accumulation_steps=micro_batches, mix_draws="per_batch")
    of_hosts = [targets(recipe, replicas, (host, hosts)) for host in range(hosts)]
    drawn = set()
    for step in range(micro_batches):
        shards = [s for one in of_hosts for s in np.split(one[step], replicas // hosts)]
        weights, pairs = zip(*map(weights_and_pairs, shards), strict=True)
        assert all(one == weights[0] for one in weights)
        # The partner of a row is in the same shard: half as many pairs as rows.
        assert [len(one) for one in pairs] == [len(shards[0]) // 2] * replicas
        drawn.add(max(weights[0]))
    assert len(drawn) == micro_batches


@pytest.mark.parametrize("name", ["BagOfTricks", "Distill"])
def test_a_batch_on_two_devices_is_that_of_gluoncvs_script(name):
    ours = krr.RECIPES[name]()
    assert (ours.mix_per_replica, ours.mix.partner) == (True, "reversed")
    ((images, rows),) = batches(RECIPE.replace(mix=ours.mix), 2)
    lam = rows[0].max()
    for shard, labels in zip(np.split(images[:, 0, 0, 0], 2), np.split(rows, 2), strict=True):
        # For every device: lam * X + (1 - lam) * X[::-1], with one lam. X is the class itself here.
        own = np.where(np.isclose(labels, lam), np.arange(32), 0).sum(1)
        np.testing.assert_allclose(
            labels, lam * np.eye(32)[own] + (1 - lam) * np.eye(32)[own[::-1]]
        )
        np.testing.assert_array_equal(shard, np.rint(lam * own + (1 - lam) * own[::-1]))


@pytest.mark.parametrize("name", ["A1", "DeiT", "TorchVisionV2"])
def test_in_timm_and_torchvision_each_process_draws(name):
    ((_, rows),) = batches(RECIPE.replace(mix=krr.RECIPES[name]().mix), 2)
    one, two = (weights_and_pairs(shard)[0] for shard in np.split(rows, 2))
    assert one != two


def test_one_draw_per_batch_equals_that_of_one_device():
    recipe = RECIPE.replace(mix_per_replica=False)
    np.testing.assert_array_equal(targets(recipe, 4)[0], targets(RECIPE, 1)[0][DEALT])


def test_replicas_change_only_the_mixing():
    recipe = RECIPE.replace(mixup_alpha=0.0)
    np.testing.assert_array_equal(targets(recipe, 4)[0], targets(recipe, 1)[0][DEALT])
