"""Curves of intensity against scipy, and where they are flat."""

import math
from itertools import pairwise

import pytest
import torch
from scipy import stats

from zoo.metrics.response_curves import response_curves

COMMANDS = torch.arange(0, 5.5, 0.5)


def test_scipy_agrees_with_ties_too(generator):
    responses = COMMANDS + torch.randn(6, 11, generator=generator)
    responses[3:] = responses[3:].round()  # ties
    found = response_curves(responses, COMMANDS)
    for row, curve in enumerate(responses.double().numpy()):
        line = stats.linregress(COMMANDS.double().numpy(), curve)
        assert float(found.rank_correlation[row]) == pytest.approx(stats.spearmanr(COMMANDS.numpy(), curve).statistic)
        assert float(found.linearity[row]) == pytest.approx(line.rvalue)
        assert float(found.slope[row]) == pytest.approx(line.slope)
        assert float(found.usable_range[row]) == pytest.approx(curve[-1] - curve[0])
        falls = sum(after < before for before, after in pairwise(curve))
        assert float(found.violations[row]) == pytest.approx(falls / 10)


def test_falls_within_the_tolerance_are_noise():
    curve = torch.tensor([[0.0, 1.0, 0.9, 2.0, 1.0]])
    commands = torch.arange(5.0)
    assert float(response_curves(curve, commands).violations) == 0.5
    assert float(response_curves(curve, commands, tolerance=0.2).violations) == 0.25


def test_a_curve_that_saturates_is_monotone_but_not_linear():
    found = response_curves(COMMANDS[None].clamp(max=2.0), COMMANDS)
    assert float(found.violations) == 0.0
    assert 0.8 < float(found.linearity) < 0.95


def test_a_flat_curve_has_no_correlation():
    found = response_curves(torch.full((1, 11), 0.3), COMMANDS)
    assert float(found.violations) == float(found.usable_range) == 0.0
    assert float(found.slope) == pytest.approx(0.0, abs=1e-9)
    assert found.linearity.isnan()
    assert found.rank_correlation.isnan()


def test_one_step_is_no_curve():
    assert math.isnan(response_curves(torch.ones(1, 1), torch.ones(1)).violations)


def test_commands_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="commands must rise"):
        response_curves(torch.zeros(1, 3), torch.tensor([0.0, 1.0, 1.0]))
