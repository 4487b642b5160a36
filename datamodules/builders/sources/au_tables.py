"""The label tables of BP4D and BP4D+: occurrence with or without names, intensity of one AU in a file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import UNKNOWN, DatasetError
from datamodules.builders.sources.tables import Table, read_table
from zoo.facs import AUS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from datamodules.builders.sources.base import Problems

POSITIONAL_WIDTH = 100
"""Columns of the one form in which column N is AU N: the frame, AUs 1 to 98, and whether the face is occluded."""
BP4DPLUS_AUS = frozenset((*range(1, 3), *range(4, 8), *range(9, 21), *range(22, 25), *range(27, 40)))
"""The AUs that a table of BP4D+ names."""
_OCCURRENCE = (0, 1, UNKNOWN)
_INTENSITY = (*range(6), UNKNOWN)
_AU_NAME = re.compile(r"(?:au)?[ _]?0*(\d+)(?:\.0)?", re.IGNORECASE)


@dataclass(frozen=True)
class OccurrenceTable:
    """The labels of a sequence.

    Attributes:
        frame: Number of each frame, rising.
        occurrence: (frame, au) int8 in the order of ``zoo.facs.AUS``.
        occluded: Whether something is in front of the face.
        aus: Numbers of the AUs that the table has, ours and others.
        positional: Whether the table is of the form in which column N is AU N.
    """

    frame: NDArray[np.int64]
    occurrence: NDArray[np.int8]
    occluded: NDArray[np.bool_]
    aus: frozenset[int]
    positional: bool

    def frames(self, chosen: NDArray[np.bool_]) -> OccurrenceTable:
        """Give the table of some frames."""
        return replace(
            self, frame=self.frame[chosen], occurrence=self.occurrence[chosen], occluded=self.occluded[chosen]
        )


def read_occurrence(path: Path, problems: Problems) -> OccurrenceTable:
    """Read a table of AU occurrence; rows that can't be understood are left out and noted.

    Columns are found by their names. Only the form with 100 columns may go by position, which is what its names
    say, too.

    Raises:
        DatasetError: The columns or most rows can't be understood.
    """
    table = read_table(path)
    if not len(table):
        message = f"{path}: a table of AU occurrence must have a line of names and rows, got an empty file."
        raise DatasetError(message)
    names = table.texts(0)
    columns, occlusion, headless = _columns(names, path)
    if headless:
        problems.add("table without names", str(path), f"read by position, as it has {POSITIONAL_WIDTH} columns")
    table = _regular(table if headless else table.rows(slice(1, None)), len(names), problems)
    frame_column = next((place for place, name in enumerate(names) if "frame" in name.lower()), 0)
    frame, readable = _frames(table, frame_column, problems)
    occurrence = np.full((len(table), len(AUS)), UNKNOWN, np.int8)
    for place, au in enumerate(AUS):
        if au in columns:
            values, fine = _column(table, columns[au], _OCCURRENCE, f"AU{au}", problems, among=readable)
            occurrence[:, place] = np.where(fine, values, UNKNOWN)
            readable &= fine
        else:
            problems.add("missing AU", f"{path}: AU{au}", "no column of this name; unknown in all frames")
    occluded = np.zeros(len(table), bool)
    if occlusion is not None:
        values, fine = table.numbers(occlusion)
        occluded = fine & (values == 1)
    _check_most(table, readable)
    keep = readable & ~_repeated(table, frame, occurrence, readable, problems)
    order = np.flatnonzero(keep)[np.argsort(frame[keep], kind="stable")]
    return OccurrenceTable(
        frame[order],
        occurrence[order],
        occluded[order],
        frozenset(columns),
        positional=headless or len(names) == POSITIONAL_WIDTH,
    )


def read_intensity(path: Path, problems: Problems) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Read the frames and intensities of one AU, NaN where unknown; a line of names above them is optional.

    Raises:
        DatasetError: There are not two columns, or most rows can't be understood.
    """
    table = read_table(path)
    if len(table) and table.widths[0] != 2:
        message = (
            f"{path}: a table of an AU's intensity must have 2 columns, frame and intensity, got {table.texts(0)}."
        )
        raise DatasetError(message)
    if len(table) and not any(_is_number(text) for text in table.texts(0)):
        table = table.rows(slice(1, None))
    table = _regular(table, 2, problems)
    frame, readable = _frames(table, 0, problems)
    values, fine = _column(table, 1, _INTENSITY, "the intensity", problems, among=readable)
    readable &= fine
    _check_most(table, readable)
    keep = readable & ~_repeated(table, frame, values[:, None], readable, problems)
    order = np.flatnonzero(keep)[np.argsort(frame[keep], kind="stable")]
    intensity = np.where(values == UNKNOWN, np.nan, values).astype(np.float32)
    return frame[order], intensity[order]


def _columns(names: list[str], path: Path) -> tuple[dict[int, int], int | None, bool]:
    """Find each AU's column, that of occlusion, and whether the first row has no names but values."""
    width = len(names)
    by_position = {au: au for au in AUS}
    if width == POSITIONAL_WIDTH and set(names[1:]) <= {"0", "1", "9"}:
        return by_position, width - 1, True
    matches = [_AU_NAME.fullmatch(name) for name in names]
    named = [(int(match[1]), place) for place, match in enumerate(matches) if match and place > 0]
    if width == POSITIONAL_WIDTH and not named:
        return by_position, width - 1, False
    if width != POSITIONAL_WIDTH and names == [str(place) for place in range(width)]:
        message = (
            f"{path}: a table in which column N is AU N must have {POSITIONAL_WIDTH} columns, got {width}. "
            "It seems to be cut; fetch it again."
        )
        raise DatasetError(message)
    columns = dict(named)
    repeated = sorted({au for au, place in named if columns[au] != place})
    if repeated or not set(AUS) & set(columns):
        found = (
            f"{', '.join(f'AU{au}' for au in repeated)} more than once" if repeated else f"{', '.join(names[:8])} ..."
        )
        message = (
            f"{path}, line 1: columns must be named by their AUs, each once, as in frame,1,2,4,5,6, or be "
            f"{POSITIONAL_WIDTH}, got {found} in {width} columns."
        )
        raise DatasetError(message)
    by_name = next((place for place, name in enumerate(names) if "occl" in name.lower()), None)
    return columns, width - 1 if width == POSITIONAL_WIDTH else by_name, False


def _regular(table: Table, width: int, problems: Problems) -> Table:
    """Leave rows of another width out."""
    fits = table.widths == width
    if len(table) and fits.mean() <= 0.5:
        misfit = int(np.argmin(fits))
        message = (
            f"{table.path}, line {table.lines[misfit]}: rows must have {width} columns, as the first line has, got "
            f"{table.widths[misfit]}. Fetch the file again."
        )
        raise DatasetError(message)
    for row in np.flatnonzero(~fits):
        where = f"{table.path}, line {table.lines[row]}"
        problems.add("unreadable row", where, f"{table.widths[row]} columns in place of {width}")
    return table.rows(fits)


def _frames(table: Table, column: int, problems: Problems) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    frame, whole = table.numbers(column)
    fine = whole & (frame >= 0)
    _note_rows(table, column, ~fine, "the frame", problems)
    return frame, fine


def _column(
    table: Table,
    column: int,
    allowed: tuple[int, ...],
    name: str,
    problems: Problems,
    *,
    among: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    values, whole = table.numbers(column)
    fine = whole & np.isin(values, allowed)
    _note_rows(table, column, among & ~fine, name, problems)
    return values, fine


def _note_rows(table: Table, column: int, rows: NDArray[np.bool_], name: str, problems: Problems) -> None:
    for row in np.flatnonzero(rows):
        where = f"{table.path}, line {table.lines[row]}"
        problems.add("unreadable row", where, f"{name} is {table.text(int(row), column)!r}")


def _check_most(table: Table, readable: NDArray[np.bool_]) -> None:
    if not len(table) or readable.mean() <= 0.5:
        found = (
            f"{len(table) - int(readable.sum())} of {len(table)} rows with other values" if len(table) else "no rows"
        )
        message = f"{table.path}: rows must have a frame and 0, 1 or 9 (intensity: 0 to 5 or 9), got {found}."
        raise DatasetError(message)


def _repeated(
    table: Table,
    frame: NDArray[np.int64],
    values: NDArray[np.int8] | NDArray[np.int64],
    readable: NDArray[np.bool_],
    problems: Problems,
) -> NDArray[np.bool_]:
    """Mark frames that come again: all but the first where they agree, all of them where they don't."""
    repeated = np.zeros(len(table), bool)
    numbers, counts = np.unique(frame[readable], return_counts=True)
    if len(numbers) <= 0.5 * counts.sum():
        message = (
            f"{table.path}: the frames must be numbered in one column, got {len(numbers)} numbers in "
            f"{counts.sum()} rows. Is the column of frames missing?"
        )
        raise DatasetError(message)
    for number in numbers[counts > 1]:
        rows = np.flatnonzero(readable & (frame == number))
        agree = bool((values[rows] == values[rows[0]]).all())
        repeated[rows[1:] if agree else rows] = True
        lines = ", ".join(str(table.lines[row]) for row in rows)
        detail = "the first was kept" if agree else "the labels differ, none was kept"
        problems.add(
            "duplicate frame", f"{table.path}, lines {lines}", f"frame {number}: {detail}", count=len(rows) - agree
        )
    return repeated


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
