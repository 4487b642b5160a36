"""Usage and perplexity of codebooks against plain counts."""

import pytest
import torch

from zoo.metrics.codebook_usage import CodebookUsage


def test_figures_of_each_level_over_several_batches():
    metric = CodebookUsage(num_levels=2, codebook_size=8)
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randint(0, 5, (3, 2, 4, 4), generator=generator) for _ in range(3)]
    for batch in batches:
        batch[:, 1] = 7
        metric.update(batch)
    usage, perplexity = metric.compute()
    seen = torch.cat([batch[:, 0].flatten() for batch in batches])
    share = seen.bincount(minlength=8) / len(seen)
    entropy = -(share[share > 0] * share[share > 0].log()).sum()
    assert usage.tolist() == pytest.approx([5 / 8, 1 / 8])
    assert perplexity.tolist() == pytest.approx([float(entropy.exp()), 1.0])


def test_even_use_has_the_perplexity_of_the_codebook():
    metric = CodebookUsage(num_levels=1, codebook_size=16)
    metric.update(torch.arange(16).reshape(1, 1, 4, 4))
    assert [float(each) for each in metric.compute()] == pytest.approx([1.0, 16.0])
