"""ICC(3,1) against a two-way analysis of variance, and the error by loops."""

import math

import numpy as np
import pytest
import torch

from tests.zoo.metrics.processes import ranks
from zoo.metrics.intensity_agreement import IntensityAgreement, icc_3_1, intensity_mae


def _sample(count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 6, (count, 3), generator=generator).float()
    measured = 0.7 * truth + torch.randn(count, 3, generator=generator) + 1
    truth[torch.rand(count, 3, generator=generator) < 0.2] = torch.nan
    return measured, truth


def _by_variance_analysis(measured, truth):
    """Shrout and Fleiss 1979: mean squares of a table of frames and two raters."""
    known = ~np.isnan(truth)
    table = np.stack([measured[known], truth[known]], axis=1)
    count, raters = table.shape
    between = raters * ((table.mean(1) - table.mean()) ** 2).sum() / (count - 1)
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    error = (residual**2).sum() / ((count - 1) * (raters - 1))
    return (between - error) / (between + (raters - 1) * error)


def test_icc_and_error_are_what_the_definitions_give():
    measured, truth = _sample()
    for au in range(3):
        x, y = measured[:, au].double().numpy(), truth[:, au].double().numpy()
        assert float(icc_3_1(measured, truth)[au]) == pytest.approx(_by_variance_analysis(x, y))
        assert float(intensity_mae(measured, truth)[au]) == pytest.approx(np.nanmean(np.abs(x - y)))


def test_shrout_and_fleiss_own_example():
    # their table 2, raters 1 and 3 of 4 (Psychological Bulletin 86, p. 423), by a two-way analysis of variance
    first, third = [9.0, 6, 8, 7, 10, 6], [5.0, 3, 6, 2, 6, 4]
    found = icc_3_1(torch.tensor(first)[:, None], torch.tensor(third)[:, None])
    expected = _by_variance_analysis(np.array(first), np.array(third))
    assert float(found) == pytest.approx(expected)
    assert 0.5 < expected < 0.9


def test_a_shift_costs_nothing_and_a_scale_does():
    truth = torch.arange(6.0)[:, None]
    assert float(icc_3_1(truth + 2, truth)) == pytest.approx(1.0)
    assert float(icc_3_1(2 * truth, truth)) == pytest.approx(0.8)  # 2 * 2 / (4 + 1)
    assert float(icc_3_1(-truth, truth)) == pytest.approx(-1.0)


def test_without_variance_there_is_no_agreement_to_speak_of():
    truth, still = torch.arange(6.0)[:, None], torch.full((6, 1), 2.3)
    assert float(icc_3_1(still, truth)) == 0.0
    assert math.isnan(icc_3_1(still, still))
    assert math.isnan(icc_3_1(truth[:1], truth[:1]))
    unknown = torch.full((6, 1), torch.nan)
    assert math.isnan(icc_3_1(truth, unknown))
    assert math.isnan(intensity_mae(truth, unknown))


def _fill(metric, places=range(40)):
    measured, truth = _sample()
    for part in torch.tensor(list(places)).split(11):
        metric.update(measured[part], truth[part], index=part, subject=[f"{int(n) % 6}" for n in part])


def test_the_metric_gives_means_intervals_and_each_au():
    metric = IntensityAgreement(aus=(1, 2, 12))
    _fill(metric)
    result = metric.compute()
    measured, truth = _sample()
    torch.testing.assert_close(result["icc"], icc_3_1(measured, truth).mean())
    assert result["mae/AU12"] == intensity_mae(measured, truth)[2]
    for name in ("icc", "mae"):
        assert result[f"{name}_low"] < result[name] < result[f"{name}_high"]


def test_ranks_give_what_one_process_gives():
    def make(**options):
        return IntensityAgreement(aus=(1, 2, 12), **options)

    whole = make()
    _fill(whole)
    found = ranks(
        make, lambda metric: _fill(metric, [*range(0, 40, 2), 0]), lambda metric: _fill(metric, range(39, 0, -2))
    )
    for name, value in whole.compute().items():
        assert float(found[name]) == pytest.approx(float(value)), name
