"""Bundles on the Hugging Face hub, and its habits: ``from_pretrained``, ``save_pretrained``, ``push_to_hub``."""

from __future__ import annotations

import importlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.bundle_files import CARD, CONFIG, FINGERPRINT, SUMS, WEIGHTS, BundleError

if TYPE_CHECKING:
    import torch

PREFIX = "hf://"
Model = TypeVar("Model", bound="Pretrained")  # beartype takes no typing.Self in methods of classes that it does not see
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_FILES = [WEIGHTS, CONFIG, CARD, FINGERPRINT, SUMS]


def fetch(repository: str, *, revision: str | None = None) -> Path:
    """Bring a bundle from the hub, or from the hub's cache on this machine; only the files of a bundle are fetched.

    Args:
        repository: ``owner/name``, with or without ``hf://`` before it and ``@revision`` behind it.
        revision: Branch, tag or commit; the main branch by default.

    Raises:
        BundleError: It is no name of a repository, or can't be fetched.
        ModuleNotFoundError: huggingface_hub is not installed.
    """
    name, _, given = repository.removeprefix(PREFIX).partition("@")
    if not _REPOSITORY.fullmatch(name) or ".." in name:
        message = f"load: a repository must be owner/name, got {repository!r}."
        raise BundleError(message)
    hub = _hub()
    try:
        return Path(hub.snapshot_download(name, revision=given or revision, allow_patterns=_FILES))
    except (OSError, ValueError) as error:  # huggingface_hub's errors are of these kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = f"load: {name} could not be fetched from the Hugging Face hub: {reason}"
        raise BundleError(message) from error


class Pretrained:
    """What models on the Hugging Face hub can do; ours do it with bundles, so nothing is unpickled here either."""

    @classmethod
    def from_pretrained(
        cls: type[Model],
        source: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | torch.device = "cpu",
    ) -> Model:
        """Bring back a trained component of this class, in eval mode.

        Args:
            source: A folder with a bundle, or ``owner/name`` of a repository on the hub where there is no such folder.
            revision: Branch, tag or commit of the repository.
            device: Where to put it.

        Raises:
            BundleError: What is there is damaged, or a component of another class.
        """
        name = os.fspath(source)
        place = Path(name) if Path(name).is_dir() else fetch(name, revision=revision)
        component = _module("bundles").load(place, device=device)
        if not isinstance(component, cls):
            message = f"{cls.__name__}.from_pretrained: {name} must hold one, and holds a {type(component).__name__}."
            raise BundleError(message)
        return component

    def save_pretrained(
        self,
        directory: str | os.PathLike[str],
        *,
        card: str | None = None,
        metadata: dict[str, Any] | None = None,
        half: bool = False,
    ) -> Path:
        """Write this component as a bundle; gives its folder.

        Args:
            directory: The bundle's folder; an earlier bundle there is replaced, anything else is refused.
            card: The model card, in Markdown; one made from the metadata by default.
            metadata: Plain data to keep: ``command``, ``steps``, ``data``, ``metrics``.
            half: Whether weights are written in half the size, as float16.
        """
        card = _module("export").model_card(self, metadata or {}) if card is None else card
        save = _module("bundles").save_bundle
        return Path(save(self, directory, card=card, metadata=metadata, half=half, fingerprint=True))

    def push_to_hub(
        self,
        repository: str,
        *,
        card: str | None = None,
        metadata: dict[str, Any] | None = None,
        half: bool = False,
        private: bool = True,
        token: str | None = None,
    ) -> str:
        """Write this component as a bundle and send it to a repository of the hub, made where there is none.

        Args:
            repository: ``owner/name``.
            card: The model card; one made from the metadata by default.
            metadata: As in :meth:`save_pretrained`.
            half: As in :meth:`save_pretrained`.
            private: Whether a new repository is seen by its owner alone.
            token: Access token; the one that ``hf auth login`` left by default.

        Returns:
            The address of the commit.
        """
        hub = _hub()
        with tempfile.TemporaryDirectory() as folder:
            bundle = self.save_pretrained(Path(folder) / "bundle", card=card, metadata=metadata, half=half)
            api = hub.HfApi(token=token)
            api.create_repo(repository, private=private, exist_ok=True)
            commit = api.upload_folder(repo_id=repository, folder_path=bundle, commit_message="Bundle of auface-zoo")
        return str(getattr(commit, "commit_url", commit))


def _module(name: str) -> Any:
    """Import by name: every component has these methods, and what they need knows components of all families."""
    return importlib.import_module(f"zoo.{name}")


def _hub() -> Any:
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        message = "The Hugging Face hub needs huggingface_hub: pip install huggingface_hub"
        raise ModuleNotFoundError(message, name="huggingface_hub") from error
    return huggingface_hub
