"""Which AUs a statement speaks of: the science of the linter, as tables.

An entry names the AUs that can be the cause. The first one is meant where the text leaves it open. ``states`` says
whether the statement is a description of that AU, or only a sign that has to fit one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from zoo.facs.anatomy_words import MUSCLES


@dataclass(frozen=True)
class Evidence:
    """What one statement tells.

    Attributes:
        aus: The AUs that can be its cause, the likeliest first.
        states: Whether it describes the first one; otherwise it only has to fit one of them.
        jointly: Whether it describes all of them at once.
    """

    aus: tuple[int, ...]
    states: bool = True
    jointly: bool = False


_STATES: dict[tuple[int, ...], dict[str, str]] = {
    (1,): {"inner brow": "up oblique arch"},
    (2,): {"outer brow": "up arch"},
    (4,): {
        "brow": "down together in furrow bunch press",
        "inner brow": "down together in furrow",
        "outer brow": "down",
        "brow gap": "narrow",
        "glabella": "press bunch furrow wrinkle down together",
        "cover fold": "down",
    },
    (6,): {
        "cheeks": "up bunch eyewards",
        "eye corners": "wrinkle",
        "under the eyes": "deepen up wrinkle",
        "skin by the eyes": "bunch in wrinkle eyewards",
    },
    (7,): {"lower lid": "up tight straight bulge flat", "lids": "tight straight together bulge narrow up"},
    (10,): {"upper lip": "up angular"},
    (12,): {"lip corners": "up back outwards"},
    (14,): {"lip corners": "in pinch tight press narrow dimple", "cheeks": "dimple"},
    (15,): {"lip corners": "down"},
    (17,): {"chin": "up wrinkle bulge dimple", "lower lip": "up"},
    (23,): {"lips": "tight in", "mouth": "tight", "upper lip": "tight in", "lower lip": "tight in"},
    (24,): {"lips": "press together against", "mouth": "press", "upper lip": "press", "lower lip": "press"},
    (5,): {"upper lid": "up retract", "lids": "retract wide", "eyes": "wide open"},
    (9,): {"nose": "wrinkle bunch up"},
    (16,): {"lower lip": "down"},
    (25,): {"lips": "part open", "mouth": "part", "teeth": "show", "tongue": "show", "upper lip": "part"},
    (26,): {"jaw": "down open", "mouth": "open", "chin": "down"},
    (18,): {"lips": "pucker", "mouth": "pucker"},
    (20,): {"lips": "stretch sideways", "mouth": "stretch sideways", "lip corners": "stretch sideways"},
    # open to several: the first one is meant if no other is stated
    (7, 6): {"eyes": "narrow press"},
    (7, 43): {"eyes": "close"},
    (23, 24): {"lips": "narrow", "mouth": "narrow", "upper lip": "narrow", "lower lip": "narrow"},
    (24, 14, 23): {"lips": "flat"},
    (12, 15): {"lip corners": "oblique"},
    (12, 15, 14): {"lip corners": "long out"},
    (17, 18, 22): {"lips": "out outwards", "lower lip": "out outwards"},
    (18, 22): {"upper lip": "out outwards"},
    (10, 12): {"infraorbital triangle": "up"},
    (10, 17): {"middle of the mouth": "up"},
    (5, 7): {"upper lid": "tight"},
}
_SIGNS: dict[tuple[int, ...], dict[str, str]] = {
    (12, 20, 26): {"mouth": "wide"},
    (1, 2, 4): {"forehead": "wrinkle furrow bunch", "brow": "oblique arch"},
    (1, 2): {"forehead": "up", "cover fold": "stretch up"},
    (6, 12): {"cheeks": "bulge pucker wide"},
    (10, 12, 15, 17): {"nasolabial furrow": "deepen up wrinkle"},
    (10, 17, 12): {"mouth": "up"},
    (23, 24, 17, 14, 10): {"lips": "wrinkle bulge"},
}
EVIDENCE: dict[tuple[str, str], Evidence] = {
    (region, movement): Evidence(aus, states)
    for table, states in ((_STATES, True), (_SIGNS, False))
    for aus, regions in table.items()
    for region, movements in regions.items()
    for movement in movements.split()
} | {("brow", "up"): Evidence((1, 2), jointly=True)}
"""A place and its movement to the AUs that this speaks of."""

MUSCLE_EVIDENCE = {muscle: Evidence(aus, jointly=True) for muscle, aus in MUSCLES.items() if aus}
"""A muscle to the AUs that its contraction states."""

_CONTRARY: dict[str, dict[int, str]] = {
    "brow": {4: "apart wide"},
    "cheeks": {6: "down flat"},
    "under the eyes": {6: "smooth"},
    "skin by the eyes": {6: "smooth"},
    "eyes": {6: "wide open", 7: "wide open"},
    "lower lid": {7: "down relax"},
    "lids": {7: "wide relax retract"},
    "upper lip": {10: "down straight", 23: "out outwards", 24: "part"},
    "lip corners": {14: "stretch sideways"},
    "chin": {17: "down smooth flat relax"},
    "jaw": {17: "down", 24: "down open"},
    "lower lip": {17: "down", 23: "out outwards relax", 24: "part down"},
    "lips": {23: "out outwards stretch relax wide", 24: "part open out outwards pucker relax"},
    "mouth": {23: "stretch open wide", 24: "open part pucker"},
    "teeth": {23: "show", 24: "show"},
}
CONTRARY: dict[tuple[str, str], tuple[int, ...]] = {
    (region, movement): tuple(au for au, movements in aus.items() if movement in movements.split())
    for region, aus in _CONTRARY.items()
    for movement in {each for movements in aus.values() for each in movements.split()}
}
"""A place and its movement to the AUs of the twelve that move it the other way, and that no joint pull explains."""
