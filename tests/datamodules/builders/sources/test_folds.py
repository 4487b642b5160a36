"""The published partitions are whole and disjoint, and have the sizes that were published."""

import pytest

from datamodules.builders.sources.bp4d import known_sequences
from datamodules.builders.sources.folds import (
    BP4D_FOLDS,
    BP4D_SUBJECTS,
    BP4DPLUS_FOLDS,
    BP4DPLUS_SUBJECTS,
    DISFA_FOLDS,
    DISFA_SUBJECTS,
)


@pytest.mark.parametrize(
    ("parts", "subjects", "sizes"),
    [
        (BP4D_FOLDS["3fold"], BP4D_SUBJECTS, (14, 14, 13)),
        (BP4D_FOLDS["fera2015"], BP4D_SUBJECTS, (21, 20)),
        (BP4DPLUS_FOLDS["4fold"], BP4DPLUS_SUBJECTS, (35, 35, 35, 35)),
        (DISFA_FOLDS["3fold"], DISFA_SUBJECTS, (9, 9, 9)),
    ],
    ids=["BP4D", "FERA 2015", "BP4D+", "DISFA"],
)
def test_parts_are_whole_and_disjoint(parts, subjects, sizes):
    assert tuple(len(part) for part in parts) == sizes
    assert sum(sizes) == len(subjects)
    assert frozenset().union(*parts) == subjects


def test_there_are_as_many_subjects_as_published():
    assert (len(BP4D_SUBJECTS), len(BP4DPLUS_SUBJECTS), len(DISFA_SUBJECTS)) == (41, 140, 27)
    assert not {"SN014", "SN015", "SN019", "SN020", "SN022"} & DISFA_SUBJECTS
    assert BP4D_SUBJECTS < BP4DPLUS_SUBJECTS  # other people under the same names


def test_parts_of_bp4d_have_the_frames_that_were_published():
    frames = {key: last - first + 1 for key, (first, last) in known_sequences().items()}
    assert len(frames) == 328
    assert sum(frames.values()) == 146_847
    assert {subject for subject, _ in frames} == BP4D_SUBJECTS
    counts = [sum(n for (subject, _), n in frames.items() if subject in part) for part in BP4D_FOLDS["3fold"]]
    assert counts == [50_631, 50_182, 46_034]


@pytest.mark.parametrize(
    ("parts", "members"),
    [
        (BP4D_FOLDS["3fold"], ("F001", "F003", "F004")),
        (BP4D_FOLDS["fera2015"], ("M017", "M018")),
        (BP4DPLUS_FOLDS["4fold"], ("M040", "F074", "F029", "M058")),
        (DISFA_FOLDS["3fold"], ("SN002", "SN013", "SN029")),
    ],
)
def test_some_members_are_where_the_literature_has_them(parts, members):
    assert [name in part for part, name in zip(parts, members, strict=True)] == [True] * len(parts)
