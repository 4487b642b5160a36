"""The skin as a height field: skull, features and muscle bulges as sums of smooth bumps, and how muscles warp it.

The skin has two coordinates: where it is (face space), and where it was at rest (rest space). Heights of the
resting face and all textures belong to rest space, so that they travel with the skin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from zoo.faces.fields import bump, fold, gauss, plane, points, smoothstep

if TYPE_CHECKING:
    from zoo.faces.controls import Head

_LEFT, _RIGHT, _LOW, _HIGH = -1.6, 1.6, -2.0, 1.7


class Bumps:
    """Gaussian bumps along the axes, mirrored at the midline, to be evaluated on a grid.

    A bump is a product of a function of x and one of y, so a sum of many is one small matrix product.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[Tensor | float, ...]] = []

    def add(self, x: Tensor | float, y: Tensor | float, width: Tensor | float, height: Tensor | float,
            *amplitudes: Tensor | float) -> None:  # fmt: skip
        """Add a bump at (x, y) and its mirror image; x = 0 is one bump on the midline.

        Any number may be one for all, one per face (batch,) or one per side (batch, 2).
        """
        self._rows.append((x, y, width, height, *amplitudes))

    def _profiles(self, grid_x: Tensor, grid_y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Functions of x and y of each row and side, and its amplitudes: (b, j, w), (b, j, h), (c, b, j)."""
        tensors = [value for row in self._rows for value in row if isinstance(value, Tensor)]
        batch, like = len(tensors[0]), tensors[0]

        def sided(value: Tensor | float) -> Tensor:
            if isinstance(value, float):
                return like.new_full((batch, 2), value)
            return (value[:, None] if value.dim() == 1 else value).expand(batch, 2)

        columns = [
            torch.stack([sided(row[column]) for row in self._rows], 1).flatten(1).float()
            for column in range(len(self._rows[0]))
        ]
        central = torch.tensor(
            [isinstance(row[0], float) and row[0] == 0 for row in self._rows], device=grid_x.device
        ).repeat_interleave(2)
        right = torch.sigmoid(grid_x / 0.04)
        weight = torch.stack([1 - right, right]).repeat(len(self._rows), 1)
        across = torch.where(central[:, None], grid_x, fold(grid_x))
        x, y, width, height, *amplitudes = (column[..., None] for column in columns)
        profile_x = gauss(across - x, width) * weight
        profile_y = gauss(grid_y - y, height)
        return profile_x, profile_y, torch.stack([value[..., 0] for value in amplitudes])

    def height(self, grid_x: Tensor, grid_y: Tensor) -> Tensor:
        """Sum the bumps on a grid: (batch, len(grid_y), len(grid_x))."""
        profile_x, profile_y, amplitudes = self._profiles(grid_x, grid_y)
        return torch.bmm((profile_y * amplitudes[0][..., None]).transpose(1, 2), profile_x)

    def displacement(self, grid_x: Tensor, grid_y: Tensor) -> Tensor:
        """Read amplitudes as displacements (away from the midline, up): (batch, 2, len(grid_y), len(grid_x)).

        Where muscles overlap the weights are normalised: together they don't pull further than each alone.
        """
        profile_x, profile_y, (by_x, by_y) = self._profiles(grid_x, grid_y)
        rows = profile_y.transpose(1, 2)
        weight = torch.bmm(rows, profile_x).clamp_min(1.0)
        sign = torch.tanh(grid_x / 0.05)
        moved_x = torch.bmm((profile_y * by_x[..., None]).transpose(1, 2), profile_x * sign)
        moved_y = torch.bmm((profile_y * by_y[..., None]).transpose(1, 2), profile_x)
        return torch.stack([moved_x / weight, moved_y / weight], 1)


def outline(x: Tensor, y: Tensor, head: Head) -> Tensor:
    """Distance from the head's axis relative to the face's outline: 1 on it, less inside."""
    below = y < 0.0
    length = torch.where(below, -head.face("chin_low"), head.face("head_top"))
    power = torch.where(below, head.face("jaw_power"), torch.full_like(y, 2.3))
    jaw = 1 + (head.face("jaw_width") - 1) * smoothstep(-0.3, -1.1, y)
    across = (x.abs() / (head.face("face_width") * jaw)).clamp_min(1e-4)
    along = (y.abs() / length).clamp_min(1e-4)
    return (across**power + along**power).clamp_max(9.0) ** (1 / power)


def _skull(x: Tensor, y: Tensor, head: Head) -> Tensor:
    """The head's dome, rounded off towards the outline."""
    squared = (x / (head.face("face_width") * 1.06)) ** 2 + (y.abs() / 1.85) ** 3.2
    dome = 0.88 * (1 - squared).clamp_min(0.003).sqrt() - 0.88
    return dome - 0.275 * ((outline(x, y, head) - 0.72).clamp(1e-4, 0.32) / 0.28) ** 2.4


def _resting(head: Head) -> Bumps:
    """What lies on the dome at rest, the nose apart."""
    bumps, at = Bumps(), head.raw
    eye_x, eye_y, brow_y, mouth_y = at("eye_x"), at("eye_y"), at("brow_y"), at("mouth_y")
    chin_y = at("chin_y")
    bumps.add(0.38, brow_y - 0.03, 0.33, 0.085, at("brow_ridge"))
    bumps.add(0.0, brow_y - 0.02, 0.14, 0.14, 0.02)
    bumps.add(eye_x - 0.02, eye_y + 0.035, 0.235, 0.135, -at("socket"))
    bumps.add(0.20, eye_y + 0.03, 0.07, 0.10, -0.05)
    bumps.add(eye_x, eye_y - 0.005, 0.165, 0.12, 0.085)
    bumps.add(0.64, eye_y - 0.24, 0.24, 0.17, at("cheekbone"))
    bumps.add(0.50, -0.55, 0.24, 0.22, at("cheek_fat"))
    bumps.add(0.70, -0.85, 0.20, 0.26, -at("hollow"))
    bumps.add(0.0, mouth_y + 0.04, 0.40, 0.27, at("muzzle"))
    bumps.add(0.0, chin_y + 0.20, at("chin_width"), 0.13, at("chin_height"))
    bumps.add(0.0, mouth_y - 0.235, 0.22, 0.055, -0.035)
    bumps.add(0.80, -0.62, 0.14, 0.3, 0.03 * (at("jaw_power") - 2))
    return bumps


def _bulges(head: Head) -> Bumps:
    """What muscles push up when they shorten, and pull in, in face space."""
    bumps, at = Bumps(), head.raw
    eye_x, eye_y, mouth_y, chin_y = at("eye_x"), at("eye_y"), at("mouth_y"), at("chin_y")
    corner_x, corner_y = at("corner_at_x"), at("corner_at_y")
    low = (chin_y - at("drop"))[:, None]
    lips = at("mouth_centre")
    bumps.add(eye_x + 0.05, eye_y - 0.30, 0.22, 0.11, 0.060 * at("cheek_up"))
    bumps.add(0.56, eye_y - 0.55, 0.17, 0.17, 0.045 * at("nasolabial_lower"))
    bumps.add(0.30, at("nose_y") + 0.13, 0.09, 0.10, 0.040 * at("triangle"))
    bumps.add(0.09, at("brow_y") - 0.01, 0.06, 0.09, 0.035 * at("glabella_bulge"))
    bumps.add(corner_x + 0.03, corner_y - 0.13, 0.085, 0.075, 0.028 * at("pouch"))
    bumps.add(corner_x + 0.13, corner_y, 0.05, 0.11, 0.040 * at("dimple"))
    bumps.add(corner_x + 0.055, corner_y, 0.045, 0.06, -0.036 * at("dimple"))
    fold_y = (mouth_y - 0.235)[:, None] + 0.5 * at("chin_up") - at("drop")[:, None]
    bumps.add(0.0, fold_y, 0.16, 0.05, -0.028 * at("mentolabial"))
    bumps.add(0.0, low + 0.24 + at("chin_up"), 0.17, 0.11, 0.040 * at("chin_wrinkle"))
    bumps.add(0.0, low + 0.2, 0.2, 0.12, -0.035 * at("chin_flat"))
    bumps.add(0.0, lips + 0.100, 0.28, 0.05, 0.046 * at("press_bulge"))
    bumps.add(0.0, lips - 0.115, 0.26, 0.05, 0.050 * at("press_bulge"))
    bumps.add(0.0, lips - 0.15, 0.13, 0.05, 0.020 * at("tight_bulge"))
    bumps.add(0.0, lips - 0.07, 0.22, 0.07, 0.060 * at("protrude"))
    return bumps


def nose_base(across: Tensor, nose_y: Tensor | float) -> Tensor:
    """The lower edge of the nose: a gull's wings, lowest at the columella, highest at the alar rims."""
    return nose_y - 0.052 + 0.040 * smoothstep(0.02, 0.12, across) - 0.022 * smoothstep(0.12, 0.21, across)


def nose(x: Tensor, y: Tensor, head: Head) -> Tensor:
    """Height of the nose over the face, in rest space."""
    across = fold(x)
    at = head.face
    nose_y, nose_width = at("nose_y"), at("nose_width")
    down = ((0.13 - y) / (0.13 - nose_y)).clamp(0, 1)  # 0 at the root, 1 at the base
    root = smoothstep(0.40, -0.06, y)
    ridge = (at("bridge_height") * (0.35 + 0.65 * down) + 0.06 * down) * root
    ridge = ridge * gauss(x, at("bridge_width") * (1 + 0.40 * down))
    flank = 0.14 * down * gauss(x, 0.13 + 0.08 * down) * root
    tip = at("tip_height") * bump(x, y, 0.0, nose_y + 0.085 + at("tip_up"), at("tip_width"), 0.10)
    ala = 1.25 * at("ala_height") * bump(across, y, nose_width - 0.070, nose_y + 0.030, 0.070, 0.075)
    ala = ala - 0.03 * bump(across, y, 0.45 * nose_width, nose_y + 0.10, 0.035, 0.06)
    under = torch.sigmoid((y - nose_base(across, nose_y)) / 0.027)
    columella = 0.045 * bump(x, y, 0.0, nose_y - 0.03, 0.045, 0.05)
    groove = 0.02 * bump(across, y, nose_width + 0.02, nose_y + 0.02, 0.035, 0.07)
    return (ridge + flank + tip + ala) * under + columella - groove


class Surface:
    """The skin of a batch of heads, on a grid in face space.

    Args:
        head: The heads.
        resolution: Grid points along each side.
    """

    def __init__(self, head: Head, resolution: int) -> None:
        device = head.raw("chin_y").device
        grid_x = torch.linspace(_LEFT, _RIGHT, resolution, device=device)
        grid_y = torch.linspace(_LOW, _HIGH, resolution, device=device)
        y, x = (axis.expand(head.num_faces, -1, -1) for axis in torch.meshgrid(grid_y, grid_x, indexing="ij"))
        moved = head.muscles.displacement(grid_x, grid_y)
        rest_x, rest_y = x, y
        for _ in range(3):  # rest = here - displacement(rest)
            by_x, by_y = self.read(moved, rest_x, rest_y).unbind(1)
            rest_x, rest_y = x - by_x, y - by_y
        resting = _skull(x, y, head) + _resting(head).height(grid_x, grid_y)
        columns = slice(*torch.searchsorted(grid_x, torch.tensor([-0.5, 0.5], device=device)).tolist())
        rows = slice(*torch.searchsorted(grid_y, torch.tensor([-0.95, 0.48], device=device)).tolist())
        bridge = torch.zeros_like(resting)
        bridge[:, rows, columns] = nose(x[:, rows, columns], y[:, rows, columns], head)
        smooth, bridge = self.read(torch.stack([resting, bridge], 1), rest_x, rest_y).unbind(1)
        smooth = smooth + _bulges(head).height(grid_x, grid_y)
        self.heights = (smooth + bridge)[:, None]
        # Slopes are interpolated, not derived from interpolated heights: those would show the grid's lattice.
        slope_y, slope_x = torch.gradient(smooth, spacing=(grid_y, grid_x), dim=(1, 2))
        self._smooth = torch.stack([slope_x, slope_y, rest_x - x, rest_y - y], 1)
        self.grid_x, self.grid_y = grid_x, grid_y

    @staticmethod
    def normalize(x: Tensor, y: Tensor) -> Tensor:
        """Turn coordinates into those of ``grid_sample``."""
        middle_x, middle_y = (_LEFT + _RIGHT) / 2, (_LOW + _HIGH) / 2
        return points((x - middle_x) * (2 / (_RIGHT - _LEFT)), (y - middle_y) * (2 / (_HIGH - _LOW)))

    @classmethod
    def read(cls, planes: Tensor, x: Tensor, y: Tensor, *, mode: str = "bilinear") -> Tensor:
        """Sample planes (batch, c, h, w) of the grid at points of any plane (batch, h', w')."""
        grid = cls.normalize(x, y)
        return functional.grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=True)

    def smooth(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Slopes without the nose, and the rest coordinates less the given ones, at points (batch, h, w)."""
        return self.read(self._smooth, x, y, mode="bicubic").unbind(1)

    def height(self, x: Tensor, y: Tensor) -> Tensor:
        """Height of points (batch, n)."""
        return self.read(self.heights, x[:, None], y[:, None])[:, 0, 0]


def chroma(head: Head, surface: Surface) -> Tensor:
    """Where the skin is redder, darker and oilier, on the surface's grid but in rest space: (batch, 4, h, w).

    The planes are redness, shade around the eyes, oil and freckles.
    """
    at = head.raw
    red, ring, oil, freckles = Bumps(), Bumps(), Bumps(), Bumps()
    blush, nose_y = at("blush"), at("nose_y")
    red.add(0.50, -0.40, 0.24, 0.20, 0.95 * blush)
    red.add(0.0, nose_y + 0.08, 0.13, 0.12, 0.75 * blush)
    red.add(0.0, -1.42, 0.2, 0.12, 0.35 * blush)
    red.add(0.45, 0.0, 0.26, 0.16, 0.25 * blush)
    ring.add(at("eye_x") - 0.04, -0.13, 0.20, 0.07, 0.07 + 0.13 * at("age"))
    ring.add(at("eye_x"), 0.09, 0.24, 0.09, 0.12 * torch.ones_like(blush))
    shine = at("oil")
    oil.add(0.0, 0.5, 0.45, 0.3, 0.8 * shine)
    oil.add(0.0, -0.35, 0.12, 0.3, 0.9 * shine)
    oil.add(0.55, -0.25, 0.2, 0.15, 0.5 * shine)
    freckles.add(0.35, -0.30, 0.5, 0.35, at("freckles"))
    planes = [bumps.height(surface.grid_x, surface.grid_y) for bumps in (red, ring, oil, freckles)]
    planes[2] = planes[2] + 0.6 * plane(shine)
    return torch.stack(planes, 1)
