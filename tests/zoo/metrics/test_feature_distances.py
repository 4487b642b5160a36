"""Fréchet and kernel distances and the Inception Score by closed forms, scipy, torchmetrics and plain loops."""

import math

import numpy as np
import pytest
import torch
from scipy import linalg
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.inception import InceptionScore
from torchmetrics.image.kid import poly_mmd

from zoo.metrics.feature_distances import (
    frechet_distance,
    frechet_distances,
    inception_score,
    kernel_distance,
    kernel_distance_of_subsets,
)


class _Given(torch.nn.Module):
    """Takes features for images, so that torchmetrics computes on them."""

    def __init__(self, dim):
        super().__init__()
        self.num_features = dim

    def forward(self, images):
        return images


def _features(seed, count=80, dim=6, shift=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=generator) * scale + shift


def _by_scipy(first, second):
    first, second = first.double().numpy(), second.double().numpy()
    covariance, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = linalg.sqrtm(covariance @ other)
    difference = first.mean(0) - second.mean(0)
    return difference @ difference + np.trace(covariance + other - 2 * root.real)


def test_frechet_distance_in_one_dimension_is_by_hand():
    # means 1 and 5, variances 2 and 8: 16 + (sqrt 8 - sqrt 2)^2
    assert frechet_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [7.0]])) == pytest.approx(18.0)


@pytest.mark.parametrize("counts", [(80, 80), (80, 7), (5, 80), (4, 5), (6, 7)])
def test_frechet_distance_agrees_with_scipy_on_sets_of_any_size(counts):
    first, second = _features(0, counts[0]), _features(1, counts[1], shift=0.3, scale=1.5)
    assert frechet_distance(first, second) == pytest.approx(_by_scipy(first, second), abs=1e-5)


def test_torchmetrics_agrees_on_frechet_distance():
    first, second = _features(0), _features(1, 50, shift=0.3)
    metric = FrechetInceptionDistance(feature=_Given(6))
    metric.update(first, real=True)
    metric.update(second, real=False)
    assert frechet_distance(first, second) == pytest.approx(float(metric.compute()), rel=1e-5)


def test_a_set_is_at_no_distance_from_itself_and_order_is_no_matter(generator):
    first, second = _features(0), _features(1)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)
    shuffled = first[torch.randperm(80, generator=generator)]
    assert frechet_distance(shuffled, second) == pytest.approx(frechet_distance(second, first))


def test_extrapolation_takes_away_most_of_the_bias():
    wholes, extrapolated = [], []
    for seed in range(6):
        found = frechet_distances(_features(2 * seed, 200, 40), _features(2 * seed + 1, 200, 40), seed=seed)
        wholes.append(found.whole)
        extrapolated.append(found.extrapolated)
        assert found.floor > found.whole  # halves are smaller, so more biased
    assert np.mean(wholes) > 3  # the truth is 0
    assert abs(np.mean(extrapolated)) < 0.25 * np.mean(wholes)


def test_sets_of_one_have_no_distance():
    one, many = _features(0, 1), _features(1)
    assert math.isnan(frechet_distance(one, many))
    assert math.isnan(kernel_distance(many, one).value)
    assert math.isnan(kernel_distance_of_subsets(one, many)[0])
    assert math.isnan(frechet_distances(_features(0, 3), many).extrapolated)


def _kernel_loops(first, second):
    first, second = first.double().tolist(), second.double().tolist()

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def within(values):
        pairs = [kernel(x, y) for i, x in enumerate(values) for j, y in enumerate(values) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(x, y) for x in first for y in second]
    return within(first) + within(second) - 2 * sum(across) / len(across)


def test_kernel_distance_agrees_with_loops_and_torchmetrics():
    first, second = _features(0, 20), _features(1, 30, shift=0.4)
    assert kernel_distance(first, second).value == pytest.approx(_kernel_loops(first, second))
    same = second[:20].double()
    assert kernel_distance(first, same).value == pytest.approx(float(poly_mmd(first.double(), same)))


def test_kernel_distance_has_no_bias():
    values = [kernel_distance(_features(2 * seed, 20), _features(2 * seed + 1, 20)).value for seed in range(60)]
    assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(60)
    assert min(values) < 0


def test_the_interval_leaves_people_out_one_by_one():
    first, second = _features(0, 24), _features(1, 30, shift=0.4)
    names, others = [f"{n % 6}" for n in range(24)], [f"{n % 5}" for n in range(30)]
    found = kernel_distance(first, second, first_subjects=names, second_subjects=others)
    values = [
        _kernel_loops(first[[name != out for name in names]], second[[name != out for name in others]])
        for out in map(str, range(6))
    ]
    spread = math.sqrt(5 / 6 * np.sum((np.array(values) - np.mean(values)) ** 2))
    assert found.high - found.value == pytest.approx(1.959964 * spread, rel=1e-5)
    assert found.low == pytest.approx(2 * found.value - found.high)
    two = kernel_distance(first, second, first_subjects=["a", "b"] * 12, second_subjects=["a"] * 30)
    assert math.isnan(two.low)
    assert two.value == pytest.approx(found.value)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(60):
        found = kernel_distance(_features(2 * seed, 40, shift=0.5), _features(2 * seed + 1, 40))
        # the kernel's expectations for normal features with means 0.5 and 0, by E(s+1)^3 with s normal given one side
        held += found.low < _TRUTH < found.high
    assert held >= 50


def _expected(shift, other_shift, dim=6):
    """Give E (x.y / dim + 1)^3 of independent normal x, y with unit variances, by its moments."""
    # s = x.y / dim: cumulants of a sum of products of normals with means a and b
    a, b = shift, other_shift
    one = a * b
    two = (1 + a * a) * (1 + b * b) - one**2
    three = (a**3 + 3 * a) * (b**3 + 3 * b) - 3 * one * (1 + a * a) * (1 + b * b) + 2 * one**3
    mean, variance, third = one, two / dim, three / dim**2
    m = mean + 1
    return m**3 + 3 * m * variance + third


_TRUTH = _expected(0.5, 0.5) + _expected(0, 0) - 2 * _expected(0.5, 0)


def test_subsets_are_about_the_whole():
    first, second = _features(0, 300), _features(1, 300, shift=0.4)
    mean, deviation = kernel_distance_of_subsets(first, second, subset_size=100)
    assert mean == pytest.approx(kernel_distance(first, second).value, abs=3 * deviation / 10)
    assert kernel_distance_of_subsets(first, second, subset_size=100) == (mean, deviation)
    generator = torch.Generator().manual_seed(7)
    values = []
    for _ in range(3):
        one, other = (each[torch.randperm(300, generator=generator)[:50]] for each in (first, second))
        values.append(_kernel_loops(one, other))
    found = kernel_distance_of_subsets(first, second, num_subsets=3, subset_size=50, seed=7)
    assert found == pytest.approx((np.mean(values), np.std(values)))
    small = kernel_distance_of_subsets(first[:40], second[:50])
    assert small[1] > deviation  # subsets of 20, not 40 equal ones


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save all extracted features")
@pytest.mark.filterwarnings("ignore:std")  # torchmetrics takes the deviation of one split
def test_inception_score_by_hand_and_by_torchmetrics(generator):
    certain = torch.eye(5).repeat(20, 1) * 1000
    assert inception_score(certain, num_splits=1) == (pytest.approx(5.0), 0.0)
    assert inception_score(torch.zeros(30, 5))[0] == pytest.approx(1.0)
    logits = torch.randn(50, 8, generator=generator) * 2
    metric = InceptionScore(feature=_Given(8), splits=1)
    metric.update(logits)
    assert inception_score(logits, num_splits=1)[0] == pytest.approx(float(metric.compute()[0]), rel=1e-5)
    assert inception_score(logits[:3])[0] == pytest.approx(1.0)  # splits of one image each
