"""k-means, to start a codebook from data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.quantizers.codebooks.nearest import nearest_codes


def kmeans(
    samples: Float[Tensor, "sample dim"], num_codes: int, generator: torch.Generator, *, iterations: int = 10
) -> tuple[Float[Tensor, "{num_codes} dim"], Float[Tensor, " {num_codes}"]]:
    """Cluster samples; give the centres and how many samples belong to each.

    Clusters that run empty start again from a sample. With fewer samples than codes each sample is a code,
    and the rest are noisy copies.

    Args:
        samples: At least one.
        num_codes: Number of centres.
        generator: A generator on the CPU.
        iterations: Rounds of assignment and averaging.
    """
    device = samples.device
    order = torch.randperm(len(samples), generator=generator)[:num_codes]
    centres = samples[order.to(device)]
    if len(samples) <= num_codes:
        missing = num_codes - len(samples)
        copied = torch.randint(len(samples), (missing,), generator=generator).to(device)
        noise = torch.randn(missing, samples.shape[1], generator=generator).to(device)
        spread = samples.std() if samples.numel() > 1 else samples.new_tensor(1.0)
        copies = samples[copied] + 0.01 * spread * noise
        counts = samples.new_ones(num_codes)
        counts[len(samples) :] = 0
        return torch.cat([centres, copies]), counts
    for _ in range(iterations):
        counts, sums = _collect(samples, centres)
        again = torch.randint(len(samples), (num_codes,), generator=generator).to(device)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], samples[again])
    counts, _ = _collect(samples, centres)
    return centres, counts


def _collect(samples: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    nearest = nearest_codes(samples, centres)
    counts = samples.new_zeros(len(centres)).index_add_(0, nearest, samples.new_ones(len(samples)))
    return counts, torch.zeros_like(centres).index_add_(0, nearest, samples)
