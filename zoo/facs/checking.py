"""What ``python cli.py describe --lint`` does: texts, files of texts or whole lexicons through the linter."""

from __future__ import annotations

from dataclasses import asdict
from json import dumps
from pathlib import Path

from zoo.facs.labels import AULabel
from zoo.facs.lexicon import Lexicon
from zoo.facs.linter import LintReport, lint, lint_lexicon
from zoo.facs.text_input import file_of, texts_of
from zoo.facs.wording import split_sentences


def check(text_or_file: str, *, labels: tuple[AULabel, ...] | None, json: bool) -> int:
    """Print what is wrong with texts or with a lexicon; give 1 if anything is, else 0.

    Args:
        text_or_file: A text, a file with a text on each line, or a lexicon (.yaml, .yml).
        labels: What the texts must state; a lexicon's descriptions must state their constructs.
        json: Whether JSON is printed, for programs.

    Raises:
        ValueError: Labels are given with a lexicon, or there is no text.
    """
    file = file_of(text_or_file)
    if file is not None and file.suffix in {".yaml", ".yml"}:
        if labels is not None:
            message = "describe: --aus does not go with a lexicon, whose descriptions have AUs of their own."
            raise ValueError(message)
        return _check_lexicon(file, json)
    reports = [(place, _lint(text, labels)) for place, text in texts_of(text_or_file)]
    if json:
        found = [{"place": place, **report.as_dict()} if place else report.as_dict() for place, report in reports]
        print(dumps(found if file else found[0], indent=2, ensure_ascii=False))
    else:
        _print(reports)
    return int(not all(report.ok for _, report in reports))


def _lint(text: str, labels: tuple[AULabel, ...] | None) -> LintReport:
    """Check a text without our sentences on intensity and side, where labels or nobody can tell if they are right."""
    body, intensities, sides = split_sentences(text)
    if labels is None:
        return lint(body)
    said = {each.number: (each.intensity, each.side) for each in labels}
    is_labelled = all(said.get(number, (None,))[0] == level for number, level in intensities.items()) and all(
        said.get(number, (None, None))[1] == side for number, side in sides.items()
    )
    has_intensity = any(each.intensity for each in labels)
    return lint(body if is_labelled else text, [each.number for each in labels], has_intensity=has_intensity)


def _print(reports: list[tuple[str, LintReport]]) -> None:
    faulty = [(place, report) for place, report in reports if not report.ok]
    for place, report in faulty:
        print(f"{place}: {report.text}" if place else report.text)
        print(f"  states: {_stated(report)}")
        for finding in report.findings:
            print(f"  {finding}")
    if len(reports) > 1:
        print(f"{len(faulty)} of {len(reports)} texts have faults" if faulty else f"{len(reports)} texts are in order")
    elif not faulty:
        print(f"in order: it states {_stated(reports[0][1])}")


def _stated(report: LintReport) -> str:
    return ", ".join(f"AU{number}" for number in sorted(report.states)) or "no AU"


def _check_lexicon(file: Path, json: bool) -> int:
    lexicon = Lexicon.load(file)
    findings = lint_lexicon(lexicon)
    count = sum(len(variants) for table in lexicon.descriptions.values() for variants in table.values())
    if json:
        plain = [{**asdict(finding), "aus": list(finding.aus)} for finding in findings]
        print(dumps({"ok": not findings, "texts": count, "findings": plain}, indent=2, ensure_ascii=False))
        return int(bool(findings))
    for finding in findings:
        print(finding)
    print(f"{len(findings)} faults in {count} texts" if findings else f"{count} texts are in order")
    return int(bool(findings))
