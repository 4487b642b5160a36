"""Tables of labels are read by their names, and never misread in silence."""

import numpy as np
import pytest

from datamodules.builders.sources.au_tables import BP4DPLUS_AUS, read_intensity, read_occurrence
from datamodules.builders.sources.base import DatasetError, Problems
from zoo.facs import AUS

LABELS = np.array([[(row + place) % 3 == 0 for place in range(12)] for row in range(6)], int)


def positional(labels, *, first=10, occluded=()):
    """Rows of the form in which column N is AU N."""
    rows = [["9"] * 100 for _ in labels]
    for place, row in enumerate(rows):
        row[0], row[99] = str(first + place), str(int(place in occluded))
        for au, value in zip(AUS, labels[place], strict=True):
            row[au] = str(value)
    return [[str(column) for column in range(100)], *rows]


def named(labels, *, names=None, first=10):
    """Rows under names, which are those of BP4D+ where none are given."""
    names = [str(au) for au in sorted(BP4DPLUS_AUS)] if names is None else names
    numbers = [int(name.lower().removeprefix("au")) for name in names]
    rows = [
        [str(first + place), *(str(labels[place][AUS.index(au)]) if au in AUS else "9" for au in numbers)]
        for place in range(len(labels))
    ]
    return [["1", *names], *rows]


@pytest.fixture
def read(tmp_path):
    def read(rows, *, refuse=False):
        path = tmp_path / "F001_T1.csv"
        path.write_text("\n".join(",".join(row) for row in rows) + "\n")
        problems = Problems(refuse=refuse)
        return read_occurrence(path, problems), problems

    return read


@pytest.mark.parametrize(
    "rows",
    [
        positional(LABELS),
        named(LABELS),
        named(LABELS, names=[f"AU{au}" for au in AUS]),
        named(LABELS, names=[f"AU{au:02d}" for au in reversed(AUS)]),
        named(LABELS, names=[str(au) for au in (24, 2, 99, 1, 4, 6, 7, 43, 10, 12, 14, 15, 17, 23)]),
        positional(LABELS)[1:],
        [["frame", *["?"] * 99], *positional(LABELS)[1:]],
    ],
    ids=["positional", "BP4D+", "AU1", "AU01 backwards", "other order", "without names", "names that say nothing"],
)
def test_labels_are_the_same_in_every_form(rows, read):
    table, problems = read(rows)
    np.testing.assert_array_equal(table.occurrence, LABELS)
    assert table.frame.tolist() == [10, 11, 12, 13, 14, 15]
    # a table of 100 columns without names goes by position, and one is told
    assert set(problems.counts()) <= {"table without names"}


def test_a_table_of_bp4dplus_is_not_read_by_position(read):
    """By position, AU 4 would be what is AU 5 and so on: the error that would not be seen."""
    table, _ = read(named(LABELS))
    by_position = np.array([row[1:] for row in named(LABELS)[1:]], int)[:, [au - 1 for au in AUS]]
    assert (by_position != LABELS).any()
    np.testing.assert_array_equal(table.occurrence, LABELS)


def test_the_frames_column_may_have_an_index_before_it(read):
    rows = [[str(place - 1) if place else "", "frame", *row[1:]] for place, row in enumerate(named(LABELS))]
    rows[1:] = [[row[0], str(9 + place), *row[2:]] for place, row in enumerate(rows[1:], start=1)]
    table, _ = read(rows)
    assert table.frame.tolist() == [10, 11, 12, 13, 14, 15]


def test_nine_is_unknown_and_occlusion_is_known(read):
    labels = LABELS.copy()
    labels[2, 4] = 9
    table, problems = read(positional(labels, occluded=[1, 5]))
    np.testing.assert_array_equal(table.occurrence, labels)
    assert table.occluded.tolist() == [False, True, False, False, False, True]
    assert problems.counts() == {}


def test_an_au_without_a_column_is_unknown(read):
    table, problems = read(named(LABELS, names=[str(au) for au in AUS if au != 14]))
    assert (table.occurrence[:, AUS.index(14)] == 9).all()
    assert problems.counts() == {"missing AU": 1}
    assert "AU14" in problems.found[0].where


@pytest.mark.parametrize("cell", ["5", "x", "", "0.5", "-1", "10"])
@pytest.mark.parametrize("au", [1, 24])
def test_a_row_with_another_value_is_left_out_and_named(cell, au, read):
    rows = positional(LABELS)
    rows[3][au] = cell
    table, problems = read(rows)
    assert table.frame.tolist() == [10, 11, 13, 14, 15]
    (problem,) = problems.found
    assert problem.kind == "unreadable row"
    assert problem.where.endswith("F001_T1.csv, line 4")
    assert f"AU{au}" in problem.detail
    with pytest.raises(DatasetError, match=r"F001_T1\.csv, line 4"):
        read(rows, refuse=True)


def test_other_values_of_other_aus_do_no_harm(read):
    rows = positional(LABELS)
    rows[3][40] = "x"
    table, problems = read(rows)
    assert len(table.frame) == 6
    assert problems.counts() == {}


@pytest.mark.parametrize("cell", ["", "x", "-3", "1.5"])
def test_a_row_without_a_frame_is_left_out(cell, read):
    rows = named(LABELS)
    rows[1][0] = cell
    table, problems = read(rows)
    assert table.frame.tolist() == [11, 12, 13, 14, 15]
    assert problems.counts() == {"unreadable row": 1}


def test_a_row_of_another_width_is_left_out(read):
    rows = named(LABELS)
    rows[2] = rows[2][:-1]
    rows[5] = [*rows[5], "0"]
    table, problems = read(rows)
    assert table.frame.tolist() == [10, 12, 13, 15]
    assert problems.counts() == {"unreadable row": 2}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: [rows[0], *(row[:-1] for row in rows[1:])], r"line 2: rows must have 100 columns.*got 99"),
        (lambda rows: [row[:60] for row in rows], "must have 100 columns, got 60"),
        (lambda rows: [row[:-1] for row in rows], "must have 100 columns, got 99"),
        (lambda rows: named(LABELS)[1:], "got AU0, AU1, AU9 more than once"),
        (lambda rows: [["frame", "happy", "sad"], ["1", "0", "1"]], "must be named by their AUs"),
        (lambda rows: named(LABELS, names=["1", "2", "4", "4"]), "AU4 more than once"),
        (lambda rows: [rows[0]], "got no rows"),
        (lambda rows: [], "empty file"),
        (lambda rows: [rows[0], *(["1", *row[1:]] for row in rows[1:])], "column of frames missing"),
        (lambda rows: [rows[0], *([row[0], *["5"] * 99] for row in rows[1:])], "got 6 of 6 rows"),
    ],
    ids=["short rows", "cut", "cut by one", "no names", "strangers", "twice", "no rows", "empty", "frames", "values"],
)
def test_a_file_that_can_not_be_understood_is_refused_by_name(change, match, read):
    with pytest.raises(DatasetError, match=match) as caught:
        read(change(positional(LABELS)))
    assert "F001_T1.csv" in str(caught.value)


def test_a_frame_that_comes_twice_is_kept_once_where_the_labels_agree(read):
    rows = positional(LABELS)
    agreeing = [*rows, list(rows[2])]
    table, problems = read(agreeing)
    assert table.frame.tolist() == [10, 11, 12, 13, 14, 15]
    assert problems.counts() == {"duplicate frame": 1}
    contradicting = [*rows, [rows[2][0], *rows[3][1:]]]
    table, problems = read(contradicting)
    assert table.frame.tolist() == [10, 12, 13, 14, 15]
    assert problems.counts() == {"duplicate frame": 2}
    assert "lines 3, 8" in problems.found[0].where


def test_frames_are_given_in_order(read):
    rows = positional(LABELS)
    rows[1], rows[4] = rows[4], rows[1]
    table, _ = read(rows)
    assert table.frame.tolist() == [10, 11, 12, 13, 14, 15]
    np.testing.assert_array_equal(table.occurrence, LABELS)


@pytest.mark.parametrize("names", ["", "frame,intensity\n", "Frame,AU06\n"])
def test_intensities_are_read_with_and_without_names(names, tmp_path):
    path = tmp_path / "F001_T1_AU06.csv"
    path.write_text(f"{names}5,0\n6,5\n7,9\n")
    problems = Problems()
    frame, intensity = read_intensity(path, problems)
    assert frame.tolist() == [5, 6, 7]
    np.testing.assert_array_equal(intensity, np.array([0, 5, np.nan], np.float32))
    assert problems.counts() == {}


@pytest.mark.parametrize(
    ("text", "match"), [("1,0,0\n", "must have 2 columns"), ("5\n6\n", "2 columns"), ("", "no rows")]
)
def test_intensities_of_another_form_are_refused(text, match, tmp_path):
    path = tmp_path / "F001_T1.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=match):
        read_intensity(path, Problems())


def test_an_intensity_above_five_is_left_out(tmp_path):
    path = tmp_path / "F001_T1.csv"
    path.write_text("1,0\n2,6\n3,A\n4,1\n5,2\n")
    problems = Problems()
    frame, _ = read_intensity(path, problems)
    assert frame.tolist() == [1, 4, 5]
    assert problems.counts() == {"unreadable row": 2}
