"""Lines of a file of labels, turned into tables; every message names line and column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter

import numpy as np

from zoo.facs.action_units import AUS
from zoo.facs.composer import Composer
from zoo.facs.label_columns import OCCURRENCE_CELLS, LabelColumns, intensity_of, side_of
from zoo.facs.label_table import UNKNOWN, LabelTable, check_labels
from zoo.facs.policy import LabelError


class _Cells(dict[tuple[str, ...], int]):
    """Cells of the twelve AUs packed into one number, two bits each; equal ones are read once."""

    def __missing__(self, cells: tuple[str, ...]) -> int:
        packed = 0
        for place, cell in enumerate(cells):
            value = OCCURRENCE_CELLS[cell.strip()]
            packed |= (value == 1) << place | (value == UNKNOWN) << place + len(AUS)
        self[cells] = packed
        return packed


class LineReader:
    """Read the lines of one file.

    Args:
        source: Names the file in messages.
        columns: Where the labels are.
        composer: What it words, and its policy.
    """

    def __init__(self, source: str, columns: LabelColumns, composer: Composer) -> None:
        self.source = source
        self.columns = columns
        self.composer = composer
        self._cells = _Cells()
        self._lines: Sequence[Sequence[str]] = ()
        self._before = 0
        for kind, places, is_worded in (
            ("intensity", columns.intensity, composer.word_intensity),
            ("side", columns.side, composer.word_side),
        ):
            if is_worded and not places:
                message = f"{source}: there must be columns {kind}_AU1 ... to word, got none. Add them or leave it out."
                raise LabelError(message)

    def read(self, lines: Sequence[Sequence[str]], *, after: int) -> tuple[list[Sequence[str]], LabelTable]:
        """Check lines and give them without the blank ones, with their labels.

        Args:
            lines: Cells of each line.
            after: Number of the line before the first of them.

        Raises:
            LabelError: A line has too many or too few cells, or a cell is not as it must be.
        """
        self._lines, self._before = lines, after
        rows = [cells for cells in lines if cells]
        if set(map(len, rows)) - {self.columns.width}:
            row, width = next((row, len(cells)) for row, cells in enumerate(rows) if len(cells) != self.columns.width)
            message = (
                f"{self.name_of_row(row)}: there must be {self.columns.width} cells as in the header, got {width}."
            )
            raise LabelError(message)
        table = check_labels(
            self._occurrence(rows),
            intensity=self._read(rows, self.columns.intensity, intensity_of) if self.composer.word_intensity else None,
            side=self._read(rows, self.columns.side, side_of) if self.composer.word_side else None,
            policy=self.composer.policy,
            name_of_row=self.name_of_row,
        )
        return rows, table

    def name_of_row(self, row: int) -> str:
        """Name a row of what was read last by its line, counted as editors do: blank lines and those in cells too."""
        number = self._before + 1
        for cells in self._lines:
            if cells and row == 0:
                break
            row -= bool(cells)
            number += 1 + sum(cell.count("\n") or cell.count("\r") for cell in cells)
        return f"{self.source}, line {number}"

    def _occurrence(self, rows: Sequence[Sequence[str]]) -> np.ndarray:
        pick, cells = itemgetter(*self.columns.occurrence), self._cells
        try:
            packed = np.array([cells[pick(row)] for row in rows], dtype=np.int32)
        except KeyError:
            self._refuse(rows, dict(zip(AUS, self.columns.occurrence, strict=True)), OCCURRENCE_CELLS.__getitem__)
            raise
        bits = packed[:, None] >> np.arange(2 * len(AUS)) & 1
        return (bits[:, : len(AUS)] + UNKNOWN * bits[:, len(AUS) :]).astype(np.int8)

    def _read(
        self, rows: Sequence[Sequence[str]], places: dict[int, int], value_of: Callable[[str], float]
    ) -> np.ndarray:
        values = np.full((len(rows), len(AUS)), value_of(""))
        for number, place in places.items():
            cells = [row[place].strip() for row in rows]
            try:
                known = {cell: value_of(cell) for cell in set(cells)}
            except (KeyError, ValueError):
                self._refuse(rows, {number: place}, value_of)
                raise
            values[:, AUS.index(number)] = [known[cell] for cell in cells]
        return values

    def _refuse(self, rows: Sequence[Sequence[str]], places: dict[int, int], value_of: Callable[[str], float]) -> None:
        """Find the first cell that can't be read, and say what it must be."""
        for row, cells in enumerate(rows):
            for place in places.values():
                try:
                    value_of(cells[place].strip())
                except (KeyError, ValueError) as error:
                    name, allowed = self.columns.names[place], self.columns.allowed(place)
                    message = f"{self.name_of_row(row)}: {name} must be {allowed}, got {cells[place]!r}."
                    raise LabelError(message) from error
