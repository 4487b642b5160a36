"""Points for ranks, and agreement between raters."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from zoo.metrics.ranking import concordance, midranks, rank_points

SOME_RANKS = arrays(np.int64, st.tuples(st.integers(2, 6), st.integers(3, 6)), elements=st.integers(1, 4))


@settings(max_examples=40, deadline=None)  # time is that of whatever else runs here
@given(SOME_RANKS)
def test_midranks_agree_with_scipy(values):
    expected = stats.rankdata(values, axis=1)
    np.testing.assert_allclose(midranks(torch.from_numpy(values).double()).numpy(), expected)


def test_the_first_of_five_gets_five_points_and_the_last_one():
    assert rank_points(torch.tensor([[3.0, 1.0, 2.0, 5.0, 4.0]])).tolist() == [[3, 5, 4, 1, 2]]


@settings(max_examples=40, deadline=None)
@given(SOME_RANKS)
def test_points_of_a_ranking_have_one_sum_ties_or_not(ranks):
    items = ranks.shape[1]
    sums = rank_points(torch.from_numpy(ranks).double()).sum(1)
    assert torch.allclose(sums, torch.tensor(items * (items + 1) / 2, dtype=torch.double))


@settings(max_examples=40, deadline=None)
@given(SOME_RANKS)
def test_w_with_ties_agrees_with_scipy(ranks):
    # Friedman's test, which scipy corrects for ties, is m (n - 1) W
    found = concordance(torch.from_numpy(ranks).double())
    raters, items = ranks.shape
    if (ranks == ranks[:, :1]).all():
        assert math.isnan(found.w)
        return
    expected = stats.friedmanchisquare(*ranks.T)
    assert found.w == pytest.approx(expected.statistic / (raters * (items - 1)), abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)


def test_w_by_hand():
    # rank sums 4, 6, 8 about their mean 6: S = 4 + 0 + 4; W = 12 S / (9 * 24)
    ranks = torch.tensor([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0]])
    sums = ranks.sum(0)
    assert sums.tolist() == [4, 6, 8]
    assert concordance(ranks).w == pytest.approx(12 * 8 / (9 * 24))


def test_w_is_one_where_all_agree_and_none_where_two_oppose_each_other():
    same = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).repeat(4, 1)
    assert concordance(same).w == pytest.approx(1)
    assert concordance(torch.stack([same[0], same[0].flip(0)])).w == pytest.approx(0)


def test_w_by_chance_is_what_random_raters_have(generator):
    raters = 4
    draws = torch.rand(1500, raters, 5, generator=generator)
    mean = sum(concordance(ranks).w for ranks in draws) / len(draws)
    assert mean == pytest.approx(concordance(draws[0]).chance, abs=0.015)


def test_one_rater_agrees_with_nobody():
    found = concordance(torch.tensor([[1.0, 2.0, 3.0]]))
    assert math.isnan(found.w)
    assert math.isnan(found.p)
