"""From what judges say of each picture to what each frame adds to the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lightning_modules.evaluation.intensities import Intensities, asked_intensity, missing
from zoo.facs import AUS
from zoo.facs.action_units import ANTAGONISTS
from zoo.metrics.edit_response import edit_response, off_target_change
from zoo.metrics.occurrence_f1 import THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import Judgement


class Tally:
    """Turn judgements of a set's pictures into contributions.

    Args:
        frames: The set.
        copied: What the judges say of the references.
        true: What they say of the true images; nothing where there are none.
        aus: AUs of the recogniser.
        told: AU probabilities of the descriptions; None where nobody reads texts.
        bounds: Cmin and Cmax of AAAD; None where there is none.
    """

    def __init__(
        self,
        frames: EvaluationSet,
        *,
        copied: Judgement,
        true: Judgement,
        aus: tuple[int, ...] = AUS,
        told: Tensor | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> None:
        columns = [AUS.index(au) for au in aus]
        self.aus = aus
        self.occurrence = frames.labels.occurrence[:, columns]
        self.known = frames.labels.known[:, columns]
        self.subjects = frames.labels.subject
        self.copied = copied
        self.true = true
        self.told = told
        self.bounds = bounds
        self.stranger = frames.strangers()
        asked = asked_intensity(self.occurrence, known=self.known, intensity=frames.labels.intensity[:, columns])
        has_truth = true.probability is not None
        self.no_intensities = missing(asked, has_truth=has_truth, subjects=self.subjects)
        """Why intensities aren't measured; None where they are."""
        self.intensities: Intensities | None = None
        if self.no_intensities is None and true.probability is not None:
            self.intensities = Intensities(true.probability, asked=asked, subjects=self.subjects)

    def contributions(self, judgement: Judgement) -> dict[str, Tensor]:
        """Give what each frame adds to each figure."""
        found = {} if judgement.probability is None else self._of_aus(judgement.probability)
        own = self.copied.embedding
        if judgement.embedding is not None and own is not None:
            cosine = (judgement.embedding * own).sum(1)
            found["identity_cosine"] = _counted(cosine)
            if self.true.embedding is not None:
                same = (self.true.embedding * own).sum(1)
                impostor = (own[self.stranger] * own).sum(1)
                found["identity"] = torch.stack([cosine, same, impostor], 1)
        return found | {name: _counted(values) for name, values in judgement.distances.items()}

    def shuffled(self, judgement: Judgement) -> dict[str, Tensor]:
        """Give the figures on AUs for pictures against the AUs and descriptions of somebody else."""
        if judgement.probability is None:
            return {}
        other = self.stranger
        found = {"au_f1": counts(judgement.probability, self.occurrence[other], self.known[other])}
        if self.intensities is not None:
            found |= self.intensities.contributions(judgement.probability, asked=self.intensities.asked[other])
        return found | self._alignment(judgement.probability, None if self.told is None else self.told[other])

    def _of_aus(self, probability: Tensor) -> dict[str, Tensor]:
        found = {"au_f1": counts(probability, self.occurrence, self.known)}
        found |= self._alignment(probability, self.told)
        pairs = [
            (self.aus.index(one), self.aus.index(other))
            for one, other in ANTAGONISTS
            if one in self.aus and other in self.aus
        ]
        first, second = ([pair[place] for pair in pairs] for place in (0, 1))
        asked = self.occurrence[:, first] & self.occurrence[:, second]
        seen = (probability[:, first] >= THRESHOLD) & (probability[:, second] >= THRESHOLD)
        found["both_seen"] = torch.stack([(seen & asked).sum(1), asked.sum(1)], 1).float()
        at_first = self.copied.probability
        assert at_first is not None
        change = probability - at_first
        found["off_target"] = _counted(off_target_change(change, self.occurrence | ~self.known))
        if self.true.probability is not None:
            found["response"] = _counted(edit_response(change, self.true.probability - at_first))
        if self.intensities is not None:
            found |= self.intensities.contributions(probability)
        return found

    def _alignment(self, probability: Tensor, told: Tensor | None) -> dict[str, Tensor]:
        """Each frame's own share of AAAD, whose ends are the same for all."""
        if told is None or self.bounds is None:
            return {}
        low, high = self.bounds
        cosine = functional.cosine_similarity(probability.double(), told.double(), dim=1)
        return {"aaad": _counted((cosine - low) / (high - low))}


def counts(probability: Tensor, occurrence: Tensor, known: Tensor) -> Tensor:
    """Count for each frame and AU: rightly seen, wrongly seen, missed, rightly passed over; (frame, au, 4)."""
    seen = probability >= THRESHOLD
    told = torch.stack([seen & occurrence, seen & ~occurrence, ~seen & occurrence, ~seen & ~occurrence], -1)
    return (told & known[..., None]).float()


def _counted(values: Tensor) -> Tensor:
    """Values with their number; frames without one count for nothing."""
    there = ~values.isnan()
    return torch.stack([values.nan_to_num(), there.to(values.dtype)], 1)
