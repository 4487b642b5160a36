"""The header of a file of labels: which column holds what, and what its cells may say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.facs.action_units import AUS
from zoo.facs.labels import INTENSITIES, SIDES
from zoo.facs.policy import LabelError

ADDED_COLUMNS = ("constructs", "description")
"""What a described file has besides."""
_AU_COLUMN = re.compile(r"(?:(?P<kind>intensity|side)[ _]?)?AU[ _]?0*(?P<number>\d+)", re.IGNORECASE)
OCCURRENCE_CELLS = {"0": 0, "1": 1, "9": 9, "": 9, "0.0": 0, "1.0": 1, "9.0": 9}
"""The last three are what pandas writes where a column has gaps."""
_SIDE_CELLS = {"": 0.0, "9": 0.0, **{side: float(code) for code, side in enumerate(SIDES, start=1)}}


@dataclass(frozen=True)
class LabelColumns:
    """Where in a line the labels are.

    Attributes:
        names: All columns.
        occurrence: Place of each AU's column, in the order of ``AUS``.
        intensity: Places of ``intensity_AU...`` by AU number; not all need be there.
        side: Places of ``side_AU...`` by AU number; not all need be there.
        others: AUs outside the twelve that the file has columns of.
    """

    names: tuple[str, ...]
    occurrence: tuple[int, ...]
    intensity: dict[int, int]
    side: dict[int, int]
    others: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.names)

    def allowed(self, place: int) -> str:
        """Say what the cells of a column may be."""
        if place in self.intensity.values():
            return "from 0 to 5, A to E, 9 or empty"
        return "L, R or empty" if place in self.side.values() else "0, 1, 9 or empty"


def delimiter_of(header: str) -> str:
    """Say what separates the columns: commas, semicolons or tabs, whichever a file's first line has most of.

    Example:
        >>> delimiter_of("name;AU1;AU2")
        ';'
    """
    return max(",;\t", key=header.count)


def find_columns(header: Sequence[str], *, source: str) -> LabelColumns:
    """Find the columns of the twelve AUs by their names.

    Args:
        header: Names of the columns.
        source: Names the file in messages.

    Raises:
        LabelError: A column is missing, comes twice, is spelt in another way, or has a name that is to be added.

    Example:
        >>> find_columns(["frame", *(f"AU{number}" for number in AUS)], source="labels.csv").occurrence[:3]
        (1, 2, 3)
    """
    places: dict[tuple[str, int], int] = {}
    for place, name in enumerate(header):
        match = _AU_COLUMN.fullmatch(name.strip())
        if match is None:
            continue
        kind, number = (match["kind"] or "").lower(), int(match["number"])
        right = f"{kind}_AU{number}" if kind else f"AU{number}"
        if name != right:
            message = f"{source}: the columns of AUs must be named AU1, intensity_AU1 or side_AU1, got {name!r}."
            message += f" Name it {right}."
            raise LabelError(message)
        if (kind, number) in places:
            message = f"{source}: each column must be there once, got {name!r} twice."
            raise LabelError(message)
        places[kind, number] = place
    missing = [f"AU{number}" for number in AUS if ("", number) not in places]
    if missing:
        given = ", ".join(f"AU{number}" for kind, number in places if not kind) or ", ".join(filter(None, header[:8]))
        message = f"{source}: there must be a column for each of the twelve AUs, missing: {', '.join(missing)}"
        message += f" (given: {given or 'none'}). Add what was not coded as an empty column, which means unknown."
        raise LabelError(message)
    taken = [name for name in ADDED_COLUMNS if name in header]
    if taken:
        message = f"{source}: there must be no column named {' or '.join(taken)}, which is to be added. Rename it."
        raise LabelError(message)
    return LabelColumns(
        names=tuple(header),
        occurrence=tuple(places["", number] for number in AUS),
        intensity={number: places["intensity", number] for number in AUS if ("intensity", number) in places},
        side={number: places["side", number] for number in AUS if ("side", number) in places},
        others=tuple(number for kind, number in places if not kind and number not in AUS),
    )


def intensity_of(cell: str) -> float:
    """Read an intensity: from 0 to 5, A to E, 9 or empty.

    Raises:
        ValueError: It is none of these.
    """
    if cell in {"", "9"}:
        return 9.0
    value = INTENSITIES.index(cell) + 1.0 if len(cell) == 1 and cell in INTENSITIES else float(cell)
    if not 0 <= value <= len(INTENSITIES):
        raise ValueError(cell)
    return value


def side_of(cell: str) -> float:
    """Read a side: L is 1, R is 2, nothing or 9 is 0.

    Raises:
        KeyError: It is none of these.
    """
    return _SIDE_CELLS[cell]
