"""Heads: what the context has at a site reaches each level by a way of its own."""

import pytest
import torch

from zoo.generators.masked.embedding import TokenEmbedding
from zoo.generators.masked.heads import DepthHead, IndependentHead


@pytest.mark.parametrize("head_class", [DepthHead, IndependentHead])
def test_each_level_has_a_hint_of_its_own(head_class, generator):
    torch.manual_seed(0)
    head, embedding = head_class(8, num_levels=3), TokenEmbedding(3, 5, 8)
    sites, spatial = (torch.randn(4, 8, generator=generator) for _ in range(2))
    tokens = torch.randint(5, (4, 3), generator=generator)
    without = head.teach(sites, tokens, embedding, None)
    with torch.no_grad():
        head.hint.weight[8:16] = 0  # level 1 alone is told nothing
    told = head.teach(sites, tokens, embedding, spatial)
    torch.testing.assert_close(told[1], without[1])
    for level in (0, 2):
        assert (told[level] - without[level]).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("head_class", [DepthHead, IndependentHead])
def test_drawing_sees_what_teaching_sees(head_class, generator):
    torch.manual_seed(0)
    head, embedding = head_class(8, num_levels=3), TokenEmbedding(3, 5, 8)
    sites, spatial = (torch.randn(4, 8, generator=generator) for _ in range(2))
    tokens = torch.randint(5, (4, 3), generator=generator)
    seen = []

    def draw(features, level):
        seen.append(features[0, 0])
        return tokens[None, :, level], torch.zeros(1, 4)

    head.draw(sites[None, None], draw, embedding, spatial[None, None])
    torch.testing.assert_close(torch.stack(seen), head.teach(sites, tokens, embedding, spatial))
