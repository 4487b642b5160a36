"""Lips, eyes, brows and nose in detail: height, darkness, and what colour covers what."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.faces.controls import Head
from zoo.faces.curves import brow_line, lid_curves, lip_curves, lip_side, mouth_span
from zoo.faces.fields import (
    Noise,
    bump,
    color,
    comb,
    cover,
    crease,
    decay,
    fold,
    gauss,
    paint,
    plane,
    plateau,
    smoothstep,
    tint,
    widen,
)
from zoo.faces.heights import nose
from zoo.faces.pose import FRAME_SIDE, Turn, Window


@dataclass(frozen=True)
class Features:
    """Coverage of each feature, (batch, h, w) in [0, 1], and the colours of mouth and eyes times coverage."""

    upper_lip: Tensor
    lower_lip: Tensor
    mouth: Tensor
    brow: Tensor
    eye: Tensor
    lash: Tensor
    mouth_color: Tensor
    eye_color: Tensor


def draw_features(
    head: Head, noise: Noise, turn: Turn, size: int, planes: Tensor, detail: Tensor, gaze: Tensor, light: Tensor
) -> Features:
    """Add the features' height and darkness to ``detail`` and say where they are.

    Args:
        head: The heads.
        noise: Textures.
        turn: The pose.
        size: Side of the image in pixels.
        planes: x, y and their rest coordinates, (batch, 4, h, w).
        detail: Height and darkness, (batch, 2, h, w), to which is added in place.
        gaze: Where the irises are shifted, (batch, 2).
        light: Direction to the light, (batch, 3), for the glint in the eyes.
    """
    drawing = _Drawing(head, noise, turn, size)
    drawing.nose(planes, detail)
    mouth = planes.new_zeros(len(planes), 6, size, size)
    drawing.mouth(planes, detail, mouth)
    eyes = planes.new_zeros(len(planes), 5, size, size)
    drawing.eyes(planes, detail, eyes, gaze, light)
    brow = planes.new_zeros(len(planes), 1, size, size)
    drawing.brows(planes, detail, brow)
    upper, lower, inside = mouth[:, :3].unbind(1)
    return Features(
        upper_lip=upper,
        lower_lip=lower,
        mouth=inside,
        brow=brow[:, 0].clamp(0, 1),
        eye=eyes[:, 0],
        lash=eyes[:, 1].clamp(0, 1),
        mouth_color=mouth[:, 3:],
        eye_color=eyes[:, 2:],
    )


class _Drawing:
    def __init__(self, head: Head, noise: Noise, turn: Turn, size: int) -> None:
        self._head, self._noise, self._turn, self._size = head, noise, turn, size
        self._pixel = FRAME_SIDE / size

    def nose(self, planes: Tensor, detail: Tensor) -> None:
        head, at = self._head, self._head.face
        window = Window(self._turn, self._size, (-0.46, 0.46), (-0.92, 0.40), height=0.20)
        x, y, rest_x, rest_y = window.cut(planes)
        height = nose(rest_x, rest_y, head)
        mouth_y = at("mouth_y")
        groove = bump(rest_x, rest_y, 0.0, mouth_y + 0.19, 0.030, 0.08)
        ridges = bump(fold(rest_x), rest_y, 0.055, mouth_y + 0.18, 0.028, 0.08)
        height = height + at("philtrum") * (0.6 * ridges - groove)
        right = torch.sigmoid(x / 0.03)
        up, wide = head.across("ala_up", right), head.across("ala_wide", right)
        away, nose_y, width = x.abs(), at("nose_y"), at("nose_width")
        across = (away - 0.42 * width - 0.5 * wide) / (0.044 + 0.3 * wide)
        along = (y - nose_y + 0.022 - 0.5 * up - 0.12 * (away - 0.1)) / 0.020
        nostril = plateau((across * across + along * along + 1e-6).sqrt(), 1.0)
        ring = ((away - width - wide + 0.012) / 0.055) ** 2 + ((y - nose_y - 0.03 - up) / 0.075) ** 2
        alar = gauss(ring - 1, 0.42) * smoothstep(-0.02, 0.05, away - 0.55 * width)
        window.add(detail, height, 1.35 * nostril + 0.24 * alar)

    def mouth(self, planes: Tensor, detail: Tensor, layers: Tensor) -> None:
        head, at = self._head, self._head.face
        window = Window(self._turn, self._size, (-0.66, 0.66), (-1.44, -0.68), height=0.08)
        x, y, rest_x, rest_y = window.cut(planes)
        middle, half = mouth_span(head)
        along = (x - middle) / half
        right = lip_side(along)

        def moved(name: str) -> Tensor:
            return head.across(name, right)

        outer_upper, inner_upper, inner_lower, outer_lower = lip_curves(along, right, head)
        inside = cover((1 - along.abs()) * half, self._pixel)
        soft = self._pixel + 0.012  # the vermilion border is not sharp
        upper = cover(outer_upper - y, soft) * cover(y - inner_upper, self._pixel) * inside
        lower = cover(inner_lower - y, self._pixel) * cover(y - outer_lower, soft) * inside
        open_ = smoothstep(0.002, 0.008, at("part") + at("drop"))
        gap = cover(inner_upper - y, self._pixel) * cover(y - inner_lower, self._pixel) * inside * open_
        share_upper = ((y - inner_upper) / (outer_upper - inner_upper).clamp_min(0.008)).clamp(0, 1)
        share_lower = ((inner_lower - y) / (inner_lower - outer_lower).clamp_min(0.008)).clamp(0, 1)
        taper = (1 - along * along).clamp_min(1e-6) ** 0.5
        thick_upper = ((outer_upper - inner_upper) / 0.09).clamp(1e-4, 1.3)
        thick_lower = ((inner_lower - outer_lower) / 0.11).clamp(1e-4, 1.4)
        out, protruded, rolled = at("lip_out"), moved("protrude"), 1 - 0.6 * moved("roll_in")
        round_upper = (4 * share_upper * (1 - share_upper)).clamp_min(1e-4) ** 0.65
        round_lower = (4 * share_lower * (1 - share_lower)).clamp_min(1e-4) ** 0.60
        height_upper = (out * rolled + 0.012 * protruded) * round_upper * (1.15 - 0.3 * share_upper) * thick_upper**0.7
        height_lower = (1.15 * out * rolled + 0.035 * protruded) * round_lower
        height_lower = height_lower * (1.1 - 0.15 * share_lower) * thick_lower**0.7
        texture = self._noise.sample(2.1 * rest_x, 0.42 * rest_y, head.offset(), slice(1, 3)).sum(1)
        lines = 0.5 * texture * (0.5 + 0.8 * moved("radial"))
        height = (height_upper * upper + height_lower * lower) * taper + 0.0035 * lines * (upper + lower)
        seam_width, _ = widen(0.012, self._pixel)
        seam = gauss(y - (inner_upper + inner_lower) / 2, seam_width) * inside * (1 - gap)
        pressed = moved("seam")
        height = height - 0.012 * seam - 0.014 * gauss(y - outer_lower + 0.035, 0.035) * inside * taper
        height = height + 0.005 * gauss(y - outer_upper - 0.012, 0.014) * inside * taper
        dark = seam * (0.68 + 0.60 * pressed)
        corners = head.raw("corner_at_x")[:, :, None, None], head.raw("corner_at_y")[:, :, None, None]
        tight = head.raw("corner_tight")[:, :, None, None]
        for side, sign in enumerate((-1.0, 1.0)):
            spot = bump(x, y, sign * corners[0][:, side], corners[1][:, side], 0.028, 0.022)
            dark = dark + (0.32 + 0.5 * tight[:, side]) * spot
        # Radial lines around tightened lips.
        radial = head.mean("radial") * (0.55 + 0.45 * at("wrinkle_gain"))
        from_line = y - at("mouth_centre")
        ray = x / (0.062 + 0.16 * from_line.abs()) + 0.25 * torch.sign(from_line)
        zone = gauss(from_line.abs() - 0.11, 0.055) * plateau(x, 0.24) * (1 - upper) * (1 - lower)
        rays = comb(ray, 1.6 if self._pixel < 0.03 else 1.0)
        height, dark = height - 0.011 * radial * zone * (rays - 0.3), dark + 0.46 * radial * zone * rays
        window.add(detail, height, dark)

        # Teeth hang from the upper lip, the tongue lies on the lower.
        below, floor = inner_upper - y, y - inner_lower
        tooth = smoothstep(0.002, 0.010, below) * smoothstep(0.088, 0.066, below) * smoothstep(0.90, 0.55, along.abs())
        tooth = (
            tooth * (1 - 0.30 * gauss((x / 0.085 + 0.5) % 1 - 0.5, 0.07)) * (0.45 + 0.55 * smoothstep(0.0, 0.04, below))
        )
        tongue = smoothstep(0.085, 0.02, floor + 0.12 * along * along) * smoothstep(
            0.07, 0.14, inner_upper - inner_lower
        )
        colors = color(x, 0.060, 0.020, 0.018) + color(x, 0.30, 0.085, 0.080) * tongue[:, None]
        colors = colors + color(x, 0.66, 0.61, 0.53) * tooth[:, None]
        window.add(layers, upper, lower, gap, *(colors * gap[:, None]).unbind(1))

    def eyes(self, planes: Tensor, detail: Tensor, layers: Tensor, gaze: Tensor, light: Tensor) -> None:
        at = self._head.sides
        window = Window(self._turn, self._size, (0.13, 0.82), (-0.22, 0.34), height=0.0, sided=True)
        raw_x, y, _, _ = window.cut(planes)
        sign = torch.tensor([-1.0, 1.0], device=y.device).repeat(len(planes))[:, None, None]
        x = raw_x * sign
        centre, half, centre_y = at("eye_x"), at("eye_width"), at("eye_y")
        along = (x - centre + half) / (2 * half - at("canthus_in"))
        upper, lower, axis = lid_curves(along, at)
        within = ((along > 0) & (along < 1)).float()
        opening = cover(upper - y, self._pixel) * cover(y - lower, self._pixel) * within
        opening = opening * smoothstep(1.0, 0.9, at("blink"))
        extent = plateau(along - 0.5, 0.55)
        # The cover fold above the lid flattens as the lid comes down.
        folded = at("fold_up")
        apart = at("lid_crease") * (1 + 0.9 * folded.clamp(-0.75, 1.2)) + 0.02 * folded.clamp_min(0)
        held = along.clamp(1e-4, 1 - 1e-4)
        rest_upper = centre_y + at("eye_tilt") * (2 * along - 1) + at("eye_upper") * (4 * held * (1 - held)) ** 0.5
        fold_y = torch.maximum(upper, rest_upper * at("blink") + upper * (1 - at("blink")))
        fold_y = (
            fold_y + apart * (4 * held * (1 - held)) ** 0.45 + 0.020 * at("fold_triangle") * gauss(along - 0.22, 0.22)
        )
        line_height, line_dark = crease(y - fold_y, 0.016, self._pixel)
        shown = extent * (0.45 + 0.55 * smoothstep(0.01, 0.05, apart)) * (1 - 0.5 * at("blink"))
        height = 0.012 * line_height * shown
        height = height + extent * (0.010 * gauss(y - upper - 0.014, 0.016) + 0.008 * gauss(y - lower + 0.012, 0.014))
        window.add(detail, height, 0.50 * line_dark * shown)

        wide, strength = widen(0.014, self._pixel)
        lash = gauss(y - upper - 0.002, wide) * smoothstep(-0.06, 0.12, along) * smoothstep(1.12, 0.98, along)
        lash = lash * (0.60 + 0.55 * along) + 0.28 * gauss(y - lower + 0.003, wide) * smoothstep(0.1, 0.4, along) * (
            smoothstep(1.05, 0.95, along)
        )
        lash = lash * strength * (at("lash") + 0.4 * at("blink"))

        look = gaze.repeat_interleave(2, 0)
        from_x = raw_x - sign * (centre - 0.010) - plane(look[:, 0])
        from_y = y - centre_y - plane(look[:, 1]) - 0.012
        radius, iris = (from_x * from_x + from_y * from_y + 1e-8).sqrt(), at("iris_radius")
        iris_cover, pupil = cover(iris - radius, self._pixel), cover(0.40 * iris - radius, self._pixel)
        limbus = smoothstep(0.74 * iris, iris, radius) * iris_cover
        fibres = torch.atan2(from_y, from_x)
        fibres = 0.5 + 0.5 * torch.sin(23 * fibres + 5 * torch.sin(5 * fibres + 9 * plane(self._head.offset(2)[:, 0])))
        ball = 1 - 0.38 * ((x - centre) / half) ** 2
        colors = color(x, 0.60, 0.555, 0.53) * ball[:, None]
        caruncle = bump(along, y, 0.03, axis - 0.004, 0.085, 0.03)
        colors = paint(colors, color(x, 0.46, 0.19, 0.16), 0.85 * caruncle)
        shade = (1 - 0.68 * limbus) * (1 + 0.7 * smoothstep(0.03, -0.06, from_y))
        person = self._head.identity["iris"].repeat_interleave(2, 0)
        colors = paint(colors, tint(person) * ((1.05 + 0.55 * fibres) * shade)[:, None], iris_cover)
        colors = paint(colors, color(x, 0.006, 0.006, 0.006), pupil)
        colors = colors * (1 - 0.58 * decay((upper - y).clamp_min(0) / 0.045))[:, None]
        towards = light.repeat_interleave(2, 0)
        spot = 0.018 + 0.3 * self._pixel
        glint = bump(from_x, from_y, 0.045 * plane(towards[:, 0]), 0.05 * plane(towards[:, 1]) + 0.01, spot, spot)
        colors = colors + 0.85 * (glint * iris_cover)[:, None]
        window.add(layers, opening, lash, *(colors * opening[:, None]).unbind(1))

    def brows(self, planes: Tensor, detail: Tensor, layers: Tensor) -> None:
        at = self._head.sides
        window = Window(self._turn, self._size, (0.02, 0.96), (0.06, 0.66), height=-0.02, sided=True)
        x, y, _, _ = window.cut(planes)
        sign = torch.tensor([-1.0, 1.0], device=y.device).repeat(len(planes))[:, None, None]
        x = x * sign
        along, line, slope = brow_line(x, at)
        held = along.clamp(0, 1)
        thickness = at("brow_thickness") * (smoothstep(-0.06, 0.12, along) * (1 - 0.72 * held**1.6)).clamp_min(0.02)
        across = (y - line) * torch.rsqrt(1 + slope * slope) / thickness
        ends = smoothstep(-0.07, 0.06, along) * smoothstep(1.08, 0.90, along)
        hairs = self._noise.strands(
            7.0 * along - across * (0.9 - 0.9 * along), 0.35 * across + 0.4 * along, self._head.offset(2)
        )
        body = plateau(across, 1.04) * ends
        hair = (body * (at("brow_density") * (1.06 + 0.32 * hairs)).clamp(0, 0.97)).clamp(0, 1)
        window.add(detail, 0.006 * gauss(across.clamp(-6, 6), 1.12) * ends, torch.zeros_like(hair))
        window.add(layers, hair)
