"""Every figure of an evaluation as one record: of which system, on which part of which set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.figures import difference_of, in_order, value_of
from lightning_modules.evaluation.judging import COPIED, others
from lightning_modules.evaluation.set_distances import set_figures

if TYPE_CHECKING:
    from lightning_modules.evaluation.evaluation import SetResult

    Record = dict[str, Any]

_BEATEN = ("aaad", "au_f1")
"""Figures by which a system must be better than what needs no skill."""


def figures_of(result: SetResult, *, network: str | None) -> list[Record]:
    """Give every figure of every row on every part of a set.

    Args:
        result: What was found on the set.
        network: Name of the network whose features compare sets of images; None for none.
    """
    found = []
    subjects = result.frames.labels.subject
    names = in_order(name for row in result.rows for name in row.members[0])
    for group, mask in result.frames.groups().items():
        for row in result.rows:
            place = {"set": result.frames.name, "group": group, "system": row.name, "is_anchor": row.is_anchor}
            place["num_frames"] = int(mask.sum())
            values = {figure: value_of(row, figure, subjects, mask) for figure in names}
            found += [{**place, "figure": figure, **value} for figure, value in values.items() if value]
            # distances of sets depend on the number of frames, and would be compared across groups
            if group == "all" and network is not None and row.name in result.judgements:
                true = result.tally.true
                own = result.judgements[row.name]
                of_sets = set_figures(own, true, network=network, subjects=subjects)
                found += [{**place, "figure": figure, **value} for figure, value in of_sets.items()]
    return found


def differences_of(result: SetResult, baseline: str) -> list[Record]:
    """Give the difference of every system to one of them, and to what needs no skill, taken on the same people.

    Without skill are a copied reference and the system's own pictures against the AUs of others.
    """
    found = []
    rows = {row.name: row for row in result.rows}
    for group, mask in result.frames.groups().items():
        for name in result.systems:
            for base in (baseline, COPIED, others(name)):
                if base == name or base not in rows:
                    continue
                names = _BEATEN if base != baseline else in_order(rows[base].members[0])
                place = {"set": result.frames.name, "group": group, "system": name, "baseline": base}
                for figure in names:
                    value = difference_of(rows[name], rows[base], figure, result.frames.labels.subject, mask)
                    if value is not None:
                        found.append({**place, "figure": figure, **value})
    return found
