"""Conflicts of AUs, and what is made of them, in words for people who don't know FACS by heart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning_modules.demo.requests import Wish
from zoo.facs.action_units import ACTION_UNITS, AUS
from zoo.facs.constructs import name_of
from zoo.facs.explanation import Antagonism, explain
from zoo.facs.labels import format_labels
from zoo.facs.lint_report import Finding

_UNITS = {unit.number: unit for unit in ACTION_UNITS}


def explained(wish: Wish) -> dict[str, Any]:
    """Say which AUs are meant, which pull against each other, and how the description deals with it."""
    explanation = explain(label.number for label in wish.labels)
    return {
        "aus": format_labels(wish.labels),
        "labels": [
            {
                "au": label.number,
                "name": _UNITS[label.number].name,
                "intensity": label.intensity,
                "side": label.side,
            }
            for label in wish.labels
        ],
        "conflicts": [_conflict(each) for each in explanation.antagonisms],
        "constructs": [name_of(construct) for construct in explanation.constructs],
        "decisions": str(explanation),
        "reading": None if wish.reading is None else _reading(wish),
    }


def units() -> list[dict[str, Any]]:
    """Give what the page says of each AU."""
    return [
        {
            "au": unit.number,
            "name": unit.name,
            "movement": unit.movement,
            "appearance": unit.appearance,
            "region": "upper face" if unit.number <= 7 else "lower face",
            "antagonists": list(unit.antagonists),
        }
        for unit in ACTION_UNITS
    ]


def _conflict(antagonism: Antagonism) -> dict[str, Any]:
    first, second = (_UNITS[number] for number in antagonism.pair)
    moves = f"AU{first.number} ({first.movement}) and AU{second.number} ({second.movement}) pull against each other."
    if antagonism.worded_by:
        names = " and ".join(name_of(construct).replace("+", " + ") for construct in antagonism.worded_by)
        outcome = f"The description says what they do together, as the combination {names}."
    else:
        outcome = "No combination that applies has both, so each is described apart."
    return {"pair": list(antagonism.pair), "text": f"{moves} {outcome}"}


def _told(finding: Finding) -> str:
    # the linter speaks of AUs that were asked for; here nobody asked for any
    if finding.kind == "leak" and not set(finding.aus) & set(AUS):
        return "Not among the twelve AUs: " + finding.message.replace(" is not asked for, but", ",") + "."
    return finding.message[0].upper() + finding.message[1:] + "."


def _reading(wish: Wish) -> dict[str, Any]:
    assert wish.reading is not None
    assert wish.text is not None
    if wish.reading.method == "lexicon":
        findings: Sequence[str] = ()
        how = "These are descriptions of our lexicon, so its AUs are certain."
    else:
        from zoo.facs.linter import lint

        findings = [_told(finding) for finding in lint(wish.text).findings][:6]
        how = "This was read freely, clause by clause."
        if not wish.labels:
            how = (
                "No AU can be read in this text. The model gets it all the same; what it makes of it can't be compared "
                "with anything. Texts such as “The lip corners are drawn down” are understood best."
            )
    return {"method": wish.reading.method, "how": how, "findings": list(findings)}
