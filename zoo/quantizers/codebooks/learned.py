"""Codebooks that follow the vectors they code, by moving averages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange, reduce, repeat
from jaxtyping import Float, Int
from torch import Tensor

from zoo.quantizers.codebooks.base import Codebooks, Grid, Vectors, VectorTokens
from zoo.quantizers.codebooks.collectives import from_first_rank, in_own_slot, sum_over_ranks, world
from zoo.quantizers.codebooks.kmeans import kmeans
from zoo.quantizers.codebooks.lookup import each_code, sum_codes
from zoo.quantizers.codebooks.nearest import half_norms, nearest_codes
from zoo.quantizers.codebooks.random_keys import random_keys
from zoo.quantizers.codebooks.straight_through import StraightThrough

_CANDIDATES = 256
_START_SAMPLES = 32_768
_EXPECTED_HITS = 20.0
_NO_KEY = 1 << 62


@dataclass(frozen=True)
class Assignment:
    """The tokens of vectors, and how far the codes are from them.

    Attributes:
        tokens: One token for each vector and level.
        commitment: Mean over levels of the mean squared error that each level leaves.
        gradient: Gradient of ``commitment`` towards the vectors, the codes held fast, if it was asked for.
    """

    tokens: VectorTokens
    commitment: Float[Tensor, ""]
    gradient: Vectors | None


class LearnedCodebooks(Codebooks):
    """Code vectors level by level, and let the codes of each level follow what they code.

    A code is the mean of the vectors that chose it, over a window of about ``1 / (1 - decay)`` updates (van
    den Oord et al. 2017, appendix A.1, https://arxiv.org/abs/1711.00937). Differs: the mean itself is kept,
    ``c += a (sum - count c)`` with ``a = (1 - decay) / smoothed count``, instead of a smoothed sum to be divided;
    so a code that nobody chooses stays exactly where it is, and no division needs a smoothing constant.

    Codes start as k-means centres of the first batch. A code whose smoothed count falls under ``restart_below``
    times the mean count is replaced by a vector of the same level. Where there are so few vectors per code and
    update that chance alone leaves codes out that long, the bound falls to the count after 20 expected hits
    missed, so that evenly used codes never restart.

    Everything is the same on all processes to the bit: they sum what they gathered in one message per update,
    and the first process's k-means counts. What was gathered is no buffer, because DDP would overwrite it with
    the first process's.

    Args:
        code_dim: Channels of the codes.
        strides: For each level, how many cells one code covers along each side of the grid.
        codebook_size: Codes of each level.
        decay: Share of the past kept at each update.
        restart_below: Share of the mean count under which a code restarts; 0 for never.
        seed: Start of the random numbers.
    """

    codes: Tensor
    counts: Tensor
    initialized: Tensor
    restarts_stopped: Tensor
    updates: Tensor

    def __init__(
        self,
        code_dim: int,
        *,
        strides: tuple[int, ...],
        codebook_size: int,
        decay: float,
        restart_below: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.strides, self.decay, self.restart_below, self.seed = strides, decay, restart_below, seed
        codes = torch.randn(len(strides), codebook_size, code_dim, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("codes", codes)
        self.register_buffer("counts", torch.zeros(len(strides), codebook_size))
        self.register_buffer("initialized", torch.tensor(False))
        self.register_buffer("restarts_stopped", torch.tensor(False))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))
        self._gathered: _Gathered | None = None
        self._known_initialized = False

    @property
    def num_candidates(self) -> int:
        """How many vectors of each level can replace unused codes in one update."""
        return min(self.codes.shape[1], _CANDIDATES)

    def forward(
        self, vectors: Vectors, grid: Grid, kept: Int[Tensor, " vector"] | None
    ) -> tuple[Vectors, VectorTokens, Float[Tensor, ""]]:
        """Give the sum of the codes, the tokens, and the commitment loss; in training mode gather lessons."""
        assigned = self.assign(vectors.detach(), grid, learn=self.training, with_gradient=vectors.requires_grad)
        codes = sum_codes(assigned.tokens, self.codes, kept)
        codes, commitment = StraightThrough.apply(vectors, codes, assigned.commitment, assigned.gradient)
        return codes, assigned.tokens, commitment

    def encode(self, vectors: Vectors, grid: Grid) -> VectorTokens:
        """Give the tokens alone."""
        return self.assign(vectors, grid).tokens

    def sum_codes(self, tokens: VectorTokens) -> Vectors:
        """Give the sum of the codes of the first levels."""
        return sum_codes(tokens, self.codes)

    def each_code(self, tokens: VectorTokens) -> Float[Tensor, "vector level dim"]:
        """Give the codes of the first levels, one by one."""
        return each_code(tokens, self.codes)

    @torch.no_grad()
    def assign(
        self,
        vectors: Vectors,
        grid: Grid,
        *,
        learn: bool = False,
        with_gradient: bool = False,
    ) -> Assignment:
        """Code vectors level by level.

        Args:
            vectors: The vectors, in the order of ``grid``: batch, rows, cols.
            grid: Sizes of the grid.
            learn: Gather what the vectors teach; the first time, start the codes.
            with_gradient: Give the gradient of the commitment too.
        """
        for size in grid[1:]:
            if size % self.strides[0]:
                message = (
                    f"Latents must have rows and cols that are multiples of the strides {list(self.strides)}, got "
                    f"{grid[1]} x {grid[2]}. Take other strides, or images of another size."
                )
                raise ValueError(message)
        tokens = vectors.new_empty(len(self.strides), len(vectors), dtype=torch.long)
        norms = half_norms(self.codes)
        errors: list[Tensor] = []
        total = torch.zeros_like(vectors) if with_gradient else None
        chosen = torch.empty_like(vectors)
        residual = vectors
        gathered = self._gather_begins(grid) if learn else None
        starts = learn and not self._is_initialized()
        for level, stride in enumerate(self.strides):
            pooled = _pool(residual, grid, stride)
            if starts and self._start(level, pooled):
                norms[level] = half_norms(self.codes[level])
            found = nearest_codes(pooled, self.codes[level], norms[level])
            if gathered is not None:
                gathered.add(level, stride, pooled, found)
            if stride == 1:
                torch.index_select(self.codes[level], 0, found, out=chosen)
                residual = torch.sub(vectors, chosen) if residual is vectors else residual.sub_(chosen)
                error, on_grid = residual, residual
                tokens[level] = found
            else:
                code = self.codes[level][found]
                error = pooled - code
                on_grid = _spread(error, grid, stride)
                residual = residual - _spread(code, grid, stride)
                tokens[level] = _spread(found[:, None], grid, stride)[:, 0]
            errors.append(torch.dot(error.view(-1), error.view(-1)) / max(error.numel(), 1))
            if total is not None:
                total.add_(on_grid)
        commitment = torch.stack(errors).mean()
        if gathered is not None:
            gathered.ends(commitment)
            if starts:
                self.initialized.fill_(torch.isfinite(self.codes).all())
        if total is not None:
            total.mul_(2 / (max(total.numel(), 1) * len(self.strides)))
        return Assignment(tokens.t().contiguous(), commitment, total)

    @torch.no_grad()
    def update(self) -> None:
        """Let the codes follow what was gathered since the last update, on all processes."""
        rank_count = world()[1]
        if self._gathered is None:
            if rank_count == 1:
                return
            self._gathered = _Gathered(self)
        gathered, self._gathered = self._gathered, None
        slots = math.ceil(self.num_candidates / rank_count)
        counts, sums, candidates, spoiled = sum_over_ranks(
            gathered.counts, gathered.sums, in_own_slot(gathered.candidates(slots)), gathered.spoiled
        )
        self.updates += 1
        if spoiled > 0:  # an overflow, as mixed precision meets now and then; it must not stay in the codes
            return
        self.counts.lerp_(counts, 1 - self.decay)
        share = (1 - self.decay) / self.counts.clamp(min=torch.finfo(counts.dtype).tiny)
        self.codes.mul_((1 - share * counts)[..., None]).addcmul_(sums, share[..., None])
        self._restart(rearrange(candidates, "rank level slot dim -> level (slot rank) dim"))

    def stop_restarts(self) -> None:
        """Leave unused codes where they are from now on."""
        self.restarts_stopped.fill_(True)

    def _restart(self, candidates: Tensor) -> None:
        size = self.codes.shape[1]
        total = self.counts.sum(-1, keepdim=True)
        mean = total / size
        patience = torch.exp(-(1 - self.decay) * _EXPECTED_HITS / mean)
        bound = patience.clamp(max=self.restart_below) * mean
        dead = (self.counts < bound) & ~self.restarts_stopped
        position = dead.cumsum(-1) - 1
        level, code = (dead & (position < candidates.shape[1])).nonzero(as_tuple=True)
        if len(level) == 0:
            return
        self.codes[level, code] = candidates[level, position[level, code]]
        self.counts[level, code] = mean[level, 0] / 2

    def _start(self, level: int, vectors: Tensor) -> bool:
        # Each process sends the same number of rows, marked as valid or not, whatever it has.
        size = self.codes.shape[1]
        rows = math.ceil(max(size, min(4 * size, _START_SAMPLES)) / world()[1])
        order = random_keys(self.seed + 7919 * level, self.updates, len(vectors)).argsort()[:rows]
        message = vectors.new_zeros(rows, vectors.shape[1] + 1)
        message[: len(order), :-1] = vectors[order]
        message[: len(order), -1] = 1
        slots, num_vectors = sum_over_ranks(in_own_slot(message), vectors.new_tensor(float(len(vectors))))
        slots = slots.flatten(0, 1)
        samples = slots[slots[:, -1] == 1, :-1]
        codes, counts = self.codes[level], self.counts[level]
        if len(samples) > 0 and bool(torch.isfinite(samples).all()):
            if world()[0] == 0:
                generator = torch.Generator().manual_seed(self.seed + level)
                codes, counts = kmeans(samples, size, generator)
                counts = counts * (num_vectors / counts.sum())
            codes, counts = from_first_rank(codes, counts)
            self.codes[level], self.counts[level] = codes, counts
            return True
        return False

    def _is_initialized(self) -> bool:
        if not self._known_initialized:
            self._known_initialized = bool(self.initialized)
        return self._known_initialized

    def _gather_begins(self, grid: Grid) -> _Gathered:
        if self._gathered is None or self._gathered.counts.device != self.codes.device:
            self._gathered = _Gathered(self)
        self._gathered.begins(grid)
        return self._gathered

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._known_initialized, self._gathered = False, None


class _Gathered:
    """What the batches since the last update teach."""

    def __init__(self, codebooks: LearnedCodebooks) -> None:
        codes, num_candidates = codebooks.codes, codebooks.num_candidates
        self.counts = torch.zeros_like(codebooks.counts)
        self.sums = torch.zeros_like(codes)
        self.spoiled = codes.new_zeros(())
        self._seed, self._updates, self._strides = codebooks.seed, codebooks.updates, codebooks.strides
        # Candidates are the vectors with the least random keys, so that they are the same however the
        # vectors of an update are cut into batches.
        self._candidates = codes.new_zeros(len(codes), num_candidates, codes.shape[-1])
        self._keys = {s: torch.full((num_candidates,), _NO_KEY, device=codes.device) for s in set(codebooks.strides)}
        self._seen = dict.fromkeys(self._keys, 0)
        self._order: dict[int, Tensor] = {}

    def begins(self, grid: Grid) -> None:
        for stride, keys in self._keys.items():
            num = math.prod(grid) // stride**2
            start = self._seen[stride]
            fresh = random_keys(self._seed, self._updates, num, start=start) << 30
            fresh |= torch.arange(start, start + num, device=fresh.device)  # no two alike
            both = torch.cat([keys, fresh])
            self._keys[stride], self._order[stride] = both.topk(len(keys), largest=False, sorted=True)
            self._seen[stride] = start + num

    def add(self, level: int, stride: int, vectors: Tensor, tokens: Tensor) -> None:
        self.counts[level].index_add_(0, tokens, vectors.new_ones(len(tokens)))
        self.sums[level].index_add_(0, tokens, vectors)
        kept, order = self._candidates[level], self._order[stride]
        is_fresh = order >= len(kept)
        fresh = vectors[(order - len(kept)).clamp(min=0)]
        self._candidates[level] = torch.where(is_fresh[:, None], fresh, kept[order.clamp(max=len(kept) - 1)])

    def ends(self, commitment: Tensor) -> None:
        self.spoiled += ~torch.isfinite(commitment)

    def candidates(self, slots: int) -> Tensor:
        """Give ``slots`` candidates of each level, repeating them if there are fewer."""
        filled = []
        for level, stride in enumerate(self._strides):
            valid = (self._keys[stride] < _NO_KEY).sum().clamp(min=1)
            filled.append(self._candidates[level][torch.arange(slots, device=valid.device) % valid])
        return torch.stack(filled)


def _pool(vectors: Tensor, grid: Grid, stride: int) -> Tensor:
    if stride == 1:
        return vectors
    batch, rows, cols = grid
    return reduce(
        vectors,
        "(b h i w j) d -> (b h w) d",
        "mean",
        b=batch,
        h=rows // stride,
        i=stride,
        w=cols // stride,
        j=stride,
    )


def _spread(vectors: Tensor, grid: Grid, stride: int) -> Tensor:
    batch, rows, cols = grid
    return repeat(
        vectors, "(b h w) d -> (b h i w j) d", b=batch, h=rows // stride, i=stride, w=cols // stride, j=stride
    )
