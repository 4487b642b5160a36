"""Faces and words laid out as a picture that can be read without the program that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from lightning_modules.gallery.plan import Figure, FigureCase

    Cell = Image | str | None
    """A face, words, or a face that there is not."""

SIDE = 192
"""Pixels of a face's side."""
_GAP, _MARGIN = 10, 20
_WORDS, _HEAD, _TITLE = 15, 17, 22
_WIDE, _NARROW = 330, 120
_MISSING = "no picture"


@dataclass(frozen=True)
class Faces:
    """What a figure shows.

    Attributes:
        references: The reference face of each case.
        made: What each system made of each case; None where there is nothing.
    """

    references: list[Image]
    made: dict[str, list[Image | None]]


def draw(figure: Figure, faces: Faces) -> Image:
    """Draw a figure."""
    from PIL import Image

    blocks = [_words(figure.title, 10_000, _TITLE)] if figure.title else []
    blocks += {"systems": _by_system, "people": _by_person, "tiles": _as_tiles}[figure.layout](figure, faces)
    width = max(block.width for block in blocks)
    sheet = Image.new("RGB", (width + 2 * _MARGIN, sum(each.height + _GAP for each in blocks) + 2 * _MARGIN), "white")
    top = _MARGIN
    for block in blocks:
        sheet.paste(block, (_MARGIN, top))
        top += block.height + _GAP
    return sheet


def _by_system(figure: Figure, faces: Faces) -> list[Image]:
    """A row for each case, a column for each system, as the paper's Figure 4."""
    words = [_WIDE] if figure.words else []
    widths = [*words, _NARROW, *[SIDE] * (1 + len(faces.made))]
    heads = [*["Description"] * len(words), "AUs", "Reference", *faces.made]
    rows: list[list[Cell]] = [
        [
            *[case.description] * len(words),
            _titled(case),
            faces.references[place],
            *(each[place] for each in faces.made.values()),
        ]
        for place, case in enumerate(figure.cases)
    ]
    return [_table(widths, [heads], _HEAD), _table(widths, rows, _WORDS)]


def _by_person(figure: Figure, faces: Faces) -> list[Image]:
    """A row for each reference face, a column for each set of AUs, as the kinds of sadness in the paper's Figure 1."""
    wishes = list(dict.fromkeys((case.label, case.aus) for case in figure.cases))
    people: dict[tuple[str | None, int], list[int]] = {}
    for place, case in enumerate(figure.cases):
        people.setdefault((case.case.reference, case.case.reference_seed), []).append(place)
    widths = [SIDE] * (1 + len(wishes))
    heads = ["Reference", *("\n".join(filter(None, wish)) for wish in wishes)]
    first = figure.cases[: len(wishes)]
    blocks = []
    for name, made in faces.made.items():
        blocks += [_words(name, 10_000, _HEAD)] if len(faces.made) > 1 else []
        rows: list[list[Cell]] = [
            [faces.references[places[0]], *(made[place] for place in places)] for places in people.values()
        ]
        blocks += [_table(widths, [heads], _HEAD), _table(widths, rows, _WORDS)]
    if figure.words:
        blocks.append(_table(widths, [["", *(case.description for case in first)]], _WORDS))
    return blocks


def _as_tiles(figure: Figure, faces: Faces) -> list[Image]:
    """One person, numbered, image 0 the reference, as in the paper's Appendix I; descriptions below."""
    captions = ["0  reference", *(f"{number}  {_titled(case)}" for number, case in enumerate(figure.cases, 1))]
    blocks = []
    for name, made in faces.made.items():
        blocks += [_words(name, 10_000, _HEAD)] if len(faces.made) > 1 else []
        tiles: list[Cell] = [faces.references[0], *made]
        for start in range(0, len(tiles), figure.columns):
            some = slice(start, start + figure.columns)
            blocks.append(_table([SIDE] * len(tiles[some]), [tiles[some], captions[some]], _WORDS))
    if figure.words:
        width = max(block.width for block in blocks)
        for number, case in enumerate(figure.cases, 1):
            blocks.append(_words(f"({number}) {_titled(case)}: {case.description}", width, _WORDS))
    return blocks


def _titled(case: FigureCase) -> str:
    return f"{case.label} {case.aus}" if case.label else case.aus


def _table(widths: Sequence[int], rows: Sequence[Sequence[Cell]], size: int) -> Image:
    """Draw cells below and beside each other; a row is as high as its highest cell."""
    from PIL import Image

    drawn = [[_cell(cell, width, size) for cell, width in zip(row, widths, strict=True)] for row in rows]
    heights = [max(each.height for each in row) for row in drawn]
    whole = (sum(widths) + _GAP * (len(widths) - 1), sum(heights) + _GAP * (len(rows) - 1))
    sheet = Image.new("RGB", whole, "white")
    top = 0
    for row, height in zip(drawn, heights, strict=True):
        left = 0
        for cell, width in zip(row, widths, strict=True):
            sheet.paste(cell, (left, top))
            left += width + _GAP
        top += height + _GAP
    return sheet


def _cell(cell: Cell, width: int, size: int) -> Image:
    from PIL import Image

    if isinstance(cell, str):
        return _words(cell, width, size)
    if cell is not None:
        return cell.resize((width, width), Image.Resampling.LANCZOS)
    empty = Image.new("RGB", (width, width), "lightgrey")
    note = _words(_MISSING, width, size, background="lightgrey")
    empty.paste(note, ((width - note.width) // 2, (width - note.height) // 2))
    return empty


def _words(text: str, width: int, size: int, *, background: str = "white") -> Image:
    """Draw text in lines that fit; the picture is as large as the text."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    lines = [line for part in text.split("\n") for line in _lines(part, width, font)]
    height = round(size * 1.3)
    widest = max((font.getlength(line) for line in lines), default=0)
    sheet = Image.new("RGB", (max(1, min(width, round(widest) + 1)), max(1, height * len(lines))), background)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        pen.text((0, number * height), line, fill="black", font=font)
    return sheet


def _lines(text: str, width: int, font: Any) -> list[str]:
    """Break text after spaces and plus signs, so that no line is wider than the column."""
    lines, line = [], ""
    for word in text.replace("+", "+\0").replace(" ", " \0").split("\0"):
        if line and font.getlength((line + word).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [*lines, line.rstrip()]
