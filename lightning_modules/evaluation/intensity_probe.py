"""Whether an AU grows as it is asked for more strongly: sweeps of its intensity, for models that read intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_modules.evaluation.probing import Questions, TrueFaces
from lightning_modules.evaluation.rendering import can_render
from zoo.facs import AUS
from zoo.metrics.response_curves import response_curves

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import ImageSource
    from zoo.recognizers.base import Recognizer

INTENSITIES = (2, 3, 4, 5)
"""B to E. A trace (A) isn't asked for: in the labels of training it counts as absent."""
_COMMANDS = (0, *INTENSITIES)
_TOLERANCE = 0.05
"""How far a probability may fall from one intensity to the next without a violation."""


class IntensityProbe:
    """Ask for each AU alone, from nothing to as strong as can be.

    The response is the recogniser's probability of that AU. ``intensity_rank`` is Spearman's correlation with the
    intensity asked for, 0 where nothing changes; ``intensity_violations`` the share of steps at which the response
    falls by more than 0.05; ``intensity_rise`` the response to the strongest less that to none.

    Args:
        frames: Whose people are asked.
        num_people: How many of them.
        recognizer: What sees AUs.
    """

    name = "intensities"

    def __init__(self, frames: EvaluationSet, *, num_people: int, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        self.aus = [au for au in AUS if au in recognizer.aus]
        self.questions = Questions(
            self.name,
            frames,
            num_people=num_people,
            sets=[(), *((au,) for au in self.aus for _ in INTENSITIES)],
            intensities=[0, *(INTENSITIES * len(self.aus))],
        )
        self.truth = TrueFaces(self.questions) if can_render(frames) else None
        self.subjects = [subject for subject in self.questions.subjects for _ in self.aus]

    def groups(self) -> dict[str, Tensor]:
        """Give all cases; each AU's curve is in the details."""
        return {"all": torch.ones(len(self.subjects), dtype=torch.bool)}

    @torch.no_grad()
    def responses(self, source: ImageSource) -> Tensor:
        """Give the response of each person and AU to each intensity."""
        columns = [self.recognizer.aus.index(au) for au in self.aus]
        found = []
        for person in range(len(self.questions.subjects)):
            seen = self.recognizer(self.questions.pictures(source, person)).probability[:, columns].float().cpu()
            steps = seen[1:].unflatten(0, (len(self.aus), len(INTENSITIES)))
            own = torch.stack([steps[place, :, place] for place in range(len(self.aus))])
            found.append(torch.cat([seen[0][:, None], own], 1))
        return torch.cat(found)

    def contributions(self, responses: Tensor) -> dict[str, Tensor]:
        """Give what each curve adds to the figures."""
        curves = response_curves(responses, torch.tensor(_COMMANDS, dtype=torch.float32), tolerance=_TOLERANCE)
        figures = {
            "intensity_rank": curves.rank_correlation.nan_to_num(),
            "intensity_violations": curves.violations,
            "intensity_rise": curves.usable_range,
        }
        return {name: torch.stack([values, torch.ones_like(values)], 1) for name, values in figures.items()}

    def curves(self, responses: Tensor) -> dict[str, list[float]]:
        """Give the mean response over people to each intensity, by AU."""
        means = responses.unflatten(0, (-1, len(self.aus))).mean(0)
        return {str(au): curve.tolist() for au, curve in zip(self.aus, means, strict=True)}
