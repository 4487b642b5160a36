"""The columns of a manifest of one's own, whatever they are called there: CSV or parquet."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.au_text_tables import import_pyarrow
from datamodules.builders.sources.base import DatasetError, Problems
from zoo.facs import AUS
from zoo.facs.label_columns import delimiter_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("image", "subject", "sequence", "frame", "split", "reference", "landmarks", "box")
"""Columns that a manifest may have; the first two it must have."""
PATTERNS = {"AU": "AU{}", "intensity_AU": "intensity_AU{}", "side_AU": "side_AU{}"}
"""Columns of which there is one for each AU, and how they are called where nothing else is said."""
POINTS = ("landmark_x", "landmark_y")
"""Columns of which there is one for each landmark; there are none where nothing is said."""
_EMPTY = frozenset(("", "nan", "NaN", "None", "NULL", "null", "NA"))
UNKNOWN_LABELS = _EMPTY | {"9", "9.0"}
"""What means that a label is unknown."""


@dataclass(frozen=True)
class ManifestColumns:
    """A manifest's cells, as texts without spaces around them.

    Attributes:
        path: The file.
        cells: By the name that the file gives a column.
        lines: Line, or number, of each row in the file.
        columns: What the user says columns are called: a name of ``COLUMNS``, ``AU12`` or the like to the file's name;
            a name of ``PATTERNS`` or ``POINTS`` to a pattern such as ``AU{:02}_c``, filled with the AU's number or
            the landmark's, from 0.
    """

    path: Path
    cells: Mapping[str, list[str]]
    lines: Sequence[int]
    columns: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.lines)

    def texts(self, name: str) -> list[str] | None:
        """Give a column; None where the file has none and the user named none."""
        called = self._called(name)
        return None if called is None else self.cells[called]

    def points(self, number: int) -> tuple[list[str], list[str]] | None:
        """Give x and y of a landmark; None where there is none of this number."""
        called = [self.columns[name].format(number) for name in POINTS if name in self.columns]
        if len(called) != len(POINTS) or any(each not in self.cells for each in called):
            return None
        return self.cells[called[0]], self.cells[called[1]]

    def check(self) -> None:
        """Refuse a manifest without what it must have, and a map that names what isn't there.

        Raises:
            DatasetError: A column is missing, or AUs are called otherwise than expected.
        """
        known = {*COLUMNS, *PATTERNS, *POINTS, *(pattern.format(au) for pattern in PATTERNS.values() for au in AUS)}
        for name in self.columns:
            if name not in known:
                message = (
                    f"{self.path}: columns must map {', '.join((*COLUMNS, *PATTERNS, *POINTS))}, AU1, intensity_AU1 or "
                    f"the like, got {name!r}."
                )
                raise DatasetError(message)
        for name in COLUMNS[:2]:
            if self.texts(name) is None:
                raise DatasetError(self._missing(name))
        for name in self.columns.keys() & PATTERNS.keys():
            if all(self.texts(f"{name}{au}") is None for au in AUS):
                example = self.columns[name].format(AUS[0])
                message = f"{self.path}: columns.{name} must fit columns such as {example!r}, got {self._listed()}."
                raise DatasetError(message)
        labels = [self.texts(f"{front}{au}") for front in ("AU", "intensity_AU") for au in AUS]
        if not any(each is not None for each in labels):
            message = (
                f"{self.path}: there must be columns of AUs, such as AU12 or intensity_AU12, got {self._listed()}. Say "
                "how they are called: --columns.AU 'AU{:02}_c' or --columns.intensity_AU 'AU{:02}_r'"
            )
            raise DatasetError(message)
        for called in self.cells:  # one in another spelling would be passed over
            spelt = re.fullmatch(r"(?:AU)[ _]?0*(\d+)(?:[_ ](?:c|r|occ|int))?", called, re.IGNORECASE)
            if spelt and int(spelt[1]) in AUS and not self.columns and called != f"AU{int(spelt[1])}":
                message = (
                    f"{self.path}: columns of AUs must be called AU1 or intensity_AU1, got {called!r}. Say how they "
                    "are called: --columns.AU 'AU{:02}_c' or --columns.intensity_AU 'AU{:02}_r'"
                )
                raise DatasetError(message)

    def _called(self, name: str) -> str | None:
        named = self.columns.get(name)
        front = re.fullmatch(r"(\w*AU)(\d+)", name)
        if named is None and front:
            pattern = self.columns.get(front[1], PATTERNS[front[1]])
            # of an AU that a pattern doesn't find, the data set knows nothing
            called = pattern.format(int(front[2]))
            return called if called in self.cells else None
        if named is not None and named not in self.cells:
            raise DatasetError(self._missing(named))
        called = named or name
        return called if called in self.cells else None

    def _missing(self, name: str) -> str:
        hint = f" Say which one it is: --columns.{name} NAME" if name in COLUMNS else ""
        return f"{self.path}: the columns must include {name!r}, got {self._listed()}.{hint}"

    def _listed(self) -> str:
        names = list(self.cells)
        return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "") or "none"


def read_columns(path: Path, columns: Mapping[str, str], problems: Problems) -> ManifestColumns:
    """Read a manifest: a parquet file by its suffix, else a CSV file with a line of names.

    Raises:
        DatasetError: It can't be read, has no rows, or not the columns that are needed.
    """
    try:
        cells, lines = (_parquet if path.suffix.lower() in {".parquet", ".pq"} else _csv)(path, problems)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: the manifest must be a readable CSV or parquet file, got: {error}."
        raise DatasetError(message) from error
    if not lines:
        message = f"{path}: there must be at least one row under the line of names."
        raise DatasetError(message)
    read = ManifestColumns(path, cells, lines, columns)
    read.check()
    return read


def numbers(texts: Sequence[str], *, unknown: frozenset[str] = _EMPTY) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read numbers, NaN where unknown; where a text is something else, the second array is False.

    Args:
        texts: What is written.
        unknown: What means unknown.
    """
    values, fine = np.full(len(texts), np.nan), np.ones(len(texts), dtype=bool)
    for place, text in enumerate(texts):
        if text in unknown:
            continue
        try:
            values[place] = float(text)
        except ValueError:
            values[place] = {"true": 1.0, "false": 0.0}.get(text.lower(), np.nan)
            fine[place] = not np.isnan(values[place])
    return values, fine


def _csv(path: Path, problems: Problems) -> tuple[dict[str, list[str]], list[int]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        reader = csv.reader(itertools.chain([first], file), delimiter=delimiter_of(first))
        names = [name.strip() for name in next(reader, [])]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            message = f"{path}: columns must have names of their own, got {twice[0]!r} {names.count(twice[0])} times."
            raise DatasetError(message)
        rows, lines = [], []
        for row in reader:
            if not row:
                continue
            if len(row) != len(names):
                detail = f"{len(row)} fields for {len(names)} columns; a separator within a field asks for quotes"
                problems.add("row of another width", f"{path}, line {reader.line_num}", detail)
                continue
            rows.append([cell.strip() for cell in row])
            lines.append(reader.line_num)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}, lines


def _parquet(path: Path, problems: Problems) -> tuple[dict[str, list[str]], list[int]]:
    pyarrow = import_pyarrow()
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error
    return {name: [_text(value) for value in table[name].to_pylist()] for name in table.column_names}, list(
        range(len(table))
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
