"""The score against an independent calculation, and what tables say."""

import csv
import io
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zoo.survey import report
from zoo.survey.answers import read_answers
from zoo.survey.scores import MEAN, score_survey

TRIALS = ("12+15_1", "12+15_2", "1+4_1")


@pytest.fixture
def answers(survey, answer):
    """Six raters with orders of their own."""
    draws = np.random.default_rng(0)
    files = [answer(f"p{rater}", {name: tuple(draws.permutation(3) + 1) for name in TRIALS}) for rater in range(6)]
    return read_answers(files, survey=survey)


def rows(answers):
    return pd.DataFrame(
        {
            "rater": each.rater,
            "trial": each.trial.name,
            "combination": each.trial.combination,
            "system": system,
            "rank": rank,
        }
        for each in answers.rankings
        for system, rank in each.ranks.items()
    )


def test_scores_are_means_of_points_by_combination_and_over_them(answers, survey):
    scores = score_survey(answers, survey=survey, num_resamples=50)
    table = rows(answers).assign(points=lambda each: 4 - each["rank"])
    expected = table.groupby(["combination", "system"])["points"].mean().unstack()
    for combination, system in itertools.product(survey.combinations, survey.systems):
        assert scores.table[combination][system].value == pytest.approx(expected.loc[combination, system])
    for system in survey.systems:
        # each combination has the same weight, though one has two trials
        assert scores.table[MEAN][system].value == pytest.approx(expected[system].mean())
    for columns in scores.table.values():
        assert sum(score.value for score in columns.values()) == pytest.approx(6)


def test_intervals_resample_raters(answers, survey):
    scores = score_survey(answers, survey=survey, num_resamples=20_000)
    by_rater = rows(answers).query("combination == '1+4' and system == 'ours'")["rank"].to_numpy()
    expected = stats.bootstrap(
        (4 - by_rater,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    found = scores.table["1+4"]["ours"]
    assert found.low == pytest.approx(expected.low, abs=0.05)
    assert found.high == pytest.approx(expected.high, abs=0.05)


def test_agreement_is_kendalls_w_of_trials_and_of_mean_ranks(answers, survey):
    scores = score_survey(answers, survey=survey, num_resamples=50)
    table = rows(answers)

    def w(ranks):  # Friedman's chi-square is m (n - 1) W
        return stats.friedmanchisquare(*ranks.T).statistic / (ranks.shape[0] * (ranks.shape[1] - 1))

    trials = [
        w(table[table["trial"] == name].pivot(index="rater", columns="system", values="rank").to_numpy())
        for name in TRIALS
    ]
    assert scores.agreement["12+15"].per_trial == pytest.approx(np.mean(trials[:2]))
    assert scores.agreement[MEAN].per_trial == pytest.approx(np.mean(trials))
    means = table[table["combination"] == "12+15"].pivot_table(index="rater", columns="system", values="rank")
    assert scores.agreement["12+15"].of_means.w == pytest.approx(w(means.to_numpy()))


def test_raters_of_one_mind_agree_and_leave_no_interval(survey, answer):
    files = [answer(f"p{rater}", dict.fromkeys(TRIALS, (1, 2, 3))) for rater in range(4)]
    scores = score_survey(read_answers(files, survey=survey), survey=survey, num_resamples=50)
    assert [scores.table[MEAN][system] for system in survey.systems] == [
        type(scores.table[MEAN]["ours"])(value, value, value) for value in (3.0, 2.0, 1.0)
    ]
    assert scores.agreement[MEAN].per_trial == pytest.approx(1)
    assert all(each.with_others == pytest.approx(1) for each in scores.raters)
    assert "leaves out 0" in report.as_markdown(scores, survey=survey)


def test_a_rater_who_says_the_contrary_is_seen(survey, answer):
    files = [answer(f"p{rater}", dict.fromkeys(TRIALS, (1, 2, 3))) for rater in range(4)]
    files.append(answer("p9", dict.fromkeys(TRIALS, (3, 2, 1))))
    scores = score_survey(read_answers(files, survey=survey), survey=survey, num_resamples=50)
    assert {each.rater: each.with_others > 0 for each in scores.raters}["p9"] is False


def test_ties_share_their_points(survey, answer):
    file = answer("a", dict.fromkeys(TRIALS, (1, 1, 3)))
    scores = score_survey(read_answers([file], survey=survey), survey=survey)
    assert [scores.table[MEAN][system].value for system in survey.systems] == [2.5, 2.5, 1]


def test_one_rater_has_no_interval_and_agrees_with_nobody(survey, answer):
    scores = score_survey(read_answers([answer("a", dict.fromkeys(TRIALS, (1, 2, 3)))], survey=survey), survey=survey)
    assert math.isnan(scores.table[MEAN]["ours"].low)
    plain = report.as_dict(scores, survey=survey)
    assert plain["auchs"][MEAN]["ours"] == {"value": 3.0, "low": None, "high": None}
    assert plain["agreement"][MEAN]["kendalls_w_per_trial"] is None
    json.dumps(plain, allow_nan=False)
    assert "One rater" in report.as_markdown(scores, survey=survey)


def test_what_is_there_of_incomplete_answers_counts(survey, answer):
    files = [answer("a", {"12+15_1": (1, 2, 3)}), answer("b", {"12+15_1": (1, 3, 2), "12+15_2": (3, 2, 1)})]
    scores = score_survey(read_answers(files, survey=survey, keep_incomplete=True), survey=survey, num_resamples=50)
    assert list(scores.table) == ["12+15", MEAN]
    assert scores.table["12+15"]["ours"].value == pytest.approx((3 + 3 + 1) / 3)
    assert scores.num_rankings == 3


def test_the_table_has_the_papers_form(answers, survey):
    scores = score_survey(answers, survey=survey, num_resamples=50)
    lines = report.as_markdown(scores, survey=survey).splitlines()
    assert lines[0] == "| Conflicting AU combination | ours | theirs | others | W |"
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:5]] == ["AU12+15", "AU1+4", "Mean AUCHS"]
    assert all(line.count("**") in (2, 4, 6) for line in lines[2:5])
    read = list(csv.DictReader(io.StringIO(report.as_csv(scores))))
    assert len(read) == 9
    for row in read:
        score = scores.table[row["combination"]][row["system"]]
        assert float(row["auchs"]) == pytest.approx(score.value, abs=1e-6)
        assert float(row["low"]) <= float(row["auchs"]) <= float(row["high"])
