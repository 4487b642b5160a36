"""Contact sheets: many faces side by side, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from einops import rearrange
from torch import Tensor

from zoo.faces.parameters import FaceParameters
from zoo.faces.renderer import FaceRenderer
from zoo.faces.sampling import sample_faces
from zoo.facs import AUS, COMBINATIONS
from zoo.facs.action_units import ACTION_UNITS
from zoo.images import to_uint8

if TYPE_CHECKING:
    from PIL.Image import Image

_LABEL_HEIGHT = 14
_STRONG = 0.9
_LEVELS = (0.0, 0.11, 0.31, 0.55, 0.79, 1.0)
_LEVEL_NAMES = ("0", "A", "B", "C", "D", "E")


def contact_sheet(images: Tensor, labels: Sequence[str], *, columns: int) -> Image:
    """Lay images (n, 3, h, w) in [-1, 1] out in rows, each under its label."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    height, width = images.shape[-2:]
    rows = -(-len(images) // columns)
    sheet = Pillow.new("RGB", (columns * width, rows * (height + _LABEL_HEIGHT)), (20, 20, 20))
    pen = ImageDraw.Draw(sheet)
    for index, (pixels, label) in enumerate(zip(to_uint8(images).cpu(), labels, strict=True)):
        left, top = index % columns * width, index // columns * (height + _LABEL_HEIGHT)
        sheet.paste(Pillow.fromarray(rearrange(pixels, "c h w -> h w c").numpy()), (left, top + _LABEL_HEIGHT))
        pen.text((left + 3, top + 1), label, fill=(255, 235, 120))
    return sheet


def studio_view(parameters: FaceParameters) -> FaceParameters:
    """The same faces from the front, in even light, before a grey wall."""
    light: dict[str, tuple[float, ...]] = {
        "light": (0.301, 0.479, 0.824),
        "key": (1.0, 1.0, 1.0),
        "backdrop": (0.30, 0.33, 0.37),
        "backdrop_slope": (0.05, 0.14),
        "shirt": (0.16, 0.20, 0.27),
        "shift": (0.0, 0.0),
        "gaze": (0.0, 0.0),
    }
    numbers = {"ambient": 0.42, "exposure": 1.0, "scale": 1.0, "collar": 0.6, "backdrop_mottle": 0.08}
    view = {}
    for name, value in parameters.view.items():
        if name in light:
            view[name] = value.new_tensor(light[name]).expand_as(value)
        else:
            view[name] = torch.full_like(value, numbers.get(name, 0.0))
    return replace(parameters, view=view)


def _people(identities: Sequence[int]) -> FaceParameters:
    seeds = torch.tensor(list(identities), dtype=torch.int64)
    return studio_view(sample_faces(seeds, seeds, seeds, trace=False, nuisance=False)).neutral()


def _acting(identity: int, sets: Sequence[Sequence[int]], strength: float) -> FaceParameters:
    """One person with each set of AUs."""
    activation = torch.zeros(len(sets), len(AUS))
    for row, numbers in zip(activation, sets, strict=True):
        for number in numbers:
            row[AUS.index(number)] = strength
    return _people([identity] * len(sets)).with_activation(activation)


@torch.no_grad()
def identity_sheet(size: int, identities: Sequence[int], *, columns: int = 8) -> Image:
    """Show people by their seeds, neutral, each in a view of one's own."""
    seeds = torch.tensor(list(identities), dtype=torch.int64)
    faces = sample_faces(seeds, seeds, seeds).neutral()
    return contact_sheet(FaceRenderer(size)(faces).images, [f"face {seed}" for seed in identities], columns=columns)


@torch.no_grad()
def single_au_sheet(size: int, identities: Sequence[int] = (21,), *, columns: int = 13) -> Image:
    """Show each person neutral and with each AU alone at full strength."""
    sets = [(), *((number,) for number in AUS)]
    faces = FaceParameters.cat([_acting(identity, sets, 1.0) for identity in identities])
    names = ["neutral", *(f"{unit} {unit.name}" if size >= 160 else str(unit) for unit in ACTION_UNITS)]
    return contact_sheet(FaceRenderer(size)(faces).images, names * len(identities), columns=columns)


@torch.no_grad()
def combination_sheet(size: int, identity: int = 21, *, columns: int = 13) -> Image:
    """Show the 26 combinations after the rules of FACS, and below each the sum of its single AUs."""
    faces = _acting(identity, COMBINATIONS, _STRONG)
    names = ["+".join(map(str, numbers)) for numbers in COMBINATIONS]
    ruled, summed = (FaceRenderer(size, interaction)(faces).images for interaction in (1.0, 0.0))
    images, labels = [], []
    for start in range(0, len(names), columns):
        rows = slice(start, min(start + columns, len(names)))
        filler = columns - len(names[rows])
        for kind, pictures in (("rules", ruled), ("sum", summed)):
            images += [pictures[rows], -pictures.new_ones(filler, *pictures.shape[1:])]
            labels += [f"{name} {kind}" for name in names[rows]] + [""] * filler
    return contact_sheet(torch.cat(images), labels, columns=columns)


@torch.no_grad()
def level_sheet(size: int, identity: int = 21, *, numbers: Sequence[int] = AUS) -> Image:
    """Show AUs from absent over A (trace) to E (maximum), one row each."""
    activation = torch.zeros(len(numbers) * len(_LEVELS), len(AUS))
    for index, row in enumerate(activation):
        row[AUS.index(numbers[index // len(_LEVELS)])] = _LEVELS[index % len(_LEVELS)]
    faces = _people([identity] * len(activation)).with_activation(activation)
    labels = [f"AU{number} {level}" for number in numbers for level in _LEVEL_NAMES]
    return contact_sheet(FaceRenderer(size)(faces).images, labels, columns=len(_LEVELS))
