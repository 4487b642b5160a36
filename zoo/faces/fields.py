"""Small functions on planes of numbers from which faces are drawn."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def plane(values: Tensor) -> Tensor:
    """Let one number per face act on its plane: (n,) to (n, 1, 1)."""
    return values[:, None, None]


def lerp(start: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    """Blend from ``start`` (weight 0) to ``end`` (weight 1)."""
    return start + (end - start) * weight


def smoothstep(start: Tensor | float, end: Tensor | float, at: Tensor) -> Tensor:
    """Rise smoothly from 0 at ``start`` to 1 at ``end``, which may be the smaller."""
    share = ((at - start) / (end - start)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def decay(amount: Tensor) -> Tensor:
    """Fall from 1 towards 0: exp(-amount).

    Never below the smallest normal float: exponentials that underflow take 50 to 150 times as long on a CPU,
    and most of a face is far away from any one of its wrinkles.
    """
    return amount.clamp_max(80.0).neg_().exp_()


def plateau(distance: Tensor, width: Tensor | float) -> Tensor:
    """Bell of height 1 with a flat top and steep flanks."""
    scaled = distance / width
    squared = scaled * scaled
    return decay(squared * squared)


def gauss(distance: Tensor, width: Tensor | float) -> Tensor:
    """Bell of height 1."""
    scaled = distance / width
    return decay(scaled * scaled)


def bump(
    x: Tensor,
    y: Tensor,
    at_x: Tensor | float,
    at_y: Tensor | float,
    width: Tensor | float,
    height: Tensor | float,
) -> Tensor:
    """Bell of height 1 in two dimensions."""
    across, along = (x - at_x) / width, (y - at_y) / height
    return decay(across * across + along * along)


def fold(values: Tensor) -> Tensor:
    """Mirror at the midline without a crease there: a smooth absolute value."""
    return (values * values + 9e-4).sqrt()


def widen(width: float | Tensor, pixel: float) -> tuple[float | Tensor, float | Tensor]:
    """Keep a line visible when it is thinner than a pixel: wider, and fainter by as much."""
    wide = (width * width + (0.55 * pixel) ** 2) ** 0.5
    return wide, width / wide


def crease(distance: Tensor, width: float, pixel: float) -> tuple[Tensor, Tensor]:
    """Profile of a fold in the skin: its height (a valley with raised flanks) and how dark it is inside."""
    wide, strength = widen(width, pixel)
    squared = (distance / wide) ** 2
    valley = decay(squared) * strength
    return -(1 - 0.8 * squared) * valley, valley


def comb(phase: Tensor, sharpness: float) -> Tensor:
    """Parallel lines, one for each whole number of ``phase``."""
    return torch.exp(sharpness * (torch.cos(2 * math.pi * phase) - 1))


def cover(distance: Tensor, pixel: float) -> Tensor:
    """Share of a pixel that lies inside an edge at signed ``distance``, inside positive."""
    return (distance / pixel + 0.5).clamp(0, 1)


def paint(colors: Tensor, over: Tensor, alpha: Tensor) -> Tensor:
    """Paint ``over`` with ``alpha`` (n, h, w) on ``colors`` (n, 3, h, w)."""
    return colors + (over - colors) * alpha[:, None]


def tint(values: Tensor) -> Tensor:
    """Let one colour per face act on its image: (n, 3) to (n, 3, 1, 1)."""
    return values[:, :, None, None]


def color(like: Tensor, red: float, green: float, blue: float) -> Tensor:
    """Make a colour for images (n, 3, h, w)."""
    return torch.tensor([red, green, blue], dtype=like.dtype, device=like.device)[None, :, None, None]


def points(x: Tensor, y: Tensor) -> Tensor:
    """Pair coordinates for ``grid_sample``: (..., 2). Interleaves in one pass, which ``torch.stack`` does not."""
    return torch.view_as_real(torch.complex(x, y))


class Noise:
    """Smooth random textures, the same in every renderer.

    Args:
        device: Where the textures are kept.
    """

    def __init__(self, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(7)
        scales = (14.0, 4.0, 1.3, 0.9)
        self._texture = torch.cat([_smooth_noise(256, scale, generator) for scale in scales], 1).to(device)
        self._grain = torch.randn(512, 512, generator=generator).to(device)

    def sample(self, x: Tensor, y: Tensor, offset: Tensor, channels: slice) -> Tensor:
        """Read textures (coarse to fine) at coordinates, two units per tile, mirrored beyond: (n, c, h, w)."""
        grid = points(x + plane(offset[:, 0]), y + plane(offset[:, 1]))
        texture = self._texture[:, channels].expand(len(x), -1, -1, -1)
        return functional.grid_sample(texture, grid, padding_mode="reflection", align_corners=False)

    def strands(self, across: Tensor, along: Tensor, offset: Tensor) -> Tensor:
        """Hairs: noise of two scales, to be stretched by the coordinates."""
        return 0.6 * self.sample(across * 0.5, along * 0.5, offset.flip(-1), slice(1, 3)).sum(1)

    def grain(self, size: int, start: Tensor) -> Tensor:
        """White noise of one's own for each frame: a window of a large tile, from ``start`` in [0, 1) on."""
        steps = torch.arange(size, device=start.device)
        first = (start.double() * 512).long()
        rows = (first[:, 0, None] + steps) % 512
        columns = (first[:, 1, None] + steps) % 512
        return self._grain[rows[:, :, None], columns[:, None, :]]


def _smooth_noise(size: int, scale: float, generator: torch.Generator) -> Tensor:
    """White noise blurred by ``scale`` pixels, of unit variance, (1, 1, size, size)."""
    spectrum = torch.fft.rfft2(torch.randn(1, 1, size, size, generator=generator))
    rows, columns = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)[None]
    blur = torch.exp(-2 * (math.pi * scale) ** 2 * (rows**2 + columns**2))
    blurred = torch.fft.irfft2(spectrum * blur, s=(size, size))
    return blurred / blurred.std()
