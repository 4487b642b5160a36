"""Scores of a survey as the paper's Table 4, for people, for programs and for spreadsheets."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

from zoo.facs.constructs import name_of
from zoo.survey.blinding import CONFLICTING, Survey
from zoo.survey.scores import MEAN, Score, SurveyScores

_PAPERS = tuple(map(name_of, CONFLICTING))


def as_dict(scores: SurveyScores, *, survey: Survey) -> dict[str, Any]:
    """Give plain data, for JSON; what can't be said is None."""
    return {
        "survey": survey.id,
        "points": f"{len(scores.systems)} for the first rank ... 1 for the last",
        "num_raters": len(scores.raters),
        "num_rankings": scores.num_rankings,
        "interval": f"{scores.level:g} percentile bootstrap over raters",
        "auchs": {
            row: {system: _plain(score) for system, score in columns.items()} for row, columns in scores.table.items()
        },
        "agreement": {
            row: {
                "kendalls_w_per_trial": _known(each.per_trial),
                "kendalls_w_of_mean_ranks": _known(each.of_means.w),
                "p_of_mean_ranks": _known(each.of_means.p),
                "w_by_chance": _known(each.of_means.chance),
                "num_raters": each.of_means.num_raters,
            }
            for row, each in scores.agreement.items()
        },
        "differences_of_means": [
            {"systems": list(pair), **_plain(score)} for pair, score in scores.differences.items()
        ],
        "raters": [
            {
                "rater": each.rater,
                "num_rankings": each.num_rankings,
                "median_seconds": _known(each.median_seconds),
                "correlation_with_others": _known(each.with_others),
            }
            for each in scores.raters
        ],
    }


def as_csv(scores: SurveyScores) -> str:
    """Give one line for each cell of the table."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["combination", "system", "auchs", "low", "high", "kendalls_w_per_trial"])
    for row, columns in scores.table.items():
        for system, score in columns.items():
            numbers = (score.value, score.low, score.high, scores.agreement[row].per_trial)
            writer.writerow([row, system, *("" if math.isnan(each) else f"{each:.6f}" for each in numbers)])
    return stream.getvalue()


def as_markdown(scores: SurveyScores, *, survey: Survey) -> str:
    """Give the table as the paper prints it, with intervals and agreement, and what it rests on."""
    count = len(scores.systems)
    lines = [
        "| Conflicting AU combination | " + " | ".join(_escaped(system) for system in scores.systems) + " | W |",
        "|---|" + "---:|" * (count + 1),
    ]
    for row, columns in scores.table.items():
        best = max((round(score.value, 3) for score in columns.values()), default=math.nan)
        cells = [_cell(score, best=round(score.value, 3) == best) for score in columns.values()]
        name = row if row == MEAN else f"AU{row}"
        lines.append(f"| {name} | {' | '.join(cells)} | {_number(scores.agreement[row].per_trial, 2)} |")
    raters, rankings = len(scores.raters), scores.num_rankings
    of_each = len(survey.trials) / len(survey.combinations)
    notes = [
        f"AU Conflict Handling Score: {count} points for the first rank, 1 for the last; {(count + 1) / 2:g} is "
        f"chance. {_counted(raters, 'rater')}, {_counted(rankings, 'ranking')} of {count} pictures, {of_each:g} cases "
        f"per combination; survey {survey.id}.",
    ]
    if raters > 1:
        everything = scores.agreement[MEAN].of_means
        notes.append(
            f"In brackets: {100 * scores.level:g} % bootstrap intervals over raters; they do not cover the choice of "
            f"pictures. W: agreement of raters on the pictures of one trial, Kendall's coefficient, mean over trials; "
            f"{everything.chance:.2f} is chance. Of the raters' mean ranks of the systems it is "
            f"{_number(everything.w, 2)} (p {'< 0.0001' if everything.p < 1e-4 else '= ' + _number(everything.p, 4)})."
        )
        notes.append(_told_apart(scores))
    else:
        notes.append("One rater: no intervals, and no agreement.")
    asked = tuple(survey.combinations)
    if asked != _PAPERS:
        notes.append(f"The paper's table has {', '.join(_PAPERS)}; its mean is over those six.")
    return "\n".join(lines) + "\n\n" + "\n\n".join(notes) + "\n"


def _told_apart(scores: SurveyScores) -> str:
    close = [pair for pair, score in scores.differences.items() if score.low <= 0 <= score.high]
    if not close:
        return "Every difference of two means has an interval that leaves out 0."
    pairs = "; ".join(f"{_escaped(one)} and {_escaped(other)}" for one, other in close)
    return f"Means that raters do not tell apart (the interval of the difference holds 0): {pairs}."


def _cell(score: Score, *, best: bool) -> str:
    value = f"**{_number(score.value, 3)}**" if best else _number(score.value, 3)
    return value if math.isnan(score.low) else f"{value} [{score.low:.2f}, {score.high:.2f}]"


def _plain(score: Score) -> dict[str, float | None]:
    return {"value": _known(score.value), "low": _known(score.low), "high": _known(score.high)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _number(value: float, places: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{places}f}"  # noqa: RUF001


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _escaped(name: str) -> str:
    return name.replace("|", "\\|")
