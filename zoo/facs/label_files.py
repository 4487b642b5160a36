"""Files of labels, described line by line: a million lines in seconds, in little memory."""

from __future__ import annotations

import csv
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from zoo.facs.allocation import codes_of, constructs_by_code
from zoo.facs.composer import Composer
from zoo.facs.constructs import CONSTRUCTS, name_of
from zoo.facs.label_columns import ADDED_COLUMNS, delimiter_of, find_columns
from zoo.facs.label_lines import LineReader
from zoo.facs.label_table import Problem
from zoo.facs.policy import LabelError, LabelPolicy
from zoo.files import write_whole

_CHUNK = 1 << 14


@dataclass
class FileSummary:
    """What was described.

    Attributes:
        num_rows: Lines of labels.
        others: AUs outside the twelve that the file has columns of; they are kept, not described.
        problems: What was resolved, by kind and resolution, where the policy asks to hear of it, with its place.
    """

    num_rows: int = 0
    others: tuple[int, ...] = ()
    problems: dict[tuple[str, str], tuple[str, Problem]] = field(default_factory=dict)

    def add(self, problem: Problem, place: str) -> None:
        """Add a problem to those of its kind: the first names the place, all are counted."""
        key = problem.kind, problem.resolution
        first_place, first = self.problems.get(key, (place, replace(problem, count=0)))
        self.problems[key] = first_place, replace(first, count=first.count + problem.count)

    def tell(self, policy: LabelPolicy) -> None:
        """Warn of what was resolved, where the policy asks to hear of it."""
        for place, problem in self.problems.values():
            problem.meet(policy, place)


def describe_file(labels: Path, output: Path, *, composer: Composer, overwrite: bool = False) -> FileSummary:
    """Describe every line of a CSV file of labels; the output appears once it is whole.

    The input has columns ``AU1`` ... ``AU24`` with 0, 1, and 9 or nothing for unknown; ``intensity_AU1`` ... and
    ``side_AU1`` ... are read where the composer words them. The output repeats all columns and adds ``constructs``,
    such as ``6+12+15;10+17`` in the order of Algorithm 1, and ``description``. Line i, counted from 0, is described
    with index i. Commas, semicolons or tabs separate, as in the header.

    Raises:
        LabelError: A line is not as it must be, or the policy rejects it; the message names line and column.
        FileExistsError: The output is there, and is not to be replaced.
    """
    if output.exists() and labels.exists() and output.samefile(labels):
        message = f"describe_file: output must be another file than labels, got {str(output)!r} for both."
        raise LabelError(message)
    if output.exists() and not overwrite:
        message = f"{output} exists. Name another output, or say overwrite to replace it."
        raise FileExistsError(message)
    summary = FileSummary()

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as target:
            target.writelines(described_lines(labels, composer=composer, summary=summary))

    write_whole(output, write)
    summary.tell(composer.policy)
    return summary


def described_lines(labels: Path, *, composer: Composer, summary: FileSummary) -> Iterator[str]:
    """Give the lines that :func:`describe_file` writes, many at a time.

    Args:
        labels: The CSV file.
        composer: Writes the descriptions.
        summary: Is filled in on the way.

    Raises:
        LabelError: A line is not as it must be, or the policy rejects it; the message names line and column.
    """
    with _opened(labels) as source:
        first = source.readline()
        delimiter = delimiter_of(first)
        # strict: a quote that is never closed is an error instead of a file's rest in one cell
        lines = csv.reader(itertools.chain([first], source), delimiter=delimiter, strict=True)
        header = next(lines, [])
        columns = find_columns(header, source=str(labels))
        summary.others = columns.others
        written = _LineWriter(delimiter)
        yield written.lines([[*header, *ADDED_COLUMNS]])[0] + "\n"
        reader = LineReader(str(labels), columns, composer)
        # written here instead of by csv: that looks at every letter of the descriptions, which costs twice the rest
        constructs = written.lines([names] for names in _construct_lists())
        number = lines.line_num
        while chunk := list(itertools.islice(lines, _CHUNK)):
            rows, table = reader.read(chunk, after=number)
            for problem in table.problems:
                place = reader.name_of_row(problem.row)
                if getattr(composer.policy, problem.kind) == "reject":
                    problem.meet(composer.policy, place)
                summary.add(problem, place)
            index = np.arange(summary.num_rows, summary.num_rows + len(rows))
            texts = composer.prompts_of_table(table, index=index)
            codes = codes_of(table.occurrence).tolist()
            cells = zip(written.lines(rows), [constructs[code] for code in codes], written.quoted(texts), strict=True)
            yield "".join([f"{delimiter.join(three)}\n" for three in cells])
            summary.num_rows += len(rows)
            number = lines.line_num


@functools.cache
def _construct_lists() -> tuple[str, ...]:
    """Name the constructs of each of the 4,096 sets, as ``6+12+15;10+17``."""
    names = {construct: name_of(construct) for construct in CONSTRUCTS}
    return tuple(";".join([names[construct] for construct in constructs]) for constructs in constructs_by_code())


class _LineWriter:
    """Write cells as csv does with its defaults: quoted where they must be."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        self._special = re.compile(f'["\r\n{delimiter}]')

    def lines(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """Give the lines without their ends."""
        delimiter, search = self.delimiter, re.compile(r'["\r\n]').search
        lines = []
        for cells in rows:
            line = delimiter.join(cells)
            if line.count(delimiter) != len(cells) - 1 or search(line):
                line = delimiter.join(
                    self.quoted([cell])[0] if self._special.search(cell) is not None else cell for cell in cells
                )
            lines.append(line)
        return lines

    def quoted(self, cells: Iterable[str]) -> list[str]:
        """Give cells in quotes."""
        return ['"' + cell.replace('"', '""') + '"' for cell in cells]


@contextmanager
def _opened(labels: Path) -> Iterator[TextIO]:
    try:
        with labels.open(encoding="utf-8-sig", newline="") as source:
            yield source
    except FileNotFoundError as error:
        message = f"labels: must be a CSV file, got {str(labels)!r}, which does not exist."
        raise FileNotFoundError(message) from error
    except UnicodeDecodeError as error:
        message = f"{labels}: the file must be UTF-8 text, got {error.object[error.start : error.start + 1]!r}."
        raise LabelError(message) from error
    except csv.Error as error:
        message = f"{labels}: the file must be CSV, got: {error}."
        raise LabelError(message) from error
