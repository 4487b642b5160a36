"""From the face's own coordinates to pixels and back, and windows of the image around parts of the face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from zoo.faces.fields import plane

FRAME_SIDE = 2.90
"""Side of the image in units of half a face width."""
FRAME_CENTRE_Y = -0.28
_PIVOT = -0.30
"""Height and depth of the point about which the head turns."""
_ITERATIONS = 5


@dataclass(frozen=True)
class Turn:
    """Sines and cosines of the pose, shift and scale, one per face."""

    yaw_sin: Tensor
    yaw_cos: Tensor
    pitch_sin: Tensor
    pitch_cos: Tensor
    roll_sin: Tensor
    roll_cos: Tensor
    scale: Tensor
    shift_x: Tensor
    shift_y: Tensor

    @staticmethod
    def of(view: dict[str, Tensor]) -> Turn:
        """Read the pose from a view."""
        # In double, so that the float result does not depend on how many faces are computed at once.
        yaw, pitch, roll = (view[name].double() for name in ("yaw", "pitch", "roll"))
        return Turn(
            yaw_sin=torch.sin(yaw).float(),
            yaw_cos=torch.cos(yaw).float(),
            pitch_sin=torch.sin(pitch).float(),
            pitch_cos=torch.cos(pitch).float(),
            roll_sin=torch.sin(roll).float(),
            roll_cos=torch.cos(roll).float(),
            scale=view["scale"],
            shift_x=view["shift"][:, 0],
            shift_y=view["shift"][:, 1],
        )

    def planes(self) -> Turn:
        """The same, to act on planes."""
        return Turn(*(plane(value) for value in vars(self).values()))


def pixel_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Coordinates of the pixels' centres, x right and y up: two of (size, size)."""
    steps = ((torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size * 2 - 1) * (FRAME_SIDE / 2)
    y, x = torch.meshgrid(-steps + FRAME_CENTRE_Y, steps, indexing="ij")
    return x, y


def upright(x: Tensor, y: Tensor, turn: Turn) -> tuple[Tensor, Tensor]:
    """Undo shift, scale and roll."""
    t = turn.planes()
    x, y = (x - t.shift_x) / t.scale, (y - t.shift_y) / t.scale - _PIVOT
    return t.roll_cos * x + t.roll_sin * y, t.roll_cos * y - t.roll_sin * x + _PIVOT


def unturn(
    x: Tensor, y: Tensor, turn: Turn, heights: Tensor, normalize: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Find the point of the face seen at each upright pixel, by damped fixed-point steps on the heights.

    Converges while the tangent of the yaw times the face's slope stays below 1: to about 20 degrees.
    """
    t = turn.planes()
    across, down = x, y - _PIVOT
    depth = torch.zeros_like(x)
    seen_x, seen_y = across, down
    for step in range(_ITERATIONS):
        grid = normalize(seen_x, seen_y + _PIVOT)
        here = functional.grid_sample(heights, grid, padding_mode="border", align_corners=True)[:, 0] - _PIVOT
        depth = here if step == 0 else depth + 0.75 * (here - depth)
        seen_x = (across - t.yaw_sin * depth) / t.yaw_cos
        towards = t.yaw_cos * depth - t.yaw_sin * seen_x
        seen_y = (down + t.pitch_sin * towards) / t.pitch_cos
    return seen_x, seen_y + _PIVOT


def view_depth(x: Tensor, y: Tensor, height: Tensor, turn: Turn) -> Tensor:
    """Distance towards the camera of points of the face."""
    t = turn.planes()
    towards = t.yaw_cos * (height - _PIVOT) - t.yaw_sin * x
    return t.pitch_sin * (y - _PIVOT) + t.pitch_cos * towards


def view_slopes(slope_x: Tensor, slope_y: Tensor, turn: Turn) -> tuple[Tensor, Tensor]:
    """Turn the face's slopes with the head: rise towards the camera to the right and upwards in the image."""
    t = turn.planes()
    # The surface's normal (-slope_x, -slope_y, 1), turned by yaw, pitch and roll.
    across = t.yaw_sin - t.yaw_cos * slope_x
    towards = t.yaw_sin * slope_x + t.yaw_cos
    up = -t.pitch_cos * slope_y - t.pitch_sin * towards
    towards = (t.pitch_cos * towards - t.pitch_sin * slope_y).clamp_min(0.15)
    return (
        (t.roll_sin * up - t.roll_cos * across) / towards,
        -(t.roll_sin * across + t.roll_cos * up) / towards,
    )


def project(x: Tensor, y: Tensor, height: Tensor, turn: Turn, size: int) -> tuple[Tensor, Tensor]:
    """Give the pixels of points of the face, all (batch, point); the top-left pixel's centre is (0.5, 0.5)."""
    t = Turn(*(value[:, None] for value in vars(turn).values()))
    y, height = y - _PIVOT, height - _PIVOT
    turned_x = t.yaw_cos * x + t.yaw_sin * height
    towards = t.yaw_cos * height - t.yaw_sin * x
    turned_y = t.pitch_cos * y - t.pitch_sin * towards
    rolled_x = t.roll_cos * turned_x - t.roll_sin * turned_y
    rolled_y = t.roll_sin * turned_x + t.roll_cos * turned_y
    frame_x = rolled_x * t.scale + t.shift_x
    frame_y = (rolled_y + _PIVOT) * t.scale + t.shift_y
    return (frame_x / FRAME_SIDE + 0.5) * size, (0.5 - (frame_y - FRAME_CENTRE_Y) / FRAME_SIDE) * size


class Window:
    """A rectangle of the image around a part of the face, of the same size in every frame.

    Where it lies depends on the frame's own pose alone, so that a frame does not depend on its batch. Layers
    of detail are computed in windows only, which costs about half of what whole planes would.

    Args:
        turn: The pose.
        size: Side of the image in pixels.
        x: From and to, on the face; of the right half if there is one window for each side.
        y: From and to.
        height: The face's height in the middle of the window.
        sided: One window for each side, the left one mirrored.
    """

    _margin = 0.055

    def __init__(
        self,
        turn: Turn,
        size: int,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        height: float = 0.0,
        sided: bool = False,
    ) -> None:
        centre = torch.full_like(turn.scale, sum(x) / 2)
        middle = torch.full_like(turn.scale, sum(y) / 2)
        extent = (x[1] - x[0], y[1] - y[0])
        self._place(turn, size, torch.stack([-centre, centre], 1) if sided else centre[:, None], middle, extent, height)

    @staticmethod
    def around(turn: Turn, size: int, x: Tensor, y: Tensor, radius: float) -> Window:
        """Make a window around a point of one's own in each face."""
        window = Window.__new__(Window)
        window._place(turn, size, x[:, None], y, (2 * radius, 2 * radius), 0.0)
        return window

    def _place(self, turn: Turn, size: int, x: Tensor, y: Tensor, extent: tuple[float, float], height: float) -> None:
        per_unit = 1.06 * size / FRAME_SIDE
        # A multiple of 32 pixels: vector units then treat every frame alike, to the last bit.
        self.width = min(size, -int(-(extent[0] + 2 * self._margin) * per_unit // 8) * 8)
        self.height = min(size, -int(-(extent[1] + 2 * self._margin) * per_unit // 4) * 4)
        self.num_sides = x.shape[1]
        at_x, at_y = project(x, y[:, None].expand_as(x), torch.full_like(x, height), turn, size)
        left = (at_x.detach() - self.width / 2).round().long().clamp(0, size - self.width)
        top = (at_y.detach() - self.height / 2).round().long().clamp(0, size - self.height)
        rows = top[..., None] + torch.arange(self.height, device=x.device)
        columns = left[..., None] + torch.arange(self.width, device=x.device)
        self._index = rearrange(rows[..., :, None] * size + columns[..., None, :], "b s h w -> b s (h w)")

    def cut(self, planes: Tensor) -> tuple[Tensor, ...]:
        """Cut the window out of planes (batch, c, h, w): c tensors ((batch side), height, width)."""
        index = rearrange(self._index, "b s n -> b 1 (s n)").expand(-1, planes.shape[1], -1)
        pieces = planes.flatten(2).gather(2, index)
        return rearrange(pieces, "b c (s h w) -> c (b s) h w", s=self.num_sides, h=self.height, w=self.width).unbind(0)

    def add(self, planes: Tensor, *layers: Tensor) -> None:
        """Add layers, in the shape that ``cut`` gives, to the first of the planes (batch, c, h, w), in place."""
        flat = planes.flatten(2)[:, : len(layers)]
        values = rearrange(torch.stack(layers), "c (b s) h w -> s b c (h w)", s=self.num_sides)
        for side in range(self.num_sides):  # sides may overlap at the midline: one after the other
            flat.scatter_add_(2, self._index[:, side, None].expand(-1, len(layers), -1), values[side])
