"""What surrounds the face: background, shirt, neck, ears and hair, composed back to front in linear RGB."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.faces.controls import Head
from zoo.faces.fields import Noise, color, cover, decay, gauss, lerp, paint, plane, smoothstep, tint
from zoo.faces.heights import outline
from zoo.faces.parameters import Values
from zoo.faces.pose import FRAME_SIDE, pixel_grid
from zoo.faces.shading import Light


@dataclass(frozen=True)
class Scene:
    """The whole picture in linear RGB, and what covers what, each (batch, h, w) in [0, 1]."""

    image: Tensor
    face: Tensor
    hair: Tensor
    neck: Tensor
    ear: Tensor


def _superellipse(x: Tensor, y: Tensor, power: float) -> Tensor:
    """Distance from the centre relative to the curve: 1 on it."""
    return (x.abs().clamp_min(1e-4) ** power + y.abs().clamp_min(1e-4) ** power) ** (1 / power)


def compose(
    head: Head, noise: Noise, view: Values, light: Light, planes: Tensor, upright: tuple[Tensor, Tensor],
    face_image: Tensor, facing: Tensor,
) -> Scene:  # fmt: skip
    """Put the lit face into its surroundings.

    Args:
        head: The heads.
        noise: Textures.
        view: Background, clothes and pose.
        light: Light on the batch.
        planes: x, y and their rest coordinates on the face.
        upright: Image coordinates without shift, scale and roll.
        face_image: The lit face.
        facing: Cosine between the skin's normal and the light.
    """
    size = face_image.shape[-1]
    pixel = FRAME_SIDE / size
    x, y = planes[:, 0], planes[:, 1]
    at, ambient, key = head.face, light.ambient, light.key
    light_x, light_y, _ = light.axes()
    yaw, pitch = plane(view["yaw"]), plane(view["pitch"])
    flat_x, flat_y = upright
    # What lies behind the face's plane moves against it when the head turns.
    back_x, back_y = flat_x + 0.42 * yaw, flat_y + 0.30 * pitch
    offset = head.offset()
    skin, hair = tint(head.identity["skin"]), tint(head.identity["hair"])
    width, volume, top = at("face_width"), at("hair_volume"), at("head_top")
    long_hair, cropped, curl = at("hair_long"), at("hair_cropped"), at("curl")

    image = _background(noise, view, size, face_image)

    # Strands: straight ones are stretched along their fall, curls are not.
    wave = 0.05 * torch.sin(7 * back_y + 6 * plane(offset[:, 0]))
    curls = noise.strands(3.2 * back_x, 3.2 * back_y, offset)
    fall = noise.strands(6.5 * (back_x + wave), 0.8 * back_y, offset)
    strand = lerp(fall, curls, curl)
    tone = (0.50 + 0.45 * ambient[:, 0]) + 0.16 * light_y + 0.10 * light_x * back_x

    # Hair behind the head and neck.
    cut = at("hair_cut")
    middle = 0.30
    reach = torch.where(back_y > middle, top + volume - middle + 0.02, middle - cut + 0.15)
    behind = _superellipse(back_x / (width + volume + 0.06), (back_y - middle) / reach, 2.6)
    # Locks leave the outline along rays, curls in lumps; neither must come off as flecks.
    angle = torch.atan2(back_x, back_y - middle + 1e-4)
    locks = noise.strands(9 * angle, 0.25 * (back_x * back_x + back_y * back_y + 1e-4).sqrt(), offset)
    lumps = noise.sample(1.1 * back_x, 1.1 * back_y, offset, slice(1, 2))[:, 0]
    fray = lerp((0.011 - 0.004 * long_hair) * locks, 0.022 * lumps, curl)
    back_hair = cover((1 - behind) * 0.85 + fray, pixel + 0.02) * long_hair
    image = paint(image, 0.58 * hair * ((1 + 0.32 * strand) * tone)[:, None], back_hair)

    # Neck and shirt.
    neck_width = (0.68 * width - 0.03) * (1 - 0.12 * (2.25 - at("jaw_power")).clamp_min(0))
    across = back_x / neck_width
    flare = 0.5 * (-(back_y + 1.75)).clamp_min(0)
    neck = cover((1 - across.abs()) * neck_width + flare, pixel) * cover(-1.0 - 0.12 * across * across - back_y, pixel)
    under = smoothstep(at("chin_low") - 0.38, at("chin_low") + 0.02, back_y - 0.06 * across * across)
    round_ = (1 - 0.38 * across**2).clamp(0.25, 1) * (1 - 0.42 * under) * 0.86 * (1 + 0.30 * light_x * across)
    flesh = color(image, 1.0, 0.93, 0.92)
    image = paint(image, flesh * skin * round_[:, None] * (ambient + 0.55 * key), neck)
    collar = plane(view["collar"])
    neckline = -1.74 + 0.10 * collar - (0.10 + 0.35 * (collar - 0.5).abs()) * smoothstep(0.75, 0.0, across.abs())
    slope = 0.30 * (back_x.abs() - 0.5).clamp_min(0)
    weave = noise.sample(1.5 * flat_x, 1.5 * flat_y, view["grain"], slice(0, 2)).sum(1)
    shirt = cover(neckline - back_y - slope, pixel)
    cloth = 0.74 + 0.25 * light_x * back_x + 0.07 * weave - 0.18 * smoothstep(0.10, 0.0, neckline - back_y - slope)
    image = paint(image, tint(view["shirt"]) * cloth[:, None] * (0.55 + ambient), shirt)
    neck = neck * (1 - shirt)

    # Ears.
    ear = torch.zeros_like(x)
    for sign in (-1.0, 1.0):
        centre = sign * (width + 0.040)
        squared = ((back_x - centre) / 0.10) ** 2 + ((back_y + 0.13 - 0.05 * (back_x * sign - 1)) / 0.24) ** 2
        shape = cover((1 - squared.clamp_min(1e-6).sqrt()) * 0.13, pixel) * (1 - long_hair)
        inner = gauss(squared, 0.34)
        rim = gauss(squared - 0.72, 0.22)
        shade = 0.66 + 0.20 * rim - 0.30 * inner + 0.20 * light_x * sign
        image = paint(image, color(image, 1.0, 0.86, 0.84) * skin * shade[:, None] * (ambient + 0.62 * key), shape)
        ear = torch.maximum(ear, shape)

    # The face, darker at its very edge where it turns away.
    radius = outline(x, y, head)
    face = cover((1 - radius) * 0.9, pixel)
    edge = (1 - radius).clamp_min(0)
    rim = (1 - 0.26 * decay(edge / 0.05) * smoothstep(-0.2, -0.6, y)) * (1 - 0.40 * decay(edge / 0.022))
    image = paint(image, face_image * rim[:, None], face)

    # Hair in front: a cap above the hairline, with temples, sideburns, fringe and parting.
    part_x = at("part_x")
    swept = x * torch.sign(part_x + 1e-3)
    tip = (x / width).abs()
    line = at("hairline") - at("peak") / (1 + (x / 0.16) ** 2) ** 2
    temple = 1 + ((tip - 0.55) / 0.2) ** 2
    line = line + 0.6 * at("temple") / (temple * temple * temple)
    line = line - 1.05 * smoothstep(0.78, 1.03, tip) * (1 + 0.25 * long_hair)
    lock = noise.strands(2.6 * x, 0.05 * y + 0.3, offset)
    fringe = at("fringe")
    side_swept = smoothstep(0.55, -0.45, swept)
    straight = smoothstep(0.95, 0.70, tip)
    line = line - fringe * (0.34 * lerp(straight, side_swept, at("fringe_swept")) + 0.05 * lock)
    line = line + 0.018 * lock * (1 - cropped) + 0.04 * curl * lumps
    fine = noise.strands(8 * (x - part_x * (1 - fringe)), 1.2 * y, offset)
    softness = lerp(torch.full_like(line, 0.050), torch.full_like(line, 0.12), cropped)
    above = smoothstep(-softness, softness, y - line + 0.022 * fine)
    # Short hair lies closer to the head towards the ears.
    fullness = volume * lerp(smoothstep(-0.35, 0.55, back_y), torch.ones_like(x), long_hair)
    crown = _superellipse(back_x / (width + fullness + 0.015), back_y / (top + volume), 2.35)
    silhouette = cover((1 - crown) * 0.9 + fray * (1 - cropped), pixel + 0.012)
    beside = smoothstep(-0.12, 0.14, back_y + 0.05 * strand) * (1 - long_hair) + long_hair
    on_head = face + (1 - face) * beside
    sides = smoothstep(-0.07, 0.07, back_y - cut + 0.04 * strand)
    front_hair = silhouette * above * on_head * sides * (1 - cropped * (1 - face))
    density = lerp(torch.ones_like(x), 0.58 + 0.14 * curls, cropped)
    # Strands leave the parting and follow the skull.
    from_part = (x - part_x) / (y + 1.25).clamp_min(0.4)
    flow = noise.strands(6.0 * from_part, 0.7 * (x * x + y * y).sqrt(), offset)
    flow = lerp(flow, curls, curl)
    parting = 1 - 0.35 * gauss(x - part_x - 0.1 * (y - 1.0), 0.022) * (1 - fringe) * (1 - curl)
    sheen = gauss(crown - 0.74 - 0.03 * flow, 0.10) * (1 - 0.7 * curl) * (1 - cropped)
    shade = (0.56 + 0.26 * flow + 0.24 * facing.clamp(0, 1) + 0.10 * light_x * x).clamp(0.18, 1.6) * parting
    colors = hair * shade[:, None] * (1.1 * ambient + 0.75 * key)
    colors = colors + (0.030 + 0.30 * hair) * (sheen * (0.55 + 0.45 * flow).clamp_min(0))[:, None] * key
    # It shades the forehead below.
    shadow = smoothstep(-0.13, 0.0, y - line) * (1 - above) * face * (1 - cropped) * 0.30
    image = image * (1 - shadow[:, None])
    front = front_hair * density
    image = paint(image, colors, front)
    return Scene(
        image=image,
        face=face,
        hair=torch.maximum(front, back_hair * (1 - face) * (1 - shirt) * (1 - neck)),
        neck=neck * (1 - face),
        ear=ear * (1 - face),
    )


def _background(noise: Noise, view: Values, size: int, like: Tensor) -> Tensor:
    """A wall with a gradient and soft blotches, out of focus."""
    x, y = pixel_grid(size, like.device)
    slope = view["backdrop_slope"]
    ramp = 1 + plane(slope[:, 0]) * x + plane(slope[:, 1]) * y
    blotch = noise.sample(0.10 * x.expand(len(like), -1, -1), 0.10 * y, 2 * view["grain"], slice(0, 1))[:, 0]
    ramp = (ramp + plane(view["backdrop_mottle"]) * blotch).clamp(0.25, 1.9)
    return tint(view["backdrop"]) * ramp[:, None]
