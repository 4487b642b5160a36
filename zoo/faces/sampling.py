"""Draw faces: who, seen how, doing what. Every row is a function of its own three seeds alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.faces.identity import sample_identity
from zoo.faces.parameters import FaceParameters
from zoo.faces.seeds import SeededDraws
from zoo.facs import AUS
from zoo.facs.action_units import ACTION_UNITS

COPULA_SHARE = 0.6
"""Share of faces whose AUs follow the base rates; the others show 0 to 5 AUs drawn alike."""

# Correlations of the Gaussian copula behind the occurrences; pairs not listed are 0.
_CORRELATIONS = {
    (1, 2): 0.6,
    (1, 4): 0.15,
    (2, 4): -0.1,
    (4, 7): 0.25,
    (6, 7): 0.5,
    (6, 10): 0.5,
    (6, 12): 0.65,
    (7, 10): 0.45,
    (7, 12): 0.35,
    (10, 12): 0.55,
    (10, 14): 0.3,
    (12, 14): 0.3,
    (6, 14): 0.25,
    (15, 17): 0.45,
    (17, 24): 0.3,
    (17, 23): 0.25,
    (23, 24): 0.2,
    (14, 17): 0.15,
    (15, 23): 0.15,
    (12, 24): -0.3,
    (12, 15): -0.15,
    (12, 17): -0.1,
    (12, 23): -0.1,
    (6, 24): -0.25,
}
# Activation from which an intensity holds: A (trace), B, C, D, E.
_INTENSITY_BOUNDS = (0.03, 0.20, 0.425, 0.675, 0.90)
_MOST_ATTEMPTS = 200


def intensity_of(activation: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Grade activations as FACS does: 0 absent, 1 (A, trace) to 5 (E, maximum).

    An AU counts as present from intensity 2 (B) on.

    Example:
        >>> intensity_of(torch.tensor([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]))
        tensor([0., 1., 2., 3., 4., 5.])
    """
    bounds = torch.tensor(_INTENSITY_BOUNDS, dtype=activation.dtype, device=activation.device)
    return torch.bucketize(activation.detach(), bounds, right=True).to(activation.dtype)


def sample_faces(
    identity_seeds: Int[Tensor, " batch"],
    view_seeds: Int[Tensor, " batch"],
    action_seeds: Int[Tensor, " batch"],
    *,
    held_out: Sequence[Sequence[int]] = (),
    trace: bool = True,
    nuisance: bool = True,
) -> FaceParameters:
    """Draw one face per row, on the CPU, whatever else is in the batch.

    Args:
        identity_seeds: Who, see ``IDENTITY_RANGES``.
        view_seeds: Pose, gaze, light, background, clothes and camera.
        action_seeds: AUs and nuisances.
        held_out: Sets of AU numbers that must not occur as the exact set of AUs present.
        trace: Whether AUs below the threshold of presence (intensity A) may show.
        nuisance: Whether lips part, jaws drop and eyes blink, without a label.
    """
    identity = sample_identity(identity_seeds)
    activation = sample_activation(action_seeds, held_out=held_out, trace=trace)
    draws = SeededDraws(action_seeds, "nuisance")
    # Nobody moves both halves of the face quite alike.
    asymmetry = draws.normal("asymmetry", 1, len(AUS), deviation=0.05, limit=2.5)
    sides = torch.cat([activation[:, None] * (1 + asymmetry), activation[:, None] * (1 - asymmetry)], 1)
    return FaceParameters(
        identity,
        sample_view(view_seeds),
        sides.clamp(0, 1).to(torch.float32),
        sample_nuisance(action_seeds) if nuisance else _still(action_seeds),
    )


@cache
def _copula_factor() -> Tensor:
    """Square root of the correlation matrix, made positive and given unit variances."""
    matrix = torch.eye(len(AUS), dtype=torch.float64)
    for (first, second), value in _CORRELATIONS.items():
        row, column = AUS.index(first), AUS.index(second)
        matrix[row, column] = matrix[column, row] = value
    values, vectors = torch.linalg.eigh(matrix)
    # The symmetric root does not depend on the signs that an eigensolver happens to choose.
    root = (vectors * values.clamp_min(1e-3).sqrt()) @ vectors.T
    return root / root.square().sum(1, keepdim=True).sqrt()


def copula_occurrence(seeds: Int[Tensor, " batch"], *, attempt: int = 0) -> Bool[Tensor, "batch au"]:
    """Draw which AUs are present, with the base rates of ``zoo.facs`` and realistic companions."""
    factor = _copula_factor()
    normal = SeededDraws(seeds, f"copula {attempt}").normal("au", len(AUS), limit=6.0)
    correlated = (normal[:, None, :] * factor).sum(-1)  # not a matrix product: its rounding may depend on the batch
    rates = torch.tensor([unit.base_rate for unit in ACTION_UNITS], dtype=torch.float64)
    return correlated > torch.special.ndtri(1 - rates)


def _uniform_occurrence(seeds: Tensor, attempt: int) -> Tensor:
    """Draw 0 to 5 AUs, all alike."""
    draws = SeededDraws(seeds, f"uniform {attempt}")
    rank = draws.uniform("order", len(AUS)).argsort(1).argsort(1)
    return rank < draws.choice("count", 6, 1)


def _occurrence(seeds: Tensor, attempt: int) -> Tensor:
    copula = SeededDraws(seeds, "occurrence").uniform("copula", 1) < COPULA_SHARE
    return torch.where(copula, copula_occurrence(seeds, attempt=attempt), _uniform_occurrence(seeds, attempt))


def sample_activation(
    seeds: Int[Tensor, " batch"], *, held_out: Sequence[Sequence[int]] = (), trace: bool = True
) -> Float[Tensor, "batch au"]:
    """Draw activations in [0, 1], those of present AUs from intensity B on."""
    present = _occurrence(seeds, 0)
    if held_out:
        forbidden = _as_rows(held_out)
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            again = (present[:, None] == forbidden).all(-1).any(-1)
            if not again.any():
                break
            present[again] = _occurrence(seeds[again], attempt)
        else:
            message = (
                f"sample_faces: held_out must leave AU sets that occur, got {len(forbidden)} sets of which one came "
                f"up {_MOST_ATTEMPTS} times in a row. Hold out fewer sets."
            )
            raise ValueError(message)
    draws = SeededDraws(seeds, "activation")
    strength = 0.28 + 0.72 * draws.uniform("strength", len(AUS)) ** 1.1
    traced = draws.uniform("traced", len(AUS)) < (0.25 if trace else 0.0)
    faint = 0.13 * draws.uniform("faint", len(AUS)) * traced
    return torch.where(present, strength, faint)


def _as_rows(held_out: Sequence[Sequence[int]]) -> Tensor:
    rows = torch.zeros(len(held_out), len(AUS), dtype=torch.bool)
    for row, numbers in zip(rows, held_out, strict=True):
        for number in numbers:
            if number not in AUS:
                message = (
                    f"sample_faces: held_out must name AUs of the zoo, got {number!r} in {tuple(numbers)}. "
                    f"They are {', '.join(map(str, AUS))}."
                )
                raise ValueError(message)
            row[AUS.index(number)] = True
    return rows


def sample_nuisance(seeds: Int[Tensor, " batch"]) -> dict[str, Tensor]:
    """Draw movements without a label: lips that part, a jaw that drops, eyes that blink."""
    draws = SeededDraws(seeds, "nuisance")

    def sometimes(name: str, share: float) -> Tensor:
        return torch.where(draws.uniform(f"{name} at all") < share, draws.uniform(name), 0.0).float()

    return {"part": sometimes("part", 0.30), "jaw": sometimes("jaw", 0.15), "blink": sometimes("blink", 0.08)}


def _still(seeds: Tensor) -> dict[str, Tensor]:
    return {name: torch.zeros(len(seeds)) for name in ("part", "jaw", "blink")}


def sample_view(seeds: Int[Tensor, " batch"]) -> dict[str, Tensor]:
    """Draw pose and gaze (radians and half face widths), light, background, clothes and camera."""
    draws = SeededDraws(seeds, "view")
    azimuth = (draws.uniform("azimuth") * 2 - 1) * 0.75
    elevation = 0.32 + 0.45 * draws.uniform("elevation")
    direction = torch.stack(
        [
            torch.sin(azimuth) * torch.cos(elevation),
            torch.sin(elevation),
            torch.cos(azimuth) * torch.cos(elevation),
        ],
        -1,
    )
    warmth = (draws.uniform("warmth", 1) * 2 - 1) * 0.07
    key = torch.cat([1 + warmth, torch.ones_like(warmth), 1 - warmth], 1)
    key = key * (1 + 0.12 * (draws.uniform("key", 1) * 2 - 1))
    backdrop = 0.06 + 0.50 * draws.uniform("backdrop", 1) + draws.normal("backdrop_tint", 3, deviation=0.04)
    shirt = draws.uniform("shirt", 1) ** 1.4 * 0.6 + draws.normal("shirt_tint", 3, deviation=0.10)
    view = {
        "yaw": draws.normal("yaw", deviation=0.115, limit=3.0),
        "pitch": draws.normal("pitch", deviation=0.07, limit=2.8),
        "roll": draws.normal("roll", deviation=0.04),
        "scale": 1 + draws.normal("scale", deviation=0.03),
        "shift": draws.normal("shift", 2, deviation=0.03),
        "gaze": draws.normal("gaze", 2, limit=2.5) * torch.tensor([0.020, 0.012], dtype=torch.float64),
        "light": direction,
        "key": key,
        "ambient": 0.34 + 0.22 * draws.uniform("ambient"),
        "backdrop": backdrop.clamp(0.02, 0.85),
        "backdrop_slope": draws.normal("backdrop_slope", 2, deviation=0.20),
        "backdrop_mottle": 0.05 + 0.22 * draws.uniform("backdrop_mottle"),
        "shirt": shirt.clamp(0.01, 0.75),
        "collar": draws.uniform("collar"),
        "exposure": 1 + draws.normal("exposure", deviation=0.08),
        "noise": 0.004 + 0.010 * draws.uniform("noise"),
        "grain": draws.uniform("grain", 2),
    }
    return {name: value.float() for name, value in view.items()}
