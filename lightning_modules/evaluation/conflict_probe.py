"""What models make of two AUs that pull the same place in different directions, beside what each does alone.

Section 5.5 of the paper has people rank such pictures; here a recogniser looks for both AUs, and on procedural faces,
whose truth is drawn, changes of pixels are held against the true ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_modules.evaluation.probing import Questions, TrueFaces
from lightning_modules.evaluation.rendering import can_render
from zoo.facs.action_units import ANTAGONISTS, AUS
from zoo.metrics.conflict import both_visible, deviation_lengths, interaction_field, place_between, projection

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import ImageSource
    from zoo.recognizers.base import Recognizer

SINGLES = tuple(sorted({au for pair in ANTAGONISTS for au in pair}, key=AUS.index))
SETS = ((), *((au,) for au in SINGLES), *ANTAGONISTS)
"""What each person is asked for: nothing, the AUs alone, the pairs."""
_INTENSITY = 3
_CHANGED = 0.1
"""Pixels (of a range of 2) that an action truly changes by more than this count."""
_JAW = 17
"""Landmarks of the outline, which are found in steps."""


class ConflictProbe:
    """Ask for pairs of conflicting AUs and for each alone.

    ``conflict_both_seen`` is the share of pairs of which the recogniser sees both. The others are of pixels that the
    actions truly change, against the same source's picture of no AU at all: ``conflict_place`` is where the picture of
    both lies on the true way from the first AU alone (0) to the second alone (1), ``conflict_place_error`` how far that
    is from the true place; ``conflict_deviation`` is :func:`zoo.metrics.conflict.superposition_deviation`, and
    ``conflict_interaction`` :func:`zoo.metrics.conflict.interaction_response`. Place and deviation of true landmarks
    are called ``conflict_landmark_...``.

    Args:
        frames: Whose people are asked.
        num_people: How many of them.
        recognizer: What sees AUs; None for nobody.
    """

    name = "conflicts"

    def __init__(self, frames: EvaluationSet, *, num_people: int, recognizer: Recognizer | None) -> None:
        self.recognizer = recognizer
        self.questions = Questions(
            self.name, frames, num_people=num_people, sets=SETS, intensities=[_INTENSITY] * len(SETS)
        )
        self.truth = TrueFaces(self.questions) if can_render(frames) else None
        self.subjects = [subject for subject in self.questions.subjects for _ in ANTAGONISTS]

    def groups(self) -> dict[str, Tensor]:
        """Give the cases of each pair."""
        which = torch.arange(len(ANTAGONISTS)).repeat(len(self.questions.subjects))
        pairs = {f"{first}+{second}": which == place for place, (first, second) in enumerate(ANTAGONISTS)}
        return {"all": torch.ones_like(which, dtype=torch.bool), **pairs}

    @torch.no_grad()
    def contributions(self, source: ImageSource) -> dict[str, Tensor]:
        """Give what each person's pairs add to the figures, for the pictures of a source."""
        parts: dict[str, list[Tensor]] = {}
        for person in range(len(self.questions.subjects)):
            pictures = self.questions.pictures(source, person)
            found = {} if self.recognizer is None else self._seen(self.recognizer, pictures)
            if self.truth is not None:
                true = self.truth.pictures(person)
                found |= _of_pixels(pictures - pictures[:1], true - true[:1])
                if source is self.truth:
                    found |= _of_landmarks(self.truth.landmarks(person))
            for name, values in found.items():
                parts.setdefault(name, []).append(values.float().cpu())
        return {name: torch.cat(values) for name, values in parts.items()}

    def _seen(self, recognizer: Recognizer, pictures: Tensor) -> dict[str, Tensor]:
        probability = recognizer(pictures[-len(ANTAGONISTS) :]).probability
        aus, found = recognizer.aus, []
        for place, pair in enumerate(ANTAGONISTS):
            if not set(pair) <= set(aus):
                found.append(torch.zeros(2))
                continue
            first, second = (aus.index(au) for au in pair)
            seen = both_visible(probability[place : place + 1], first, second).float().cpu()
            found.append(torch.cat([seen, torch.ones(1)]))
        return {"conflict_both_seen": torch.stack(found)}


def _parts(changes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The changes by both AUs of each pair, by its first, by its second, from those of all questions."""
    first, second = ([1 + SINGLES.index(pair[side]) for pair in ANTAGONISTS] for side in (0, 1))
    return changes[-len(ANTAGONISTS) :], changes[first], changes[second]


def _of_pixels(changes: Tensor, true_changes: Tensor) -> dict[str, Tensor]:
    true = _parts(true_changes)
    counts = torch.stack([(field.abs() > _CHANGED).any(1, keepdim=True) for field in true]).any(0)
    both, first, second = ((field * counts).flatten(2).mT for field in _parts(changes))
    true_both, true_first, true_second = ((field * counts).flatten(2).mT for field in true)
    way = true_second - true_first
    # on the true way: the noise of a system's own pictures of single AUs would draw every place to the middle
    place = projection(both - true_first, way)
    error = (place[:, 0] / place[:, 1] - place_between(true_both, true_first, true_second)).abs()
    interaction = projection(
        interaction_field(both, first, second), interaction_field(true_both, true_first, true_second)
    )
    return {
        "conflict_place": place,
        "conflict_place_error": torch.stack([error.nan_to_num(), (~error.isnan()).to(error)], 1),
        "conflict_deviation": deviation_lengths(both, first, second),
        "conflict_interaction": interaction,
    }


def _of_landmarks(points: Tensor) -> dict[str, Tensor]:
    # the head doesn't move between the pictures, so there is no pose to take out
    both, first, second = _parts((points - points[:1])[:, _JAW:])
    return {
        "conflict_landmark_place": projection(both - first, second - first),
        "conflict_landmark_deviation": deviation_lengths(both, first, second),
    }
