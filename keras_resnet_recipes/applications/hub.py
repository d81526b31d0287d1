"""Downloads of published weights from the Hugging Face hub."""

import hashlib
import os
import re
from pathlib import Path

from keras_resnet_recipes.extras import install

_FILE = "model.safetensors"


def download(repository: str) -> Path:
    """Downloads and verifies the weights file of a repository, unless it is in the cache.

    huggingface_hub downloads the file, resumes interrupted downloads, and maintains the cache, `HF_HOME`,
    which also works offline. The SHA-256 of the file is compared with the one announced by the hub at each call.

    Args:
        repository: Name on the hub, such as "timm/resnet50.a1_in1k".

    Returns:
        Path of the file.

    Raises:
        ImportError: If huggingface_hub is missing (the extra `hub`).
        ConnectionError: If the hub cannot be reached, the connection breaks repeatedly, or the file does not
            have the announced SHA-256.
        FileNotFoundError: If the hub has no such file.

    References:
        https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ImportError(
            f"Published weights require huggingface_hub: run {install('hub')}."
        ) from error
    if not isinstance(huggingface_hub.try_to_load_from_cache(repository, _FILE), str):
        print(f"Downloads the weights {repository} from the Hugging Face hub.", flush=True)
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
    """Removes a file from the cache if its SHA-256 is not the one announced by the hub."""
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
        "It was removed from the cache; a second attempt downloads it again."
    )


def _announced(path: Path, repository: str) -> str:
    """Returns the SHA-256 announced by the hub for a file in the cache."""
    # The file in the cache is a symlink whose target is named by its SHA-256; on systems without symlinks the
    # hub is asked.
    name = os.path.basename(os.readlink(path)) if path.is_symlink() else ""
    if not re.fullmatch("[0-9a-f]{64}", name):
        import huggingface_hub

        url = huggingface_hub.hf_hub_url(repository, _FILE)
        name = huggingface_hub.get_hf_file_metadata(url).etag or ""
    return name
