"""Codebooks that are one frozen random table seen through learned linear maps."""

from __future__ import annotations

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from zoo.quantizers.codebooks.base import Codebooks, Grid, Vectors, VectorTokens
from zoo.quantizers.codebooks.collectives import sum_over_ranks
from zoo.quantizers.codebooks.nearest import nearest_codes
from zoo.quantizers.codebooks.precision import full_precision
from zoo.quantizers.codebooks.straight_through import StraightThrough


class LinearCodebooks(Codebooks):
    """Code vectors with the images of a frozen table, so that every gradient moves all codes of a level at once.

    The first batch starts each map from the covariance of what its level codes.

    Args:
        code_dim: Channels of the codes.
        num_levels: Levels; each has its own map.
        codebook_size: Codes of each level.
        seed: Start of the random table.
    """

    table: Tensor
    initialized: Tensor

    def __init__(self, code_dim: int, *, num_levels: int, codebook_size: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("table", torch.randn(codebook_size, code_dim, generator=generator))
        self.register_buffer("initialized", torch.tensor(False))
        self.weight = nn.Parameter(torch.eye(code_dim).repeat(num_levels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(num_levels, code_dim))
        self._known_initialized = False

    def forward(
        self, vectors: Vectors, grid: Grid, kept: Int[Tensor, " vector"] | None
    ) -> tuple[Vectors, VectorTokens, Float[Tensor, ""]]:
        """Give the sum of the codes, the tokens, and the commitment loss.

        The gradient of the loss goes both ways, to the vectors and to the maps, which it teaches.
        """
        starts = self.training and not self._is_initialized()
        started = starts
        coded = torch.zeros_like(vectors)
        shown = torch.zeros_like(vectors)
        tokens, errors = [], []
        for level in range(len(self.weight)):
            residual = vectors - coded
            if starts:
                started &= self._start(level, residual.detach())
            found = self._nearest(residual, level)
            code = functional.linear(self.table[found], self.weight[level], self.bias[level])
            errors.append(functional.mse_loss(code, residual))
            tokens.append(found)
            coded = coded + code.detach()
            shown = shown + (code.detach() if kept is None else code.detach() * (kept > level)[:, None])
        if started:
            self.initialized.fill_(True)
        commitment = torch.stack(errors).mean()
        shown, _ = StraightThrough.apply(vectors, shown, commitment.detach(), None, len(self.weight))
        return shown, torch.stack(tokens, -1), commitment

    def encode(self, vectors: Vectors, grid: Grid) -> VectorTokens:
        """Give the tokens alone."""
        residual, tokens = vectors, []
        for level in range(len(self.weight)):
            found = self._nearest(residual, level)
            residual = residual - functional.linear(self.table[found], self.weight[level], self.bias[level])
            tokens.append(found)
        return torch.stack(tokens, -1)

    def sum_codes(self, tokens: VectorTokens) -> Vectors:
        """Give the sum of the codes of the first levels."""
        total = torch.zeros(len(tokens), self.table.shape[1], device=tokens.device)
        with full_precision(tokens.device):
            for level, found in enumerate(tokens.unbind(-1)):
                total = total + functional.linear(self.table[found], self.weight[level], self.bias[level])
        return total

    def each_code(self, tokens: VectorTokens) -> Float[Tensor, "vector level dim"]:
        """Give the codes of the first levels, one by one."""
        num = tokens.shape[1]
        pattern = "vector level inner, level dim inner -> vector level dim"
        return einsum(self.table[tokens], self.weight[:num], pattern) + self.bias[:num]

    @torch.no_grad()
    def _nearest(self, residual: Tensor, level: int) -> Tensor:
        return nearest_codes(residual.detach(), functional.linear(self.table, self.weight[level], self.bias[level]))

    def _is_initialized(self) -> bool:
        # once true it stays so, and need not be fetched from the device again
        self._known_initialized = self._known_initialized or bool(self.initialized)
        return self._known_initialized

    @torch.no_grad()
    def _start(self, level: int, residual: Tensor) -> bool:
        count, total, products = sum_over_ranks(
            residual.new_tensor(float(len(residual))), residual.sum(0), residual.t() @ residual
        )
        mean = total / count.clamp(min=1)
        covariance = products / count.clamp(min=1) - torch.outer(mean, mean)
        floor = 1e-4 * covariance.diagonal().mean().clamp(min=1e-8)
        factor, failed = torch.linalg.cholesky_ex(covariance + floor * torch.eye(len(mean), device=mean.device))
        if int(failed) != 0 or not bool(torch.isfinite(factor).all()):
            return False  # spoiled latents; the next batch tries again
        # The best codes of log2 K bits for a Gaussian spread less than it does: by the rate-distortion bound,
        # their variance is 1 - K^(-2/d) of its. Wider ones would miss by more than they explain.
        size, dim = self.table.shape
        self.weight[level] = factor * (1 - size ** (-2 / dim)) ** 0.5
        self.bias[level] = mean
        return True
