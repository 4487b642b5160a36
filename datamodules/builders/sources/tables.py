"""Tables of small whole numbers in text files, read fast and without guessing at what is not a number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SEPARATORS = b",;\t"
_MOST_DIGITS = 15


@dataclass(frozen=True)
class Table:
    """The cells of a table, not yet read as numbers.

    Attributes:
        path: The file.
        data: Its bytes.
        starts: Where each cell starts in ``data``.
        ends: Where each cell ends.
        first: Place in ``starts`` of each row's first cell.
        widths: Number of cells in each row.
        lines: Line of each row in the file, from 1.
    """

    path: Path
    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    first: NDArray[np.int64]
    widths: NDArray[np.int64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def texts(self, row: int) -> list[str]:
        """Give the cells of a row as they are written, without spaces and quotes around them."""
        return [self.text(row, column) for column in range(self.widths[row])]

    def text(self, row: int, column: int) -> str:
        """Give a cell as it is written, without spaces and quotes around it."""
        cell = self.first[row] + column
        return self.data[self.starts[cell] : self.ends[cell]].tobytes().decode("utf-8", "replace").strip().strip('"')

    def rows(self, chosen: slice | NDArray[np.bool_]) -> Table:
        """Give the table of some rows."""
        return replace(self, first=self.first[chosen], widths=self.widths[chosen], lines=self.lines[chosen])

    def numbers(self, column: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Read a column; where a cell is no whole number, the second array is False."""
        cells = self.first + column
        starts, ends = self.starts[cells], self.ends[cells]
        lengths = ends - starts
        values = np.zeros(len(cells), np.int64)
        plain = (lengths > 0) & (lengths <= _MOST_DIGITS)
        for place in range(min(int(lengths.max(initial=0)), _MOST_DIGITS)):
            within = lengths > place
            digits = self.data[np.where(within, starts + place, 0)].astype(np.int64) - ord("0")
            plain &= ~within | ((digits >= 0) & (digits <= 9))
            values = np.where(within, values * 10 + digits, values)
        whole = plain.copy()
        for row in np.flatnonzero(~plain):  # few: spaces, quotes, 1.0, or no number at all
            number = _whole_number(self.text(int(row), column))
            whole[row] = number is not None
            values[row] = number or 0
        return values, whole


def read_table(path: Path) -> Table:
    """Find the cells of a file whose rows are separated by commas, semicolons or tabs; empty lines are passed over.

    Raises:
        DatasetError: The file can't be read, or is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: the table must be readable, got: {error.strerror or error}."
        raise DatasetError(message) from error
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"{path}: the table must be text in ASCII or UTF-8, got other bytes. Save it anew, or fetch it again."
        raise DatasetError(message)
    content = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.endswith(b"\n"):
        content += b"\n"
    line = content.lstrip(b"\n").split(b"\n", 1)[0]
    separator = max(_SEPARATORS, key=lambda each: line.count(bytes([each])))  # the first of them where none occurs
    data = np.frombuffer(content, np.uint8)
    newline = data == ord("\n")
    ends = np.flatnonzero(newline | (data == separator))
    starts = np.concatenate([[0], ends[:-1] + 1])
    last = np.flatnonzero(newline[ends])
    first = np.concatenate([[0], last[:-1] + 1])
    widths = last - first + 1
    blank = widths == 1
    for row in np.flatnonzero(blank):
        blank[row] = not content[starts[first[row]] : ends[first[row]]].strip()
    lines = np.arange(1, len(first) + 1)
    return Table(path, data, starts, ends, first[~blank], widths[~blank], lines[~blank])


def _whole_number(text: str) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and "_" not in text else None
