"""What the batches between two updates teach the codebooks."""

from __future__ import annotations

import math

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor

from zoo.quantizers.codebooks.base import Grid, Vectors, VectorTokens
from zoo.quantizers.codebooks.pyramid import covered_cells
from zoo.quantizers.codebooks.random_keys import random_keys

_CANDIDATES = 256
_NO_KEY = 1 << 62


class Lessons:
    """How many vectors chose each code and by how much it missed them, and vectors that may replace unused codes.

    Its memory is kept from update to update: new pages cost more than the errors. It is no module and has no
    buffers, because DDP would overwrite them with the first process's.

    Candidates are the vectors with the least random keys, so that they are the same however the vectors of an
    update are cut into batches.

    Attributes:
        counts: How many vectors chose each code.
        errors: Their errors, what each vector is more than the code, summed.
        spoiled: How many batches had values that are not finite.

    Args:
        codes: The codebooks.
        strides: For each level, how many cells one code covers along each side.
        seed: Start of the random keys.
    """

    def __init__(self, codes: Float[Tensor, "level code dim"], strides: tuple[int, ...], seed: int) -> None:
        num_levels, codebook_size, dim = codes.shape
        num_candidates = min(codebook_size, _CANDIDATES)
        self.counts = codes.new_zeros(num_levels, codebook_size)
        self.errors = torch.zeros_like(codes)
        self.spoiled = codes.new_zeros(())
        self.num_candidates = num_candidates
        self._strides, self._seed = strides, seed
        self._candidates = codes.new_zeros(num_levels, num_candidates, dim)
        self._keys = torch.full((num_levels, num_candidates), _NO_KEY, device=codes.device)
        self._seen = [0] * num_levels
        self._taught = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was taught since the last update."""
        return not self._taught

    def clear(self) -> None:
        """Forget everything, after an update."""
        self.counts.zero_()
        self.errors.zero_()
        self.spoiled.zero_()
        self._keys.fill_(_NO_KEY)
        self._seen = [0] * len(self._seen)
        self._taught = False

    def add(self, level: int, errors: Vectors, tokens: Int[Tensor, " vector"]) -> None:
        """Add what vectors are more than the codes that they chose."""
        self.errors[level].index_add_(0, tokens, errors)
        self._taught = True

    def count(self, tokens: Int[Tensor, "level cell"]) -> None:
        """Count how often each code was chosen; a code that covers several cells counts once for all of them."""
        num_levels, codebook_size = self.counts.shape
        cells = tokens.new_tensor(self._strides)[:, None] ** 2
        chosen = (tokens + codebook_size * torch.arange(num_levels, device=tokens.device)[:, None]).flatten()
        if tokens.device.type == "cpu":  # twenty times as fast; on a GPU it would wait for the tokens
            counts = torch.bincount(chosen, minlength=self.counts.numel())
        else:
            counts = self.counts.new_zeros(self.counts.numel()).index_add_(0, chosen, self.counts.new_ones(len(chosen)))
        self.counts += counts.view_as(self.counts) / cells

    def draw(
        self,
        vectors: Vectors,
        grid: Grid,
        tokens: VectorTokens,
        *,
        codes: Float[Tensor, "level code dim"],
        updates: Int[Tensor, ""],
    ) -> None:
        """Draw candidates among what each level coded, which is worked out again from the tokens for those few.

        Args:
            vectors: The vectors of a batch.
            grid: Its sizes.
            tokens: Their tokens.
            codes: The codebooks that gave the tokens.
            updates: How many updates there were.
        """
        for stride in sorted(set(self._strides)):
            levels = [level for level, each in enumerate(self._strides) if each == stride]
            kept, start, num = self._keys.shape[1], self._seen[levels[0]], math.prod(grid) // stride**2
            fresh = random_keys(self._seed, updates, num, start=start) << 30
            fresh |= torch.arange(start, start + num, device=fresh.device)  # no two alike
            keys, order = torch.cat([self._keys[levels[0]], fresh]).topk(kept, largest=False, sorted=True)
            cells = covered_cells((order - kept).clamp(min=0), grid, stride)
            residual = vectors[cells]
            for level in range(levels[-1] + 1):
                if level in levels:
                    new, old = residual.mean(1), self._candidates[level][order.clamp(max=kept - 1)]
                    self._candidates[level] = torch.where((order >= kept)[:, None], new, old)
                    self._keys[level], self._seen[level] = keys, start + num
                residual -= codes[level][tokens[cells, level]]

    def candidates(self, slots: int) -> Float[Tensor, "level {slots} dim"]:
        """Give ``slots`` candidates of each level, repeating them if there are fewer."""
        valid = (self._keys < _NO_KEY).sum(-1, keepdim=True).clamp(min=1)
        slot = torch.arange(slots, device=valid.device) % valid
        return self._candidates.gather(1, repeat(slot, "level slot -> level slot dim", dim=self._candidates.shape[-1]))
