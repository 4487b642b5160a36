"""What happens as an intensity is turned up: curves of measured against commanded intensity, one row each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class ResponseCurves:
    """Figures of each curve; NaN where a curve has no steps, and correlations NaN where it is flat.

    Attributes:
        violations: Share of steps at which the response falls by more than the tolerance; lower is better.
        rank_correlation: Spearman's rho of command and response.
        linearity: Pearson's r of command and response.
        slope: Of the line of least squares: response for each unit commanded.
        usable_range: Response at the last command less the one at the first.
    """

    violations: Float[Tensor, " curve"]
    rank_correlation: Float[Tensor, " curve"]
    linearity: Float[Tensor, " curve"]
    slope: Float[Tensor, " curve"]
    usable_range: Float[Tensor, " curve"]


def response_curves(
    responses: Float[Tensor, "curve step"], commands: Float[Tensor, " step"], *, tolerance: float = 0.0
) -> ResponseCurves:
    """Judge sweeps of one AU's intensity, for each person and AU a curve.

    Args:
        responses: Measured intensity at each command.
        commands: Commanded intensities, rising.
        tolerance: How far a response may fall in a step without being a violation, such as the measurement's noise.

    Raises:
        ValueError: Commands don't rise.
    """
    if not (commands.diff() > 0).all():
        message = f"response_curves: commands must rise, got {commands.tolist()}."
        raise ValueError(message)
    responses, commands = responses.double(), commands.double()
    falls = responses.diff(dim=1) < -tolerance
    centred = commands - commands.mean()
    return ResponseCurves(
        violations=falls.sum(dim=1) / falls.shape[1],
        rank_correlation=_correlation(_ranks(responses), _ranks(commands[None])),
        linearity=_correlation(responses, commands[None]),
        slope=responses @ centred / centred.square().sum(),
        usable_range=responses[:, -1] - responses[:, 0],
    )


def _ranks(values: Tensor) -> Tensor:
    """Rank within rows; ties share the mean of their ranks."""
    below = (values[:, None, :] < values[:, :, None]).sum(dim=2)
    tied = (values[:, None, :] == values[:, :, None]).sum(dim=2)
    return below + (tied - 1) / 2.0


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    first, second = (values.double() - values.double().mean(dim=1, keepdim=True) for values in (first, second))
    lengths = first.norm(dim=1) * second.norm(dim=1)
    return torch.where(lengths > 1e-12, (first * second).sum(dim=1) / lengths, torch.nan)
