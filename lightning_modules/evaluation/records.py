"""Every figure of an evaluation as one record: of which system, on which part of which set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.figures import difference_of, in_order, value_of
from lightning_modules.evaluation.judging import COPIED, others
from lightning_modules.evaluation.set_distances import set_figures

if TYPE_CHECKING:
    from lightning_modules.evaluation.evaluation import SetResult
    from lightning_modules.evaluation.figures import Measured
    from lightning_modules.evaluation.measurements import Measurements

    Record = dict[str, Any]

_BEATEN = ("aaad", "au_f1", "conflict_both_seen", "intensity_rank")
"""Figures by which a system must be better than what needs no skill."""


def figures_of(measured: Measurements) -> list[Record]:
    """Give every figure of every row on every part of a set."""
    found = []
    names = in_order({name for row in measured.rows for name in row.members[0]})
    for group, mask in measured.groups.items():
        for row in measured.rows:
            values = {figure: value_of(row, figure, measured.subjects, mask) for figure in names}
            place = _place(measured, group, row)
            found += [{**place, "figure": figure, **value} for figure, value in values.items() if value]
    return found


def set_distances_of(result: SetResult, *, network: str) -> list[Record]:
    """Give the distances of sets of images, of every row that has pictures.

    They depend on the number of frames, and would be compared across groups: there are those of all frames alone.

    Args:
        result: What was found on the set.
        network: Name of the network whose features are compared.
    """
    found = []
    subjects, true = result.frames.labels.subject, result.tally.true
    for row in result.measured.rows:
        if row.name in result.judgements:
            of_sets = set_figures(result.judgements[row.name], true, network=network, subjects=subjects)
            place = _place(result.measured, "all", row)
            found += [{**place, "figure": figure, **value} for figure, value in of_sets.items()]
    return found


def differences_of(measured: Measurements, baseline: str) -> list[Record]:
    """Give the difference of every system to one of them, and to what needs no skill, taken on the same people.

    Without skill are a copied reference and the system's own pictures against the AUs of others.
    """
    found = []
    rows = {row.name: row for row in measured.rows}
    for group, mask in measured.groups.items():
        for name in measured.systems:
            for base in (baseline, COPIED, others(name)):
                if base == name or base not in rows:
                    continue
                names = _BEATEN if base != baseline else in_order(rows[base].members[0])
                place = {"set": measured.name, "group": group, "system": name, "baseline": base}
                for figure in names:
                    value = difference_of(rows[name], rows[base], figure, measured.subjects, mask)
                    if value is not None:
                        found.append({**place, "figure": figure, **value})
    return found


def _place(measured: Measurements, group: str, row: Measured) -> Record:
    return {
        "set": measured.name,
        "group": group,
        "system": row.name,
        "is_anchor": row.is_anchor,
        "num_frames": int(measured.groups[group].sum()),
    }
