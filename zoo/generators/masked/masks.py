"""What is hidden in training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_BELOW_ONE = 1 - 2**-24  # the largest float32 that is


@dataclass(frozen=True)
class Hidden:
    """The sites that a training pass hides.

    Made where the random numbers are drawn, on the CPU by default: to count them there waits for no GPU, and as many
    rows are computed as there are hidden sites, without padding.

    Attributes:
        mask: Which they are.
        index: The same, counted through the batch.
        ratio_of_index: Share of hidden sites in the sample of each.
    """

    mask: Bool[Tensor, "batch site"]
    index: Int[Tensor, " hidden"]
    ratio_of_index: Float[Tensor, " hidden"]

    def to(self, device: torch.device) -> Hidden:
        """Move it."""
        return Hidden(self.mask.to(device), self.index.to(device), self.ratio_of_index.to(device))

    def by_level(self, level: Int[Tensor, " hidden"], *, num_levels: int) -> tuple[Hidden, list[int]]:
        """Sort the index by the level of what is hidden; say how many there are of each."""
        order = level.argsort(stable=True)
        counts = torch.bincount(level, minlength=num_levels).tolist()
        return Hidden(self.mask, self.index[order], self.ratio_of_index[order]), counts


def hide(batch: int, num_sites: int, *, generator: torch.Generator | None) -> Hidden:
    """Hide ``round(r n)`` of each sample's n sites, at least one, with r = cos(pi u / 2) and u uniform in [0, 1).

    The arccosine density of MaskGIT (Chang et al. 2022, section 3.3, https://arxiv.org/abs/2202.04200); u is
    stratified over the batch, so that each batch sees all ratios and has about as many hidden sites as any other.
    """
    ratio = torch.cos(torch.pi / 2 * _stratified(batch, generator))
    count = (ratio * num_sites).round().clamp_(min=1)
    place = _rand(batch, num_sites, generator=generator).argsort(1).argsort(1)
    mask = place < count[:, None]
    index = mask.flatten().nonzero()[:, 0]
    return Hidden(mask, index, (count / num_sites)[index // num_sites])


def choose_levels(batch: int, num_levels: int, *, generator: torch.Generator | None) -> Int[Tensor, " batch"]:
    """Give each sample a level, coarse ones more often: weight ``num_levels - level``; stratified over the batch."""
    weights = torch.arange(num_levels, 0, -1, device=_device(generator))
    return torch.searchsorted(weights.cumsum(0) / weights.sum(), _stratified(batch, generator), right=True)


def corrupted(
    tokens: Int[Tensor, "batch site slot"], *, share: float, codebook_size: int, generator: torch.Generator | None
) -> Int[Tensor, "batch site slot"]:
    """Replace a share of the tokens at random, in a random half of the samples.

    What a generator is shown when it draws is not always right either.
    """
    chosen = _stratified(len(tokens), generator)[:, None, None] < 0.5
    replaced = (_rand(*tokens.shape, generator=generator) < share) & chosen
    others = torch.randint(codebook_size, tokens.shape, generator=generator, device=_device(generator))
    return torch.where(replaced.to(tokens.device), others.to(tokens.device), tokens)


def _stratified(batch: int, generator: torch.Generator | None) -> Tensor:
    """Give uniform numbers, one from each of ``batch`` equal parts of [0, 1), in random order."""
    order = torch.randperm(batch, generator=generator, device=_device(generator))
    # a sum just below the batch's size rounds up to it, about once in 260,000 batches of 128: that was no level's share
    return ((order + _rand(batch, generator=generator)) / batch).clamp_(max=_BELOW_ONE)


def _rand(*shape: int, generator: torch.Generator | None) -> Tensor:
    return torch.rand(*shape, generator=generator, device=_device(generator))


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device
