"""What accelerators need: counted by hand."""

import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.planning.scale import stored

# ResNet-50 with 1000 classes, as everywhere (timm, torchvision): 25,557,032 trained weights.
WEIGHTS = 25_557_032


@pytest.fixture(scope="module")
def a1():
    return krr.planning.plan(krr.A1())


def test_figures_of_eight_and_of_sixteen(a1):
    one, two = krr.planning.scale(
        a1, 1000, accelerators=[8, 16], images_per_core=500, bytes_per_image=60_000
    ).rows
    # 768,000,000 images at 8000 a second are 96,000 seconds.
    assert one.hours == pytest.approx(96_000 / 3600)
    assert (one.hosts, one.batch, one.cores) == (1, 256, 16)
    # A1 reads an image once for its three copies.
    assert one.disk == pytest.approx(8000 * 60_000 / 3)
    assert one.pictures == pytest.approx(8000 * 224 * 224 * 3)
    assert one.gradients == 0
    assert one.loads == pytest.approx({"processors": 16 / 64, "disk": 0.08, "network": 0})
    assert (two.hosts, two.batch, two.cores) == (2, 128, 32)
    # Of 16,000 images a second 7.8125 updates; a ring of two sends 2 * 1/2 of four bytes a weight.
    assert two.gradients == pytest.approx(7.8125 * 4 * WEIGHTS)
    assert two.loads == pytest.approx(
        {"processors": 0.25, "disk": 0.08, "network": 7.8125 * 4 * WEIGHTS / 3.125e9}
    )
    assert (one.bottleneck, two.bottleneck) == ("accelerators", "accelerators")


@pytest.mark.parametrize(
    ("options", "bottleneck", "advice"),
    [
        ({}, "accelerators", "more accelerators, or more hosts"),
        # 8000 / 100 are 80 cores, 16 more than there are; pictures are 1204 of 3125 MB/s.
        ({"images_per_core": 100}, "processors", "a tf.data service with 16 cores"),
        (
            {"images_per_core": 100, "host": krr.planning.Host(network=1e9)},
            "processors",
            "more hosts, or fewer accelerators in each: a tf.data service needs 120% of the network",
        ),
        (
            {"images_per_core": 100, "prepared": False},
            "processors",
            "prepared shards (krr prepare)",
        ),
        # 8000 * 1,000,000 / 3 are 2667 of 2000 MB/s.
        (
            {"bytes_per_image": 1_000_000},
            "disk",
            "a copy of the shards on every host's own disk, or more hosts",
        ),
        (
            {"bytes_per_image": 1_000_000, "prepared": False},
            "disk",
            "prepared shards (krr prepare)",
        ),
        (
            {"host": krr.planning.Host(accelerators=4, network=1e8)},
            "network",
            "a larger batch, so fewer updates, or a faster network",
        ),
    ],
)
def test_what_is_short_and_what_helps(a1, options, bottleneck, advice):
    row = krr.planning.scale(a1, 1000, accelerators=[8], **options).rows[0]
    assert (row.bottleneck, row.advice) == (bottleneck, advice)


def test_numbers_that_divide_no_batch_are_left_out(a1):
    assert [row.accelerators for row in krr.planning.scale(a1, 1000).rows] == [1, 8, 64, 512]
    plan = krr.planning.plan(krr.A3(batch_size=192))
    assert [row.accelerators for row in krr.planning.scale(plan, 1000).rows] == [1, 8, 64]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accelerators": [0]}, "`accelerators` must be a number above 0; received 0"),
        ({"accelerators": [7]}, r"`accelerators` must divide .*\(2048 / 1\); received 7"),
        ({"images_per_second": -1}, "`images_per_second` must be a number above 0; received -1"),
        ({"images_per_core": 0}, "`images_per_core` must be"),
        ({"bytes_per_image": float("nan")}, "`bytes_per_image` must be .*; received nan"),
    ],
)
def test_mistakes(a1, options, message):
    with pytest.raises(ValueError, match=message):
        krr.planning.scale(a1, **{"images_per_second": 1000, **options})


def test_hosts_have_something_of_everything():
    with pytest.raises(ValueError, match="`cores` must be a number above 0; received 0"):
        krr.planning.Host(cores=0)


def test_data_on_the_device_feeds_no_other():
    with pytest.raises(ValueError, match="`data_on_device` must be False"):
        krr.planning.scale(krr.planning.plan(krr.DAWNBench(), images=50_000), 1000)


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        file = tmp_path / "train" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * (100 + 10 * number))
    return tmp_path / "train"


def test_sizes_of_files_are_measured(folder):
    # 100, 110, ... 150.
    assert stored(folder) == (125.0, False)
    assert stored("tfds:mnist") == (None, False)


def test_command_prints_what_eight_need(capsys, tmp_path):
    out = tmp_path / "rate.png"
    command = ["show", "A1", "--plan", "--gpus", "8", "--images-per-second", "2500"]
    assert main([*command, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("crop_scale ") for line in lines)
    assert str(out) in lines
    assert out.read_bytes().startswith(b"\x89PNG")
    row = next(line for line in lines if line.startswith("8 "))
    # 768,000,000 / 20,000 / 3600 hours; 20,000 / 583 cores; 20,000 * 46,000 / 3 bytes.
    assert row.split()[:9] == ["8", "1", "256", "10.7", "35", "307", "3,011", "0", "accelerators"]


def test_command_measures_the_folder(folder, capsys):
    command = ["show", "A3", "--set", "batch_size=2", "--set", "network=ResNet20", "--plan"]
    assert main([*command, "--data", str(folder), "--images-per-second", "9", "--gpus", "1"]) == 0
    out = capsys.readouterr().out
    assert f"6 images: {folder}" in out
    assert (
        "9 images/s of each accelerator, as given; 465 images/s of a core; 125 bytes an image"
        in out
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gpus", "8"], "`--plan` must be given with --gpus"),
        (["--data", "x"], "`--plan` must be given with --data; received 'x' alone"),
        (["--plan", "--gpus", "8"], "`--images-per-second` must be given with --gpus"),
        (["--plan", "--probe-updates", "3"], "`--data` must be given with --probe-updates"),
        (["--plan", "--images-per-second", "9", "--gpus", "0"], "`accelerators` must be"),
        (["--plan", "--images-per-second", "0"], "`images_per_second` must be"),
        (
            ["--plan", "--images-per-second", "9", "--data", "x", "--teacher", "y"],
            "`--teacher` must not be given with --images-per-second",
        ),
        (["--plan", "--data", "./none"], "received 'none'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(options, message, capsys):
    assert main(["show", "A3", *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("krr: error: ")
    assert message in captured.err
