"""Whether an edit did what was asked, no less, no more, and nothing else: figures of each frame.

Changes are differences of what a recogniser sees, in the generated image less in the reference face.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_LEAST = 1e-6


def edit_error(
    change: Float[Tensor, "batch au"], commanded: Float[Tensor, "batch au"], target: Bool[Tensor, "batch au"]
) -> Float[Tensor, " batch"]:
    """Give the mean |change - commanded change| over AUs that were asked for; lower is better; NaN without any."""
    return _mean_where((change - commanded).abs(), target)


def off_target_change(change: Float[Tensor, "batch au"], target: Bool[Tensor, "batch au"]) -> Float[Tensor, " batch"]:
    """Give the mean |change| over AUs that were not asked for; lower is better; NaN where all were."""
    return _mean_where(change.abs(), ~target)


def off_target_drift(change: Float[Tensor, "batch au"], target: Bool[Tensor, "batch au"]) -> Float[Tensor, " batch"]:
    """Give the mean |change| of AUs not asked for over that of AUs asked for (the latter at least 1e-6).

    0 is best, 1 means that others changed as much. It is large where nothing that was asked for happened: read it
    beside :func:`off_target_change` and :func:`edit_response`. NaN where no AU, or every AU, was asked for.
    """
    return _mean_where(change.abs(), ~target) / _mean_where(change.abs(), target).clamp(min=_LEAST)


def edit_response(change: Float[Tensor, "batch au"], true_change: Float[Tensor, "batch au"]) -> Float[Tensor, " batch"]:
    """Give <change, true change> / |true change|^2: how far an edit went along the way that it should.

    0 is lazy (a copy of the reference face), 1 right, above 1 overdone, below 0 the wrong way. NaN where nothing should
    have changed.
    """
    length = true_change.square().sum(dim=1)
    return torch.where(length > 0, (change * true_change).sum(dim=1) / length, torch.nan)


def guarded_score(
    alignment: Float[Tensor, " batch"], fidelity: Float[Tensor, " batch"], response: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Give the harmonic mean of alignment, fidelity and exp(-|response - 1|), so that no one of them can be bought.

    A copy has full fidelity and no response; a face of anybody with the right AUs alignment and no fidelity. All lie in
    [0, 1], as does the score; 0 where alignment or fidelity is 0 or less; higher is better.

    Args:
        alignment: Agreement with what was asked for, such as AAAD.
        fidelity: How much of the person and the picture is left, such as the cosine of identities.
        response: Of :func:`edit_response`.
    """
    guard = (-(response - 1).abs()).exp()
    score = 3 / (1 / alignment + 1 / fidelity + 1 / guard)
    return torch.where((alignment > 0) & (fidelity > 0), score, torch.where(response.isnan(), torch.nan, 0.0))


def _mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Give the mean over chosen AUs; 0 / 0 is NaN where there is none."""
    return torch.where(chosen, values, 0.0).sum(dim=1) / chosen.sum(dim=1)
