"""From rankings to the AU Conflict Handling Score of each system, with intervals over raters and their agreement."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.metrics.ranking import Concordance, concordance, rank_points
from zoo.survey.answers import Answers
from zoo.survey.blinding import Survey

MEAN = "Mean AUCHS"
"""Name of the row of means over combinations, as in the paper's Table 4."""


@dataclass(frozen=True)
class Score:
    """A mean and where it may lie.

    Attributes:
        value: NaN where nobody ranked.
        low: Lower end of the interval over raters; NaN for one rater.
        high: Its upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """How far raters agree on a combination.

    Attributes:
        per_trial: Kendall's W of the rankings of one trial's pictures, mean over trials.
        of_means: Kendall's W of the raters' mean ranks of the systems.
    """

    per_trial: float
    of_means: Concordance


@dataclass(frozen=True)
class RaterSummary:
    """One rater.

    Attributes:
        rater: Who.
        num_rankings: Trials ranked.
        median_seconds: Of a trial.
        with_others: Correlation of the points given with the others' means on the same trials; near 0 for one who
            pressed keys at random.
    """

    rater: str
    num_rankings: int
    median_seconds: float
    with_others: float


@dataclass(frozen=True)
class SurveyScores:
    """All that a survey says.

    Attributes:
        systems: Columns.
        table: Combination, or ``MEAN``, to system to score.
        agreement: Combination to agreement; under ``MEAN``, over all.
        differences: Pair of systems to the difference of their means over combinations.
        raters: Each of them.
        num_rankings: In all.
        level: Share of the bootstrap's resamples that an interval holds.
    """

    systems: tuple[str, ...]
    table: dict[str, dict[str, Score]]
    agreement: dict[str, Agreement]
    differences: dict[tuple[str, str], Score]
    raters: tuple[RaterSummary, ...]
    num_rankings: int
    level: float


def score_survey(
    answers: Answers, *, survey: Survey, num_resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> SurveyScores:
    """Score a survey.

    A combination's score is the mean of the points over all its rankings; the last row is the mean of the
    combinations, each with the same weight. Intervals resample raters, each with all that they ranked, and say nothing
    of other pictures.

    Args:
        answers: What raters said.
        survey: What they were asked.
        num_resamples: How often raters are drawn, with replacement.
        level: Share of resamples inside an interval.
        seed: Decides the draws.
    """
    systems = survey.systems
    rankings = answers.rankings
    ranks = torch.tensor([[each.ranks[system] for system in systems] for each in rankings], dtype=torch.double)
    points = rank_points(ranks)
    raters = [each.rater for each in rankings]
    of = [each.trial.combination for each in rankings]
    asked = [name for name in survey.combinations if name in of]
    member = torch.tensor([[each == name for name in asked] for each in of]).double()
    # what each ranking adds: for its combination, the points of every system, and a one that counts it
    added = member.unsqueeze(-1) * torch.cat([points, torch.ones(len(points), 1).double()], dim=1).unsqueeze(1)

    def scored(statistic: Callable[[Tensor], Tensor]) -> Score:
        value = float(statistic(added.sum(0, keepdim=True)))
        low, high = float("nan"), float("nan")
        if len(set(raters)) > 1:
            low, high = bootstrap_over_subjects(
                added, raters, statistic, num_resamples=num_resamples, level=level, seed=seed
            )
        return Score(value, low, high)

    table = {
        name: {system: scored(partial(_cell, row=row, place=place)) for place, system in enumerate(systems)}
        for row, name in enumerate(asked)
    }
    table[MEAN] = {system: scored(partial(_mean, place=place)) for place, system in enumerate(systems)}
    differences = {
        (systems[one], systems[other]): scored(partial(_difference, one=one, other=other))
        for one, other in itertools.combinations(range(len(systems)), 2)
    }
    trials = [each.trial.name for each in rankings]
    agreement = {
        name: _agreement(points[member[:, row] > 0], _kept(raters, of, name), _kept(trials, of, name))
        for row, name in enumerate(asked)
    }
    agreement[MEAN] = _agreement(points, raters, trials)
    seconds = [each.seconds for each in rankings]
    return SurveyScores(
        systems=systems,
        table=table,
        agreement=agreement,
        differences=differences,
        raters=_summaries(points, raters, trials, seconds),
        num_rankings=len(rankings),
        level=level,
    )


def _cell(sums: Tensor, *, row: int, place: int) -> Tensor:
    return sums[:, row, place] / sums[:, row, -1]


def _mean(sums: Tensor, *, place: int) -> Tensor:
    return (sums[..., place] / sums[..., -1]).mean(-1)


def _difference(sums: Tensor, *, one: int, other: int) -> Tensor:
    return _mean(sums, place=one) - _mean(sums, place=other)


def _kept(names: Sequence[str], of: Sequence[str], combination: str) -> list[str]:
    return [name for name, each in zip(names, of, strict=True) if each == combination]


def _agreement(points: Tensor, raters: Sequence[str], trials: Sequence[str]) -> Agreement:
    each = [concordance(-points[_where(trials, trial)]).w for trial in dict.fromkeys(trials)]
    known = [w for w in each if w == w]  # not NaN
    means = torch.stack([points[_where(raters, rater)].mean(0) for rater in dict.fromkeys(raters)])
    # means of the same points in another order differ in their last bits, and would be no ties
    return Agreement(statistics.fmean(known) if known else float("nan"), concordance(-means.round(decimals=9)))


def _summaries(
    points: Tensor, raters: Sequence[str], trials: Sequence[str], seconds: Sequence[float]
) -> tuple[RaterSummary, ...]:
    place = {trial: number for number, trial in enumerate(dict.fromkeys(trials))}
    trial = torch.tensor([place[each] for each in trials])
    total = torch.zeros(len(place), points.shape[1], dtype=torch.double).index_add_(0, trial, points)
    count = torch.bincount(trial, minlength=len(place)).double()
    found = []
    for rater in dict.fromkeys(raters):
        own = _where(raters, rater)
        shared = own[count[trial[own]] > 1]
        others = (total[trial[shared]] - points[shared]) / (count[trial[shared]] - 1).unsqueeze(1)
        both = torch.stack([points[shared].flatten(), others.flatten()])
        varies = both.shape[1] > 1 and bool((both.std(1) > 1e-9).all())
        found.append(
            RaterSummary(
                rater,
                num_rankings=len(own),
                median_seconds=statistics.median(seconds[number] for number in own.tolist()),
                with_others=float(torch.corrcoef(both)[0, 1]) if varies else float("nan"),
            )
        )
    return tuple(found)


def _where(names: Sequence[str], name: str) -> Tensor:
    return torch.tensor([place for place, each in enumerate(names) if each == name])
