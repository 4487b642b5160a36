"""Tables of figures: tidy CSV for programs, Markdown and LaTeX for people."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.figures import figure_named, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Record = dict[str, Any]

_GROUPS = {
    "all": "all frames",
    "conflicting": "AUs that pull the same place in different directions",
    "compatible": "two AUs or more, none against another",
    "interacting": "at least one of the paper's 26 combinations",
}
"""What the parts of a set are; those of a probe are pairs of AUs, which name themselves."""
_PROBES = {
    "conflicts": "pairs of AUs that pull the same place in different directions, asked of the same people",
    "intensities": "each AU alone, ever stronger, asked of the same people",
}
_TIDY = ("set", "group", "system", "is_anchor", "figure", "value", "low", "high", "num_frames", "members")


def tidy_csv(records: Iterable[Record]) -> str:
    """Write one line for each figure."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _TIDY, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for record in records:
        members = " ".join(f"{value:.6g}" for value in record["members"])
        numbers = {name: f"{record[name]:.6g}" for name in ("value", "low", "high") if record[name] is not None}
        writer.writerow({**record, **numbers, "members": members})
    return stream.getvalue()


def markdown(records: Sequence[Record], differences: Sequence[Record]) -> str:
    """Write a table for each set and part of it, systems in rows, and one of differences."""
    parts = []
    for (name, group), some in _by(records, "set", "group").items():
        figures = in_order(each["figure"] for each in some)
        head = ["", *(_column(figure) for figure in figures)]
        rows = [
            [_row_name(system, cells), *(_cell(cells, figure) for figure in figures)]
            for system, cells in _by(some, "system").items()
        ]
        title = f"## {_title(name, group)} ({some[0]['num_frames']} {'cases' if name in _PROBES else 'frames'})"
        parts.append(f"{title}\n\n{_pipes([head, *rows])}")
        changed = [each for each in differences if (each["set"], each["group"]) == (name, group)]
        if changed:
            shown = [figure for figure in figures if any(each["figure"] == figure for each in changed)]
            head = ["difference", *(_column(figure) for figure in shown)]
            rows = [
                [f"{system} less {base}", *(_cell(cells, figure, signed=True) for figure in shown)]
                for (system, base), cells in _by(changed, "system", "baseline").items()
            ]
            parts.append(_pipes([head, *rows]))
    return "\n\n".join(parts) + "\n"


def latex(records: Sequence[Record]) -> str:
    """Write the same tables, without differences, for the booktabs package; the best system in each column is bold."""
    parts = []
    for (name, group), some in _by(records, "set", "group").items():
        figures = in_order(each["figure"] for each in some)
        best = {figure: _best(some, figure) for figure in figures}
        lines = [
            rf"% {_title(name, group)}, {some[0]['num_frames']} frames; 95 \% intervals over people",
            r"\begin{tabular}{l" + "c" * len(figures) + "}",
            r"\toprule",
            " & ".join(["", *(_escaped(_column(figure)) for figure in figures)]) + r" \\",
            r"\midrule",
        ]
        was_anchor = False
        for system, cells in _by(some, "system").items():
            is_anchor = bool(cells[0]["is_anchor"])
            if was_anchor and not is_anchor:
                lines.append(r"\midrule")
            was_anchor = is_anchor
            row = [_escaped(system)]
            for figure in figures:
                text = _cell(cells, figure, latex=True)
                is_best = not is_anchor and system == best[figure]
                row.append(rf"\textbf{{{text}}}" if is_best else text)
            lines.append(" & ".join(row) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _title(name: str, group: str) -> str:
    whole = _PROBES.get(name, _GROUPS["all"])
    return f"{name}: {whole if group == 'all' else _GROUPS.get(group, f'AUs {group}')}"


def _best(records: Sequence[Record], figure: str) -> str | None:
    """Name the best system; None where there is one alone, or where no direction is better."""
    found = {each["system"]: each["value"] for each in records if each["figure"] == figure and not each["is_anchor"]}
    higher = figure_named(figure).higher_is_better
    if len(found) < 2 or higher is None:
        return None
    return (max if higher else min)(found, key=lambda name: found[name])


def _column(figure: str) -> str:
    arrow = {True: " ↑", False: " ↓", None: ""}[figure_named(figure).higher_is_better]
    return f"{figure_named(figure).caption}{arrow}"


def _row_name(system: str, cells: Sequence[Record]) -> str:
    count = len(cells[0]["members"])
    name = f"{system} ({count} runs)" if count > 1 else system
    return f"*{name}*" if cells[0]["is_anchor"] else f"**{name}**"


def _cell(cells: Sequence[Record], figure: str, *, signed: bool = False, latex: bool = False) -> str:
    found = next((each for each in cells if each["figure"] == figure), None)
    if found is None:
        return "-" if not latex else "--"
    value, *ends = (_number(found[name], found["value"], signed=signed) for name in ("value", "low", "high"))
    if found["low"] is None or not math.isfinite(found["low"]):
        return value
    if latex:
        return rf"{value} {{\scriptsize [{', '.join(ends)}]}}"
    mark = " *" if signed and (found["low"] > 0 or found["high"] < 0) else ""
    return f"{value} [{', '.join(ends)}]{mark}"


def _number(number: float | None, like: float, *, signed: bool) -> str:
    """With as many digits as tell something of a figure of that size."""
    if number is None:
        return ""
    digits = 1 if abs(like) >= 10 else 3 if abs(like) >= 0.02 or like == 0 else 4
    return f"{number:{'+' if signed else ''}.{digits}f}"


def _by(records: Iterable[Record], *names: str) -> dict[Any, list[Record]]:
    found: dict[Any, list[Record]] = {}
    for record in records:
        key = tuple(record[name] for name in names)
        found.setdefault(key if len(names) > 1 else key[0], []).append(record)
    return found


def _pipes(rows: Sequence[Sequence[str]]) -> str:
    cleaned = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cleaned) for column in range(len(cleaned[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cleaned
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    for letter in "\\&%$#_{}":
        text = text.replace(letter, rf"\{letter}" if letter != "\\" else r"\textbackslash ")
    return text.replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$")
