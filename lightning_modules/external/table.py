"""Table 1 of the paper, from what systems declare of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning_modules.external.declaration import PAPER_ORDER
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_modules.external.declaration import Declaration

_PAPER_COLUMNS = ("Method", "Training", "Input", "Eval.")
_EVALUATION = {"qualitative": "Qual.", "both": "Both"}


def rows_of(declarations: Sequence[Declaration]) -> list[dict[str, Any]]:
    """Say of each system what the paper's table says, and what else one must know to run it."""
    return [
        {
            "Method": each.name,
            "Training": each.training.capitalize(),
            "Input": each.takes.says,
            "Eval.": _EVALUATION[each.evaluation],
            "Words": _words(each),
            "AUs": f"{len(each.takes.aus)} of {len(AUS)}" if each.takes.aus else "-",
            "CUDA": "yes" if each.cuda else "-",
            "Licence": each.licence or "-",
            "At hand": "yes" if _is_at_hand(each) else "no",
        }
        for each in declarations
    ]


def paper_rows(declarations: Sequence[Declaration]) -> list[dict[str, Any]]:
    """Give the paper's table, its columns and rows."""
    theirs = [each for each in declarations if each.key in PAPER_ORDER]
    return [{name: row[name] for name in _PAPER_COLUMNS} for row in rows_of(theirs)]


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Lay rows out as a table whose columns stand below each other."""
    heads = list(rows[0])
    cells = [[str(value) for value in row.values()] for row in rows]
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(heads))]

    def line(values: Sequence[str]) -> str:
        return "| " + " | ".join(f"{value:<{width}}" for value, width in zip(values, widths, strict=True)) + " |"

    return "\n".join([line(heads), line(["-" * width for width in widths]), *map(line, cells)])


def _words(declaration: Declaration) -> str:
    if not declaration.takes.text:
        return "-"
    return "any" if declaration.takes.max_words is None else f"up to {declaration.takes.max_words}"


def _is_at_hand(declaration: Declaration) -> bool:
    if declaration.kind == "pictures" and not (declaration.place / declaration.call[0]).is_dir():
        return False
    return declaration.missing() is None
