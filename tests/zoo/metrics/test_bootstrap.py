"""Intervals over subjects."""

import numpy as np
import torch
from scipy import stats

from zoo.metrics.bootstrap import bootstrap_over_subjects


def mean_of(sums):
    return sums[:, 0] / sums[:, 1]


def contributions_of(values):
    return torch.stack([values, torch.ones_like(values)], 1)


def test_one_frame_each_agrees_with_scipy(generator):
    values = torch.randn(60, generator=generator)
    subjects = [str(place) for place in range(60)]
    low, high = bootstrap_over_subjects(contributions_of(values), subjects, mean_of, num_resamples=20_000)
    expected = stats.bootstrap(
        (values.numpy(),), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert abs(low - expected.low) < 0.01
    assert abs(high - expected.high) < 0.01


def test_frames_of_one_person_are_no_new_evidence(generator):
    values = torch.randn(20, generator=generator)
    subjects = [str(place) for place in range(20)]
    once = bootstrap_over_subjects(contributions_of(values), subjects, mean_of)
    often = bootstrap_over_subjects(contributions_of(values.repeat(50)), subjects * 50, mean_of)
    torch.testing.assert_close(torch.tensor(once), torch.tensor(often))


def test_one_person_gives_no_interval():
    low, high = bootstrap_over_subjects(contributions_of(torch.tensor([1.0, 2.0])), ["a", "a"], mean_of)
    assert low == high == 1.5
