"""Who the procedural people are: a face from a seed."""

from __future__ import annotations

from types import MappingProxyType

import torch
from jaxtyping import Int
from torch import Tensor

from zoo.faces.seeds import SeededDraws

IDENTITY_RANGES = MappingProxyType(
    {
        "train": range(1_000_000),
        "validation": range(1_000_000, 1_100_000),
        "test": range(1_100_000, 1_200_000),
        "judges": range(2_000_000, 3_000_000),
    }
)
"""Seeds of the people of each split. Judges are people on whom only measuring networks are trained."""

# Shape: mean, standard deviation, least and greatest; lengths in half face widths, y up, pupils at y = 0.
_SHAPE: dict[str, tuple[float, float, float, float]] = {
    "face_width": (0.985, 0.045, 0.88, 1.10),
    "chin_y": (-1.58, 0.065, -1.74, -1.44),
    "jaw_power": (2.25, 0.28, 1.75, 3.0),
    "jaw_width": (1.0, 0.05, 0.88, 1.12),
    "head_top": (1.55, 0.06, 1.4, 1.7),
    "cheekbone": (0.075, 0.025, 0.02, 0.14),
    "cheek_fat": (0.035, 0.03, -0.03, 0.10),
    "hollow": (0.03, 0.025, -0.01, 0.09),
    "brow_ridge": (0.038, 0.020, 0.0, 0.085),
    "socket": (0.135, 0.028, 0.08, 0.20),
    "chin_height": (0.10, 0.03, 0.03, 0.17),
    "chin_width": (0.21, 0.03, 0.14, 0.28),
    "eye_x": (0.455, 0.020, 0.41, 0.50),
    "eye_y": (0.0, 0.018, -0.045, 0.045),
    "eye_width": (0.218, 0.014, 0.18, 0.25),
    "eye_upper": (0.094, 0.011, 0.066, 0.122),
    "eye_lower": (0.070, 0.008, 0.050, 0.088),
    "eye_tilt": (0.012, 0.014, -0.022, 0.045),
    "lid_crease": (0.058, 0.020, 0.014, 0.105),
    "iris_radius": (0.089, 0.003, 0.083, 0.096),
    "brow_in": (0.170, 0.022, 0.115, 0.23),
    "brow_out": (0.75, 0.03, 0.68, 0.82),
    "brow_y": (0.290, 0.026, 0.23, 0.35),
    "brow_arch": (0.070, 0.026, 0.01, 0.13),
    "brow_tail": (0.000, 0.022, -0.05, 0.05),
    "brow_thickness": (0.050, 0.011, 0.028, 0.078),
    "brow_density": (0.86, 0.10, 0.60, 1.0),
    "nose_width": (0.222, 0.026, 0.168, 0.29),
    "nose_y": (-0.585, 0.034, -0.67, -0.50),
    "bridge_width": (0.112, 0.015, 0.08, 0.15),
    "bridge_height": (0.165, 0.040, 0.07, 0.26),
    "tip_height": (0.12, 0.026, 0.06, 0.18),
    "tip_width": (0.125, 0.018, 0.09, 0.17),
    "tip_up": (0.0, 0.02, -0.04, 0.045),
    "ala_height": (0.115, 0.022, 0.07, 0.165),
    "mouth_y": (-0.965, 0.03, -1.04, -0.89),
    "mouth_width": (0.370, 0.028, 0.305, 0.44),
    "lip_upper": (0.085, 0.020, 0.042, 0.132),
    "lip_lower": (0.115, 0.022, 0.068, 0.170),
    "cupid": (0.22, 0.09, 0.02, 0.42),
    "mouth_curve": (0.008, 0.014, -0.028, 0.042),
    "lip_out": (0.045, 0.013, 0.02, 0.075),
    "philtrum": (0.014, 0.006, 0.0, 0.028),
    "muzzle": (0.085, 0.022, 0.03, 0.14),
    "hairline": (0.93, 0.075, 0.76, 1.12),
    "hair_volume": (0.12, 0.05, 0.03, 0.24),
    "peak": (0.0, 0.05, -0.09, 0.12),
    "temple": (0.14, 0.08, 0.0, 0.34),
}

# Beer-Lambert absorption in linear RGB: of the bare skin, of melanin, of blood.
_BARE, _MELANIN, _BLOOD = (0.13, 0.27, 0.40), (1.30, 1.75, 2.10), (0.04, 0.26, 0.22)
_IRISES = (
    (0.055, 0.025, 0.012),
    (0.13, 0.065, 0.025),
    (0.16, 0.12, 0.045),
    (0.10, 0.14, 0.09),
    (0.10, 0.16, 0.24),
    (0.17, 0.20, 0.22),
)
NUM_MOLES = 4
NUM_CREASES = 3
"""Wrinkles of one's own in each of the forehead, beside each eye, and on each cheek."""


def _color(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sample_identity(seeds: Int[Tensor, " batch"]) -> dict[str, Tensor]:
    """Draw one person per seed. People share nothing but the distributions."""
    draws = SeededDraws(seeds, "identity")
    person: dict[str, Tensor] = {}
    spread = draws.uniform("shape", len(_SHAPE))
    for column, (name, (mean, deviation, least, greatest)) in enumerate(_SHAPE.items()):
        limits = (torch.tensor([least, greatest], dtype=torch.float64) - mean) / deviation
        below, above = torch.special.ndtr(limits)
        person[name] = mean + deviation * torch.special.ndtri(below + (above - below) * spread[:, column])

    # Two latents tie features together: a sexual dimorphism, and age from 0 (20 years) to 1 (75).
    dimorphism = draws.normal("dimorphism", deviation=0.9, limit=2.2)
    age = draws.uniform("age") ** 1.4
    person["jaw_power"] = (person["jaw_power"] + 0.18 * dimorphism).clamp(1.75, 3.2)
    person["brow_thickness"] = (person["brow_thickness"] + 0.007 * dimorphism).clamp(0.024, 0.085)
    person["brow_y"] = person["brow_y"] - 0.014 * dimorphism
    person["brow_arch"] = (person["brow_arch"] - 0.012 * dimorphism).clamp_min(0.005)
    person["brow_ridge"] = (person["brow_ridge"] + 0.018 * dimorphism).clamp_min(0)
    person["lip_upper"] = (person["lip_upper"] - 0.010 * dimorphism - 0.012 * age).clamp_min(0.038)
    person["lip_lower"] = (person["lip_lower"] - 0.010 * dimorphism - 0.012 * age).clamp_min(0.06)
    person["chin_height"] = person["chin_height"] + 0.012 * dimorphism
    person["eye_upper"] = person["eye_upper"] - 0.004 * dimorphism - 0.006 * age
    person["age"] = age
    person["lash"] = (0.85 - 0.28 * dimorphism).clamp(0.45, 1.4)
    person["gain"] = 1 + draws.normal("gain", deviation=0.10, limit=2.0)

    _add_wrinkles(person, draws, age)
    _add_colors(person, draws, age, dimorphism)
    _add_hair(person, draws, age, dimorphism)
    return {name: value.to(torch.float32) for name, value in person.items()}


def _add_wrinkles(person: dict[str, Tensor], draws: SeededDraws, age: Tensor) -> None:
    """Draw where and how deep this person's skin folds: everybody has a map of one's own."""
    person["wrinkle_gain"] = 0.62 + 0.70 * draws.uniform("wrinkle_gain") * (0.5 + 0.7 * age)
    person["nasolabial_rest"] = (0.06 + 0.42 * age + draws.normal("nasolabial_rest", deviation=0.07)).clamp(0.0, 0.65)
    person["forehead_rest"] = (0.40 * age**2 * draws.uniform("forehead_rest")).clamp(0, 0.4)
    person["bag_rest"] = 0.06 + 0.38 * age * draws.uniform("bag_rest")
    person["marionette_rest"] = 0.26 * age**1.5 * draws.uniform("marionette_rest")
    person["glabella_rest"] = 0.28 * age**1.5 * draws.uniform("glabella_rest")
    person["crow_rest"] = 0.30 * age**1.5 * draws.uniform("crow_rest")
    person["forehead_spacing"] = 0.100 + 0.045 * draws.uniform("forehead_spacing")
    person["forehead_phase"] = draws.uniform("forehead_phase")
    person["forehead_slope"] = draws.normal("forehead_slope", deviation=0.05)
    person["forehead_wave"] = 0.010 + 0.024 * draws.uniform("forehead_wave")
    person["glabella_lines"] = draws.choice("glabella_lines", 3).double()
    person["glabella_offset"] = draws.normal("glabella_offset", 2, deviation=0.022)
    person["crow_period"] = 0.32 + 0.22 * draws.uniform("crow_period")
    person["crow_phase"] = draws.uniform("crow_phase", 2)
    person["crow_length"] = 0.16 + 0.12 * draws.uniform("crow_length", 2)
    person["fold_bow"] = draws.normal("fold_bow", 2, deviation=0.012)
    person["fold_depth"] = 1 + draws.normal("fold_depth", 2, deviation=0.14)
    person["fold_second"] = (draws.uniform("fold_second") - 0.45).clamp_min(0) * (0.6 + 1.2 * age)
    person["dimple_x"] = 0.085 + draws.normal("dimple_x", deviation=0.012)
    person["chin_dimple"] = (draws.uniform("chin_dimple") - 0.8).clamp_min(0) * 4.0
    for place, count in (("forehead", 1), ("eye", 2), ("cheek", 2)):
        # x, y, angle, half length, curvature and depth, each from -1 or 0 to 1; the layer that draws them scales.
        creases = draws.uniform(f"{place}_creases", count, NUM_CREASES, 6)
        creases[..., :5] = creases[..., :5] * 2 - 1
        person[f"{place}_creases"] = creases


def _add_colors(person: dict[str, Tensor], draws: SeededDraws, age: Tensor, dimorphism: Tensor) -> None:
    melanin, blood = draws.uniform("melanin"), 0.35 + 0.5 * draws.uniform("blood")
    blood = blood * (1 - 0.45 * melanin)
    absorbed = _color(*_BARE) + melanin[:, None] * _color(*_MELANIN) + blood[:, None] * _color(*_BLOOD)
    skin = torch.exp(-absorbed)
    person["melanin"], person["skin"] = melanin, skin
    redness = draws.uniform("lip_color")[:, None]
    person["lip"] = skin * (_color(0.90, 0.56, 0.57) * (1 - redness) + _color(0.86, 0.42, 0.47) * redness)

    darkness = (draws.uniform("hair_dark") * (1 - melanin) + melanin + 0.25 * draws.uniform("hair_darker")).clamp(0, 1)
    ginger = draws.uniform("ginger") ** 3 * (1 - darkness)
    hair = torch.exp(
        -(
            _color(0.55, 0.85, 1.35)
            + darkness[:, None] * _color(2.9, 3.0, 2.8)
            - ginger[:, None] * _color(0.3, -0.5, -0.9)
        )
    )
    grey = ((age - 0.68) * 2.6 + draws.normal("grey", deviation=0.25)).clamp(0, 0.9)[:, None]
    silver = hair.mean(1, keepdim=True) * 0.4 + _color(0.30, 0.30, 0.31)
    person["hair"] = hair * (1 - grey) + silver * grey
    person["brow_color"] = 0.35 * hair + 0.35 * person["hair"]

    dark = draws.uniform("iris_dark") < 0.25 + 0.9 * melanin
    index = torch.where(dark, draws.choice("iris_brown", 2), draws.choice("iris_any", len(_IRISES)))
    person["iris"] = torch.tensor(_IRISES, dtype=torch.float64)[index] * (0.9 + 0.4 * draws.uniform("iris_light", 1))
    bearded = (dimorphism > 0.35) & (draws.uniform("bearded") < 0.5)
    person["beard"] = torch.where(bearded, 0.25 + 0.70 * draws.uniform("beard"), 0.0)
    freckled = draws.uniform("freckled") < 0.30 * (1 - melanin)
    person["freckles"] = torch.where(freckled, 0.3 + 0.7 * draws.uniform("freckles"), 0.0)
    person["blush"] = 0.30 + 0.70 * draws.uniform("blush")
    person["oil"] = 0.35 + 0.65 * draws.uniform("oil")
    person["mole_x"] = draws.uniform("mole_x", NUM_MOLES) * 1.6 - 0.8
    person["mole_y"] = draws.uniform("mole_y", NUM_MOLES) * 1.9 - 1.4
    person["mole_radius"] = 0.012 + 0.014 * draws.uniform("mole_radius", NUM_MOLES)
    person["mole_depth"] = (draws.uniform("mole_depth", NUM_MOLES) - 0.62).clamp_min(0) * 2.4
    person["texture"] = draws.uniform("texture", 2) * 2 - 1


def _add_hair(person: dict[str, Tensor], draws: SeededDraws, age: Tensor, dimorphism: Tensor) -> None:
    """Draw a hair style out of continuous parts: length, curls, fringe, parting and volume."""
    style = draws.uniform("hair_style") + 0.16 * dimorphism  # dimorphism leans towards short hair, no more
    long, bob, short = style < 0.26, (style >= 0.26) & (style < 0.44), (style >= 0.44) & (style < 0.88)
    cropped = style >= 0.88
    person["hair_cut"] = torch.where(  # where the hair ends at the sides
        long, -2.4, torch.where(bob, -0.75 - 0.5 * draws.uniform("bob"), torch.where(short, -0.10, 0.02))
    )
    person["hair_long"] = torch.where(long | bob, 1.0, 0.0).double()
    person["hair_cropped"] = torch.where(cropped, 1.0, 0.0).double()
    curl = (draws.uniform("curl") * 1.25 + 0.35 * person["melanin"] - 0.55).clamp(0, 1)
    person["curl"] = torch.where(cropped, 0.0, curl)
    person["hair_volume"] = torch.where(cropped, 0.012, person["hair_volume"] + 0.10 * person["curl"])
    fringed = (draws.uniform("fringed") < 0.38) & ~cropped
    person["fringe"] = torch.where(fringed, 0.35 + 0.65 * draws.uniform("fringe"), 0.0)
    person["fringe_swept"] = draws.uniform("fringe_swept")
    person["part_x"] = draws.normal("part_x", deviation=0.32, limit=2.0)
    person["temple"] = person["temple"] * (0.6 + 0.5 * (dimorphism > 0).double() + 0.5 * age)
    person["hairline"] = person["hairline"] + 0.06 * age * (dimorphism > 0).double()
