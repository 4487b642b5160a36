"""Folds and wrinkles: each adds a height to the skin and a darkness in its depth.

What muscles do decides how deep they are; where they run, how many there are and what age has left at rest
belongs to the person. ``detail`` is (batch, 2, h, w): height, and how dark a crease is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.faces.controls import Head
from zoo.faces.fields import Noise, bump, comb, crease, fold, gauss, lerp, plateau, smoothstep
from zoo.faces.pose import FRAME_SIDE, Turn, Window


class Wrinkles:
    """Draw all folds of a batch of heads.

    Args:
        head: The heads.
        noise: Textures.
        turn: The pose.
        size: Side of the image in pixels.
    """

    def __init__(self, head: Head, noise: Noise, turn: Turn, size: int) -> None:
        self._head, self._noise, self._turn, self._size = head, noise, turn, size
        self._pixel = FRAME_SIDE / size
        # Neighbouring lines of a comb would alias below about 100 pixels: softer lines there.
        self._fine = self._pixel < 0.03

    def draw(self, planes: Tensor, detail: Tensor) -> None:
        """Add height and darkness to ``detail``; ``planes`` are x, y and their rest coordinates."""
        self._forehead(planes, detail)
        self._glabella(planes, detail)
        self._eyes(planes, detail)
        self._cheeks(planes, detail)
        self._chin(planes, detail)

    def _window(
        self, x: tuple[float, float], y: tuple[float, float], *, height: float = 0.0, sided: bool = False
    ) -> Window:
        return Window(self._turn, self._size, x, y, height=height, sided=sided)

    def _own_creases(
        self, place: str, x: Tensor, y: Tensor, amount: Tensor, origin: tuple[Tensor | float, Tensor | float],
        reach: tuple[float, float], angle: float,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Short curved creases of one's own around ``origin``, as deep as ``amount``."""
        creases = self._head.identity[f"{place}_creases"].flatten(0, 1)[..., None, None]
        height, dark = torch.zeros_like(x), torch.zeros_like(x)
        for at_x, at_y, turn, length, bend, depth in (creases[:, index].unbind(1) for index in range(creases.shape[1])):
            from_x, from_y = x - origin[0] - reach[0] * at_x, y - origin[1] - reach[1] * at_y
            tilt = angle + 0.5 * turn
            cosine, sine = 1 - 0.5 * tilt * tilt, tilt * (1 - tilt * tilt / 6)  # of small angles, to the third order
            along, across = cosine * from_x + sine * from_y, cosine * from_y - sine * from_x
            valley, inside = crease(across - 1.2 * bend * along * along, 0.018, self._pixel)
            strength = amount * depth * gauss(along, 0.11 + 0.05 * length)
            height = height + 0.016 * strength * valley
            dark = dark + 0.45 * strength * inside
        return height, dark

    def _forehead(self, planes: Tensor, detail: Tensor) -> None:
        head, at = self._head, self._head.face
        window = self._window((-0.95, 0.95), (0.36, 1.05), height=-0.08)
        x, y, rest_x, rest_y = window.cut(planes)
        right = torch.sigmoid(x / 0.05)

        def moved(name: str) -> Tensor:
            return head.across(name, right)

        away, above = x.abs(), y - at("brow_y")
        grain = self._noise.sample(0.39 * rest_x, 0.39 * rest_y, head.offset(), slice(0, 1))[:, 0]
        omega, full, lateral = moved("omega"), moved("forehead_full"), moved("forehead_lateral")
        bend = -0.05 * (x / 0.5) ** 2 * (1 - full) + 0.11 * lateral * (1 - 0.6 * full) * gauss(away - 0.52, 0.26)
        bend = bend + 0.075 * omega * gauss(x, 0.20) + at("forehead_wave") * grain + at("forehead_slope") * x
        phase = (above - 0.20 - bend) / at("forehead_spacing") + at("forehead_phase")
        lines = comb(phase, 3.2 if self._fine else 1.5)
        zone = smoothstep(0.0, 0.10, above - 0.10 - 0.5 * at("brow_arch")) * smoothstep(0.66, 0.45, above)
        centre = moved("forehead_centre") * plateau(x, 0.30 + 0.10 * full - 0.06 * omega)
        beside = lateral * gauss(away - 0.54, 0.24)
        whole = full * plateau(x, 0.74)
        amount = 1 - (1 - (centre * (1 - 0.25 * omega)).clamp(0, 1)) * (1 - beside.clamp(0, 1)) * (
            1 - 0.9 * whole.clamp(0, 1)
        )
        gain = at("wrinkle_gain")
        depth = amount * zone * gain + 0.5 * at("forehead_rest") * zone * plateau(x, 0.6)
        own = (0.8 * amount * gain + at("forehead_rest")) * zone
        height, dark = self._own_creases("forehead", rest_x, rest_y, own, (0.0, at("brow_y") + 0.36), (0.42, 0.16), 0.0)
        window.add(detail, height - 0.022 * depth * (lines - 0.35), dark + 0.66 * depth * lines)

    def _glabella(self, planes: Tensor, detail: Tensor) -> None:
        head, at = self._head, self._head.face
        window = self._window((-0.36, 0.36), (-0.02, 0.85), height=0.05)
        x, y, _, _ = window.cut(planes)
        gain = at("wrinkle_gain")
        inner_y, inner_x = head.mean("brow_y0"), head.mean("brow_x0")
        right = torch.sigmoid(x / 0.03)
        # One, two or three upright lines, seldom quite alike on both sides.
        single, triple = (at("glabella_lines") == 0).float(), (at("glabella_lines") == 2).float()
        away = fold(x)
        offset = 0.50 * inner_x * (1 + 0.8 * (y - inner_y)) + head.across("glabella_offset", right)
        pair_height, pair_dark = crease(away - offset, 0.020, self._pixel)
        line_height, line_dark = crease(x - 0.01, 0.020, self._pixel)
        depth = (1.15 * head.mean("glabella") * gain + at("glabella_rest")) * gauss(y - inner_y + 0.005, 0.14)
        pair, line = 1 - 0.6 * single, single + 0.6 * triple
        height = 0.030 * depth * (pair * pair_height + line * line_height)
        dark = 0.75 * depth * (pair * pair_dark + line * line_dark)
        root_height, root_dark = crease(y - 0.135 + 0.5 * x * x, 0.020, self._pixel)
        root = head.mean("procerus") * gain * gauss(x, 0.10)
        height, dark = height + 0.018 * root * root_height, dark + 0.5 * root * root_dark
        # The oblique crease over the inner brow of 1+4.
        beyond = x.abs() - inner_x - 0.02
        slant_height, slant_dark = crease(y - (inner_y + 0.075 + 0.62 * (beyond - 0.10)), 0.030, self._pixel)
        slant = head.across("oblique", right) * gain * gauss(beyond - 0.15, 0.075)
        window.add(detail, height + 0.022 * slant * slant_height, dark + 0.30 * slant * slant_dark)

    def _eyes(self, planes: Tensor, detail: Tensor) -> None:
        """Crow's feet, the roll of AU7 under the lashes, and the furrow below the eye."""
        at = self._head.sides
        window = self._window((0.12, 1.02), (-0.50, 0.20), height=-0.12, sided=True)
        x, y, rest_x, rest_y = window.cut(planes)
        x = x.abs()
        gain, eye_x, half = at("wrinkle_gain"), at("eye_x"), at("eye_width")
        from_x, from_y = x - eye_x - 0.80 * half, y - at("eye_y") - at("eye_tilt")
        radius = (from_x * from_x + from_y * from_y + 1e-4).sqrt()
        angle = torch.atan2(from_y, from_x + 1e-4)
        rays = comb((angle + 0.10 * radius) / at("crow_period") + at("crow_phase"), 2.4 if self._fine else 1.3)
        length = at("crow_length")
        zone = smoothstep(0.07, 0.14, radius) * smoothstep(0.10 + 1.2 * length, 0.02 + length, radius)
        zone = zone * smoothstep(-1.25, -0.75, angle) * smoothstep(0.85, 0.35, angle) * smoothstep(-0.04, 0.0, from_x)
        crow = at("crow").clamp(0, 1.15) * gain
        rested = (crow + at("crow_rest")) * zone
        height, dark = -0.015 * rested * (rays - 0.3), 0.66 * rested * rays

        along = (x - eye_x + half) / (2 * half)
        arch = 1 - (2 * along - 1) ** 2
        margin = at("eye_y") + at("eye_tilt") * (2 * along - 1) + 0.030 * at("lid_low") * arch.clamp_min(0)
        margin = margin - at("eye_lower") * arch.clamp_min(-1) * (1 - 0.9 * at("lid_straight"))
        roll = at("lid_roll") * plateau(along - 0.5, 0.52)
        line_height, line_dark = crease(y - margin + 0.055, 0.016, self._pixel)
        height = height + 0.012 * roll * gain * line_height + 0.022 * roll * gauss(y - margin + 0.026, 0.024)
        dark = dark + 0.55 * roll * line_dark

        furrow = (at("infraorbital") * (0.30 + 0.70 * gain) + at("bag_rest")) * plateau(along - 0.45, 0.60)
        low = margin - 0.135 + 0.035 * at("cheek_up") - 0.03 * (along - 0.3)
        line_height, line_dark = crease(y - low, 0.026, self._pixel)
        height = height + furrow * (0.022 * line_height + 0.020 * gauss(y - low - 0.055, 0.035))
        dark = dark + 0.52 * furrow * line_dark

        fine = crow.clamp(0, 1) * gauss(along - 0.75, 0.35) * gauss(y - margin + 0.085, 0.04)
        lines = comb((y - margin + 0.07 * (along - 0.5)) / 0.042, 1.5)
        height, dark = height - 0.005 * fine * lines, dark + 0.28 * fine * lines
        own = (0.7 * crow + 0.8 * at("crow_rest")) * smoothstep(0.60, 0.90, x)
        own_height, own_dark = self._own_creases(
            "eye", rest_x.abs(), rest_y, own, (eye_x + half + 0.12, -0.08), (0.10, 0.16), -0.25
        )
        window.add(detail, height + own_height, dark + own_dark)

    def _cheeks(self, planes: Tensor, detail: Tensor) -> None:
        """The nasolabial fold, dimples, and the lines at the corners of the mouth."""
        at = self._head.sides
        window = self._window((0.04, 0.92), (-1.46, -0.22), height=0.02, sided=True)
        x, y, rest_x, rest_y = window.cut(planes)
        x = x.abs()
        gain = at("wrinkle_gain")
        lower, upper = at("nasolabial_lower"), at("nasolabial_upper")
        corner_x, corner_y = at("corner_at_x"), at("corner_at_y")
        start_x, start_y = at("nose_width") + 0.018 + at("ala_wide"), at("nose_y") + 0.07 + at("ala_up")
        end_x, end_y = corner_x + 0.105 + 0.012 * lower, corner_y - 0.045
        length = (start_y - end_y).clamp_min(0.15)
        down = (start_y - y) / length
        held = down.clamp(-0.30, 1.25)
        bow = 0.030 + 0.055 * lower + 0.030 * upper - 0.015 * at("pouch") + at("fold_bow")
        line_x = lerp(start_x, end_x, held) + 4 * bow * held * (1 - held)
        slope = ((end_x - start_x) + 4 * bow * (1 - 2 * held)) / length
        beside = (x - line_x) * torch.rsqrt(1 + slope * slope)  # positive on the cheek
        above, below = gauss(down - 0.10, 0.42), plateau(down - 0.70, 0.50)
        rest, shown = at("nasolabial_rest"), 0.55 + 0.45 * gain
        depth = ((0.8 * rest + upper * shown) * above + (rest + lower * shown) * below).clamp(0, 1.4)
        depth = depth * smoothstep(1.22, 0.98, down) * smoothstep(-0.34, -0.05, down) * smoothstep(0.06, 0.17, x)
        depth = depth * at("fold_depth")
        line_height, line_dark = crease(beside, 0.030, self._pixel)
        step = torch.tanh(beside / 0.05) * gauss(beside, 0.17)
        height, dark = depth * (0.020 * line_height + 0.032 * step), 0.42 * depth * line_dark
        line_height, line_dark = crease(beside - 0.10 - 0.05 * down, 0.026, self._pixel)  # a second fold, in some
        second = at("fold_second") * lower * below * smoothstep(1.10, 0.90, down) * smoothstep(0.1, 0.45, down)
        height, dark = height + 0.020 * second * line_height, dark + 0.45 * second * line_dark

        from_x, from_y = x - corner_x, y - corner_y
        dimple = at("dimple")
        line_height, line_dark = crease(from_x - at("dimple_x") + 1.3 * from_y * from_y, 0.022, self._pixel)
        bracket, pit = gauss(from_y - 0.01, 0.12), bump(from_x, from_y, 0.035, 0.0, 0.042, 0.048)
        height = height + dimple * (0.032 * line_height * bracket - 0.034 * pit)
        dark = dark + dimple * (0.95 * line_dark * bracket + 0.65 * pit)

        line_height, line_dark = crease(from_x - 0.05 - 0.45 * (from_y + 0.02), 0.018, self._pixel)
        beyond = at("beyond") * gain * bump(from_x, from_y, 0.045, -0.03, 0.08, 0.075)
        height, dark = height + 0.018 * beyond * line_height, dark + 0.5 * beyond * line_dark

        line_height, line_dark = crease(from_x - 0.030 + 0.10 * (from_y + 0.03), 0.024, self._pixel)
        marionette = (at("pouch") * (0.6 + 0.4 * gain) + at("marionette_rest")) * smoothstep(0.0, -0.05, from_y)
        marionette = marionette * smoothstep(-0.27, -0.09, from_y)
        height, dark = height + 0.024 * marionette * line_height, dark + 0.48 * marionette * line_dark

        own = (lower * gain * 0.5 + 0.5 * at("crow_rest")) * smoothstep(0.42, 0.62, x)
        own_height, own_dark = self._own_creases("cheek", rest_x.abs(), rest_y, own, (0.66, -0.80), (0.10, 0.22), 1.15)
        window.add(detail, height + own_height, dark + own_dark)

    def _chin(self, planes: Tensor, detail: Tensor) -> None:
        head, at = self._head, self._head.face
        window = self._window((-0.42, 0.42), (-1.76, -1.10), height=0.0)
        x, y, rest_x, rest_y = window.cut(planes)
        wrinkled, raised = head.mean("chin_wrinkle"), head.mean("chin_up") - at("drop")
        zone = bump(x, y, 0.0, at("chin_y") + 0.24 + raised, 0.20, 0.135)
        grain = self._noise.sample(0.91 * rest_x, 0.91 * rest_y, head.offset(), slice(1, 2))[:, 0]
        cells = (grain * grain + 0.25).sqrt() - 0.85  # orange peel
        height, dark = 0.019 * wrinkled * cells * zone, 0.60 * wrinkled * zone * gauss(grain, 0.45)
        folded = head.mean("mentolabial")
        low = at("mouth_y") - 0.245 + 0.55 * raised - 1.0 * folded.clamp(0, 1) * x * x
        line_height, line_dark = crease(y - low, 0.036, self._pixel)
        line = folded * gauss(x, 0.19)
        height, dark = height + 0.024 * line * line_height, dark + 0.45 * line * line_dark
        cleft = at("chin_dimple") * gauss(x, 0.022) * gauss(y - at("chin_y") - 0.20 - raised, 0.09)
        window.add(detail, height - 0.016 * cleft, dark + 0.30 * cleft)
