"""From heights and features to the light that the face sends to the camera, in linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from zoo.faces.controls import Head
from zoo.faces.features import Features
from zoo.faces.fields import Noise, bump, color, paint, plane, points, smoothstep, tint
from zoo.faces.parameters import Values
from zoo.faces.pose import FRAME_SIDE, Turn, Window


@dataclass(frozen=True)
class Light:
    """The light on one batch: direction to the key light, its colour, and the ambient level."""

    direction: Tensor
    key: Tensor
    ambient: Tensor

    @staticmethod
    def of(view: Values) -> Light:
        """Read the light from a view."""
        return Light(view["light"], tint(view["key"]), view["ambient"][:, None, None, None])

    def axes(self) -> tuple[Tensor, Tensor, Tensor]:
        """The direction's x, y and z, to act on planes."""
        x, y, z = self.direction.unbind(1)
        return plane(x), plane(y), plane(z)


def occlusion(depth: Tensor) -> Tensor:
    """How open to the ambient light each point is: what lies deeper than its surroundings is darker."""
    pixel = FRAME_SIDE / depth.shape[-1]
    hidden = torch.zeros_like(depth)
    for radius, weight in ((0.10, 3.2), (0.30, 1.7)):
        side = max(3, int(radius / pixel) | 1)
        around = depth[:, None]
        for _ in range(2):  # a box blurred twice is nearly a Gaussian
            around = functional.avg_pool2d(around, side, 1, side // 2, count_include_pad=False)
        hidden = hidden + weight * (around[:, 0] - depth).clamp(0, 0.2)
    return torch.exp(-hidden)


def cast_shadow(depth: Tensor, light: Light) -> Tensor:
    """Share of the key light that arrives, by a few steps over the depths towards the light."""
    size = depth.shape[-1]
    x, y, z = light.axes()
    steps = (torch.arange(size, device=depth.device, dtype=torch.float32) + 0.5) / size * 2 - 1
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    lit = torch.ones_like(depth)
    for step in (0.05, 0.11, 0.22):
        grid = points(columns + x * (step * 2 / FRAME_SIDE), rows - y * (step * 2 / FRAME_SIDE))
        there = functional.grid_sample(depth[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
        lit = torch.minimum(lit, torch.sigmoid((depth + z * step + 0.03 - there) / 0.035))
    return lit


def skin_color(
    head: Head, noise: Noise, turn: Turn, planes: Tensor, chroma: Tensor, features: Features
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour of skin, lips, brows and beard, the texture's finest channel, and how much is beard."""
    person = head.identity
    rest_x, rest_y = planes[:, 2], planes[:, 3]
    size = planes.shape[-1]
    texture = noise.sample(0.84 * rest_x, 0.84 * rest_y, head.offset(), slice(0, 4))
    red, ring, _, freckles = chroma.unbind(1)
    mottle = 1 + 0.030 * texture[:, 0] + 0.026 * texture[:, 1] + 0.018 * texture[:, 2]
    fair = 1 - 0.5 * head.face("melanin")
    spots = (texture[:, 2] - 1.05).clamp(0, 1) * freckles
    tones = torch.stack(
        [
            mottle * (1 - 0.02 * red) * (1 - 0.8 * ring) * (1 - 0.35 * spots),
            mottle * (1 - 0.20 * red * fair) * (1 - ring) * (1 - 0.55 * spots),
            mottle * (1 - 0.16 * red * fair) * (1 - 0.9 * ring) * (1 - 0.65 * spots),
        ],
        1,
    )
    colors = tint(person["skin"]) * tones
    moles = torch.zeros_like(planes[:, :1])
    for x, y, radius, depth in zip(
        *(person[f"mole_{name}"].unbind(1) for name in ("x", "y", "radius", "depth")), strict=True
    ):
        if not bool((depth > 0).any()):
            continue
        window = Window.around(turn, size, x, y, 0.05)
        _, _, at_x, at_y = window.cut(planes)
        window.add(moles, plane(depth) * bump(at_x, at_y, plane(x), plane(y), plane(radius), plane(radius)))
    colors = colors * (1 - 0.75 * moles.clamp(0, 1))
    beard = torch.zeros_like(planes[:, :1])
    if bool((person["beard"] > 0).any()):
        _grow_beard(head, noise, turn, planes, beard)
    beard = beard[:, 0]
    colors = paint(colors, tint(person["hair"]) * 1.1, 0.9 * beard)
    lip = tint(person["lip"])
    colors = paint(colors, 0.92 * lip, 0.90 * features.upper_lip)
    colors = paint(colors, lip, 0.90 * features.lower_lip)
    colors = paint(colors, tint(person["brow_color"]), features.brow)
    return colors, texture[:, 3], beard


def _grow_beard(head: Head, noise: Noise, turn: Turn, planes: Tensor, beard: Tensor) -> None:
    window = Window(turn, planes.shape[-1], (-1.0, 1.0), (-1.78, -0.45), height=-0.15)
    _, _, x, y = window.cut(planes)
    mouth_y, nose_y, away = head.face("mouth_y"), head.face("nose_y"), x.abs()
    around = ((x / 1.25) ** 2 + ((y - mouth_y) / 1.1) ** 2 + 1e-6).sqrt() + 0.10 * smoothstep(0.0, 0.05, y - mouth_y)
    jaw = smoothstep(-0.55, -0.85, y + 0.35 * (away - 0.45)) * smoothstep(0.18, 0.34, around)
    moustache = smoothstep(0.30, 0.16, away) * smoothstep(nose_y - 0.04, nose_y - 0.10, y)
    moustache = 0.9 * moustache * smoothstep(mouth_y + 0.03, mouth_y + 0.10, y)
    hairs = noise.strands(9 * x, 2.2 * y, head.offset())
    window.add(beard, head.face("beard") * (jaw + moustache).clamp(0, 1) * (0.62 + 0.30 * hairs).clamp(0, 1))


def shade_face(
    head: Head,
    light: Light,
    slopes: tuple[Tensor, Tensor],
    colors: Tensor,
    beard: Tensor,
    oil: Tensor,
    open_: Tensor,
    lit: Tensor,
    features: Features,
) -> Tensor:
    """Light the skin and put mouth and eyes in.

    Args:
        head: The heads.
        light: Light on the batch.
        slopes: Rise of the surface to the right and upwards.
        colors: What ``skin_color`` gives.
        beard: Share of hair on the skin.
        oil: How much the skin shines.
        open_: Openness to the ambient light, creases included.
        lit: Share of the key light that arrives.
        features: Coverage and colours of mouth and eyes.
    """
    slope_x, slope_y = slopes
    towards = torch.rsqrt(1 + slope_x * slope_x + slope_y * slope_y)
    x, y, z = light.axes()
    facing = (z - slope_x * x - slope_y * y) * towards
    # Light wraps around the edge of shadows in red most: it travels furthest under the skin.
    wrap = color(colors, 0.32, 0.18, 0.12)
    diffuse = ((facing[:, None] + wrap) / (1 + wrap)).clamp_min(0)
    shadow = torch.stack([0.40 + 0.60 * lit, 0.29 + 0.71 * lit, 0.26 + 0.74 * lit], 1)
    depth = torch.stack([open_ * torch.rsqrt(open_).sqrt(), open_, open_], 1)
    ambient = light.ambient * (0.72 - 0.28 * (slope_y * towards))[:, None] * depth
    image = colors * (ambient + light.key * diffuse * shadow * (0.35 + 0.65 * open_)[:, None])

    half_z = z + 1
    half = torch.rsqrt(x * x + y * y + half_z * half_z)
    mirror = ((half_z - slope_x * x - slope_y * y) * towards * half).clamp_min(1e-4)
    mirror4 = mirror.square().square()
    mirror16 = mirror4.square().square()
    gloss = 0.050 * mirror16 + 0.055 * mirror16 * mirror16 * mirror4 * mirror4
    shine = gloss * oil * open_ * (0.2 + 0.8 * lit) * (1 - 0.5 * beard)
    shine = shine + (0.05 * features.upper_lip + 0.11 * features.lower_lip) * mirror16 * mirror16
    image = image + light.key * shine[:, None]

    room = light.ambient + 0.72 * light.key * (0.3 + 0.7 * lit[:, None])
    image = image * (1 - features.mouth[:, None]) + features.mouth_color * room
    image = image * (1 - features.eye[:, None]) + features.eye_color * room
    return image * (1 - 0.85 * features.lash[:, None]) + 0.003 * features.lash[:, None]
