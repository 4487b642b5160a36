"""From action units to what the face does: the rules of FACS, combinations included.

An AU that acts with others does not simply add its own look. FACS (Ekman, Friesen and Hager 2002) tells
additive, masking and distinctive combinations; here every one of them is a formula over the activations,
and the result is a set of named kinematic variables. The coefficients are our reading of FACS, tuned by eye.
Lengths are in units of half the face's width (68 mm), y up.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Kinematics:
    """The state of the face's moving parts, each a tensor (batch, side).

    Names ending in ``_x`` and ``_y`` are displacements (x away from the midline unless said otherwise);
    the others are amounts, 0 at rest, about 1 at full strength; thicknesses are factors, 1 at rest.
    """

    # brows and forehead
    brow_in_y: Tensor
    brow_mid_y: Tensor
    brow_out_y: Tensor
    brow_in_x: Tensor  # towards the midline
    brow_flat: Tensor  # 1+2+4 flattens the inner half
    forehead_centre: Tensor
    forehead_lateral: Tensor
    forehead_full: Tensor  # 1+2 joins the lines across the whole forehead
    omega: Tensor  # 1+4 bows the lines up in the middle
    glabella: Tensor
    glabella_bulge: Tensor
    glabella_y: Tensor
    oblique: Tensor  # crease over the inner brow in 1+4
    procerus: Tensor  # crease across the root of the nose
    # eyes and cheeks
    cheek_up: Tensor
    lid_low: Tensor
    lid_straight: Tensor
    lid_up: Tensor
    lid_roll: Tensor  # AU7's taut bulge under the lashes
    fold_triangle: Tensor  # triangular eye cover fold of 1+4
    fold_up: Tensor
    crow: Tensor
    infraorbital: Tensor
    canthus_in: Tensor
    # nose and nasolabial fold
    ala_up: Tensor
    ala_wide: Tensor
    nasolabial_upper: Tensor
    nasolabial_lower: Tensor
    nasolabial_out: Tensor
    triangle: Tensor  # infraorbital triangle
    # corners of the mouth
    corner_x: Tensor
    corner_y: Tensor
    hook: Tensor  # share of the corner's height that only the end of the lip line takes
    hook_y: Tensor
    corner_tight: Tensor
    dimple: Tensor
    pouch: Tensor  # AU15's pouch below the corner
    beyond: Tensor  # wrinkles beyond the corner
    # lips
    mouth_up: Tensor
    upper_lift: Tensor
    upper_bend: Tensor  # AU10's angular bend
    part: Tensor
    upper_thick: Tensor
    lower_thick: Tensor
    protrude: Tensor
    roll_in: Tensor
    seam: Tensor
    press_bulge: Tensor
    tight_bulge: Tensor
    radial: Tensor
    lip_flat: Tensor
    # chin
    chin_up: Tensor
    chin_wrinkle: Tensor
    mentolabial: Tensor
    chin_flat: Tensor


def _union(*amounts: Tensor) -> Tensor:
    """Saturating sum: two muscles that do the same thing do not add linearly."""
    rest = torch.ones_like(amounts[0])
    for amount in amounts:
        rest = rest * (1 - amount.clamp(0, 1))
    return 1 - rest


def _both(first: Tensor, second: Tensor) -> Tensor:
    """Co-contraction: about the harmonic mean, 0 if either is absent."""
    return 2 * first * second / (first + second + 0.02)


def _presence(amount: Tensor) -> Tensor:
    """Rise to 1 soon after 0."""
    return amount * 1.15 / (amount + 0.15)


def combined(activation: Float[Tensor, "*shape au"]) -> Kinematics:
    """Apply the rules to AUs that act together, activations in [0, 1]."""
    a1, a2, a4, a6, a7, a10, a12, a14, a15, a17, a23, a24 = activation.unbind(-1)

    # Brows. AU1's medial frontalis holds the inner brow against AU4; AU2 keeps the middle up.
    b12 = _both(a1, a2)
    all124 = (a1 * a2 * a4).clamp_min(1e-9) ** (1 / 3) - 1e-3
    grief = _both(a1, a4) * (1 - _presence(a2))  # 1+4 without 2
    hold = _presence(a1)
    brow_in_y = 0.150 * a1 * (1 - 0.28 * a4) + 0.02 * a2 * (1 - a1) - 0.095 * a4 * (1 - 0.9 * hold) * (1 - 0.45 * a2)
    brow_mid_y = (
        0.050 * a1 * (1 - a4)
        + 0.100 * a2 * (1 - 0.38 * a4)
        + 0.035 * b12 * (1 - a4)
        - 0.100 * a4 * (1 - 0.40 * hold) * (1 - 0.55 * _presence(a2))
    )
    brow_out_y = (
        0.150 * a2 * (1 - 0.32 * a4) + 0.030 * b12 * (1 - a4) - 0.045 * a4 * (1 - a2) - 0.020 * grief - 0.018 * a6
    )

    # Mouth corners: forces over a stiffness that grows when antagonists pull at once.
    b1215, b1217, b1517 = _both(a12, a15), _both(a12, a17), _both(a15, a17)
    press = _union(a23, a24)
    stiffness = (
        1 + 0.55 * b1215 + 0.15 * b1217 + 0.25 * _both(a12, a14) + 0.45 * _both(a12, press) + 0.25 * _both(a15, press)
    )
    force_y = 0.130 * a12 * (1 - 0.15 * a15) - 0.130 * a15 * (1 - 0.25 * a12) + 0.006 * a14 + 0.012 * a10
    force_x = 0.118 * a12 + 0.030 * a15 + 0.058 * a14 - 0.020 * a17 * (1 - 0.7 * a12)
    sealed = _union(a17, a24, a23)

    return Kinematics(
        brow_in_y=brow_in_y,
        brow_mid_y=brow_mid_y,
        brow_out_y=brow_out_y,
        brow_in_x=0.085 * a4 * (1 - 0.35 * all124) * (1 - 0.10 * a1),
        brow_flat=all124,
        forehead_centre=_union(a1, 0.15 * a2 * (1 - a4)) * (1 - 0.15 * all124),
        forehead_lateral=a2 * (1 - 0.45 * a4),
        forehead_full=b12 * (1 - 0.75 * _presence(a4)),
        omega=_union(grief, 0.7 * all124),
        glabella=a4 * (1 - 0.35 * hold) * (1 - 0.25 * a2),
        glabella_bulge=a4 * (1 - 0.3 * hold),
        glabella_y=0.08 * a1 * (1 - 0.3 * a4) - 0.05 * a4 * (1 - 0.9 * hold),
        oblique=_union(grief, 0.65 * all124),
        procerus=a4 * (1 - 0.9 * hold) * (1 - 0.5 * a2),
        cheek_up=_union(a6, 0.45 * a12, 0.35 * a10),
        lid_low=_union(0.95 * a7, 0.55 * a6, 0.22 * a12),
        lid_straight=_union(a7, 0.30 * a6),
        lid_up=0.30 * _union(a1, a2) * (1 - a7)
        - _union(0.45 * a7, 0.22 * a6, 0.40 * a4 * (1 - _presence((a1 + a2).clamp(0, 1)))),
        lid_roll=a7,
        fold_triangle=grief + 0.4 * all124,
        fold_up=_union(0.8 * a1, a2) * (1 - 0.5 * a4) - 0.55 * a4 * (1 - hold),
        crow=_union(a6, 0.45 * (a12 - 0.45).clamp_min(0) / 0.55) * (1 + 0.15 * _both(a6, a7)),
        infraorbital=_union(0.95 * a6, 0.35 * a12, 0.30 * a10),
        canthus_in=0.02 * a6,
        ala_up=0.055 * a10 * (1 - 0.2 * a15),
        ala_wide=0.030 * _union(0.8 * a10, a12) - 0.010 * a23,
        nasolabial_upper=_union(a10, 0.50 * a12, 0.25 * a6),
        nasolabial_lower=_union(0.95 * a12, 0.40 * a10, 0.30 * a14) * (1 - 0.1 * a17),
        nasolabial_out=0.055 * a12 * (1 - 0.3 * a15),
        triangle=_union(a10, 0.35 * a12),
        # AU23 draws the corners in; AU24 presses and leaves the width.
        corner_x=force_x / (stiffness - 0.30 * b1215)
        - 0.110 * a23 * (1 - 0.55 * _presence(a12))
        - 0.012 * a24 * (1 - 0.35 * a12),
        corner_y=force_y / stiffness - 0.022 * b1517,
        hook=_union(0.85 * a15, 0.45 * b1215) * (1 - 0.25 * a14),
        hook_y=0.045 * b1215 + 0.012 * a15,
        corner_tight=_union(a14, 0.20 * a24, 0.30 * a23, 0.25 * b1215),
        dimple=a14 * (1 - 0.25 * a12),
        pouch=a15 * (1 + 0.25 * b1517) * (1 - 0.35 * b1215),
        beyond=_union(0.55 * a15, b1215, 0.5 * a14),
        mouth_up=0.064 * a17 * (1 - 0.30 * a24) + 0.014 * a10 * (1 + a17) + 0.012 * a12 - 0.010 * a15 * (1 - a17),
        upper_lift=0.088 * a10 * (1 - 0.45 * press) * (1 - 0.30 * a12) * (1 - 0.35 * a14),
        upper_bend=a10 * (1 - 0.55 * a12) * (1 - 0.85 * a14),
        part=(0.070 * a10 + 0.09 * (a12 - 0.5).clamp_min(0)) * (1 - sealed) * (1 - 0.5 * a14),
        upper_thick=(1 - 0.22 * a12)
        * (1 - 0.45 * a23)
        * (1 - 0.86 * a24)
        * (1 - 0.30 * a14)
        * (1 - 0.18 * a17 * (1 - a10)),
        lower_thick=(1 - 0.22 * a12)
        * (1 - 0.42 * a23)
        * (1 - 0.82 * a24)
        * (1 - 0.30 * a14)
        * (1 + 0.30 * a17 * (1 - press))
        * (1 - 0.1 * a15),
        protrude=_union(a17 * (1 - 0.35 * a24) * (1 + 0.25 * b1217), 0.30 * a23 * (1 - a12)),
        roll_in=_union(0.45 * a23, a24),
        seam=_union(0.45 * a23, a24, 0.35 * a14, 0.3 * a17),
        press_bulge=1.25 * a24 * (1 + 0.25 * a17) + 0.25 * _both(a14, a10),
        tight_bulge=a23,
        radial=_union(a23, 0.10 * a24) * (1 - 0.40 * a12) * (1 - 0.35 * a14),
        lip_flat=_union(a14, 0.9 * a24),
        chin_up=0.095 * a17 + 0.020 * a14 - 0.018 * a15 * (1 - a17),
        chin_wrinkle=a17 * (1 + 0.20 * a15) * (1 - 0.25 * _both(a14, a23)),
        mentolabial=_union(0.75 * a17, 0.35 * a15, 0.25 * a24) + 0.35 * b1517,
        chin_flat=_union(0.5 * a15, 0.5 * a14) * (1 - a17),
    )


def kinematics(activation: Float[Tensor, "*shape au"], *, interaction: float = 1.0) -> Kinematics:
    """Give the state of the face for activations in [0, 1], in the order of ``zoo.facs.AUS``.

    With ``interaction`` 1 the AUs follow the rules of FACS; with 0 each variable is the sum of what the AUs
    do alone, a world without combinations; between, the two are blended.
    """
    activation = activation.clamp(0, 1)
    ruled = combined(activation)
    if interaction == 1.0:
        return ruled
    count = activation.shape[-1]
    # Row 0 is the neutral face, row i the i-th AU alone.
    alone = torch.cat([torch.zeros(1, count), torch.eye(count)]).to(activation)
    single = combined(activation * alone.reshape(count + 1, *[1] * (activation.dim() - 1), count))
    states = {}
    for field in fields(Kinematics):
        rows = getattr(single, field.name)
        linear = rows[1:].sum(0) - (count - 1) * rows[0]
        states[field.name] = interaction * getattr(ruled, field.name) + (1 - interaction) * linear
    return Kinematics(**states)
