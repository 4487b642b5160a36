"""Which sites are hidden in training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Hidden:
    """What a training pass hides.

    Attributes:
        mask: Sites that are hidden.
        ratio: Their share of each sample.
        index: The hidden sites, counted through the batch; made where the masks are drawn, so that a GPU is not
            waited for.
    """

    mask: Bool[Tensor, "batch site"]
    ratio: Float[Tensor, " batch"]
    index: Int[Tensor, " hidden"]


def hide(batch: int, num_sites: int, *, device: torch.device, generator: torch.Generator | None) -> Hidden:
    """Hide ``round(r n)`` of each sample's n sites, at least one, with r = cos(pi u / 2) and u uniform in [0, 1).

    The arccosine density of MaskGIT (Chang et al. 2022, section 3.3, https://arxiv.org/abs/2202.04200); u is
    stratified over the batch, so that each batch sees all ratios and has about as many hidden sites as any other.
    """
    strata = _shuffled(batch, generator)
    ratio = torch.cos(torch.pi / 2 * strata)
    count = (ratio * num_sites).round().clamp_(min=1)
    mask = _rand(batch, num_sites, generator=generator).argsort(1).argsort(1) < count[:, None]
    index = mask.flatten().nonzero()[:, 0]
    return Hidden(mask.to(device), (count / num_sites).to(device), index.to(device))


def choose_levels(batch: int, num_levels: int, *, generator: torch.Generator | None) -> Int[Tensor, " batch"]:
    """Give each sample a level, coarse ones more often: weight ``num_levels - level``; stratified over the batch."""
    weights = torch.arange(num_levels, 0, -1, dtype=torch.float64)
    return torch.searchsorted(weights.cumsum(0) / weights.sum(), _shuffled(batch, generator).double(), right=True)


def corrupted(
    tokens: Int[Tensor, "batch site slot"], *, share: float, codebook_size: int, generator: torch.Generator | None
) -> Int[Tensor, "batch site slot"]:
    """Replace a share of the tokens at random in every other sample, on average.

    What the generator is shown when it draws is not always right either.
    """
    batch = tokens.shape[0]
    chosen = _rand(batch, generator=generator)[:, None, None] < 0.5
    replaced = (_rand(*tokens.shape, generator=generator) < share) & chosen
    random = torch.randint(codebook_size, tokens.shape, generator=generator, device=_device(generator))
    return torch.where(replaced.to(tokens.device), random.to(tokens.device), tokens)


def _shuffled(batch: int, generator: torch.Generator | None) -> Tensor:
    """Give uniform numbers, one from each of ``batch`` equal parts of [0, 1), in random order."""
    order = torch.randperm(batch, generator=generator, device=_device(generator))
    return (order + _rand(batch, generator=generator)) / batch


def _rand(*shape: int, generator: torch.Generator | None) -> Tensor:
    return torch.rand(*shape, generator=generator, device=_device(generator))


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device
