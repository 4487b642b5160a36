"""Numbers that follow from a seed and counters."""

import torch
from scipy import stats

from zoo.generators.masked.noise import gumbel, uniform

SITES = torch.arange(4096).expand(8, -1)
SEEDS = torch.arange(8)


def test_numbers_are_inside_the_unit_interval_and_make_finite_gumbel_noise():
    numbers = uniform(SEEDS, 0, SITES)
    assert numbers.shape == (8, 4096)
    assert numbers.dtype == torch.float32
    assert 0 < numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1
    assert gumbel(torch.tensor([2.0**-24, 1 - 2.0**-24])).isfinite().all()


def test_a_row_follows_from_its_seed_and_counters_alone():
    together = uniform(SEEDS, 3, SITES, 1)
    alone = uniform(SEEDS[5:6], 3, SITES[5:6, 70:80], 1)
    assert torch.equal(alone, together[5:6, 70:80])
    by_row = uniform(SEEDS, torch.full((8, 1), 3), SITES, torch.ones(8, 1).long())
    assert torch.equal(by_row, together)


def test_numbers_are_uniform_and_gumbel_noise_is_gumbel():
    numbers = uniform(SEEDS, 0, SITES).flatten().numpy()
    assert stats.kstest(numbers, "uniform").pvalue > 0.01
    assert stats.kstest(gumbel(torch.from_numpy(numbers)).numpy(), "gumbel_r").pvalue > 0.01
    counts = torch.histc(torch.from_numpy(numbers), 64, 0, 1).numpy()
    assert stats.chisquare(counts).pvalue > 0.01


def test_every_counter_and_its_place_make_a_difference():
    one = uniform(SEEDS, 0, SITES, 0).flatten().double()
    for other in (
        uniform(SEEDS + 1, 0, SITES, 0),
        uniform(SEEDS, 1, SITES, 0),
        uniform(SEEDS, 0, SITES + 1, 0),
        uniform(SEEDS, 0, SITES, 1),
        uniform(SEEDS, 1, SITES, -1),
        uniform(SEEDS, 0, SITES),
    ):
        shares = torch.stack([one, other.flatten().double()])
        shifted = torch.equal(one[:-1], shares[1, 1:]) or torch.equal(one[1:], shares[1, :-1])
        # four deviations of a correlation of 32,768 pairs
        assert shifted or abs(torch.corrcoef(shares)[0, 1]) < 4 / 32768**0.5


def test_neighbouring_sites_are_independent():
    numbers = uniform(SEEDS, 0, SITES).double()
    for gap in (1, 2, 64):
        pairs = torch.stack([numbers[:, :-gap].flatten(), numbers[:, gap:].flatten()])
        assert abs(torch.corrcoef(pairs)[0, 1]) < 4 / pairs.shape[1] ** 0.5


def test_seeds_of_any_sign_and_size_are_taken_and_differ():
    seeds = torch.tensor([0, 1, -1, 2**31, 2**32, 2**62, -(2**63), 2**63 - 1])
    assert len(uniform(seeds, 0).unique()) == len(seeds)
