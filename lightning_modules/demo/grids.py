"""Which faces a grid over AUs lays side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lightning_modules.demo.model import Order
from lightning_modules.demo.requests import FaceRequest, RequestError, Wish
from zoo.facs import AUS
from zoo.facs.labels import INTENSITIES, AULabel, format_labels, parse_labels

_NUM_SEEDS = 8
_UPPER = ("", "1+2", "4", "1+4", "6")
_LOWER = ("", "12", "15", "12+15", "10+17", "24")


@dataclass(frozen=True)
class Cell:
    """One face of a grid.

    Attributes:
        caption: What tells it from the others.
        order: What is made.
        row: Heading of its row, in a grid of two dimensions.
        column: Heading of its column.
    """

    caption: str
    order: Order
    row: str = ""
    column: str = ""


def cells_of(request: FaceRequest) -> list[Cell]:
    """List the faces of the grid that a request asks for.

    Raises:
        RequestError: The grid needs something that the request has not.
    """
    wish, seed = request.wish, request.seed
    if request.kind == "singles":
        return [_cell("", seed), *(_cell(str(au), seed) for au in AUS)]
    if request.kind == "upper_lower":
        return [_cell("+".join(filter(None, (up, low))), seed, row=up, column=low) for up in _UPPER for low in _LOWER]
    if request.kind == "seeds":
        seeds = [(seed + offset) % 2**31 for offset in range(_NUM_SEEDS)]
        return [Cell(f"seed {each}", Order(wish, each)) for each in seeds]
    if request.kind == "toggles":
        first = Cell("as set", Order(Wish(wish.labels), seed))
        return [first, *(_toggled(wish.labels, au, seed) for au in AUS)]
    if not wish.labels:
        message = "A grid over intensities needs an AU at least. Set one, such as AU12."
        raise RequestError(message)
    grades = range(1, len(INTENSITIES) + 1)
    return [_cell("", seed), *(_graded(wish.labels, grade, seed) for grade in grades)]


def _cell(aus: str, seed: int, *, row: str | None = None, column: str | None = None) -> Cell:
    return Cell(
        _heading(aus),
        Order(Wish(parse_labels(aus)), seed),
        row="" if row is None else _heading(row),
        column="" if column is None else _heading(column),
    )


def _toggled(labels: Sequence[AULabel], au: int, seed: int) -> Cell:
    others = tuple(label for label in labels if label.number != au)
    if len(others) < len(labels):
        return Cell(f"without AU{au}", Order(Wish(others), seed))
    more = parse_labels(",".join(filter(None, (format_labels(labels), str(au)))))
    return Cell(f"with AU{au}", Order(Wish(more), seed))


def _graded(labels: Sequence[AULabel], grade: int, seed: int) -> Cell:
    graded = tuple(replace(label, intensity=grade) for label in labels)
    return Cell(f"intensity {INTENSITIES[grade - 1]}", Order(Wish(graded), seed))


def _heading(aus: str) -> str:
    return "AU" + aus.replace("+", " + ") if aus else "at rest"
