"""Questions that no test frame asks: the same people, asked for AUs one by one, in pairs, or ever stronger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.evaluation.rendering import rendered
from zoo.facs import AUS
from zoo.images import from_uint8, to_uint8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import ImageSource


class Questions:
    """The same questions to the first frame's reference of each of some people.

    Args:
        name: What tables call them.
        frames: Whose people are asked.
        num_people: How many; all where there are fewer.
        sets: The AUs of each question.
        intensities: How strong they are to be, 0 to 5, in each question.
    """

    def __init__(
        self,
        name: str,
        frames: EvaluationSet,
        *,
        num_people: int,
        sets: Sequence[tuple[int, ...]],
        intensities: Sequence[int],
    ) -> None:
        first: dict[str, int] = {}
        for place, subject in enumerate(frames.labels.subject):
            first.setdefault(subject, place)
        people = list(first.items())[:num_people]
        occurrence = torch.tensor([[au in each for au in AUS] for each in sets])
        graded = torch.tensor(intensities, dtype=torch.float32)[:, None] * occurrence
        count = len(sets)
        self.subjects = [subject for subject, _ in people]
        self.asked = frames.asking(
            name,
            [place for _, place in people for _ in range(count)],
            occurrence=occurrence.repeat(len(people), 1),
            intensity=graded.repeat(len(people), 1),
        )
        self.places = [list(range(start, start + count)) for start in range(0, count * len(people), count)]
        """Of each person's questions."""

    def pictures(self, source: ImageSource, person: int) -> Tensor:
        """Give a person's pictures, one for each question, as a file with 8 bits would hold them."""
        places = self.places[person]
        ((_, batch),) = self.asked.batches(len(places), places)
        return from_uint8(to_uint8(source(places, batch)))


class TrueFaces:
    """What procedural faces truly look like under some questions: an image source that draws each person once."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self._drawn: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    def __call__(self, places: list[int], batch: dict[str, Any]) -> Tensor:
        """Give the images of a person's places."""
        return from_uint8(self._draw(places)[0])

    def pictures(self, person: int) -> Tensor:
        """Give a person's images, one for each question."""
        return from_uint8(self._draw(self.questions.places[person])[0])

    def landmarks(self, person: int) -> Tensor:
        """Give 68 points for each of a person's questions, in pixels."""
        return self._draw(self.questions.places[person])[1]

    def _draw(self, places: list[int]) -> tuple[Tensor, Tensor]:
        key = tuple(places)
        if key not in self._drawn:
            faces = rendered(self.questions.asked, places)
            self._drawn[key] = (to_uint8(faces.images), faces.landmarks)
        return self._drawn[key]
