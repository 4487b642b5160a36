"""The twelve action units (AUs) of BP4D, in the order used everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionUnit:
    """An action unit of FACS (Ekman, Friesen and Hager 2002).

    Attributes:
        number: Its FACS number.
        name: Its FACS name.
        base_rate: Share of BP4D's coded frames that show it, in [0, 1]; literature figures that agree with the
            class weights published with ME-GraphAU.
        muscle: What contracts.
        region: Where it acts.
        movement: What moves, and which way.
        appearance: What is seen when it acts alone.
        antagonists: The AUs of the twelve that pull the same place another way.
    """

    number: int
    name: str
    base_rate: float
    muscle: str
    region: str
    movement: str
    appearance: str
    antagonists: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"AU{self.number}"


ACTION_UNITS = (
    ActionUnit(
        1,
        "inner brow raiser",
        0.21,
        muscle="frontalis, medial part",
        region="brows and forehead",
        movement="inner ends of the brows up",
        appearance="oblique brows, horizontal wrinkles in the middle of the forehead",
        antagonists=(4,),
    ),
    ActionUnit(
        2,
        "outer brow raiser",
        0.17,
        muscle="frontalis, lateral part",
        region="brows and forehead",
        movement="outer ends of the brows up",
        appearance="arched brows, stretched lateral eye cover folds, wrinkles above the outer brows",
        antagonists=(4,),
    ),
    ActionUnit(
        4,
        "brow lowerer",
        0.20,
        muscle="corrugator supercilii, depressor supercilii, procerus",
        region="brows and glabella",
        movement="brows down and together",
        appearance="vertical or oblique furrows between the brows, eye cover folds pushed down",
        antagonists=(1, 2),
    ),
    ActionUnit(
        6,
        "cheek raiser",
        0.46,
        muscle="orbicularis oculi, orbital part",
        region="cheeks and eyes",
        movement="skin around the eyes towards them, cheeks up",
        appearance="raised cheeks, crow's feet, deeper infraorbital furrows, narrower eyes",
    ),
    ActionUnit(
        7,
        "lid tightener",
        0.55,
        muscle="orbicularis oculi, palpebral part",
        region="eyelids",
        movement="lower lids up and straight",
        appearance="tight lids, bulging lower lids, eyes narrowed to slits",
    ),
    ActionUnit(
        10,
        "upper lip raiser",
        0.59,
        muscle="levator labii superioris",
        region="upper lip and infraorbital triangle",
        movement="middle of the upper lip up",
        appearance="angular upper lip, raised infraorbital triangle, deeper upper nasolabial furrows",
        antagonists=(17, 24),
    ),
    ActionUnit(
        12,
        "lip corner puller",
        0.56,
        muscle="zygomaticus major",
        region="lip corners and cheeks",
        movement="lip corners up and back, obliquely",
        appearance="oblique lip corners, raised and deeper nasolabial furrows",
        antagonists=(14, 15, 23, 24),
    ),
    ActionUnit(
        14,
        "dimpler",
        0.47,
        muscle="buccinator",
        region="lip corners",
        movement="lip corners inwards",
        appearance="pinched lip corners with dimples, skin drawn towards them",
        antagonists=(12,),
    ),
    ActionUnit(
        15,
        "lip corner depressor",
        0.17,
        muscle="depressor anguli oris",
        region="lip corners",
        movement="lip corners down",
        appearance="lip corners angled down, pouching below them",
        antagonists=(12,),
    ),
    ActionUnit(
        17,
        "chin raiser",
        0.34,
        muscle="mentalis",
        region="chin and lower lip",
        movement="chin boss and lower lip up",
        appearance="wrinkled chin boss, lower lip pushed up, mouth in an inverted U",
        antagonists=(10,),
    ),
    ActionUnit(
        23,
        "lip tightener",
        0.17,
        muscle="orbicularis oris",
        region="lips",
        movement="lips inwards and tight",
        appearance="narrow lips that show less red, small wrinkles around them",
        antagonists=(12,),
    ),
    ActionUnit(
        24,
        "lip pressor",
        0.15,
        muscle="orbicularis oris",
        region="lips",
        movement="lips against each other",
        appearance="pressed, flattened lips, bulges above and below them",
        antagonists=(10, 12),
    ),
)
AUS = tuple(unit.number for unit in ACTION_UNITS)
"""AU numbers in the order of every ``au`` axis."""
ANTAGONISTS = tuple((unit.number, other) for unit in ACTION_UNITS for other in unit.antagonists if unit.number < other)
"""Pairs of AUs that pull the same place in different directions."""
