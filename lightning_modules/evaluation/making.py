"""Have every model make its pictures, and find those that others made."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.studio import weights_sha256
from lightning_modules.evaluation.data import composer_for
from lightning_modules.evaluation.outside import found_files
from lightning_modules.evaluation.pictures import make_pictures, pictures_folder, requested_files
from zoo import bundles
from zoo.pipelines.base import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import torch

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.systems import Member, System
    from zoo.sampling import Sampling

    Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
    """Shows a bar with a caption and a length; gives what advances it."""


class PictureMaker:
    """Ask every system for its pictures.

    Args:
        systems: What is evaluated.
        sampling: How models draw tokens.
        precision: ``float32``, or ``bfloat16`` for matrix products.
        pictures: Folder of all models' pictures.
        device: Where models work.
        batch_size: Pictures at once.
        progress: Shows how far it is.
    """

    def __init__(
        self,
        systems: Sequence[System],
        *,
        sampling: Sampling,
        precision: str,
        pictures: Path,
        device: torch.device,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self.systems = list(systems)
        self.sampling = sampling
        self.precision = precision
        self.pictures = pictures
        self.device = device
        self.batch_size = batch_size
        self.progress = progress
        self.records: dict[str, list[dict[str, Any]]] = {
            system.name: [_record(member) for member in system.members] for system in self.systems
        }
        self._loaded: dict[Path, Pipeline] = {}

    def check(self) -> None:
        """Load every model, before any data is made ready for it.

        Raises:
            ValueError: One is damaged, or no model of stage II.
        """
        for system in self.systems:
            for member in system.members:
                if member.is_model:
                    self.pipeline(member)

    def make(
        self, frames: EvaluationSet, *, systems: Sequence[System] | None = None, share: tuple[int, int] = (0, 1)
    ) -> dict[str, list[list[Path]]]:
        """Have every model make its pictures; give the files of each model of each system.

        Args:
            frames: What is asked.
            systems: Who is asked; all by default.
            share: Which part of how many is made; the rest is left to other processes.

        Raises:
            ValueError: The data has images of another size, or pictures of an outside system are missing or unfit.
        """
        asked = self.systems if systems is None else systems
        self._check_sizes(frames)
        files = {  # outside pictures first: what is wrong with them should be told before hours of synthesis
            system.name: [found_files(member.path, frames) for member in system.members if not member.is_model]
            for system in asked
        }
        for system in asked:
            files[system.name] += [
                self._made(system.name, member, record, frames, share)
                for member, record in zip(system.members, self.records[system.name], strict=True)
                if member.is_model
            ]
        return files

    def pipeline(self, member: Member) -> Pipeline:
        """Load a model, once.

        Raises:
            ValueError: It is damaged, or no model of stage II.
        """
        if member.path not in self._loaded:
            component = bundles.load(member.path)
            if not isinstance(component, Pipeline):
                message = (
                    f"evaluate: systems must be models of stage II, got {member.path}, which holds a "
                    f"{type(component).__name__}."
                )
                raise ValueError(message)
            self._loaded[member.path] = component
        return self._loaded[member.path]

    def codecs(self) -> dict[str, Any]:
        """Give the codecs of all models, each once, by the names of their rows."""
        found: dict[str, Any] = {}
        users: dict[str, str] = {}
        for system in self.systems:
            for member in system.members:
                codec = getattr(self.pipeline(member), "codec", None) if member.is_model else None
                if codec is not None:
                    key = _state_checksum(codec)
                    found.setdefault(key, codec.to(self.device))
                    users.setdefault(key, system.name)
        if len(found) == 1:
            return {"codec of true image": next(iter(found.values()))}
        return {f"codec of {users[key]}, of true image": codec for key, codec in found.items()}

    def _made(
        self, name: str, member: Member, record: dict[str, Any], frames: EvaluationSet, share: tuple[int, int]
    ) -> list[Path]:
        pipeline = self.pipeline(member)
        prompts = frames.prompts(composer_for(member, frames.composer, pipeline.prompt_style))
        folder = pictures_folder(
            self.pictures,
            label=name,
            weights=record["weights_sha256"],
            sampling=self.sampling,
            precision=self.precision,
        )
        record["pictures"] = str(folder)
        files = requested_files(folder, frames, prompts)
        with self.progress(f"{frames.name}: making {name}", len(files)) as advance:
            make_pictures(
                lambda: pipeline.to(self.device),
                frames,
                prompts,
                files,
                sampling=self.sampling,
                precision=self.precision,
                batch_size=self.batch_size,
                share=share,
                advance=advance,
            )
        return files

    def _check_sizes(self, frames: EvaluationSet) -> None:
        for path, pipeline in self._loaded.items():
            if pipeline.image_size != frames.image_size:
                message = (
                    f"evaluate: data must have images of {pipeline.image_size} px for {path}, got "
                    f"{frames.image_size} px. Such as --data-options.image_size {pipeline.image_size}"
                )
                raise ValueError(message)


def _record(member: Member) -> dict[str, Any]:
    record: dict[str, Any] = {"path": str(member.path), "kind": "model" if member.is_model else "pictures"}
    if member.is_model:
        record["weights_sha256"] = weights_sha256(str(member.path))
    return record


def _state_checksum(component: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(component.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
