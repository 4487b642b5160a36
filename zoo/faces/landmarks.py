"""68 points on the face in the order of iBUG 300-W, from the curves that draw it."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from zoo.faces.controls import Head
from zoo.faces.curves import brow_line, lid_curves, lip_curves, lip_side, mouth_span
from zoo.faces.heights import Surface
from zoo.faces.pose import Turn, project

NUM_LANDMARKS = 68
_JAW = 17
_EYE = {0: (1.0, 0.68, 0.32, 0.0, 0.32, 0.68), 1: (0.0, 0.32, 0.68, 1.0, 0.68, 0.32)}
_LIPS = (
    (0, (-1.0, -0.6, -0.22, 0.0, 0.22, 0.6, 1.0)),
    (3, (0.6, 0.25, 0.0, -0.25, -0.6)),
    (1, (-0.92, -0.35, 0.0, 0.35, 0.92)),
    (2, (0.35, 0.0, -0.35)),
)


def face_points(head: Head) -> tuple[Tensor, Tensor]:
    """The points on the face, x and y, each (batch, 68); the jaw's are those of the face seen from the front."""
    device, batch = head.raw("chin_y").device, head.num_faces

    def row(values: tuple[float, ...]) -> Tensor:
        return torch.tensor(values, device=device).expand(batch, len(values))

    points: list[tuple[Tensor, Tensor]] = [_jaw(head, device)]
    for side, sign in enumerate((-1.0, 1.0)):
        steps = row((1.0, 0.75, 0.5, 0.25, 0.0) if side == 0 else (0.0, 0.25, 0.5, 0.75, 1.0))

        def at(name: str, side: int = side) -> Tensor:
            return head.raw(name)[:, side, None]

        start, end = at("brow_x0"), at("brow_x2")
        x = start + steps * (end - start)
        points.append((sign * x, brow_line(x, at)[1]))
    points += _nose(head)
    for side, sign in enumerate((-1.0, 1.0)):
        along = row(_EYE[side])

        def both(name: str, side: int = side) -> Tensor:
            value = head.raw(name)
            return value[:, side, None] if value.dim() == 2 else value[:, None]

        upper, lower, axis = lid_curves(along, both)
        y = torch.stack([axis[:, 0], upper[:, 1], upper[:, 2], axis[:, 3], lower[:, 4], lower[:, 5]], 1)
        x = both("eye_x") - both("eye_width") + along * (2 * both("eye_width") - both("canthus_in"))
        points.append((sign * x, y))
    middle, half = (value[..., 0] for value in mouth_span(head))
    for curve, places in _LIPS:
        along = row(places)
        y = lip_curves(along[:, None], lip_side(along)[:, None], head)[curve][:, 0]
        points.append((middle + along * half, y))
    x, y = (torch.cat(axis, 1) for axis in zip(*points, strict=True))
    return x, y


def _jaw(head: Head, device: torch.device) -> tuple[Tensor, Tensor]:
    angle = torch.linspace(-0.49 * math.pi, 0.49 * math.pi, _JAW, device=device)  # from straight down
    sine, cosine = torch.sin(angle), torch.cos(angle)
    width, power = head.raw("face_width")[:, None], head.raw("jaw_power")[:, None]
    jaw = head.raw("jaw_width")[:, None]
    across = (sine.abs() / (width * jaw)).clamp_min(1e-4) ** power
    along = (cosine / -head.raw("chin_low")[:, None]).clamp_min(1e-4) ** power
    radius = (across + along) ** (-1 / power)
    return radius * sine, -radius * cosine


def _nose(head: Head) -> list[tuple[Tensor, Tensor]]:
    base = head.raw("nose_y")[:, None]
    up, wide = head.raw("ala_up").mean(1, keepdim=True), head.raw("ala_wide").mean(1, keepdim=True)
    down = torch.linspace(0, 1, 4, device=base.device)
    ridge_y = 0.06 + (base + 0.02) * down
    steps = torch.tensor([-1, -0.5, 0, 0.5, 1.0], device=base.device)
    base_x = steps * (0.85 * head.raw("nose_width")[:, None] + wide)
    base_y = (base - 0.045 + 0.5 * up).expand(-1, 5)
    return [(torch.zeros_like(ridge_y), ridge_y), (base_x, base_y)]


def landmarks(head: Head, surface: Surface, turn: Turn, face: Tensor, hair: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Give the points in pixels (batch, 68, 2) and whether each is seen (batch, 68).

    The jaw line is the outline that the camera sees: on rays from the middle of the face, the last point of
    the face's coverage. A point is hidden outside the frame and under hair.
    """
    x, y = face_points(head)
    x_pixels, y_pixels = project(x, y, surface.height(x, y), turn, size)
    points = torch.stack([x_pixels, y_pixels], -1)
    points = torch.cat([_silhouette(points, face), points[:, _JAW:]], 1)
    inside = ((points > 0) & (points < size)).all(-1)
    covered = _read(hair, points) > 0.5
    return points, inside & ~covered


def _read(coverage: Tensor, points: Tensor) -> Tensor:
    """Coverage (batch, h, w) at points in pixels (batch, n, 2)."""
    grid = (points.detach() * (2 / coverage.shape[-1]) - 1)[:, None]
    return functional.grid_sample(coverage.detach()[:, None], grid, padding_mode="border", align_corners=False)[:, 0, 0]


def _silhouette(points: Tensor, face: Tensor) -> Tensor:
    """Move the jaw's points along rays from the face's middle to where the drawn face ends."""
    centre = points[:, 27:31].mean(1, keepdim=True)
    rays = points[:, :_JAW] - centre
    steps = torch.linspace(0.70, 1.25, 56, device=points.device)
    tried = centre[:, :, None] + rays[:, :, None] * steps[:, None]
    within = _read(face, tried.flatten(1, 2)).unflatten(1, (_JAW, len(steps))) > 0.5
    # The first step outside; a jaw that leaves the frame stays where its contour projects to.
    outside = (~within).to(torch.int64).argmax(-1)
    found = within[..., 0] & (~within).any(-1)
    share = torch.where(found, steps[outside] - 0.5 * (steps[1] - steps[0]), torch.ones_like(rays[..., 0]))
    return centre + rays * share[..., None]
