"""Figures by AU, by construct and by person, and what asking for one AU does to the others."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.evaluation.contributions import counts
from lightning_modules.evaluation.figures import f1
from zoo.facs.conflicts import fired_constructs
from zoo.facs.constructs import CONSTRUCTS, name_of
from zoo.metrics.leakage import diagonal_dominance, leakage_matrix
from zoo.metrics.occurrence_f1 import THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from lightning_modules.evaluation.contributions import Tally
    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import Judgement

    Table = dict[str, dict[str, float]]


def by_au(tally: Tally, judgements: Sequence[Judgement]) -> Table:
    """Give F1, precision, recall, average precision and the number of frames that ask for it, of each AU.

    Frames of several models count together.
    """
    found: Table = {}
    for column, au in enumerate(tally.aus):
        known = tally.known[:, column]
        asked = tally.occurrence[:, column][known]
        seen = torch.cat([_probability(each)[:, column][known] for each in judgements])
        right, wrong, missed, _ = (
            counts(seen[:, None], asked.repeat(len(judgements))[:, None], torch.ones(len(seen), 1, dtype=torch.bool))
            .sum((0, 1))
            .tolist()
        )
        found[str(au)] = {
            "f1": _share(2 * right, 2 * right + wrong + missed),
            "precision": _share(right, right + wrong),
            "recall": _share(right, right + missed),
            "average_precision": average_precision(seen, asked.repeat(len(judgements))),
            "num_asked": int(asked.sum()),
        }
    return found


def average_precision(score: Tensor, asked: Tensor) -> float:
    """Give the area under the steps of the precision-recall curve; NaN where nothing is asked for."""
    recall, precision = precision_recall(score, asked)
    return float(((recall[1:] - recall[:-1]) * precision[1:]).sum()) if bool(asked.any()) else float("nan")


def precision_recall(score: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
    """Give recall and precision for every threshold, from the strictest; equal scores are one threshold."""
    order = torch.argsort(score, descending=True, stable=True)
    ordered, right = score[order], asked[order].double().cumsum(0)
    ends = torch.cat([ordered[1:] != ordered[:-1], torch.ones(1, dtype=torch.bool)])
    taken = torch.arange(1, len(score) + 1, dtype=torch.double)
    recall = (right / right[-1].clamp_min(1))[ends]
    start = torch.zeros(1, dtype=torch.double)
    return torch.cat([start, recall]), torch.cat([start + 1, (right / taken)[ends]])


def by_construct(tally: Tally, frames: EvaluationSet, judgements: Sequence[Judgement]) -> Table:
    """Give for each construct that the set asks for: in how many frames, and in what share all of its AUs are seen."""
    fired = torch.from_numpy(fired_constructs(frames.labels.occurrence.numpy()))
    found: Table = {}
    for place, construct in enumerate(CONSTRUCTS):
        rows = fired[:, place]
        if not bool(rows.any()) or not set(construct) <= set(tally.aus):
            continue
        columns = [tally.aus.index(au) for au in construct]
        seen = torch.stack([_probability(each)[rows][:, columns] >= THRESHOLD for each in judgements])
        found[name_of(construct)] = {
            "num_frames": int(rows.sum()),
            "all_seen": float(seen.all(-1).double().mean()),
            "aus_seen": float(seen.double().mean()),
        }
    return found


def by_subject(tally: Tally, judgements: Sequence[Judgement]) -> Table:
    """Give for each person the F1 over all AUs together, and means of what each frame has."""
    people: dict[str, list[int]] = {}
    for place, subject in enumerate(tally.subjects):
        people.setdefault(subject, []).append(place)
    members = [tally.contributions(each) for each in judgements]
    found: Table = {}
    for subject, places in people.items():
        row: dict[str, float] = {"num_frames": len(places)}
        if all("au_f1" in each for each in members):
            row["au_f1_pooled"] = float(sum(f1(each["au_f1"][places].sum((0, 1))) for each in members)) / len(members)
        for name in ("identity_cosine", "l1"):
            if all(name in each for each in members):
                sums = torch.stack([each[name][places].sum(0) for each in members])
                row[name] = float((sums[:, 0] / sums[:, 1]).mean())
        found[subject] = row
    return found


def leakage(tally: Tally, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Give by how much the probability of each AU rises where one is asked for, all others as they were.

    Returns:
        ``aus``, ``matrix`` with asked AUs in rows, and ``diagonal_dominance``.
    """
    whole = tally.known.all(1)
    asked = tally.occurrence[whole].double()
    seen = torch.stack([_probability(each)[whole].double() for each in judgements]).mean(0)
    matrix = leakage_matrix(asked, seen)
    return {
        "aus": list(tally.aus),
        "matrix": matrix.tolist(),
        "diagonal_dominance": float(diagonal_dominance(matrix)),
    }


def table_csv(tables: Mapping[tuple[str, str], Table], first: str) -> str:
    """Write tables of sets and systems below each other.

    Args:
        tables: By set and system.
        first: What the keys of each table are.
    """
    columns = list(dict.fromkeys(name for table in tables.values() for row in table.values() for name in row))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["set", "system", first, *columns])
    for (which, system), table in tables.items():
        for key, row in table.items():
            cells = [row.get(name) for name in columns]
            shown = [f"{each:.6g}" if isinstance(each, float) else each for each in cells]
            writer.writerow([which, system, key, *shown])
    return stream.getvalue()


def _probability(judgement: Judgement) -> Tensor:
    assert judgement.probability is not None
    return judgement.probability


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
