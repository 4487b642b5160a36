"""What is hidden in training."""

import math

import pytest
import torch

from zoo.generators.masked.masks import choose_levels, corrupted, hide


@pytest.mark.parametrize("batch", [1, 2, 8, 33])
def test_a_rounded_share_is_hidden_one_sample_for_each_part_of_the_cosine(batch, generator):
    for _ in range(20):
        hidden = hide(batch, 64, generator=generator)
        counts = hidden.mask.sum(1)
        assert counts.min() >= 1
        # between the bounds of its stratum of u, each sample in another one
        for stratum, count in enumerate(counts.sort(descending=True).values.tolist()):
            high, low = (64 * math.cos(math.pi / 2 * u / batch) for u in (stratum, stratum + 1))
            assert max(1, math.floor(low + 0.5 - 1e-4)) <= count <= math.ceil(high + 0.5) - 1 + (high == 64)
        assert torch.equal(hidden.index, hidden.mask.flatten().nonzero()[:, 0])
        torch.testing.assert_close(hidden.ratio_of_index, (counts / 64).repeat_interleave(counts))


def test_every_site_is_hidden_as_often_as_any_other(generator):
    masks = torch.cat([hide(64, 16, generator=generator).mask for _ in range(60)]).float()
    assert abs(masks.mean() - 2 / math.pi) < 0.01
    assert (masks.mean(0) - masks.mean()).abs().max() < 4 * math.sqrt(0.25 / len(masks))


def test_one_site_is_always_hidden(generator):
    assert bool(hide(100, 1, generator=generator).mask.all())


@pytest.mark.parametrize("batch", [1, 16, 128, 1000])
def test_the_largest_number_that_can_be_drawn_is_a_level_too(batch, monkeypatch):
    monkeypatch.setattr("torch.rand", lambda *shape, **_: torch.full(shape, 1 - 2**-24))
    assert choose_levels(batch, 8, generator=None).max() == 7


def test_levels_are_as_frequent_as_they_should_be(generator):
    levels = choose_levels(36 * 20, 8, generator=generator)
    counts = torch.bincount(levels, minlength=8)
    assert (counts - 20 * torch.arange(8, 0, -1)).abs().max() <= 1
    assert not torch.equal(levels, levels.sort().values)


def test_sorting_by_level_keeps_rows_together(generator):
    hidden = hide(6, 10, generator=generator)
    level = torch.randint(3, (6,), generator=generator)[hidden.index // 10]
    by_level, counts = hidden.by_level(level, num_levels=4)
    assert counts == torch.bincount(level, minlength=4).tolist()
    ratio = hidden.mask.float().mean(1)
    torch.testing.assert_close(by_level.ratio_of_index, ratio[by_level.index // 10])
    of_site = dict(zip(hidden.index.tolist(), level.tolist(), strict=True))
    assert [of_site[site] for site in by_level.index.tolist()] == sorted(level.tolist())


def test_half_of_the_samples_have_their_share_of_errors(generator):
    tokens = torch.full((40, 50, 8), 3)
    wrong = corrupted(tokens, share=0.25, codebook_size=1000, generator=generator) != tokens
    touched = wrong.flatten(1).any(1)
    assert touched.sum() == 20
    assert abs(wrong[touched].float().mean() - 0.25) < 0.02
