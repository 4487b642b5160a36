"""From what judges say of each picture to what each frame adds to the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.facs import AUS
from zoo.metrics.occurrence_f1 import THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judges import Judgement


class Tally:
    """Turn judgements of a set's pictures into contributions.

    Args:
        frames: The set.
        copied: What the judges say of the references.
        true: What they say of the true images; None where the data has none.
        aus: AUs of the recogniser.
    """

    def __init__(
        self, frames: EvaluationSet, *, copied: Judgement, true: Judgement | None, aus: tuple[int, ...] = AUS
    ) -> None:
        columns = [AUS.index(au) for au in aus]
        self.aus = aus
        self.occurrence = frames.labels.occurrence[:, columns]
        self.known = frames.labels.known[:, columns]
        self.copied = copied
        self.true = true
        self.stranger = frames.strangers()

    def contributions(self, judgement: Judgement) -> dict[str, Tensor]:
        """Give what each frame adds to each figure."""
        found: dict[str, Tensor] = {}
        if judgement.probability is not None:
            found["au_f1"] = self.counts(judgement.probability, self.occurrence, self.known)
        own = self.copied.embedding
        if judgement.embedding is not None and own is not None:
            cosine = (judgement.embedding * own).sum(1)
            found["identity_cosine"] = _with_ones(cosine)
            if self.true is not None and self.true.embedding is not None:
                same = (self.true.embedding * own).sum(1)
                impostor = (own[self.stranger] * own).sum(1)
                found["identity"] = torch.stack([cosine, same, impostor], 1)
        for name, values in judgement.distances.items():
            found[name] = _with_ones(values)
        return found

    def shuffled(self, judgement: Judgement) -> dict[str, Tensor]:
        """Give the same for pictures against the AUs of somebody else."""
        if judgement.probability is None:
            return {}
        other = self.stranger
        return {"au_f1": self.counts(judgement.probability, self.occurrence[other], self.known[other])}

    @staticmethod
    def counts(probability: Tensor, occurrence: Tensor, known: Tensor) -> Tensor:
        """Count for each frame and AU: rightly seen, wrongly seen, missed, rightly passed over; (frame, au, 4)."""
        seen = probability >= THRESHOLD
        told = torch.stack([seen & occurrence, seen & ~occurrence, ~seen & occurrence, ~seen & ~occurrence], -1)
        return (told & known[..., None]).float()


def _with_ones(values: Tensor) -> Tensor:
    return torch.stack([values, torch.ones_like(values)], 1)
