"""Plans: numbers counted by hand, and probes."""

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.planning.probe import Probe, probe
from keras_resnet_recipes.recipe.source import DATASETS

SMALL = {
    "network": "ResNet20",
    "batch_size": 4,
    "train_size": 16,
    "test_size": 16,
    "rand_augment": None,
}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (12, 16, 16, 3), "uint8"), np.arange(12) % 2


def test_numbers_of_imagenet_are_those_of_the_paper():
    plan = krr.planning.plan(krr.A1())
    # floor(1,281,167 / 2048) = 625; 600 epochs; 625 * 600 * 2048.
    assert (plan.images, plan.updates_per_epoch, plan.updates) == (1_281_167, 625, 375_000)
    assert plan.images_seen == 768_000_000
    assert plan.seconds is None
    assert "1,281,167 images: ImageNet-1k, by default" in str(plan)


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        (krr.A3, "1,281,167 images: ImageNet-1k, by default"),
        (krr.DAWNBench, "50,000 images: CIFAR-10, by default"),
        (krr.He2015CIFAR, "50,000 images: CIFAR-10, by default"),
    ],
)
def test_the_default_data_set_is_that_of_the_published_recipe(recipe, line):
    assert line in str(krr.planning.plan(recipe()))


def test_the_size_of_every_published_data_set_is_known():
    assert {recipe.published_on for recipe in krr.RECIPES.values()} <= set(DATASETS)


def test_another_data_set_needs_the_number_of_images(monkeypatch):
    monkeypatch.setattr(krr.A3, "published_on", "flowers")
    with pytest.raises(
        ValueError, match="`images` must be given for a recipe published on flowers"
    ):
        krr.planning.plan(krr.A3())
    assert krr.planning.plan(krr.A3(), images=4096).updates_per_epoch == 2


def test_cooldown_counts():
    plan = krr.planning.plan(krr.A3(epochs=10, cooldown_epochs=3, batch_size=100), images=1050)
    assert (plan.updates_per_epoch, plan.epochs, plan.updates) == (10, 13, 130)
    assert "130 in 13 epochs, including 3 of cooldown" in str(plan)


def test_time_is_based_on_the_median_update():
    timing = Probe(images=4, first=9.0, seconds=(0.5, 3.0, 1.0), peak_memory=3 * 2**20)
    plan = krr.planning.Plan(krr.A3(epochs=10, batch_size=4), 401, "mine", timing)
    # 100 updates per epoch, 10 epochs, 1 s each.
    assert plan.seconds == 1000
    text = str(plan)
    assert "1 s on this machine, median of 3 (0.5 to 3 s); first update, including" in text
    assert "images per second  4\n" in text
    assert "16.7 min on this machine" in text
    assert "3 MiB of this process\n" in text
    # What does not fit the length follows.
    assert "`warmup_epochs`: the warm-up takes 5 of 10 epochs." in text


def curve(recipe, **options):
    lines = str(krr.planning.plan(recipe, **options)).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("learning rate"))
    return [line.removeprefix("learning rate").strip() for line in lines[first:]]


def test_rates_of_a_step_schedule():
    recipe = krr.Recipe(
        optimizer=krr.recipe.SGD(),
        schedule=krr.schedules.Step(boundaries=(30, 60)),
        learning_rate=0.1,
        epochs=90,
    )
    assert curve(recipe) == [
        "epoch 1: 0.1, peak",
        "epoch 31: 0.01, at most 1/10 of peak",
        "epoch 61: 0.001, at most 1/100 of peak",
        "epoch 90: 0.001, end",
    ]


def test_rates_of_a_schedule_per_update_with_warm_up():
    recipe = krr.Recipe(
        learning_rate=0.1,
        schedule=krr.schedules.PiecewiseLinear(knots=((0, 0), (2, 1), (4, 0)), per="update"),
        epochs=4,
        batch_size=10,
    )
    # 10 updates per epoch: update 20 is the peak, and update 30 is half way down.
    assert curve(recipe, images=100) == [
        "after 0.00 epochs: 0, start",
        "after 2.00 epochs: 0.1, peak",
        "after 3.00 epochs: 0.05, at most half of peak",
        "after 3.80 epochs: 0.01, at most 1/10 of peak",
        "after 3.90 epochs: 0.005, end",
    ]


def test_rates_of_a_plateau_are_unknown():
    recipe = krr.He2015(schedule=krr.schedules.Plateau(patience=3))
    assert curve(recipe) == [
        "epoch 1: 0.1, peak",
        "times 0.1 whenever top-1 stops rising",
    ]


def test_probe_times_real_updates(arrays):
    recipe = krr.A3(**SMALL)
    plan = krr.planning.plan(recipe, arrays, probed_updates=3)
    assert (plan.images, plan.updates_per_epoch) == (12, 3)
    assert len(plan.probe.seconds) == 3
    assert all(seconds > 0 for seconds in plan.probe.seconds)
    # The first update compiles.
    assert plan.probe.first > plan.probe.median
    # TensorFlow alone needs more.
    assert plan.probe.peak_memory > 100 * 2**20
    assert plan.images_seen == plan.updates * 4


def test_probe_counts_complete_updates_and_stops_at_the_limit(arrays):
    data = krr.data.from_arrays(*arrays)
    recipe = krr.A3(**SMALL, classes=2, gradient_accumulation_steps=2)
    timing = probe(recipe, data, updates=1000, limit=0.0)
    assert (timing.images, len(timing.seconds)) == (4, 3)


def test_probe_with_data_on_device(arrays):
    recipe = krr.DAWNBench(train_size=16, test_size=16, batch_size=4)
    plan = krr.planning.plan(recipe, arrays, probed_updates=3)
    # The first call of five updates compiles, a second one is timed.
    assert len(plan.probe.seconds) == 1
    assert plan.recipe == recipe


def test_images_overrides_the_size_of_the_data(arrays):
    plan = krr.planning.plan(krr.A3(**SMALL), arrays, images=4000, probed_updates=0)
    assert (plan.images, plan.updates_per_epoch, plan.probe) == (4000, 1000, None)


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        (krr.A3(), {"images": 2047}, r"`images` must be at least `batch_size` \(2048\).*2047"),
        (krr.A3(), {"images": 0}, r"Received: images=0"),
        (krr.B(), {}, r"`epochs`, .* must be given, because no value was published for B"),
        (
            krr.A3(**SMALL),
            {"probed_updates": -1},
            r"`updates` must be at least 1. Received: updates=-1",
        ),
    ],
)
def test_invalid_arguments(recipe, options, message, arrays):
    dataset = arrays if "probed_updates" in options else None
    with pytest.raises(ValueError, match=message):
        krr.planning.plan(recipe, dataset, **options)


def test_command_prints_the_plan_and_plots_the_learning_rate(capsys, tmp_path):
    out = tmp_path / "rate.png"
    assert main(["show", "A1", "--plan", "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("crop_scale ") for line in lines)
    assert "updates            375,000 in 600 epochs" in lines
    assert str(out) in lines
    assert out.read_bytes().startswith(b"\x89PNG")


def test_command_reads_the_number_of_images_from_the_data(arrays, capsys, tmp_path):
    x, y = arrays
    path = tmp_path / "data.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    command = ["show", "A3", "--set", "batch_size=2", "--set", "network=ResNet20", "--plan"]
    assert main([*command, "--data", str(path), "--probe-updates", "0"]) == 0
    assert "training set       12 images: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--images", "8"], "`--plan` must be given with `--images`"),
        (["--data", "x"], "`--plan` must be given with `--data`. Received: --data x"),
        (["--plan", "--probe-updates", "3"], "`--data` must be given with `--probe-updates`"),
        (["--plan", "--data", "./none"], "'none'"),
    ],
)
def test_invalid_options_print_one_line_and_exit_with_2(options, message, capsys):
    assert main(["show", "A3", *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("krr: error: ")
    assert message in captured.err
