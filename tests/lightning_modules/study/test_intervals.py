"""Student's intervals, against SciPy and against their own coverage."""

import pytest
from scipy import stats

from lightning_modules.study.intervals import estimate, student_probability, student_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 10, 30])
def test_quantiles_and_probabilities_are_scipys(degrees):
    for probability in (0.6, 0.9, 0.975, 0.999):
        assert student_quantile(probability, degrees) == pytest.approx(stats.t.ppf(probability, degrees), rel=1e-9)
    assert student_probability(1.7, degrees) == pytest.approx(stats.t.cdf(1.7, degrees), abs=1e-12)


def test_the_interval_over_seeds_is_scipys():
    values = [0.51, 0.47, 0.55, 0.49]
    made = estimate(values, [(0.0, 1.0)] * 4)
    low, high = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
    assert (made.low, made.high) == pytest.approx((low, high), rel=1e-9)
    assert (made.over, made.num_seeds) == ("seeds", 4)


def test_one_seed_has_the_interval_over_subjects():
    made = estimate([0.5], [(0.4, 0.7)])
    assert (made.mean, made.low, made.high, made.over) == (0.5, 0.4, 0.7, "subjects")


def test_without_anything_there_is_nothing():
    assert estimate([]) is None
    assert estimate([0.5]).low is None
