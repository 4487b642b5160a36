"""An evaluation from beginning to end: pictures, judgements, contributions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.alignment import Alignments
from lightning_modules.evaluation.contributions import Tally
from lightning_modules.evaluation.figures import Measured
from lightning_modules.evaluation.intensities import PRESENCE_ALONE
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
from lightning_modules.evaluation.measurements import Measurements
from lightning_modules.evaluation.probes import Probes
from zoo.facs import AUS

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.making import PictureMaker


@dataclass
class SetResult:
    """All that was found on one set.

    Attributes:
        frames: The set.
        tally: Its labels and anchors.
        measured: Rows of the table.
        judgements: Of each row that has pictures of its own, one for each of its models.
        files: Picture files of each model of each system.
        alignment: All that AAAD says of each system, where texts are read.
    """

    frames: EvaluationSet
    tally: Tally
    measured: Measurements
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    files: dict[str, list[list[Path]]] = field(default_factory=dict)
    alignment: dict[str, list[dict[str, float]]] = field(default_factory=dict)


class Evaluation:
    """Have the pictures of every system judged.

    Args:
        maker: Asks systems for their pictures.
        judges: Who judges.
    """

    def __init__(self, maker: PictureMaker, judges: Judges) -> None:
        self.maker = maker
        self.judges = judges
        self.notes: list[str] = []
        """What a reader must know of what was left out."""
        self._alignments = Alignments()

    def bound(self, frames: EvaluationSet) -> None:
        """Take Cmin and Cmax of AAAD from the true images of this set, for the sets that follow."""
        told = described(frames, self.judges)
        if told is not None and self.judges.recognizer is not None:
            only = Judges(recognizer=self.judges.recognizer)
            source = dict(anchor_sources({}))[TRUE]
            self._alignments.bounds(frames, self._judge("ends of AAAD", source, frames, only), told)

    def run(self, frames: EvaluationSet) -> SetResult:
        """Evaluate on one set."""
        systems = self.maker.systems
        files = self.maker.make(frames)
        judged = {
            name: [self._judge(name, source, frames)]
            for name, source in anchor_sources(self.maker.codecs(), has_truth=frames.has_truth)
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
        if self.judges.recognizer is not None and tally.intensities is None:
            self.notes.append(f"{frames.name}: no intensities of AUs: {tally.no_intensities}.")
        for system in systems:
            judged[system.name] = [
                self._judge(system.name, from_files(each, frames), frames) for each in files[system.name]
            ]
        measured = Measurements(frames.name, frames.labels.subject, frames.groups())
        result = SetResult(frames, tally, measured, judgements=judged, files=files)
        rows = measured.rows
        rows += [
            Measured(name, [tally.contributions(each) for each in judged[name]], is_anchor=True) for name in anchors
        ]
        if tally.intensities is not None:
            rows.append(Measured(PRESENCE_ALONE, [tally.intensities.presence_alone()], is_anchor=True))
        for system in systems:
            shuffled = [tally.shuffled(each) for each in judged[system.name]]
            if all(shuffled):
                rows.append(Measured(others(system.name), shuffled, is_anchor=True))
        for system in systems:
            found = judged[system.name]
            rows.append(Measured(system.name, [tally.contributions(each) for each in found]))
            result.alignment[system.name] = [self._alignments.figures(frames, each, tally) for each in found]
        return result

    def probes(self, frames: EvaluationSet, num_people: int) -> Probes:
        """Choose what models are asked besides: pairs of conflicting AUs, ever stronger ones, as far as it applies.

        Args:
            frames: Whose people are asked.
            num_people: How many of them; 0 asks nothing.
        """
        return Probes(self.maker, frames, num_people=num_people, recognizer=self.judges.recognizer)

    def probe(self, frames: EvaluationSet, num_people: int) -> list[Measurements]:
        """Ask that, and give a table of each probe that applies."""
        probes = self.probes(frames, num_people)
        self.notes += probes.notes
        return probes.run()

    def _judge(self, row: str, source: Any, frames: EvaluationSet, judges: Judges | None = None) -> Judgement:
        with self.maker.progress(f"{frames.name}: {row}", len(frames)) as advance:
            return judge(source, frames, judges or self.judges, batch_size=self.maker.batch_size, advance=advance)
