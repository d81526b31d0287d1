"""What a recipe comes to: counted by hand, and tried out."""

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.training.probe import Probe, probe

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
    assert "those of ImageNet-1k, for no other number is given" in str(plan)


def test_cool_down_counts():
    plan = krr.planning.plan(krr.A3(epochs=10, cooldown_epochs=3, batch_size=100), images=1050)
    assert (plan.updates_per_epoch, plan.epochs, plan.updates) == (10, 13, 130)
    assert "130 in 13 epochs, 3 of them cool-down" in str(plan)


def test_time_is_that_of_the_median_update():
    tried = Probe(images=4, first=9.0, seconds=(0.5, 3.0, 1.0), peak_memory=3 * 2**20)
    plan = krr.planning.Plan(krr.A3(epochs=10, batch_size=4), 401, "mine", tried)
    # 100 updates an epoch, 10 epochs, 1 s each.
    assert plan.seconds == 1000
    text = str(plan)
    assert "1 s here, median of 3 timed (0.5 to 3 s); the first, which compiles, 9 s" in text
    assert "images per second  4\n" in text
    assert "16.7 min here" in text
    assert text.endswith("3 MiB of this process")


def curve(recipe, **options):
    lines = str(krr.planning.plan(recipe, **options)).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("learning rate"))
    return [line.removeprefix("learning rate").strip() for line in lines[first:]]


def test_curve_of_steps():
    recipe = krr.Recipe(
        optimizer=krr.recipe.SGD(),
        schedule=krr.schedules.Step(boundaries=(30, 60)),
        learning_rate=0.1,
        epochs=90,
    )
    assert curve(recipe) == [
        "epoch 1: 0.1, the peak",
        "epoch 31: 0.01, a tenth or less",
        "epoch 61: 0.001, a hundredth or less",
        "epoch 90: 0.001, at last",
    ]


def test_curve_of_warm_up_and_of_updates():
    recipe = krr.Recipe(
        learning_rate=0.1,
        schedule=krr.schedules.PiecewiseLinear(knots=((0, 0), (2, 1), (4, 0)), per="update"),
        epochs=4,
        batch_size=10,
    )
    # 10 updates an epoch: the peak is that of update 20, and update 30 is half way down.
    assert curve(recipe, images=100) == [
        "after 0.00 epochs: 0, at first",
        "after 2.00 epochs: 0.1, the peak",
        "after 3.00 epochs: 0.05, half of it or less",
        "after 3.80 epochs: 0.01, a tenth or less",
        "after 3.90 epochs: 0.005, at last",
    ]


def test_curve_of_a_plateau_is_not_known():
    recipe = krr.He2015(schedule=krr.schedules.Plateau(patience=3))
    assert curve(recipe) == [
        "epoch 1: 0.1, the peak",
        "falls to 0.1 of it wherever top-1 rises no more",
    ]


def test_probe_times_real_updates(arrays):
    recipe = krr.A3(**SMALL)
    plan = krr.planning.plan(recipe, arrays, probed_updates=3)
    assert (plan.images, plan.updates_per_epoch) == (12, 3)
    assert len(plan.probe.seconds) == 3
    assert all(seconds > 0 for seconds in plan.probe.seconds)
    # The first one compiles.
    assert plan.probe.first > plan.probe.median
    # TensorFlow alone takes more.
    assert plan.probe.peak_memory > 100 * 2**20
    assert plan.images_seen == plan.updates * 4


def test_probe_counts_whole_updates_and_stops_in_time(arrays):
    data = krr.data.from_arrays(*arrays)
    recipe = krr.A3(**SMALL, classes=2, gradient_accumulation_steps=2)
    tried = probe(recipe, data, updates=1000, limit=0.0)
    assert (tried.images, len(tried.seconds)) == (4, 3)


def test_probe_with_data_on_the_device(arrays):
    recipe = krr.DAWNBench(train_size=16, test_size=16, batch_size=4)
    plan = krr.planning.plan(recipe, arrays, probed_updates=3)
    # A call of five updates compiles, another one is timed.
    assert len(plan.probe.seconds) == 1
    assert plan.recipe == recipe


def test_images_beside_a_sample_of_them(arrays):
    plan = krr.planning.plan(krr.A3(**SMALL), arrays, images=4000, probed_updates=0)
    assert (plan.images, plan.updates_per_epoch, plan.probe) == (4000, 1000, None)


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        (krr.A3(), {"images": 2047}, r"`images` must be at least `batch_size` \(2048\).*2047"),
        (krr.A3(), {"images": 0}, r"received 0"),
        (krr.B(), {}, r"`epochs`, .* must be given, because no value was published for B"),
        (krr.A3(**SMALL), {"probed_updates": -1}, r"`updates` must be at least 1; received -1"),
    ],
)
def test_mistakes(recipe, options, message, arrays):
    dataset = arrays if "probed_updates" in options else None
    with pytest.raises(ValueError, match=message):
        krr.planning.plan(recipe, dataset, **options)


def test_command_prints_the_plan_and_draws_the_learning_rate(capsys, tmp_path):
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
        (["--images", "8"], "`--plan` must be given with --images"),
        (["--data", "x"], "`--plan` must be given with --data; received 'x' alone"),
        (["--plan", "--probe-updates", "3"], "`--data` must be given with --probe-updates"),
        (["--plan", "--data", "./none"], "received 'none'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options, message, capsys):
    assert main(["show", "A3", *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("krr: error: ")
    assert message in captured.err
