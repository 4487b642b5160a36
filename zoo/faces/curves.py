"""Analytic curves of lids, lips and brows, shared by the drawing and the landmarks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.faces.controls import Head
from zoo.faces.fields import gauss, lerp, smoothstep

Lookup = Callable[[str], Tensor]


def lid_curves(along: Tensor, at: Lookup) -> tuple[Tensor, Tensor, Tensor]:
    """Upper margin, lower margin and axis of an eye: y at ``along`` from 0 (inner corner) to 1 (outer)."""
    inside = along.clamp(1e-4, 1 - 1e-4)
    axis = at("eye_y") + at("eye_tilt") * (2 * along - 1)
    arch = (1 - (2 * along - 1) ** 2).clamp_min(0)
    upper_shape = (inside / 0.46) ** 0.60 * ((1 - inside) / 0.54) ** 0.70
    lower_shape = (inside / 0.58) ** 0.85 * ((1 - inside) / 0.42) ** 0.62
    upper = axis + (at("eye_upper") + 0.028 * at("lid_up")) * upper_shape
    upper = upper + 0.016 * at("fold_triangle") * gauss(along - 0.30, 0.2)
    lower = axis - at("eye_lower") * (1 - 0.66 * at("lid_straight")) * lower_shape + 0.029 * at("lid_low") * arch
    upper = lerp(upper, lower + 0.010 * arch, at("blink"))
    return upper, torch.minimum(lower, upper - 0.012 * (1 - at("blink"))), axis


def lip_curves(along: Tensor, right: Tensor, head: Head) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Outer and inner edge of the upper lip, inner and outer edge of the lower: y at ``along``.

    ``along`` runs from -1 (left corner) to 1 (right), ``right`` is the right side's share there.
    """

    def at(name: str) -> Tensor:
        return head.across(name, right)

    distance = along.abs().clamp(0, 1)
    squared = distance * distance
    sixth = squared * squared * squared
    centre, lift, part = head.face("mouth_centre"), head.face("upper_lift"), head.face("part")
    hook = (0.10 + 0.60 * at("hook")).clamp(0, 0.9)
    flat = at("lip_flat")
    line = centre + (at("corner_at_y") - centre) * ((1 - hook) * squared + hook * sixth)
    line = line + 1.9 * at("hook_y") * (squared * distance - sixth * squared)
    line = line - 0.20 * head.face("lip_upper") * gauss(along, 0.17) * (1 - flat) * (1 - at("seam").clamp(0, 1))
    arch = (1 - squared).clamp_min(0)
    # AU10 lifts in an arch, and at full strength with an angular bend.
    bent = lerp(arch, 1 / (1 + sixth * (1 / 0.60**6)), 0.85)
    raised = lift * lerp(arch, bent, at("upper_bend"))
    tight = at("corner_tight")
    bow = gauss(distance - 0.20, 0.13) - 1.15 * gauss(distance, 0.085)
    bow = 1 + head.face("cupid") * bow * (1 - 0.6 * flat)
    safe = arch.clamp_min(1e-5)
    opened = part / (part + 0.03)
    inner_upper = line + raised * (0.45 + 0.10 * opened) + 0.30 * part * arch
    inner_lower = line + 0.35 * raised * (1 - opened) - (0.55 * part + head.face("drop")) * safe**0.8
    outer_upper = inner_upper + 0.55 * raised
    outer_upper = outer_upper + head.face("lip_upper") * at("upper_thick") * safe ** (0.80 + 0.75 * tight) * bow
    outer_lower = inner_lower - head.face("lip_lower") * at("lower_thick") * safe ** (0.62 + 0.70 * tight)
    return outer_upper, inner_upper, inner_lower, outer_lower


def lip_side(along: Tensor) -> Tensor:
    """The right side's share along the mouth."""
    return smoothstep(-0.5, 0.5, along)


def brow_line(x: Tensor, at: Lookup) -> tuple[Tensor, Tensor, Tensor]:
    """Position along the brow (0 inner end, 1 outer), height and slope of its middle line at ``x``."""
    start, middle, end = at("brow_x0"), at("brow_x1"), at("brow_x2")
    along = (x - start) / (end - start)
    at_middle = (middle - start) / (end - start)
    y0, y1, y2 = at("brow_y0"), at("brow_y1"), at("brow_y2")
    # The parabola through three points, by Lagrange.
    weight0, weight1, weight2 = 1 / at_middle, 1 / (at_middle * (at_middle - 1)), 1 / (1 - at_middle)
    y = (
        y0 * weight0 * (along - at_middle) * (along - 1)
        + y1 * weight1 * along * (along - 1)
        + y2 * weight2 * along * (along - at_middle)
    )
    slope = (
        y0 * weight0 * (2 * along - at_middle - 1)
        + y1 * weight1 * (2 * along - 1)
        + y2 * weight2 * (2 * along - at_middle)
    ) / (end - start)
    return along, y, slope


def mouth_span(head: Head) -> tuple[Tensor, Tensor]:
    """Middle and half width of the mouth, (batch, 1, 1)."""
    corners = head.raw("corner_at_x")
    left, right = -corners[:, :1, None], corners[:, 1:, None]
    return (left + right) / 2, (right - left) / 2
