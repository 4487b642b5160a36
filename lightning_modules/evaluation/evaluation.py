"""An evaluation from beginning to end: pictures, judgements, contributions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.studio import weights_sha256
from lightning_modules.evaluation.alignment import Alignments
from lightning_modules.evaluation.contributions import Tally
from lightning_modules.evaluation.data import composer_for
from lightning_modules.evaluation.figures import Measured
from lightning_modules.evaluation.judges import Judges
from lightning_modules.evaluation.judging import (
    COPIED,
    TRUE,
    Judgement,
    anchor_sources,
    described,
    from_files,
    judge,
    others,
)
from lightning_modules.evaluation.outside import found_files
from lightning_modules.evaluation.pictures import make_pictures, pictures_folder, requested_files
from zoo import bundles
from zoo.facs import AUS
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


@dataclass
class SetResult:
    """All that was found on one set.

    Attributes:
        frames: The set.
        tally: Its labels and anchors.
        rows: Rows of the table, in order.
        judgements: Of each row that has pictures of its own, one for each of its models.
        files: Picture files of each model of each system.
        alignment: All that AAAD says of each system, where texts are read.
    """

    frames: EvaluationSet
    tally: Tally
    rows: list[Measured] = field(default_factory=list)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    files: dict[str, list[list[Path]]] = field(default_factory=dict)
    alignment: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    @property
    def systems(self) -> list[str]:
        """Names of the rows that are systems."""
        return [row.name for row in self.rows if not row.is_anchor]


class Evaluation:
    """Ask every system for its pictures and have them judged.

    Args:
        systems: What is evaluated.
        judges: Who judges.
        sampling: How models draw tokens.
        precision: ``float32``, or ``bfloat16`` for matrix products.
        pictures: Folder of all models' pictures.
        device: Where models and judges work.
        batch_size: Pictures at once.
        progress: Shows how far it is.
    """

    def __init__(
        self,
        systems: Sequence[System],
        judges: Judges,
        *,
        sampling: Sampling,
        precision: str,
        pictures: Path,
        device: torch.device,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self.systems = list(systems)
        self.judges = judges
        self.sampling = sampling
        self.precision = precision
        self.pictures = pictures
        self.device = device
        self.batch_size = batch_size
        self.progress = progress
        self.records: dict[str, list[dict[str, Any]]] = {
            system.name: [_record(member) for member in system.members] for system in self.systems
        }
        self._alignments = Alignments()
        self._loaded: dict[Path, Pipeline] = {}

    def check(self) -> None:
        """Load every model, before any data is made ready for it.

        Raises:
            ValueError: One is damaged, or no model of stage II.
        """
        for system in self.systems:
            for member in system.members:
                if member.is_model:
                    self._pipeline(member)

    def bound(self, frames: EvaluationSet) -> None:
        """Take Cmin and Cmax of AAAD from the true images of this set, for the sets that follow."""
        told = described(frames, self.judges)
        if told is not None and self.judges.recognizer is not None:
            only = Judges(recognizer=self.judges.recognizer)
            source = dict(anchor_sources({}))[TRUE]
            with self.progress(f"{frames.name}: ends of AAAD", len(frames)) as advance:
                true = judge(source, frames, only, batch_size=self.batch_size, advance=advance)
            self._alignments.bounds(frames, true, told)

    def run(self, frames: EvaluationSet) -> SetResult:
        """Evaluate on one set."""
        files = self.make(frames)
        judged = {
            name: [self._judge(f"{frames.name}: {name}", source, frames)]
            for name, source in anchor_sources(self._codecs(), has_truth=frames.has_truth)
        }
        anchors = list(judged)
        true = judged[TRUE][0] if frames.has_truth else Judgement()
        told = described(frames, self.judges)
        tally = Tally(
            frames,
            copied=judged[COPIED][0],
            true=true,
            aus=AUS if self.judges.recognizer is None else self.judges.recognizer.aus,
            told=told,
            bounds=self._alignments.bounds(frames, true, told),
        )
        for system in self.systems:
            judged[system.name] = [
                self._judge(f"{frames.name}: {system.name}", from_files(each, frames), frames)
                for each in files[system.name]
            ]
        result = SetResult(frames, tally, judgements=judged, files=files)
        result.rows += [
            Measured(name, [tally.contributions(each) for each in judged[name]], is_anchor=True) for name in anchors
        ]
        for system in self.systems:
            shuffled = [tally.shuffled(each) for each in judged[system.name]]
            if all(shuffled):
                result.rows.append(Measured(others(system.name), shuffled, is_anchor=True))
        for system in self.systems:
            found = judged[system.name]
            result.rows.append(Measured(system.name, [tally.contributions(each) for each in found]))
            result.alignment[system.name] = [self._alignments.figures(frames, each, tally) for each in found]
        return result

    def make(self, frames: EvaluationSet, *, share: tuple[int, int] = (0, 1)) -> dict[str, list[list[Path]]]:
        """Have every model make its pictures; give the files of each model of each system.

        Args:
            frames: What is asked.
            share: Which part of how many is made; the rest is left to other processes.

        Raises:
            ValueError: The data has images of another size, or pictures of an outside system are missing or unfit.
        """
        self._check_sizes(frames)
        files = {  # outside pictures first: what is wrong with them should be told before hours of synthesis
            system.name: [found_files(member.path, frames) for member in system.members if not member.is_model]
            for system in self.systems
        }
        for system in self.systems:
            files[system.name] += [
                self._made(system.name, member, record, frames, share)
                for member, record in zip(system.members, self.records[system.name], strict=True)
                if member.is_model
            ]
        return files

    def _made(
        self, name: str, member: Member, record: dict[str, Any], frames: EvaluationSet, share: tuple[int, int]
    ) -> list[Path]:
        pipeline = self._pipeline(member)
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

    def _pipeline(self, member: Member) -> Pipeline:
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

    def _codecs(self) -> dict[str, Any]:
        """The codecs of all models, each once, by the names of their rows."""
        found: dict[str, Any] = {}
        users: dict[str, str] = {}
        for system in self.systems:
            for member in system.members:
                codec = getattr(self._pipeline(member), "codec", None) if member.is_model else None
                if codec is not None:
                    key = _state_checksum(codec)
                    found.setdefault(key, codec.to(self.device))
                    users.setdefault(key, system.name)
        if len(found) == 1:
            return {"codec of true image": next(iter(found.values()))}
        return {f"codec of {users[key]}, of true image": codec for key, codec in found.items()}

    def _judge(self, caption: str, source: Any, frames: EvaluationSet) -> Judgement:
        with self.progress(caption, len(frames)) as advance:
            return judge(source, frames, self.judges, batch_size=self.batch_size, advance=advance)


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
