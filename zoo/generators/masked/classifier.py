"""Logits over codes, and their cross-entropy without ever keeping them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

_LOGITS_AT_ONCE = {"cpu": 2**20}  # fits the caches; elsewhere as many as keep a GPU busy
_LOGITS_ELSEWHERE = 2**26


@dataclass(frozen=True)
class Verdict:
    """What the guesses of some tokens are worth.

    Attributes:
        total: Sum of the cross-entropies in nats; gradients flow from it alone.
        losses: Cross-entropy of each token.
        correct: Whether the token was the likeliest one.
    """

    total: Float[Tensor, ""]
    losses: Float[Tensor, " row"]
    correct: Bool[Tensor, " row"]


class Classifier(nn.Module):
    """Give the logits of each code of a level; a linear map for each.

    Args:
        num_levels: Levels of tokens.
        codebook_size: Codes of each level.
        dim: Channels of the features, which should be normalised.
    """

    def __init__(self, num_levels: int, codebook_size: int, dim: int) -> None:
        super().__init__()
        # small: a fresh generator finds all codes about equally likely
        self.weight = nn.Parameter(0.02 * torch.randn(num_levels, codebook_size, dim))

    def forward(self, features: Float[Tensor, "*shape dim"], level: int) -> Float[Tensor, "*shape code"]:
        """Give the logits of a level, in single precision or better."""
        logits = functional.linear(features, self.weight[level])
        return logits if logits.dtype == torch.float64 else logits.float()

    def judge(
        self,
        features: Float[Tensor, "row dim"],
        tokens: Int[Tensor, " row"],
        *,
        of_level: Sequence[int],
        smoothing: float,
    ) -> Verdict:
        """Compare the guesses with the truth.

        Args:
            features: From which the tokens are guessed, coarse levels first.
            tokens: The truth.
            of_level: How many rows are of each level.
            smoothing: Share of the target that is spread over all codes.
        """
        wants_gradient = torch.is_grad_enabled()
        total, losses, correct = _CrossEntropy.apply(
            features, self.weight, tokens, tuple(of_level), smoothing, wants_gradient
        )
        return Verdict(total, losses, correct)


class _CrossEntropy(torch.autograd.Function):
    """Sum of cross-entropies of linear logits.

    Gradients are formed in the forward pass, some rows at a time, so that no more logits exist at once than fit the
    caches: less memory by the number of codes over channels, and less traffic. Softmax in single precision or better,
    products in the precision of autocast.
    """

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        tokens: Tensor,
        of_level: tuple[int, ...],
        smoothing: float,
        wants_gradient: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        kind, num_codes = features.device.type, weight.shape[1]
        product_dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        with torch.autocast(kind, enabled=False):
            wide = torch.promote_types(features.dtype, torch.float32)
            rows, weights = features.to(product_dtype), weight.to(product_dtype)
            losses, correct = torch.empty(len(rows), dtype=wide, device=rows.device), torch.empty_like(tokens).bool()
            if wants_gradient:
                towards_features = torch.empty_like(features)
                towards_weight = torch.zeros_like(weight)
            at_once = max(32, _LOGITS_AT_ONCE.get(kind, _LOGITS_ELSEWHERE) // num_codes)
            start = 0
            for level, count in enumerate(of_level):
                for first in range(start, start + count, at_once):
                    part = slice(first, min(first + at_once, start + count))
                    logits = (rows[part] @ weights[level].T).to(wide)
                    truth = tokens[part, None]
                    highest = logits.amax(-1, keepdim=True)
                    of_truth = logits.gather(1, truth)
                    correct[part] = (of_truth >= highest)[:, 0]
                    target = (1 - smoothing) * of_truth
                    if smoothing:
                        target += smoothing * logits.mean(-1, keepdim=True)
                    shares = logits.sub_(highest).exp_()
                    total = shares.sum(-1, keepdim=True)
                    losses[part] = (total.log() + highest - target)[:, 0]
                    if wants_gradient:
                        shares.div_(total)
                        if smoothing:
                            shares.sub_(smoothing / num_codes)
                        shares.scatter_add_(1, truth, shares.new_full((1, 1), smoothing - 1).expand_as(truth))
                        narrow = shares.to(product_dtype)
                        towards_features[part] = narrow @ weights[level]
                        towards_weight[level] += narrow.T @ rows[part]
                start += count
        if wants_gradient:
            ctx.save_for_backward(towards_features, towards_weight)
        ctx.mark_non_differentiable(losses, correct)
        return losses.sum(), losses, correct

    @staticmethod
    def backward(ctx: Any, towards_total: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        towards_features, towards_weight = ctx.saved_tensors
        return towards_features * towards_total, towards_weight * towards_total, None, None, None, None
