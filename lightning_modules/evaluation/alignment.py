"""AAAD of an evaluation: ends from the real pairs of the first set, the same for every row and set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from zoo.metrics.aaad import AAAD

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.contributions import Tally
    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import Judgement


class Alignments:
    """Keep Cmin and Cmax of the first set for the sets that follow, as Appendix F.4 takes them from the test set."""

    def __init__(self) -> None:
        self._bounds: tuple[float, float] | None = None

    def bounds(self, frames: EvaluationSet, true: Judgement, told: Tensor | None) -> tuple[float, float] | None:
        """Give Cmin and Cmax; None where texts or faces aren't read, or there is nothing between the two."""
        if self._bounds is None and told is not None and true.probability is not None:
            found = _aaad(frames, true.probability, told, real=true.probability)
            low, high = found["cosine_min"], found["cosine_max"]
            if math.isfinite(low) and math.isfinite(high) and low < high:
                self._bounds = (low, high)
        return self._bounds

    def figures(self, frames: EvaluationSet, judgement: Judgement, tally: Tally) -> dict[str, float]:
        """Give all that AAAD says of a system's pictures; nothing where texts or faces aren't read."""
        if self._bounds is None or tally.told is None or judgement.probability is None:
            return {}
        return _aaad(
            frames,
            judgement.probability,
            tally.told,
            real=tally.true.probability,
            bounds=self._bounds,
            labels=tally.occurrence,
            known=tally.known,
        )


def _aaad(
    frames: EvaluationSet, generated: Tensor, told: Tensor, *, bounds: tuple[float, float] | None = None, **more: Any
) -> dict[str, float]:
    metric = AAAD(bounds=bounds, num_aus=told.shape[1])
    metric.update(generated, told, index=frames.labels.index, subject=frames.labels.subject, **more)
    return {name: float(value) for name, value in metric.compute().items()}
