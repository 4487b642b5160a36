"""Count the labels of a data set: section 3.4 and Figure 2 of the paper, and what they leave out.

Every figure stands beside its definition. All that depends on AU sets is counted once for each of the at most 4,096
sets and weighted with its entries, so that hundreds of thousands of rows take well under a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.au_text_tables import SPLITS
from datamodules.builders import definitions
from zoo.facs import ANTAGONISTS, AUS, CONSTRUCTS, name_of
from zoo.facs.allocation import codes_of
from zoo.facs.conflicts import CONFLICT_DEFINITIONS, antagonist_pairs, conflicts, fired_constructs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

_LISTED = 20  # AU sets that are listed by name


@dataclass(frozen=True)
class Labels:
    """The labels of a data set, a row for each entry.

    Attributes:
        occurrence: (entry, au): 0, 1, or 9 where unknown.
        intensity: (entry, au) from 0 to 5, NaN where unknown.
        subject: Who it is, with the data set's name in front, such as ``bp4d/F001``.
        split: ``train``, ``validation`` or ``test``.
    """

    occurrence: NDArray[np.int8]
    intensity: NDArray[np.float32]
    subject: Sequence[str] | NDArray[np.object_]
    split: Sequence[str] | NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.occurrence)


def count_labels(labels: Labels) -> dict[str, Any]:
    """Count entries, subjects, AUs, AU sets, conflicts, constructs and intensities.

    Raises:
        ValueError: There is no entry.
    """
    if not len(labels):
        message = "count_labels: labels must have at least one entry, got none."
        raise ValueError(message)
    present = labels.occurrence == 1
    known = (labels.occurrence == 0) | present
    has_unknown = ~known.all(1)
    split = np.asarray(labels.split)
    of_split = {name: split == name for name in SPLITS if (split == name).any()}
    codes, set_of, entries = np.unique(codes_of(present), return_inverse=True, return_counts=True)
    sets = (codes[:, None] >> np.arange(len(AUS)) & 1).astype(bool)
    set_entries = {name: np.bincount(set_of[chosen], minlength=len(sets)) for name, chosen in of_split.items()}
    unknown_entries = np.bincount(set_of[has_unknown], minlength=len(sets))
    subject, subject_of = np.unique(np.asarray(labels.subject), return_inverse=True)
    return {
        "entries": {
            "definition": definitions.ENTRIES,
            "total": len(labels),
            "without_active_aus": int(entries[~sets.any(1)].sum()),
            "with_unknown_aus": int(has_unknown.sum()),
            "by_number_of_active_aus": np.bincount(sets.sum(1), entries, len(AUS) + 1).astype(int).tolist(),
            "by_data_set": _by_data_set(subject, np.bincount(subject_of)),
            "by_split": {name: int(chosen.sum()) for name, chosen in of_split.items()},
        },
        "subjects": _subjects(subject, subject_of, of_split),
        "categories": _categories(sets, entries, unknown_entries),
        "aus": _aus(present, known, of_split),
        "au_sets": {
            "definition": definitions.AU_SETS,
            "distinct": int(sets.any(1).sum()),
            "distinct_by_split": {name: int((count[sets.any(1)] > 0).sum()) for name, count in set_entries.items()},
            "most_common": _most_common(sets, entries),
        },
        "unseen_sets": _unseen_sets(sets, set_entries),
        "antagonists": {
            "definition": definitions.ANTAGONIST_PAIRS,
            "entries": _named(ANTAGONISTS, antagonist_pairs(sets), entries),
        },
        "constructs": {
            "definition": definitions.CONSTRUCTS,
            "entries": _named(CONSTRUCTS, fired_constructs(sets), entries),
        },
        "co_occurrence": {
            "definition": definitions.CO_OCCURRENCE,
            "aus": list(AUS),
            "present": _product(present, present),
            "known": _product(present, known),
        },
        "intensity": {"definition": definitions.INTENSITIES, "aus": _intensity(labels.intensity)},
    }


def _categories(sets: NDArray[np.bool_], entries: Counts, unknown_entries: Counts) -> dict[str, Any]:
    """Count the three categories of Figure 2, by each definition of a conflict."""
    active = sets.sum(1)
    result: dict[str, Any] = {"definition": definitions.SHARES}
    for name in CONFLICT_DEFINITIONS:
        number = conflicts(sets, definition=name).sum(1)
        occurrences = np.where(number > 0, number, active)
        member = {
            "single": active == 1,
            "non_conflicting": (active > 1) & (number == 0),
            "conflicting": number > 0,
        }
        total, all_occurrences = int(entries[active > 0].sum()), int((entries * occurrences).sum())
        result[name] = {"definition": definitions.CONFLICTS[name]}
        for category, chosen in member.items():
            count, happened = int(entries[chosen].sum()), int((entries * occurrences)[chosen].sum())
            result[name][category] = {
                "definition": definitions.CATEGORIES[category],
                "entries": count,
                "share": _ratio(count, total),
                "occurrences": happened,
                "occurrence_share": _ratio(happened, all_occurrences),
                "with_unknown_aus": int(unknown_entries[chosen].sum()),
            }
    return result


def _subjects(
    subject: NDArray[np.str_], subject_of: NDArray[np.intp], of_split: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    counts = np.bincount(subject_of, minlength=len(subject))
    by_split = {}
    for name, chosen in of_split.items():
        inside = np.bincount(subject_of[chosen], minlength=len(subject))
        by_split[name] = {"subjects": int((inside > 0).sum()), **_spread(inside[inside > 0])}
    return {
        "definition": definitions.SUBJECTS,
        "total": len(subject),
        "entries_per_subject": _spread(counts),
        "by_split": by_split,
        "entries": {str(name): int(count) for name, count in zip(subject, counts, strict=True)},
    }


def _aus(
    present: NDArray[np.bool_], known: NDArray[np.bool_], of_split: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Any]:
    result: dict[str, Any] = {"definition": definitions.AU_RATES}
    parts = {name: (present[chosen].sum(0), known[chosen].sum(0)) for name, chosen in of_split.items()}
    for place, au in enumerate(AUS):
        active, labelled = int(present[:, place].sum()), int(known[:, place].sum())
        result[f"AU{au}"] = {
            "present": active,
            "absent": labelled - active,
            "unknown": len(present) - labelled,
            "rate": _ratio(active, labelled),
            "rate_by_split": {name: _ratio(int(on[place]), int(all_[place])) for name, (on, all_) in parts.items()},
        }
    return result


def _unseen_sets(sets: NDArray[np.bool_], set_entries: Mapping[str, Counts]) -> dict[str, Any]:
    training = set_entries.get("train", np.zeros(len(sets), dtype=np.int64))
    result: dict[str, Any] = {"definition": definitions.UNSEEN_SETS}
    for name, count in set_entries.items():
        unseen = (count > 0) & (training == 0) & sets.any(1)
        if name != "train":
            result[name] = {
                "sets": int(unseen.sum()),
                "entries": int(count[unseen].sum()),
                "most_common": _most_common(sets[unseen], count[unseen]),
            }
    return result


def _intensity(intensity: NDArray[np.float32]) -> dict[str, Any]:
    result = {}
    for place, au in enumerate(AUS):
        known = ~np.isnan(intensity[:, place])
        levels = np.floor(intensity[known, place] + 0.5).astype(np.int64)
        result[f"AU{au}"] = {
            "by_level": np.bincount(levels, minlength=6).tolist(),
            "unknown": int((~known).sum()),
        }
    return result


def _by_data_set(subject: NDArray[np.str_], counts: Counts) -> dict[str, int]:
    result: dict[str, int] = {}
    for name, count in zip(subject.tolist(), counts.tolist(), strict=True):
        front = name.split("/")[0]
        result[front] = result.get(front, 0) + count
    return result


def _most_common(sets: NDArray[np.bool_], entries: Counts) -> dict[str, int]:
    order = np.argsort(-entries, kind="stable")[:_LISTED]
    names = [name_of(tuple(au for au, on in zip(AUS, sets[place], strict=True) if on)) or "none" for place in order]
    return dict(zip(names, entries[order].tolist(), strict=True))


def _named(constructs: Iterable[tuple[int, ...]], happens: NDArray[np.bool_], entries: Counts) -> dict[str, int]:
    names = [name_of(construct) for construct in constructs]
    return dict(zip(names, (happens * entries[:, None]).sum(0).tolist(), strict=True))


def _product(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> list[list[int]]:
    # float64 holds whole numbers up to 2 ** 53 exactly, and goes through BLAS
    return (first.T.astype(np.float64) @ second.astype(np.float64)).astype(np.int64).tolist()


def _spread(counts: NDArray[np.int64]) -> dict[str, float]:
    return {
        "fewest": int(counts.min()),
        "median": float(np.median(counts)),
        "most": int(counts.max()),
        "mean": round(float(counts.mean()), 2),
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
