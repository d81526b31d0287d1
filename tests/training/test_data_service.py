"""Workers of a tf.data service make the batches of one process: a dispatcher and two workers, as processes."""

import contextlib
import dataclasses
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.training import service, training_batches

pytestmark = pytest.mark.full

# The script that the documentation tells people to use.
PAGE = Path(__file__).parents[2] / "docs" / "data-service.md"
SCRIPT = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
# Every picture is one of a kind, and the image it was made of stays known by its label.
PLAIN = krr.A3(
    network="ResNet20",
    classes=200,
    epochs=2,
    warmup_epochs=0,
    batch_size=20,
    train_size=16,
    rand_augment=None,
    mixup_alpha=0,
    cutmix_alpha=0,
)
# One resampling and one operation a picture: the graph of both is four times as long to build.
FULL = krr.A1(
    network="ResNet20",
    classes=200,
    epochs=2,
    warmup_epochs=0,
    batch_size=24,
    train_size=16,
    crop_interpolation="bilinear",
    rand_augment_interpolation="bilinear",
    rand_augment_operations=1,
    rand_augment_probability=1,
)


@contextlib.contextmanager
def started(*arguments):
    """A process of the documented script, and what it prints once it is ready."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="module")
def address():
    with started("dispatcher", "0") as dispatcher:
        target = dispatcher.stdout.readline().strip()
        place = target.removeprefix("grpc://")
        with (
            started("worker", place, "localhost") as one,
            started("worker", place, "localhost") as other,
        ):
            assert (one.stdout.readline(), other.stdout.readline()) == ("ready\n", "ready\n")
            yield target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """200 JPEGs, each a class of its own."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(200):
        file = root / f"{number:03}" / "image.jpg"
        file.parent.mkdir()
        coarse = tf.image.resize(rng.integers(0, 256, (4, 5, 3)), (32, 40), "bicubic")
        file.write_bytes(
            tf.io.encode_jpeg(tf.cast(tf.clip_by_value(coarse, 0, 255), "uint8")).numpy()
        )
    return root


def batches(recipe, data, steps, *, data_service=None, first_epoch=0, policy="skip", **arguments):
    watcher = UnreadableImages(data, policy)
    made = training_batches(
        recipe,
        data,
        steps=steps,
        first_epoch=first_epoch,
        seed=0,
        unreadable=watcher,
        data_service=data_service,
        **arguments,
    )
    with watcher.named():
        return [(images.numpy(), targets.numpy()) for images, targets in made], watcher


def assert_same(made, expected):
    assert len(made) == len(expected)
    for pair, expected_pair in zip(made, expected, strict=True):
        for array, expected_array in zip(pair, expected_pair, strict=True):
            np.testing.assert_array_equal(array, expected_array)


def arrays(folder):
    x = np.random.default_rng(0).integers(0, 256, (200, 20, 24, 3), "uint8")
    return krr.data.from_arrays(x, np.arange(200))


def prepared(folder):
    shards = folder.with_name("shards")
    krr.data.write_tfrecords(krr.data.from_folder(folder), shards, shorter_side=None, verbose=0)
    return krr.data.from_prepared(shards)


@pytest.mark.parametrize(
    ("source", "recipe", "steps"),
    [
        (krr.data.from_folder, PLAIN, 10),
        (prepared, PLAIN, 10),
        (arrays, PLAIN.replace(batch_size=30), 9),  # more than one pass over the images
        (krr.data.from_folder, FULL, 5),
    ],
    ids=["folder", "prepared", "arrays", "folder, three copies, mixed"],
)
def test_batches_are_those_of_one_process(address, folder, source, recipe, steps):
    data = source(folder)
    expected, _ = batches(recipe, data, steps)
    made, _ = batches(recipe, data, steps, data_service=address)
    assert_same(made, expected)
    if recipe is PLAIN:
        # Once each, and not once a worker; another order and other pictures in the second epoch.
        seen = np.concatenate([targets.argmax(axis=1) for _, targets in made]).reshape(2, 200)
        assert [sorted(epoch) for epoch in seen] == [list(range(200))] * 2
        assert seen[0].tolist() != seen[1].tolist()
        assert len({image.tobytes() for images, _ in made for image in images}) == 400


def test_a_restart_at_an_epoch_and_parts_of_a_batch(address, folder):
    data, recipe = krr.data.from_folder(folder), PLAIN.replace(gradient_accumulation_steps=2)
    expected, _ = batches(recipe, data, 10)
    made, _ = batches(recipe, data, 10, data_service=address, first_epoch=1)
    assert_same(made, expected[20:])


@pytest.mark.parametrize(
    ("recipe", "steps"), [(PLAIN.replace(batch_size=128), 2), (FULL, 5)], ids=["plain", "full"]
)
def test_hosts_get_their_runs_of_the_batches(address, folder, recipe, steps):
    data = krr.data.from_folder(folder)
    expected, _ = batches(recipe, data, steps, replicas=2)
    runs = [
        batches(recipe, data, steps, data_service=address, replicas=2, host=(number, 2))[0]
        for number in (0, 1)
    ]
    together = [
        tuple(np.concatenate(parts) for parts in zip(*pairs, strict=True))
        for pairs in zip(*runs, strict=True)
    ]
    assert_same(together, expected)


def test_what_workers_cannot_read_is_read_here_or_reported(address, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(200):
        pixels = rng.integers(0, 256, (20, 24, 3), "uint8")
        # TensorFlow does not decode lossless WebP, and the workers have no Pillow in their graph.
        name = f"{number:03}/image.{'webp' if number % 5 == 3 else 'png'}"
        (tmp_path / name).parent.mkdir()
        Image.fromarray(pixels).save(tmp_path / name, lossless=True)
    (tmp_path / "007" / "image.png").write_bytes(b"")
    data = krr.data.from_folder(tmp_path)
    expected, watcher = batches(PLAIN, data, 10)
    made, watcher_there = batches(PLAIN, data, 10, data_service=address)
    assert_same(made, expected)
    assert len(watcher.reasons) == 1
    assert watcher_there.reasons == watcher.reasons
    with pytest.raises(ValueError, match=r"cannot read .*007.image\.png: "):
        batches(PLAIN, data, 10, data_service=address, policy="raise")


def test_a_worker_that_is_gone_is_done_without(address, monkeypatch):
    monkeypatch.setattr(service, "WINDOW", 4)
    data, recipe = arrays(None), PLAIN.replace(epochs=10)
    expected, watcher = batches(recipe, data, 10)
    with started("worker", address.removeprefix("grpc://"), "localhost") as doomed:
        assert doomed.stdout.readline() == "ready\n"
        for how in (signal.SIGSTOP, signal.SIGKILL):
            doomed.send_signal(signal.SIGCONT)
            numbers = {"steps": 10, "first_epoch": 0, "seed": 0}
            made = training_batches(
                recipe, data, **numbers, unreadable=watcher, data_service=address
            )
            # On a busy machine one is late before the other stops.
            with pytest.warns(UserWarning, match=r"a worker of .* stopped or is late"):
                assert_same([*signalled_after_one(made, doomed, how)], expected)


def signalled_after_one(made, process, how):
    for number, batch in enumerate(made):
        if number == 0:
            process.send_signal(how)
        yield batch


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ("localhost:5050", ValueError, r'must be "grpc://host:port"; received \'localhost:5050\''),
        ("grpc://localhost", ValueError, 'must be "grpc://host:port"'),
        ("grpc://localhost:70000", ValueError, 'must be "grpc://host:port"'),
        ("grpc://127.0.0.1:1", ConnectionError, "nothing answers at 'grpc://127.0.0.1:1'"),
    ],
)
def test_a_wrong_address_is_named(wrong, kind, message):
    with pytest.raises(kind, match=message):
        batches(PLAIN, arrays(None), 1, data_service=wrong)


def test_a_stranger_that_answers_is_named(monkeypatch):
    monkeypatch.setitem(service._PATIENCE, "dispatcher", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        wrong = f"grpc://127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=r"is no tf.data service dispatcher"):
            batches(PLAIN, arrays(None), 1, data_service=wrong)


def test_a_service_without_workers_is_named(monkeypatch):
    monkeypatch.setitem(service._PATIENCE, "element", 1.0)
    dispatcher = tf.data.experimental.service.DispatchServer()
    with pytest.raises(ConnectionError, match=r"no worker of .* gave a picture for 1 seconds"):
        batches(PLAIN, arrays(None), 1, data_service=dispatcher.target)


def streamed():
    return krr.data.from_dataset(tf.data.Dataset.range(200).map(arrays(None).read))


def read_in_python():
    images = arrays(None)
    read = lambda index: (tf.numpy_function(lambda i: images.read(i)[0], [index], tf.uint8), index)  # noqa: E731
    return dataclasses.replace(images, read=read)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (streamed, r"the tf.data.Dataset is a stream: give a folder.* `krr prepare"),
        (read_in_python, r"cannot send the arrays .*`read` calls Python .* `krr prepare"),
    ],
)
def test_what_cannot_be_sent_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        batches(PLAIN, source(), 1, data_service="grpc://localhost:1")


def test_arrays_too_large_to_send_are_refused(monkeypatch):
    monkeypatch.setattr(service, "_LARGEST", 2**18)
    with pytest.raises(ValueError, match=r"at most 0 MiB .* the arrays holds .* MiB in memory"):
        batches(PLAIN, arrays(None), 1, data_service="grpc://localhost:1")


def test_the_command_trains_with_it(address, folder, capsys):
    changes = ["network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=16", "batch_size=50"]
    changes += ["rand_augment=None", "random_resized_crop=None", "mixup_alpha=0", "cutmix_alpha=0"]
    arguments = ["train", "A3", "--data", str(folder), "--data-service", address]
    for change in changes:
        arguments += ["--set", change]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("trained 1 epochs, loss ")
    arguments[5] = "grpc://127.0.0.1:1"
    assert main(arguments) == 2
    assert "nothing answers at 'grpc://127.0.0.1:1'" in capsys.readouterr().err
