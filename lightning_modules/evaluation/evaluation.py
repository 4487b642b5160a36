"""An evaluation from beginning to end: pictures, judgements, figures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.studio import weights_sha256
from lightning_modules.evaluation.contributions import Tally
from lightning_modules.evaluation.data import composer_for
from lightning_modules.evaluation.figures import FIGURES, Measured, difference_of, value_of
from lightning_modules.evaluation.judges import anchor_sources, from_files, judge
from lightning_modules.evaluation.pictures import make_pictures, pictures_folder, requested_files
from zoo import bundles
from zoo.pipelines.base import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import torch

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judges import Judgement, Judges
    from lightning_modules.evaluation.systems import Member, System
    from zoo.generators.base import Sampling

    Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
    """Shows a bar with a caption and a length; gives what advances it."""


@dataclass
class SetResult:
    """All that was found on one test set.

    Attributes:
        frames: The set.
        tally: Labels and anchors.
        judgements: Of each row of the table, one for each of its models.
        rows: The same as contributions, in the order of the table.
        files: Picture files of each model of each system.
    """

    frames: EvaluationSet
    tally: Tally
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    rows: list[Measured] = field(default_factory=list)
    files: dict[str, list[list[Path]]] = field(default_factory=dict)


class Evaluation:
    """Ask every system for its pictures, have them judged, and say what they are worth.

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
            system.name: [self._record(member) for member in system.members] for system in self.systems
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
                    self._pipeline(member)

    def run(self, frames: EvaluationSet) -> SetResult:
        """Evaluate on one set."""
        files = {
            system.name: [
                self._made(system.name, member, record, frames)
                for member, record in zip(system.members, self.records[system.name], strict=True)
            ]
            for system in self.systems
        }
        judged: dict[str, list[Judgement]] = {}
        for name, source in anchor_sources(self._codecs()):
            judged[name] = [self._judge(f"{frames.name}: {name}", source, frames)]
        aus = {} if self.judges.recognizer is None else {"aus": self.judges.recognizer.aus}
        tally = Tally(frames, copied=judged["copied reference"][0], true=judged["true image"][0], **aus)
        anchors = [
            Measured(name, [tally.contributions(each) for each in found], is_anchor=True)
            for name, found in judged.items()
        ]
        rows, shuffled = [], []
        for system in self.systems:
            found = [
                self._judge(f"{frames.name}: {system.name}", from_files(each, frames), frames)
                for each in files[system.name]
            ]
            judged[system.name] = found
            rows.append(Measured(system.name, [tally.contributions(each) for each in found]))
            others = [tally.shuffled(each) for each in found]
            if all(others):
                shuffled.append(Measured(f"{system.name}, AUs of others", others, is_anchor=True))
        return SetResult(frames, tally, judged, [*anchors, *shuffled, *rows], files)

    def _record(self, member: Member) -> dict[str, Any]:
        record: dict[str, Any] = {"path": str(member.path), "kind": "model" if member.is_model else "pictures"}
        if member.is_model:
            record["weights_sha256"] = weights_sha256(str(member.path))
        return record

    def _made(self, name: str, member: Member, record: dict[str, Any], frames: EvaluationSet) -> list[Path]:
        if not member.is_model:
            from lightning_modules.evaluation.outside import found_files

            return found_files(member.path, frames)
        style = self._pipeline(member).prompt_style
        prompts = frames.prompts(composer_for(member, frames.composer, style))
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
                lambda: self._checked(member, frames),
                frames,
                prompts,
                files,
                sampling=self.sampling,
                precision=self.precision,
                batch_size=self.batch_size,
                advance=advance,
            )
        return files

    def _checked(self, member: Member, frames: EvaluationSet) -> Pipeline:
        pipeline = self._pipeline(member)
        if pipeline.image_size != frames.image_size:
            message = (
                f"evaluate: data must have images of {pipeline.image_size} px for {member.path}, got "
                f"{frames.image_size} px. Such as --data-options.image_size {pipeline.image_size}"
            )
            raise ValueError(message)
        return pipeline.to(self.device)

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


def figures_of(result: SetResult) -> list[dict[str, Any]]:
    """Give every figure of every row on every part of a set, as tidy records."""
    found = []
    subjects = result.frames.labels.subject
    for group, mask in result.frames.groups().items():
        for row in result.rows:
            for figure in FIGURES:
                if (value := value_of(row, figure, subjects, mask)) is not None:
                    place = {"set": result.frames.name, "group": group, "system": row.name, "is_anchor": row.is_anchor}
                    found.append({**place, "figure": figure, **value, "num_frames": int(mask.sum())})
    return found


def differences_of(result: SetResult, baseline: str) -> list[dict[str, Any]]:
    """Give the difference of every system to one of them, as tidy records."""
    found = []
    subjects = result.frames.labels.subject
    systems = [row for row in result.rows if not row.is_anchor]
    base = next(row for row in systems if row.name == baseline)
    for group, mask in result.frames.groups().items():
        for row in systems:
            if row is base:
                continue
            for figure in FIGURES:
                if (value := difference_of(row, base, figure, subjects, mask)) is not None:
                    place = {"set": result.frames.name, "group": group, "system": row.name, "baseline": baseline}
                    found.append({**place, "figure": figure, **value})
    return found


def _state_checksum(component: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(component.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
