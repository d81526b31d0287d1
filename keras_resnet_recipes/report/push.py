"""Upload of a run to the Hugging Face hub."""

import json
import re
import shutil
import tempfile
from pathlib import Path

from keras_resnet_recipes import training
from keras_resnet_recipes.extras import install
from keras_resnet_recipes.report.card import CARD, CONFUSION, CURVES, PLACEHOLDER
from keras_resnet_recipes.report.folder import PUBLIC_FACTS, Run, public
from keras_resnet_recipes.runs import checkpoints
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, MANIFEST
from keras_resnet_recipes.runs.log import LOG
from keras_resnet_recipes.runs.ownership import FACTS, RECIPE


def pushed_files(run: Run) -> dict[str, str]:
    """Returns the files that `push_run` uploads, as a dict of names and descriptions.

    Args:
        run: The run.

    Raises:
        ValueError: If the run has no weights yet.

    Example:
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
        raise ValueError(
            "The run must have weights to upload, but no epoch is finished yet. "
            f"Received: {str(run.path)!r}"
        )
    images = {CURVES: "loss and accuracy per epoch", CONFUSION: "confusions of the classes"}
    which = "best" if found[0] == BEST else "last"
    return {
        CARD: "model card",
        **{name: text for name, text in images.items() if (run.path / name).is_file()},
        RECIPE: "all hyperparameters",
        **({LOG: "metrics of every epoch"} if run.rows else {}),
        FACTS: f"only {', '.join(PUBLIC_FACTS)}",
        BEST: f"{which} weights, without the optimizer state",
        MANIFEST: "SHA-256 of the weights",
    }


def push_run(run: Run, repository: str, *, private: bool = False) -> str:
    """Uploads the card, weights, recipe and log of a run to the hub in one commit, without paths of this machine.

    The repository is created if it does not exist. A download of it is a run folder, which `krr predict`
    accepts.

    Args:
        run: The run, with a card.
        repository: "OWNER/NAME".
        private: Whether a new repository is private.

    Returns:
        The URL of the commit.

    Raises:
        ValueError: If the name is not valid, the card, the weights or the token is missing, the card names the
            home folder or that of the run, or the hub rejects the token.
        ImportError: If huggingface_hub is missing (the extra `hub`).
        ConnectionError: If the upload fails for another reason.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", repository):
        raise ValueError(f"`repository` must be OWNER/NAME. Received: repository={repository!r}")
    if not (run.path / CARD).is_file():
        raise ValueError(
            f"The run must have a {CARD}; `write_card` writes it. Received: {str(run.path)!r}"
        )
    pushed_files(run)
    try:
        import huggingface_hub
        from huggingface_hub import errors
    except ImportError as error:
        raise ImportError(f"Uploading requires huggingface_hub: run {install('hub')}.") from error
    token = huggingface_hub.get_token()
    if token is None:
        raise ValueError("A token for the hub is missing: run `hf auth login`, or set HF_TOKEN.")
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
            message = " ".join(str(error).split())
            if status in (401, 403):
                raise ValueError(
                    f"The hub rejected the token for {repository}: {message}"
                ) from error
            raise ConnectionError(f"The upload to {repository} failed: {message}") from error
        except Exception as error:
            cause = error.__cause__ or error
            raise ConnectionError(
                f"The upload to {repository} failed: {type(cause).__name__}: {cause}"
            ) from error
    return commit.commit_url


def _collect(run: Run, folder: Path, repository: str) -> None:
    """Writes the uploaded files to a folder, with the repository in the card."""
    card = (run.path / CARD).read_text(encoding="utf-8")
    for private in (run.path.resolve().parent, Path.home()):
        if private.name and str(private) in card:
            raise ValueError(
                f"{str(run.path / CARD)!r} must not name folders of this machine. Received: {str(private)!r} in it"
            )
    card = card.replace(f"download {PLACEHOLDER} ", f"download {repository} ")
    (folder / CARD).write_text(card, encoding="utf-8")
    shown = public(run)
    shown.recipe.to_json(folder / RECIPE)
    (folder / FACTS).write_text(json.dumps(shown.facts, indent=2) + "\n", encoding="utf-8")
    for name in (LOG, CURVES, CONFUSION):
        if name in pushed_files(run):
            shutil.copyfile(run.path / name, folder / name)
    position = checkpoints.Position(len(run.rows))
    checkpoints.save(folder / BEST, training.load_run(run.path), position)
