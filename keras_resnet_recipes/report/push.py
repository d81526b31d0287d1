"""A run as a repository of the Hugging Face hub."""

import json
import re
import shutil
import tempfile
from pathlib import Path

from keras_resnet_recipes import training
from keras_resnet_recipes.report.card import CARD, PLACEHOLDER
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.runs import checkpoints
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, MANIFEST
from keras_resnet_recipes.runs.log import LOG
from keras_resnet_recipes.runs.ownership import FACTS, RECIPE

# The others hold paths: the command, and where the data lay.
_PUBLIC_FACTS = ("class_names", "own_model", "images", "steps_per_epoch", "seed", "versions")


def pushed_files(run: Run) -> dict[str, str]:
    """What `push_run` uploads: the name of each file, and what is in it.

    Args:
        run: The run.

    Raises:
        ValueError: If there is nothing to upload yet.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> from keras_resnet_recipes.report import read_run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = krr.A3().to_json(folder + "/recipe.json")
    ...     _ = Path(folder, "best.weights.h5").write_bytes(b"")
    ...     list(pushed_files(read_run(folder)))
    ['README.md', 'recipe.json', 'run.json', 'best.weights.h5', 'checkpoints.json']
    """
    found = [name for name in (BEST, LAST) if (run.path / name).is_file()]
    if not found:
        raise ValueError(f"{str(run.path)!r} has no weights to upload yet: no epoch is finished.")
    which = "best" if found[0] == BEST else "last"
    return {
        CARD: "the model card",
        RECIPE: "every value of the recipe",
        **({LOG: "the figures of every epoch"} if run.rows else {}),
        FACTS: f"of the run's facts only {', '.join(_PUBLIC_FACTS)}",
        BEST: f"the {which} weights, without the optimizer's",
        MANIFEST: "the SHA-256 of the weights",
    }


def push_run(run: Run, repository: str, *, private: bool = False) -> str:
    """Uploads a run's card, weights, recipe and log to the hub, all in one commit.

    The repository is made if there is none, and is a run folder itself: `krr predict` takes what is
    downloaded from it.

    Args:
        run: The run, with a card.
        repository: "OWNER/NAME".
        private: Whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        ValueError: If the name is none, there is no card, no weights or no token, or the hub refuses it.
        ImportError: If huggingface_hub is missing (the extra `hub`).
        ConnectionError: If the upload fails for another reason.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository):
        raise ValueError(f"`repository` must be OWNER/NAME; received {repository!r}.")
    if not (run.path / CARD).is_file():
        raise ValueError(f"{str(run.path)!r} has no {CARD} yet: `write_card` writes it.")
    pushed_files(run)
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ImportError(
            "Uploads need huggingface_hub: pip install 'keras-resnet-recipes[hub]'."
        ) from error
    token = huggingface_hub.get_token()
    if token is None:
        raise ValueError("there is no token for the hub: run `hf auth login`, or set HF_TOKEN.")
    with tempfile.TemporaryDirectory() as folder:
        _collect(run, Path(folder), repository)
        api = huggingface_hub.HfApi(token=token)
        try:
            api.create_repo(repository, private=private or None, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message=f"{run.name}, trained with keras-resnet-recipes",
            )
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            told = " ".join(str(error).split())
            if status in (401, 403):
                raise ValueError(f"the hub refuses the token for {repository}: {told}") from error
            raise ConnectionError(f"the upload to {repository} failed: {told}") from error
        except Exception as error:
            cause = error.__cause__ or error
            raise ConnectionError(
                f"the upload to {repository} failed. {type(cause).__name__}: {cause}"
            ) from error
    return commit.commit_url


def _collect(run: Run, folder: Path, repository: str) -> None:
    """Writes what is uploaded into a folder; the card then says where it was uploaded to."""
    card = (run.path / CARD).read_text()
    (folder / CARD).write_text(card.replace(f"download {PLACEHOLDER} ", f"download {repository} "))
    for name in (RECIPE, LOG):
        if (run.path / name).is_file():
            shutil.copyfile(run.path / name, folder / name)
    public = {name: run.facts[name] for name in _PUBLIC_FACTS if name in run.facts}
    (folder / FACTS).write_text(json.dumps(public, indent=2) + "\n")
    checkpoints.save(folder / BEST, training.load_run(run.path), epochs=len(run.rows))
