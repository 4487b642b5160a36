"""AU labels as people write them: ``AU12``, ``12``, with intensity ``AU12:C``, of one side ``L14:B``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.facs.action_units import ANTAGONISTS, AUS
from zoo.facs.policy import LabelError, LabelPolicy

INTENSITIES = "ABCDE"
"""FACS' letters from a trace to the maximum; as numbers 1 to 5."""
SIDES = ("L", "R")
"""The person's left and right."""
CONFLICT_RESOLUTION = "both are described, together where a construct has both"
_LABEL = re.compile(
    r"(?:AU)?(?P<side>[LR])?(?:AU)?0*(?P<number>[1-9]\d?)(?P<letter>[A-E])?(?::(?P<after>[A-Z0-9]+))?", re.IGNORECASE
)


@dataclass(frozen=True)
class AULabel:
    """An AU that is present, with its intensity and side where they are known.

    Attributes:
        number: FACS number, one of the twelve.
        intensity: 1 to 5 for FACS' A to E, or None.
        side: ``L`` or ``R`` of the person where only that side acts, or None.

    Example:
        >>> str(AULabel.parse("12c")), str(AULabel(14, intensity=2, side="L")), str(AULabel.parse("6"))
        ('AU12:C', 'L14:B', 'AU6')
    """

    number: int
    intensity: int | None = None
    side: str | None = None

    def __post_init__(self) -> None:
        if self.number not in AUS:
            message = f"AULabel: number must be one of {', '.join(map(str, AUS))}, got {self.number}."
            raise LabelError(message)
        if self.intensity is not None and self.intensity not in range(1, len(INTENSITIES) + 1):
            message = (
                f"AULabel: intensity must be from 1 to 5, got {self.intensity!r}. An AU that is absent has no label."
            )
            raise LabelError(message)
        if self.side is not None and self.side not in SIDES:
            message = f"AULabel: side must be one of {', '.join(SIDES)}, got {self.side!r}."
            raise LabelError(message)

    @classmethod
    def parse(cls, text: str) -> AULabel:
        """Read one label; case doesn't matter, and intensities may be A to E or 1 to 5.

        Raises:
            LabelError: It is no label, or its AU is none of the twelve.
        """
        return cls(**_fields(text))

    def __str__(self) -> str:
        intensity = "" if self.intensity is None else f":{INTENSITIES[self.intensity - 1]}"
        return f"{self.side or 'AU'}{self.number}{intensity}"


def parse_labels(text: str, *, policy: LabelPolicy | None = None) -> tuple[AULabel, ...]:
    """Read labels between commas, semicolons, plus signs or spaces; gives them in the order of ``AUS``.

    Impossible are: an AU outside the twelve, and an AU twice with different intensities or sides. To resolve them,
    the first is left out, and of the second the strongest intensity is kept, on both sides.

    Args:
        text: Such as ``6,12,15``, ``AU6 AU12:C`` or ``L14:B+R12``. Empty for no AU.
        policy: What becomes of impossible and conflicting labels.

    Raises:
        LabelError: A word is no label, or the policy rejects one.

    Example:
        >>> [str(label) for label in parse_labels("12:C, 6, L14")]
        ['AU6', 'AU12:C', 'L14']
    """
    policy = policy or LabelPolicy()
    labels = []
    for word in filter(None, re.split(r"[\s,;+]+", text)):
        fields = _fields(word)
        if fields["number"] in AUS:
            labels.append(AULabel(**fields))
        else:
            known = ", ".join(map(str, AUS))
            problem = f"parse_labels: AUs must be some of {known}, got {fields['number']} in {word!r}"
            policy.meet("impossible", problem, "it is left out")
    return combine_labels(labels, policy=policy)


def combine_labels(labels: Iterable[AULabel], *, policy: LabelPolicy) -> tuple[AULabel, ...]:
    """Make labels a set: each AU once, in the order of ``AUS``.

    Raises:
        LabelError: The policy rejects an AU that comes twice, or antagonists.
    """
    found: dict[int, AULabel] = {}
    for label in labels:
        before = found.setdefault(label.number, label)
        if before != label:
            found[label.number] = _strongest(before, label)
            problem = f"labels: an AU must have one intensity and one side, got {before} and {label}"
            policy.meet("impossible", problem, f"{found[label.number]} is kept")
    for first, second in ANTAGONISTS:
        if first in found and second in found:
            problem = f"labels: AU{first} and AU{second} pull against each other"
            policy.meet("conflicts", problem, CONFLICT_RESOLUTION)
    return tuple(found[number] for number in AUS if number in found)


def format_labels(labels: Iterable[AULabel]) -> str:
    """Write labels so that :func:`parse_labels` reads them back.

    Example:
        >>> format_labels(parse_labels("L14:2 6"))
        'AU6,L14:B'
    """
    return ",".join(map(str, labels))


def _fields(word: str) -> dict[str, Any]:
    match = _LABEL.fullmatch(word.strip())
    letter, after = (match["letter"], match["after"]) if match else (None, None)
    if match is None or (letter and after):
        message = f"AULabel: text must be an AU such as 12, AU12, AU12:C, 12C or L14:B, got {word!r}."
        raise LabelError(message)
    grade = (letter or after or "").upper()
    if grade and grade not in {*INTENSITIES, *"12345"}:
        message = f"AULabel: intensity must be from A to E or from 1 to 5, got {grade!r} in {word!r}."
        if grade == "0":
            message += " Leave an absent AU out."
        raise LabelError(message)
    intensity = None if not grade else int(grade) if grade.isdigit() else INTENSITIES.index(grade) + 1
    side = match["side"].upper() if match["side"] else None
    return {"number": int(match["number"]), "intensity": intensity, "side": side}


def _strongest(one: AULabel, other: AULabel) -> AULabel:
    intensities = [each.intensity for each in (one, other) if each.intensity is not None]
    return AULabel(
        one.number, intensity=max(intensities, default=None), side=one.side if one.side == other.side else None
    )
