"""What raters send back: CSV files of the page, joined with the key, and refused where they don't fit it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.survey.blinding import Survey, Trial

_NEEDED = ("survey", "rater", "trial", "item", "rank")


@dataclass(frozen=True)
class Ranking:
    """What one rater made of one trial.

    Attributes:
        rater: Who.
        trial: Which.
        ranks: System to its rank as it was given, 1 for the best.
        seconds: How long it took; NaN where the file doesn't say.
        file: Where it was read.
    """

    rater: str
    trial: Trial
    ranks: Mapping[str, float]
    seconds: float
    file: Path


@dataclass(frozen=True)
class Answers:
    """All rankings of a survey.

    Attributes:
        rankings: By rater, in the order of the survey's trials.
        repeated: Files of which everything is in another file, too: saved twice, or before the end.
    """

    rankings: tuple[Ranking, ...]
    repeated: tuple[Path, ...]

    @property
    def raters(self) -> tuple[str, ...]:
        """Who answered."""
        return tuple(dict.fromkeys(ranking.rater for ranking in self.rankings))


def answer_files(place: Path) -> tuple[Path, ...]:
    """List the files of answers: one file, or all CSV files of a folder but those that ``score`` itself writes.

    Raises:
        FileNotFoundError: There is none.
    """
    if place.is_file():
        return (place,)
    files = tuple(file for file in sorted(place.glob("*.csv")) if file.stem != "auchs") if place.is_dir() else ()
    if not files:
        message = f"survey: answers must be a CSV file of the page, or a folder of them, got {str(place)!r}."
        raise FileNotFoundError(message)
    return files


def read_answers(files: Sequence[Path], *, survey: Survey, keep_incomplete: bool = False) -> Answers:
    """Read and check the answers of all raters.

    A rater may have sent several files, such as one before the end: they are joined where they say the same.

    Args:
        files: As the page exported them.
        survey: The key.
        keep_incomplete: Whether raters count who did not rank all trials.

    Raises:
        ValueError: A file is of another survey, is damaged, contradicts another one of the same rater, or lacks trials.
    """
    found: dict[tuple[str, str], Ranking] = {}
    repeated = []
    for file in files:
        rankings = _read(file, survey)
        new = [ranking for ranking in rankings if (ranking.rater, ranking.trial.name) not in found]
        if not new:
            repeated.append(file)
        for ranking in rankings:
            former = found.setdefault((ranking.rater, ranking.trial.name), ranking)
            if former.ranks != ranking.ranks:
                message = (
                    f"survey: a rater must answer once, got two rankings of {ranking.trial.name} by {ranking.rater!r}, "
                    f"in {former.file} and {file}. Remove one file, or correct the code of the rater in it."
                )
                raise ValueError(message)
    place = {trial.name: number for number, trial in enumerate(survey.trials)}
    rankings = sorted(found.values(), key=lambda each: (each.rater, place[each.trial.name]))
    if not keep_incomplete:
        _check_complete(rankings, survey)
    return Answers(tuple(rankings), tuple(repeated))


def _check_complete(rankings: Sequence[Ranking], survey: Survey) -> None:
    done: dict[str, set[str]] = {}
    for ranking in rankings:
        done.setdefault(ranking.rater, set()).add(ranking.trial.name)
    for rater, trials in done.items():
        if len(trials) < len(survey.trials):
            file = next(ranking.file for ranking in rankings if ranking.rater == rater)
            message = (
                f"survey: rater {rater!r} must have ranked all {len(survey.trials)} trials, got {len(trials)} in "
                f"{file}. Ask for the rest, remove the file, or count what is there with --incomplete keep."
            )
            raise ValueError(message)


def _read(file: Path, survey: Survey) -> list[Ranking]:
    rows = _rows(file)
    trials = {trial.name: trial for trial in survey.trials}
    given: dict[tuple[str, str], dict[str, float]] = {}
    seconds: dict[tuple[str, str], float] = {}
    for line, row in rows:
        place = f"{file}, line {line}"
        if row["survey"] != survey.id:
            message = (
                f"survey: {place}: survey must be {survey.id}, that of the key, got {row['survey']!r}. "
                "These are answers to another survey, or the key is that of another one."
            )
            raise ValueError(message)
        trial = trials.get(row["trial"])
        if trial is None or row["item"] not in trial.items:
            wrong = "trial" if trial is None else "item"
            message = f"survey: {place}: {wrong} must be one of the survey's, got {row[wrong]!r}. The file was changed."
            raise ValueError(message)
        if not row["rater"]:
            message = f"survey: {place}: rater must be a code, got none."
            raise ValueError(message)
        at = (row["rater"], trial.name)
        system = trial.items[row["item"]]
        if system in given.setdefault(at, {}):
            message = f"survey: {place}: every item must be ranked once in a trial, got {row['item']!r} again."
            raise ValueError(message)
        given[at][system] = _rank(row["rank"], place=place, count=len(trial.items))
        seconds[at] = _seconds(row.get("seconds"))
    for (rater, name), ranks in given.items():
        if len(ranks) < len(survey.systems):
            message = (
                f"survey: {file}: rater {rater!r} must have ranked all {len(survey.systems)} pictures of {name}, got "
                f"{len(ranks)}. The file is cut short: export it again."
            )
            raise ValueError(message)
    return [Ranking(at[0], trials[at[1]], ranks, seconds[at], file) for at, ranks in given.items()]


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"survey: {file} must be a CSV file of the page, and is no text."
        raise ValueError(message) from error
    header = text.partition("\n")[0]
    # spreadsheets of many countries save with semicolons
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        message = f"survey: {file} must have the columns {', '.join(_NEEDED)}, got none named {missing[0]!r}."
        raise ValueError(message)
    rows = [(reader.line_num, {name: (value or "").strip() for name, value in row.items() if name}) for row in reader]
    if not rows:
        message = f"survey: {file} must hold at least one ranking, got none: its rater finished no step."
        raise ValueError(message)
    return rows


def _rank(text: str, *, place: str, count: int) -> float:
    try:
        rank = float(text.replace(",", "."))
    except ValueError:
        rank = 0.0
    if not 1 <= rank <= count:  # refuses NaN, too
        message = f"survey: {place}: rank must be a number from 1 to {count}, got {text!r}."
        raise ValueError(message)
    return rank


def _seconds(text: str | None) -> float:
    try:
        return float((text or "").replace(",", "."))
    except ValueError:
        return float("nan")
