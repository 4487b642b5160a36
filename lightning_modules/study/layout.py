"""Lay results out as rows of cells: the same for Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lightning_modules.study.intervals import Estimate
from lightning_modules.study.plan import Column
from lightning_modules.study.results import Results, Row

NOTHING = "-"
_PAPER_DIGITS = 3


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: What it says.
        is_best: Whether it is the best of its column.
    """

    text: str
    is_best: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        kind: A group's head, a variant, or what bounds the figures.
        label: What stands first.
        ours: Cells of our figures.
        paper: Cells of the paper's.
    """

    kind: Literal["group", "variant", "bound"]
    label: str
    ours: tuple[Cell, ...] = ()
    paper: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A table as text.

    Attributes:
        ours: Heads of our columns.
        paper: Heads of the paper's, if any row has such figures.
        lines: The lines.
        has_losers: Whether a variant is marked for not beating what it must.
    """

    ours: tuple[str, ...]
    paper: tuple[str, ...]
    lines: tuple[Line, ...]
    has_losers: bool


LOSER = " °"
"""Mark of variants that don't beat what a table must beat to count."""


def main_table(results: Results) -> Layout:
    """Lay out the table in the paper's form."""
    table = results.study.table
    paper = table.paper_columns if any(row.paper for row in results.rows) else {}
    best = {(column.name, row.variant, row.measure) for column in table.columns for row in _best(results, column)}
    paper_best = set(_best_of_paper(results))
    lines: list[Line] = []
    several = len({row.group for row in results.rows}) > 1
    for group in dict.fromkeys(row.group for row in results.rows):
        if several and group:
            lines.append(Line("group", group))
        for row in (each for each in results.rows if each.group == group):
            ours = [
                Cell(cell(row.estimates.get(column.name), column), (column.name, row.variant, row.measure) in best)
                for column in table.columns
            ]
            ours += [Cell(f"{row.steps:,}" if row.steps else NOTHING), Cell(_minutes(row))]
            theirs = [
                Cell(f"{row.paper[name]:.{_PAPER_DIGITS}f}", (name, row.variant, row.measure) in paper_best)
                if name in row.paper
                else Cell(NOTHING)
                for name in paper
            ]
            label = row.label + (LOSER if row.loses and not row.num_missing else "")
            if row.num_missing:
                label += f" ({_missing(row, results)})"
            lines.append(Line("variant", label, tuple(ours), tuple(theirs)))
        for bound in (each for each in results.bounds if each.group == group):
            found = [Cell(cell(bound.estimates.get(column.name), column)) for column in table.columns]
            blank = tuple(Cell("") for _ in paper)
            lines.append(Line("bound", bound.label, (*found, Cell(""), Cell("")), blank))
    heads = tuple(column.head for column in table.columns)
    arrows = {"higher": "↑", "lower": "↓"}
    return Layout(
        ours=(*heads, "steps", "training min"),
        paper=tuple(f"{name} {arrows[better]}" for name, better in paper.items()),
        lines=tuple(lines),
        has_losers=any(line.label.endswith(LOSER) for line in lines),
    )


def difference_table(results: Results) -> Layout:
    """Lay out how far each variant is from the one it is compared with, seed by seed."""
    lines = []
    labels = {name: variant.label for name, variant in results.study.variants.items()}
    for row in results.rows:
        if row.differences and row.against:
            cells = [Cell(difference(row.differences.get(each.name), each)) for each in results.study.table.columns]
            group = f"{row.group}: " if row.group and len({each.group for each in results.rows}) > 1 else ""
            lines.append(Line("variant", f"{group}{row.label} less {labels[row.against]}", tuple(cells)))
    heads = tuple(column.head for column in results.study.table.columns)
    return Layout(ours=heads, paper=(), lines=tuple(lines), has_losers=False)


def cell(estimate: Estimate | None, column: Column) -> str:
    """Say a figure and its interval."""
    if estimate is None:
        return NOTHING
    text = f"{estimate.mean:.{column.digits}f}"
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{estimate.low:.{column.digits}f}, {estimate.high:.{column.digits}f}]"


def difference(estimate: Estimate | None, column: Column) -> str:
    """Say a difference, its interval, and by an asterisk that the interval leaves zero out."""
    if estimate is None:
        return NOTHING
    text = f"{estimate.mean:+.{column.digits}f}"
    if estimate.low is None or estimate.high is None:
        return text
    beyond = " *" if estimate.low > 0 or estimate.high < 0 else ""
    return f"{text} [{estimate.low:+.{column.digits}f}, {estimate.high:+.{column.digits}f}]{beyond}"


def _best(results: Results, column: Column) -> Iterator[Row]:
    """The best rows of a column, of each measure; rows with seeds missing are not compared."""
    if column.better is None:
        return
    for measure in results.study.measures:
        rows = [each for each in results.rows if each.measure == measure and not each.num_missing]
        values = {id(row): row.estimates[column.name].mean for row in rows if column.name in row.estimates}
        if len(values) > 1:
            top = max(values.values()) if column.better == "higher" else min(values.values())
            yield from (row for row in rows if values.get(id(row)) == top)


def _best_of_paper(results: Results) -> Iterator[tuple[str, str, str]]:
    for name, better in results.study.table.paper_columns.items():
        rows = [row for row in results.rows if name in row.paper]
        if len(rows) > 1:
            values = [row.paper[name] for row in rows]
            top = max(values) if better == "higher" else min(values)
            yield from ((name, row.variant, row.measure) for row in rows if row.paper[name] == top)


def _minutes(row: Row) -> str:
    return NOTHING if row.minutes is None else f"{row.minutes.mean:.1f}"


def _missing(row: Row, results: Results) -> str:
    count = len(results.study.seeds)
    return "not there yet" if row.num_missing == count else f"{count - row.num_missing} of {count} seeds"
