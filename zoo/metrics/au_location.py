"""Whether it is known which AUs occur and where on the face they act."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from zoo.facs import AUS
from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.shapes import Occurrence

Statistic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AUAnswer:
    """What something knows of the AUs of faces.

    Attributes:
        occurrence: Logits of each AU's presence.
        maps: Logits of where each acts, on a grid over the image.
        attention: Where was looked for each, in raster order over a square grid, rows sum to 1; None where nothing
            was looked at.
    """

    occurrence: Float[Tensor, "batch au"]
    maps: Float[Tensor, "batch au row col"]
    attention: Float[Tensor, "batch au place"] | None


def coverage(regions: Bool[Tensor, "batch au row col"], num_places: int) -> Float[Tensor, "batch au place"]:
    """Give how much of each place of a square grid a region covers, in [0, 1].

    Raises:
        ValueError: The places are those of no square grid.

    Example:
        >>> coverage(torch.tensor([[[[True, False], [True, True]]]]), 1).tolist()
        [[[0.75]]]
    """
    side = round(num_places**0.5)
    if side * side != num_places:
        message = f"coverage: num_places must be a square number, got {num_places}."
        raise ValueError(message)
    return functional.adaptive_avg_pool2d(regions.float(), side).flatten(2)


class AULocation:
    """Gather how well several answers to the same questions tell AUs and their places; intervals are over subjects.

    ``compute`` gives, for each answer, ``au_f1``: macro F1 of occurrence; ``map_iou``: intersection over union of the
    map above one half with the region, for AUs that act, summed over faces, mean over AUs; and ``attention``: the
    share of attention inside the region over that region's share of the area, likewise; 1 is what looking everywhere
    alike reaches. All are better the higher they are. ``<figure>_<one>_over_<other>`` is the difference between two
    answers for the same faces.

    Args:
        pairs: Which answers to compare: the one, and the other.
    """

    def __init__(self, *, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self.subjects: list[str] = []
        self.sums: dict[str, list[Tensor]] = {}

    @torch.no_grad()
    def update(
        self,
        answers: Mapping[str, AUAnswer],
        subjects: Sequence[str],
        *,
        occurrence: Occurrence,
        known: Bool[Tensor, "batch au"],
        regions: Bool[Tensor, "batch au row col"],
    ) -> None:
        """Compare a batch with what is true.

        Args:
            answers: By their names.
            subjects: Who each face shows.
            occurrence: Which AUs occur.
            known: Where that is known.
            regions: Where each AU acts when it acts.
        """
        self.subjects += subjects
        acting = occurrence & known
        for name, answer in answers.items():
            said = answer.occurrence > 0
            told = torch.stack([said & occurrence, said & ~occurrence, ~said & occurrence], -1) & known[..., None]
            self._add(f"au_f1_{name}", told)
            marked = answer.maps > 0
            common, either = (marked & regions).sum((2, 3)), (marked | regions).sum((2, 3))
            self._add(f"map_iou_{name}", torch.stack([common, either], -1) * acting[..., None])
            if answer.attention is not None:
                covered = coverage(regions, answer.attention.shape[-1])
                inside, share = (answer.attention.float() * covered).sum(-1), covered.mean(-1)
                self._add(f"attention_{name}", torch.stack([inside, share], -1) * acting[..., None])

    def compute(self) -> dict[str, Any]:
        """Give all figures as plain data, with their 95 % intervals; those of each AU are by its number."""
        sums = {name: torch.cat(parts) for name, parts in self.sums.items()}
        found: dict[str, Any] = {"num_images": len(self.subjects), "num_subjects": len(set(self.subjects))}
        for name, each in sums.items():
            per_au = _f1 if name.startswith("au_f1") else _ratio
            self._say(found, name, each, _mean(per_au))
            values = per_au(each.sum(0))
            found[f"{name}_each"] = {
                str(au): None if value.isnan() else round(float(value), 4)
                for au, value in zip(AUS, values, strict=True)
            }
        for one, other in self.pairs:
            for figure, per_au in (("au_f1", _f1), ("map_iou", _ratio), ("attention", _ratio)):
                parts = [sums.get(f"{figure}_{name}") for name in (one, other)]
                if parts[0] is not None and parts[1] is not None:
                    both = torch.stack([parts[0], parts[1]], 1)
                    self._say(found, f"{figure}_{one}_over_{other}", both, _difference(_mean(per_au)))
        return found

    def _say(self, found: dict[str, Any], name: str, contributions: Tensor, statistic: Statistic) -> None:
        found[name] = round(float(statistic(contributions.sum(0, keepdim=True))), 4)
        interval = bootstrap_over_subjects(contributions, self.subjects, statistic)
        found[f"{name}_interval"] = [round(end, 4) for end in interval]

    def _add(self, name: str, contribution: Tensor) -> None:
        self.sums.setdefault(name, []).append(contribution.cpu().double())


def _f1(counts: Tensor) -> Tensor:
    right, wrong, missed = counts.unbind(-1)
    return 2 * right / (2 * right + wrong + missed)


def _ratio(sums: Tensor) -> Tensor:
    return sums[..., 0] / sums[..., 1]


def _mean(per_au: Statistic) -> Statistic:
    return lambda sums: per_au(sums).nanmean(-1)


def _difference(statistic: Statistic) -> Statistic:
    return lambda sums: statistic(sums[:, 0]) - statistic(sums[:, 1])
