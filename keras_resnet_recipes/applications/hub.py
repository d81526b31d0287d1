"""Downloads of published weights from the Hugging Face hub."""

import hashlib
import os
import re
from pathlib import Path

_FILE = "model.safetensors"


def download(repository: str) -> Path:
    """The weights file of a repository, downloaded unless it is in the cache, and verified.

    huggingface_hub downloads, goes on where a connection broke, and keeps the cache, `HF_HOME`; an
    environment without a network finds there what was downloaded before. The SHA-256 of the file is
    compared with the one that the hub announced for it, each time.

    Args:
        repository: Name on the hub, such as "timm/resnet50.a1_in1k".

    Returns:
        Path of the file.

    Raises:
        ImportError: If huggingface_hub is missing (the extra `hub`).
        ConnectionError: If the hub cannot be reached, breaks off again and again, or sends something
            else than it announced.
        FileNotFoundError: If the hub has no such file.

    References:
        https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ImportError(
            "Published weights need huggingface_hub: pip install 'keras-resnet-recipes[hub]'."
        ) from error
    try:
        path = Path(huggingface_hub.hf_hub_download(repository, _FILE))
    except (errors.RepositoryNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise FileNotFoundError(f"the hub has no {_FILE} in {repository}: {error}") from error
    except Exception as error:
        raise ConnectionError(
            f"{_FILE} of {repository} could not be downloaded and is not in the cache. "
            f"{type(error).__name__}: {error}"
        ) from error
    _verify(path, repository)
    return path


def _verify(path: Path, repository: str) -> None:
    """Removes a file from the cache whose bytes are not those that the hub announced."""
    announced = _announced(path, repository)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == announced:
        return
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)
    raise ConnectionError(
        f"{_FILE} of {repository} has the SHA-256 {found}, but the hub announced {announced}. "
        "It is removed from the cache; a second attempt downloads it again."
    )


def _announced(path: Path, repository: str) -> str:
    """The SHA-256 that the hub announced for a file in the cache."""
    # The cache's file is a link to one that is named by what was announced. No link is a system without them.
    name = os.path.basename(os.readlink(path)) if path.is_symlink() else ""
    if not re.fullmatch("[0-9a-f]{64}", name):
        import huggingface_hub

        url = huggingface_hub.hf_hub_url(repository, _FILE)
        name = huggingface_hub.get_hf_file_metadata(url).etag or ""
    return name
