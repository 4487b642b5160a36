"""Codebooks that follow the vectors they code, by moving averages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from zoo.quantizers.codebooks.base import Codebooks, Grid, Vectors, VectorTokens
from zoo.quantizers.codebooks.collectives import in_own_slot, sum_over_ranks, world
from zoo.quantizers.codebooks.decay import warmed_decay
from zoo.quantizers.codebooks.lessons import Lessons
from zoo.quantizers.codebooks.lookup import each_code, sum_codes
from zoo.quantizers.codebooks.nearest import NearestCodes, half_norms
from zoo.quantizers.codebooks.pyramid import pool, spread
from zoo.quantizers.codebooks.start import start_codes
from zoo.quantizers.codebooks.straight_through import StraightThrough

_EXPECTED_HITS = 20.0
_CPU_PIECE = 512  # vectors that stay in the nearest cache from one small step to the next


@dataclass(frozen=True)
class Assignment:
    """The tokens of vectors, and how far the codes are from them.

    Attributes:
        tokens: One token for each vector and level.
        commitment: Mean over levels of the mean squared error that each level leaves.
        errors: What the vectors are more than the codes, summed over levels, if it was asked for.
    """

    tokens: VectorTokens
    commitment: Float[Tensor, ""]
    errors: Vectors | None


class LearnedCodebooks(Codebooks):
    """Code vectors level by level, and let the codes of each level follow what they code.

    A code is the mean of the vectors that chose it, over a window of about ``1 / (1 - decay)`` updates, shorter
    at first (van den Oord et al. 2017, appendix A.1, https://arxiv.org/abs/1711.00937). Differs: the mean itself is
    kept, ``c += a (sum - count c)`` with ``a = (1 - decay) / smoothed count``, instead of a smoothed sum to be
    divided; so a code that nobody chooses stays exactly where it is, and no division needs a smoothing constant.

    Codes start as k-means centres of the first batch. A code whose smoothed count falls under ``restart_below``
    times the mean count is replaced, at the next update, by a vector of the same level. Where there are so few
    vectors per code and update that chance alone leaves codes out that long, the bound falls to the count after 20
    expected hits missed, so that evenly used codes never restart.

    Everything is the same on all processes to the bit: they sum what they gathered in one message per update,
    and the first process's k-means counts.

    Args:
        code_dim: Channels of the codes.
        strides: For each level, how many cells one code covers along each side of the grid.
        codebook_size: Codes of each level.
        decay: Share of the past kept at each update; less at the first ones.
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
        self._lessons: Lessons | None = None
        self._known_initialized = False
        self._known_due: bool | None = None

    def forward(
        self, vectors: Vectors, grid: Grid, kept: Int[Tensor, " vector"] | None
    ) -> tuple[Vectors, VectorTokens, Float[Tensor, ""]]:
        """Give the sum of the codes, the tokens, and the commitment loss; in training mode gather lessons."""
        assigned = self.assign(vectors.detach(), grid, learn=self.training, with_errors=vectors.requires_grad)
        codes, commitment = StraightThrough.apply(
            vectors,
            sum_codes(assigned.tokens, self.codes, kept),
            assigned.commitment,
            assigned.errors,
            len(self.strides),
        )
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
        with_errors: bool = False,
    ) -> Assignment:
        """Code vectors level by level.

        Args:
            vectors: The vectors, in the order of ``grid``: batch, rows, cols.
            grid: Sizes of the grid.
            learn: Gather what the vectors teach; the first time, start the codes.
            with_errors: Give the errors too, which the gradient of the commitment needs.
        """
        if any(size % stride for size in grid[1:] for stride in self.strides):
            message = (
                f"latents must have rows and cols that are multiples of the strides {list(self.strides)}, got "
                f"{grid[1]} x {grid[2]}. Take other strides, or images of another size."
            )
            raise ValueError(message)
        if learn and not self._is_initialized():
            started = start_codes(
                vectors,
                grid,
                codes=self.codes,
                counts=self.counts,
                strides=self.strides,
                seed=self.seed,
                updates=self.updates,
            )
            self.initialized.fill_(started)
            self._known_due = None
        search, norms = NearestCodes(vectors.device, self.codes.shape[1]), half_norms(self.codes)
        lessons = self._lessons_here() if learn else None
        tokens = torch.empty(len(self.strides), len(vectors), dtype=torch.long, device=vectors.device)
        squares = vectors.new_zeros(())
        errors = torch.empty_like(vectors) if with_errors else None

        # All levels of a few vectors before the next ones: what passes from level to level stays in the cache.
        # Squares of cells must not be cut, so coarse levels take whole samples.
        cells = 1 if self.strides[0] == 1 else grid[1] * grid[2]
        rows = max(search.rows // cells, 1) * cells
        chosen, kept = vectors.new_empty(2, min(rows, len(vectors)), vectors.shape[1])
        for start in range(0, len(vectors), rows):
            residual = vectors[start : start + rows]
            block, part = slice(start, start + len(residual)), (len(residual) // cells, *grid[1:])
            into = kept[: len(residual)]  # not the vectors' own memory
            missed = None if errors is None else errors[block]
            for level, (stride, codes) in enumerate(zip(self.strides, self.codes, strict=True)):
                pooled = pool(residual, part, stride)
                found = search(pooled, codes, norms[level])
                tokens[level, block] = spread(found[:, None], part, stride)[:, 0]
                for piece in _pieces(found, stride):
                    token = found[piece]
                    code = torch.index_select(codes, 0, token, out=chosen[: len(token)])
                    left = torch.sub(residual[piece], spread(code, part, stride), out=into[piece])
                    error = left if stride == 1 else pooled - code
                    squares.add_(torch.dot(error.view(-1), error.view(-1)), alpha=stride**2)
                    if missed is not None and level == 0:
                        missed[piece] = spread(error, part, stride)
                    elif missed is not None:
                        missed[piece].add_(spread(error, part, stride))
                    if lessons is not None:
                        lessons.add(level, error, token)
                residual = into
        commitment = squares / max(vectors.numel() * len(self.strides), 1)
        if lessons is not None:
            lessons.count(tokens)
            lessons.spoiled += ~torch.isfinite(commitment)
        tokens = tokens.t().contiguous()
        if lessons is not None and self._restarts_due():
            lessons.draw(vectors, grid, tokens, codes=self.codes, updates=self.updates)
        return Assignment(tokens, commitment, errors)

    @torch.no_grad()
    def update(self) -> None:
        """Let the codes follow what was gathered since the last update, on all processes; not in evaluation."""
        num_ranks, _ = world()
        if not self.training or (num_ranks == 1 and (self._lessons is None or self._lessons.is_empty)):
            return
        lessons = self._lessons_here()
        parts = [lessons.counts, lessons.errors, lessons.spoiled]
        if self._restarts_due():
            parts.append(in_own_slot(lessons.candidates(math.ceil(lessons.num_candidates / num_ranks))))
        counts, errors, spoiled, *candidates = sum_over_ranks(*parts)
        # An overflow, as mixed precision meets now and then, must not stay in the codes.
        if (spoiled == 0) & (counts.sum() > 0):
            self._follow(counts, errors)
            for each in candidates:
                self._restart(rearrange(each, "rank level slot dim -> level (slot rank) dim"))
        self.updates += 1
        self._known_due = bool(self._unused()[0].any())
        lessons.clear()

    def stop_restarts(self) -> None:
        """Leave unused codes where they are from now on."""
        self.restarts_stopped.fill_(True)
        self._known_due = None

    def _follow(self, counts: Tensor, errors: Tensor) -> None:
        new = 1 - warmed_decay(self.decay, self.updates)
        self.counts.lerp_(counts, new)
        share = new / self.counts.clamp(min=torch.finfo(counts.dtype).tiny)
        for level, codes in enumerate(self.codes):  # one by one, since a level fits the cache
            codes.addcmul_(errors[level], share[level, :, None])

    def _unused(self) -> tuple[Tensor, Tensor]:
        """Say which codes are to restart, and the mean count of each level."""
        mean = self.counts.mean(-1, keepdim=True)
        patience = torch.exp((warmed_decay(self.decay, self.updates) - 1) * _EXPECTED_HITS / mean)
        bound = patience.clamp(max=self.restart_below) * mean
        return (self.counts < bound) & ~self.restarts_stopped, mean

    def _restarts_due(self) -> bool:
        # Candidates are drawn, and sent between processes, only after an update that left codes unused. All
        # processes know it, and a checkpoint holds it, because it follows from the counts.
        if self._known_due is None:
            self._known_due = bool(self._unused()[0].any())
        return self._known_due

    def _restart(self, candidates: Tensor) -> None:
        unused, mean = self._unused()
        position = unused.cumsum(-1) - 1
        level, code = (unused & (position < candidates.shape[1])).nonzero(as_tuple=True)
        self.codes[level, code] = candidates[level, position[level, code]]
        self.counts[level, code] = mean[level, 0] / 2

    def _is_initialized(self) -> bool:
        if not self._known_initialized:
            self._known_initialized = bool(self.initialized)
        return self._known_initialized

    def _lessons_here(self) -> Lessons:
        if self._lessons is None or self._lessons.counts.device != self.codes.device:
            self._lessons = Lessons(self.codes, self.strides, self.seed)
        return self._lessons

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._known_initialized, self._known_due, self._lessons = False, None, None


def _pieces(found: Tensor, stride: int) -> list[slice]:
    if stride > 1 or found.device.type != "cpu":  # a code that covers several cells must not be cut
        return [slice(None)]
    return [slice(start, start + _CPU_PIECE) for start in range(0, len(found), _CPU_PIECE)]
