"""What the trunk remembers of contexts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Memory:
    """What the trunk remembers of contexts: made once, read in every pass.

    Attributes:
        keys: Of each layer.
        values: Of each layer.
        mask: Where they are real; None where all are.
        pooled: The mean over what is real, projected.
        spatial: What is added to each position; None where the context has nothing spatial.
    """

    keys: Float[Tensor, "layer batch head length head_dim"]
    values: Float[Tensor, "layer batch head length head_dim"]
    mask: Bool[Tensor, "batch 1 1 length"] | None
    pooled: Float[Tensor, "batch dim"]
    spatial: Float[Tensor, "batch site dim"] | None

    def first(self, count: int) -> Memory:
        """Give the first rows of the batch; a view."""
        mask = None if self.mask is None else self.mask[:count]
        spatial = None if self.spatial is None else self.spatial[:count]
        return Memory(self.keys[:, :count], self.values[:, :count], mask, self.pooled[:count], spatial)

    @staticmethod
    def joined(memories: Sequence[Memory]) -> Memory:
        """Put memories one after another in the batch, the shorter ones padded."""
        if len(memories) == 1:
            return memories[0]
        lengths = [each.keys.shape[-2] for each in memories]
        missing = [max(lengths) - length for length in lengths]
        mask = None
        if any(missing) or any(each.mask is not None for each in memories):
            masks = [each.keys.new_ones(each.keys.shape[1], 1, 1, each.keys.shape[-2]).bool() for each in memories]
            masks = [own if each.mask is None else each.mask for own, each in zip(masks, memories, strict=True)]
            mask = torch.cat([functional.pad(each, (0, count)) for each, count in zip(masks, missing, strict=True)])
        keys, values = (
            torch.cat([functional.pad(each, (0, 0, 0, count)) for each, count in zip(parts, missing, strict=True)], 1)
            for parts in ([each.keys for each in memories], [each.values for each in memories])
        )
        spatial = [each.spatial for each in memories if each.spatial is not None]
        return Memory(
            keys=keys,
            values=values,
            mask=mask,
            pooled=torch.cat([each.pooled for each in memories]),
            spatial=torch.cat(spatial) if spatial else None,
        )
