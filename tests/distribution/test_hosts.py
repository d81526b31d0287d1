"""Errors for several processes that would train separately."""

import json

import keras
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.distribution import alone, gather, hosts, join_hosts, scope
from keras_resnet_recipes.training.checks import check_shards

pytestmark = pytest.mark.every_backend


@pytest.fixture
def backend(monkeypatch):
    def pretend(name):
        monkeypatch.setattr(keras.backend, "backend", lambda: name)

    return pretend


def entered(name="auto"):
    with scope(name) as replicas:
        return replicas


@pytest.mark.parametrize("name", ["auto", "none", "mirrored"])
def test_several_workers_of_tensorflow_are_errors(monkeypatch, backend, name):
    cluster = {"chief": ["10.0.0.1:1234"], "worker": ["10.0.0.2:1234"], "ps": ["10.0.0.3:1234"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"index": 0}}))
    backend("tensorflow")
    message = (
        "TF_CONFIG must not .* does not work in Keras 3 .*20585.* 2 workers.*KERAS_BACKEND=jax"
    )
    with pytest.raises(ValueError, match=message):
        entered(name)


@pytest.mark.parametrize("cluster", [{}, {"worker": ["10.0.0.1:1234"]}])
def test_one_worker_of_tensorflow_is_no_cluster(monkeypatch, backend, cluster):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster}))
    backend("tensorflow")
    hosts.check_hosts("auto")


def test_a_process_that_has_not_joined_is_an_error(monkeypatch, backend):
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    backend("jax")
    message = r"KERAS_DISTRIBUTION_NUM_PROCESSES is 2, .*call keras\.distribution\.initialize"
    with pytest.raises(ValueError, match=message):
        entered()


def test_processes_that_have_joined_train_together(monkeypatch, backend):
    backend("jax")
    monkeypatch.setattr(hosts, "_processes", lambda: 2)
    with pytest.raises(ValueError, match="must be 'auto' or 'data_parallel' in one of 2 processes"):
        entered("none")


def test_hosts_with_different_numbers_of_devices_are_errors(monkeypatch, backend):
    import jax

    backend("jax")
    monkeypatch.setattr(hosts, "_processes", lambda: 2)
    monkeypatch.setattr(jax, "local_device_count", lambda: 4)
    monkeypatch.setattr(jax, "device_count", lambda: 6)
    with pytest.raises(ValueError, match="this one has 4 of the 6 on 2 hosts"):
        entered("auto")


def test_whole_batches_are_not_mixed_on_several_hosts(monkeypatch):
    monkeypatch.setattr(krr.distribution, "host", lambda: (0, 2))
    with pytest.raises(ValueError, match="`mix_per_replica` must be True on several hosts"):
        check_shards(krr.A3(mix_per_replica=False), 2)
    check_shards(krr.A3(mix=None), 2)


@pytest.mark.parametrize(
    ("name", "processes", "joins"),
    [("jax", "2", 1), ("jax", "1", 0), ("jax", None, 0), ("tensorflow", "2", 0), ("torch", "2", 0)],
)
def test_the_command_joins_if_the_environment_is_set(
    monkeypatch, backend, capsys, name, processes, joins
):
    calls = []
    monkeypatch.setattr(keras.distribution, "initialize", lambda: calls.append(name))
    monkeypatch.setattr(hosts, "_processes", lambda: 1)
    # Keras cannot list the devices of a backend that is only pretended.
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    monkeypatch.delenv("KERAS_DISTRIBUTION_NUM_PROCESSES", raising=False)
    if processes:
        monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", processes)
    backend(name)
    assert main(["train", "A9", "--data", "nowhere"]) == 2
    assert "Received: 'A9'" in capsys.readouterr().err
    assert len(calls) == joins


def test_a_single_process_is_the_writer_and_does_not_wait():
    join_hosts()
    with alone():
        assert krr.distribution.host() == (0, 1)
        assert krr.distribution.is_writer()
    assert gather(5) == [5]
