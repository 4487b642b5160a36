"""Which probes apply to which systems, and their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_modules.cli.synthesis_intensity import intensity_reading
from lightning_modules.evaluation.conflict_probe import ConflictProbe
from lightning_modules.evaluation.figures import Measured
from lightning_modules.evaluation.intensity_probe import IntensityProbe
from lightning_modules.evaluation.judging import COPIED, TRUE, from_files
from lightning_modules.evaluation.measurements import Measurements

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import ImageSource
    from lightning_modules.evaluation.making import PictureMaker
    from lightning_modules.evaluation.probing import TrueFaces
    from lightning_modules.evaluation.systems import System
    from zoo.recognizers.base import Recognizer


class Probes:
    """Ask models what no test frame asks, as far as that applies.

    Args:
        maker: Asks systems for their pictures.
        frames: Whose people are asked.
        num_people: How many of them; 0 asks nothing.
        recognizer: What sees AUs; None for nobody.
    """

    def __init__(
        self, maker: PictureMaker, frames: EvaluationSet, *, num_people: int, recognizer: Recognizer | None
    ) -> None:
        self.maker = maker
        self.notes: list[str] = []
        """Of each part that doesn't apply, why."""
        self.conflict: ConflictProbe | None = None
        self.intensity: IntensityProbe | None = None
        self.models = [system for system in maker.systems if all(member.is_model for member in system.members)]
        self.graded: list[System] = []
        if not num_people:
            self.notes.append("No probes of conflicts and intensities: they cost pictures. Such as --probe-people 16")
            return
        outside = [system.name for system in maker.systems if system not in self.models]
        if outside:
            self.notes.append(f"No probes of {', '.join(outside)}: pictures that others made can't be asked for more.")
        if not self.models:
            return
        conflict = ConflictProbe(frames, num_people=num_people, recognizer=recognizer)
        if recognizer is None and conflict.truth is None:
            self.notes.append("conflicts: neither a recogniser to see them nor a truth to draw.")
        else:
            self.conflict = conflict
        if recognizer is not None and conflict.truth is None:
            self.notes.append(
                "conflicts: whether both AUs are seen, alone: only procedural faces have a truth to draw."
            )
        self.graded = [system for system in self.models if self._reads_intensities(system)]
        other = [system.name for system in self.models if system not in self.graded]
        if other:
            self.notes.append(f"intensities: not of {', '.join(other)}, trained on which AUs act and not how strongly.")
        if recognizer is None:
            self.notes.append("intensities: no recogniser to see them.")
        elif self.graded:
            self.intensity = IntensityProbe(frames, num_people=num_people, recognizer=recognizer)

    def make(self, share: tuple[int, int]) -> None:
        """Make a share of all pictures, and judge nothing."""
        for probe, systems in ((self.conflict, self.models), (self.intensity, self.graded)):
            if probe is not None:
                self.maker.make(probe.questions.asked, systems=systems, share=share)

    def run(self) -> list[Measurements]:
        """Give the table of each probe that applies."""
        found = []
        if self.conflict is not None:
            found.append(self._conflicts(self.conflict))
        if self.intensity is not None:
            found.append(self._intensities(self.intensity))
        return found

    def _conflicts(self, probe: ConflictProbe) -> Measurements:
        measured = Measurements(probe.name, probe.subjects, probe.groups())
        for name, sources, is_anchor in self._rows(probe, self.models):
            measured.rows.append(Measured(name, [probe.contributions(each) for each in sources], is_anchor))
        return measured

    def _intensities(self, probe: IntensityProbe) -> Measurements:
        measured = Measurements(probe.name, probe.subjects, probe.groups())
        curves: dict[str, list[dict[str, list[float]]]] = {}
        for name, sources, is_anchor in self._rows(probe, self.graded):
            responses: list[Tensor] = [probe.responses(each) for each in sources]
            measured.rows.append(Measured(name, [probe.contributions(each) for each in responses], is_anchor))
            curves[name] = [probe.curves(each) for each in responses]
        measured.details["curves"] = curves
        return measured

    def _rows(
        self, probe: ConflictProbe | IntensityProbe, systems: list[System]
    ) -> list[tuple[str, list[ImageSource], bool]]:
        """Name, sources of pictures, and whether it is an anchor, of each row."""
        asked = probe.questions.asked
        files = self.maker.make(asked, systems=systems)
        rows: list[tuple[str, list[ImageSource], bool]] = [(COPIED, [lambda places, batch: batch["reference"]], True)]
        if probe.truth is not None:
            rows.append((TRUE, [probe.truth], True))
            rows += [(name, [_coded(codec, probe.truth)], True) for name, codec in self.maker.codecs().items()]
        rows += [(each.name, [from_files(some, asked) for some in files[each.name]], False) for each in systems]
        return rows

    def _reads_intensities(self, system: System) -> bool:
        return all(
            intensity_reading(str(member.path), self.maker.pipeline(member)) is not None for member in system.members
        )


def _coded(codec: Any, truth: TrueFaces) -> ImageSource:
    return lambda places, batch: codec.detokenize(codec.tokenize(truth(places, batch))).float()
