"""Softmax attention by whatever kernel is fastest."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional


def attend(
    query: Float[Tensor, "*batch length dim"],
    key: Float[Tensor, "*batch place dim"],
    value: Float[Tensor, "*batch place dim"],
    *,
    mask: Bool[Tensor, "*#batch #length place"] | None = None,
) -> Float[Tensor, "*batch length dim"]:
    """Let queries look at keys, and give the values that they find.

    PyTorch's fused attention, but for training in bfloat16 on CPUs: its backward pass is four to eight times slower
    there than the two matrix products and the softmax one by one.

    Args:
        query: What looks.
        key: What is looked at.
        value: What is found there.
        mask: Where keys are real; every row has at least one.
    """
    is_slow = query.device.type == "cpu" and query.dtype == torch.bfloat16 and torch.is_grad_enabled()
    if not is_slow:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf)
    return logits.softmax(-1) @ value
