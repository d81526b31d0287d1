"""The real huggingface_hub client against a local hub; huggingface.co is never contacted."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.hub import download
from keras_resnet_recipes.applications.weights import save_timm_weights
from tests.applications.hub_server import serving

REPOSITORY = "timm/resnet50.a1_in1k"
CONTENTS = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A local hub, the client configured for it, and an empty cache."""
    with serving(REPOSITORY, CONTENTS) as server:
        # The client reads its environment on import, which may have happened before.
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        # The client waits between attempts.
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield server


def cached_files(tmp_path):
    return [path.name for path in tmp_path.rglob("blobs/*")]


def test_a_file_is_downloaded_once(hub, capsys):
    first = download(REPOSITORY)
    assert first.read_bytes() == CONTENTS
    assert len(hub.downloads) == 1
    assert (
        capsys.readouterr().out
        == f"Downloads the weights {REPOSITORY} from the Hugging Face hub.\n"
    )
    assert download(REPOSITORY) == first
    assert len(hub.downloads) == 1
    assert capsys.readouterr().out == ""


def test_without_the_hub_the_cache_is_used(hub):
    first = download(REPOSITORY)
    hub.shutdown()
    hub.server_close()
    assert download(REPOSITORY) == first


def test_without_the_hub_and_a_cache(hub):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ConnectionError, match=rf"{REPOSITORY} could not be downloaded"):
        download(REPOSITORY)


def test_an_environment_that_forbids_the_network(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="is not in the cache"):
        download(REPOSITORY)
    assert hub.downloads == []


def test_an_interrupted_download_resumes(hub, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    hub.breaks = [100_000, 150_000]
    assert download(REPOSITORY).read_bytes() == CONTENTS
    assert hub.downloads == [None, "bytes=100000-", "bytes=250000-"]


def test_repeated_interruptions_leave_no_file_and_a_later_attempt_works(hub, tmp_path):
    hub.breaks = [0] * 20
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        download(REPOSITORY)
    assert cached_files(tmp_path) == []
    hub.breaks = []
    assert download(REPOSITORY).read_bytes() == CONTENTS


def test_a_wrong_sha256_is_an_error_and_the_file_is_removed(hub, tmp_path):
    true, hub.announced = hub.announced, "f" * 64
    with pytest.raises(ConnectionError, match=rf"SHA-256 {true}, but the hub announced f{{64}}"):
        download(REPOSITORY)
    assert cached_files(tmp_path) == []
    hub.announced = true
    assert download(REPOSITORY).read_bytes() == CONTENTS


def test_a_file_that_changed_in_the_cache_is_an_error_and_downloaded_again(hub):
    path = download(REPOSITORY).resolve()
    path.write_bytes(CONTENTS[:-1] + b"?")
    with pytest.raises(ConnectionError, match="removed from the cache"):
        download(REPOSITORY)
    assert download(REPOSITORY).read_bytes() == CONTENTS


def test_a_hub_that_announces_no_sha256_is_an_error(hub):
    hub.announced = "0123456789abcdef0123456789abcdef01234567"
    with pytest.raises(ConnectionError, match="announced 0123"):
        download(REPOSITORY)


def test_a_repository_that_does_not_exist(hub):
    with pytest.raises(FileNotFoundError, match=r"no model.safetensors in timm/nothing"):
        download("timm/nothing")


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[hub\]'"):
        download(REPOSITORY)


@pytest.mark.full
def test_a_tag_from_the_environment_to_the_network(tmp_path):
    network = krr.applications.ResNet10T()
    save_timm_weights(network, tmp_path / "model.safetensors")
    contents = (tmp_path / "model.safetensors").read_bytes()
    with serving("timm/resnet10t.c3_in1k", contents) as server:
        script = (
            "import keras_resnet_recipes as krr\n"
            "model = krr.applications.ResNet10T('c3_in1k')\n"
            "print(float(abs(model.get_layer('fc').kernel.numpy()).sum()), model.published.tag)"
        )
        environment = {
            **os.environ,
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(Path(krr.__file__).parents[1]),
        }
        ran = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True
        )
    assert ran.returncode == 0, ran.stderr
    total, tag = ran.stdout.splitlines()[-1].split()
    assert tag == "c3_in1k"
    kernel = network.get_layer("fc").kernel.numpy()
    # A sum of 512,000 float32 numbers
    assert float(total) == pytest.approx(float(abs(kernel).sum()), rel=1e-5)
