"""Write a study's table: Markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from lightning_modules.study.layout import LOSER, Cell, Layout, difference_table, main_table
from lightning_modules.study.results import Results
from lightning_modules.study.runs import command_line
from zoo.files import save_json, save_text, write_whole

_LATEX = {"\\": r"\textbackslash{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "°": r"$^\circ$"}
_TOLERANCE = 0.1
_LATEX |= {each: rf"\{each}" for each in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def write_tables(results: Results, folder: Path, *, command: list[str]) -> list[Path]:
    """Write everything that a table says; give the files.

    Args:
        results: What it says.
        folder: Where.
        command: Words of the command that made it.
    """
    return [
        save_text(markdown(results, command=command), folder / "table.md"),
        save_text(latex(results), folder / "table.tex"),
        write_whole(folder / "table.csv", partial(_write_rows, rows=list(_wide(results)))),
        write_whole(folder / "runs.csv", partial(_write_rows, rows=list(_long(results)))),
        save_json(content(results, command=command), folder / "table.json"),
    ]


def markdown(results: Results, *, command: list[str]) -> str:
    """Give the table, the differences, and what a reader must know."""
    study, table = results.study, results.study.table
    layout, differences = main_table(results), difference_table(results)
    parts = [f"# {study.title}", *([study.note] if study.note else []), _markdown_table(layout)]
    parts.append(_legend(results, layout))
    if layout.paper:
        parts.append(
            f'*Columns headed "paper" quote {table.paper_source or "the paper"}: {table.paper_caution}. They are here '
            "to compare orders and signs within each block, never values across.*"
        )
    if differences.lines:
        seeds = len(study.seeds)
        said = "95 % intervals over seeds; * where they leave zero out" if seeds > 1 else "one seed: no interval"
        parts += [f"## Differences, seed by seed ({said})", _markdown_table(differences)]
    parts += list(_verdict(results))
    if results.failures:
        parts += ["## What failed", "\n".join(f"- {key}: {reason}" for key, reason in results.failures.items())]
    if results.unknown:
        parts.append(
            "\n".join(f"- No measurement has the figure `{key}`.{hint}" for key, hint in results.unknown.items())
        )
    budgets = dict.fromkeys(
        each.budget.says if each.budget else "as their configs say" for each in study.variants.values()
    )
    parts += [
        "## How it was made",
        f"`{command_line(command)}`\n\nSeeds {', '.join(map(str, study.seeds))}; data and test faces are the same for "
        f"all seeds. Budget: {'; '.join(budgets)}. Runs, logs and curves are beside this file.",
    ]
    return "\n\n".join(parts) + "\n"


def latex(results: Results) -> str:
    """Give the table for LaTeX, the paper's figures in a block of their own."""
    table, layout = results.study.table, main_table(results)
    columns = "l" + "r" * len(layout.ours) + ("@{\\qquad}|" + "r" * len(layout.paper) if layout.paper else "")
    lines = ["% needs \\usepackage{booktabs}", f"\\begin{{tabular}}{{{columns}}}", "\\toprule"]
    if layout.paper:
        caution = _escaped(f"{table.paper_source or 'The paper'}: {table.paper_caution}")
        lines.append(
            f" & \\multicolumn{{{len(layout.ours)}}}{{c}}{{This study}} & "
            f"\\multicolumn{{{len(layout.paper)}}}{{c}}{{\\emph{{{caution}}}}} \\\\"
        )
    heads = ["", *map(_escaped, layout.ours), *(f"\\emph{{{_escaped(each)}}}" for each in layout.paper)]
    lines += [" & ".join(heads) + " \\\\", "\\midrule"]
    width = 1 + len(layout.ours) + len(layout.paper)
    for line in layout.lines:
        if line.kind == "group":
            lines.append(f"\\multicolumn{{{width}}}{{l}}{{\\textbf{{{_escaped(line.label)}}}}} \\\\")
            continue
        label = _escaped(line.label)
        cells = [f"\\emph{{{label}}}" if line.kind == "bound" else label]
        cells += [_latex_cell(each) for each in (*line.ours, *line.paper)]
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def content(results: Results, *, command: list[str]) -> dict[str, Any]:
    """Give everything as plain data."""
    study = results.study
    return {
        "study": study.name,
        "title": study.title,
        "command": command_line(command),
        "seeds": list(study.seeds),
        "counts": results.counts,
        "rows": [asdict(row) for row in results.rows],
        "bounds": [asdict(bound) for bound in results.bounds],
        "failures": results.failures,
        "paper": {"source": study.table.paper_source, "caution": study.table.paper_caution},
    }


def _legend(results: Results, layout: Layout) -> str:
    several = len(results.study.seeds) > 1
    over = "over seeds (Student's)" if several else "over subjects of the test set, of the one seed there is"
    text = f"Means over {len(results.study.seeds)} seeds. " if several else ""
    text += f"In brackets 95 % intervals {over}. Bold: the best mean, which is no evidence where intervals overlap."
    if missed := ", ".join(_off_budget(results)):
        text += f" More than a tenth off their budget of minutes: {missed}."
    if layout.has_losers:
        floors = "; ".join(f"{key} over {', '.join(each)}" for key, each in results.study.table.must_beat.items())
        text += f" {LOSER.strip()}: does not beat, beyond the intervals: {floors}."
    return text


def _off_budget(results: Results) -> Iterator[str]:
    for row in results.rows:
        budget = results.study.variants[row.variant].budget
        wanted = None if budget is None else budget.max_minutes
        if wanted is not None and row.minutes is not None and abs(row.minutes.mean - wanted) > _TOLERANCE * wanted:
            yield f"{row.label} ({row.minutes.mean:.1f} of {wanted:g})"


def _verdict(results: Results) -> Iterator[str]:
    table = results.study.table
    if not table.must_beat:
        return
    label = results.study.variants[table.reference].label
    yield "## Whether it counts"
    if results.counts is None:
        yield f"Not known yet: {label!r} is not measured in full."
        return
    floors = "; ".join(f"{key} over {' and '.join(each)}" for key, each in table.must_beat.items())
    if results.counts:
        yield f"Yes: in every seed, {label!r} beats beyond the intervals over subjects: {floors}."
        return
    lost = dict.fromkeys(each for row in results.rows if row.variant == table.reference for each in row.loses)
    yield f"**No**: {label!r} does not beat beyond the intervals: {'; '.join(lost)}. Nothing follows from this table."


def _markdown_table(layout: Layout) -> str:
    heads = ["", *layout.ours, *([" ", *(f"*paper: {each}*" for each in layout.paper)] if layout.paper else [])]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for line in layout.lines:
        if line.kind == "group":
            cells = [f"**{line.label}**", *[""] * (len(heads) - 1)]
        else:
            label = f"*{line.label}*" if line.kind == "bound" else line.label
            cells = [label, *map(_markdown_cell, line.ours)]
            cells += ["", *map(_markdown_cell, line.paper)] if layout.paper else []
        lines.append(f"| {' | '.join(each.replace('|', '/') for each in cells)} |")
    return "\n".join(lines)


def _markdown_cell(cell: Cell) -> str:
    value, space, interval = cell.text.partition(" ")
    return f"**{value}**{space}{interval}" if cell.is_best else cell.text


def _latex_cell(cell: Cell) -> str:
    value, space, interval = _escaped(cell.text).partition(" ")
    return f"\\textbf{{{value}}}{space}{interval}" if cell.is_best else f"{value}{space}{interval}"


def _escaped(text: str) -> str:
    return re.sub("|".join(map(re.escape, _LATEX)), lambda match: _LATEX[match[0]], text)


def _wide(results: Results) -> Iterator[list[Any]]:
    table = results.study.table
    ours = [f"{column.name}{end}" for column in table.columns for end in ("", " low", " high")]
    paper = [f"paper {name} ({table.paper_caution})" for name in table.paper_columns]
    yield ["group", "variant", "measure", "label", *ours, "interval over", "seeds", "steps", "training minutes", *paper]
    for row in results.rows:
        estimates = [row.estimates.get(column.name) for column in table.columns]
        cells = [value for each in estimates for value in ((each.mean, each.low, each.high) if each else (None,) * 3)]
        first = next((each for each in estimates if each), None)
        facts = [first.over if first else None, first.num_seeds if first else 0, row.steps]
        minutes = row.minutes.mean if row.minutes else None
        theirs = [row.paper.get(name) for name in table.paper_columns]
        yield [row.group, row.variant, row.measure, row.label, *cells, *facts, minutes, *theirs]


def _long(results: Results) -> Iterator[list[Any]]:
    yield ["variant", "measure", "seed", "figure", "value"]
    for row in results.rows:
        for column in results.study.table.columns:
            for seed, value in row.each[column.name].items():
                yield [row.variant, row.measure, seed, column.figure, value]


def _write_rows(file: Path, rows: list[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["" if cell is None else cell for cell in row] for row in rows])
