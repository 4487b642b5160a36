"""What ``python cli.py describe --lint`` does: texts, files of texts or whole lexicons through the linter."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any

from zoo.facs.constructs import name_of
from zoo.facs.labels import AULabel
from zoo.facs.lexicon import Lexicon
from zoo.facs.linter import lint
from zoo.facs.text_input import file_of, texts_of
from zoo.facs.wording import split_sentences


def check(text_or_file: str, *, labels: tuple[AULabel, ...] | None, json: bool) -> int:
    """Print what is wrong with texts; give 1 if anything is, else 0.

    A sentence of ours on intensity or side is left out where the labels say the same, or where there are none.

    Args:
        text_or_file: A text, a file with a text on each line, or a lexicon (.yaml, .yml).
        labels: What the texts must state; a lexicon's descriptions must state their constructs.
        json: Whether JSON is printed, for programs.

    Raises:
        ValueError: Labels are given with a lexicon, or there is no text.
    """
    reports = list(_reports(text_or_file, labels))
    faulty = [report for report in reports if not report[2].ok]
    if json:
        found = [{"place": place, "text": text, **report.as_dict()} for place, text, report in reports]
        print(dumps(found[0] if len(found) == 1 and not found[0]["place"] else found, indent=2, ensure_ascii=False))
        return int(bool(faulty))
    for place, text, report in faulty:
        print(f"{place}: {text}" if place else text)
        for finding in report.findings:
            print(f"  {finding}")
    if len(reports) > 1:
        print(f"{len(faulty)} of {len(reports)} texts have faults" if faulty else f"{len(reports)} texts are in order")
    elif not faulty:
        stated = ", ".join(f"AU{number}" for number in sorted(reports[0][2].states)) or "no AU"
        print(f"in order: it states {stated}")
    return int(bool(faulty))


def _reports(text_or_file: str, labels: tuple[AULabel, ...] | None) -> Iterator[tuple[str, str, Any]]:
    file = file_of(text_or_file)
    if file is not None and file.suffix in {".yaml", ".yml"}:
        if labels is not None:
            message = "describe: --aus does not go with a lexicon, whose descriptions have AUs of their own."
            raise ValueError(message)
        lexicon = Lexicon.load(file)
        for style, table in lexicon.descriptions.items():
            for construct, variants in table.items():
                for variant, text in enumerate(variants, start=1):
                    yield f"{name_of(construct)}, {style}, variant {variant}", text, lint(text, construct)
        return
    for place, text in texts_of(text_or_file):
        body, intensities, sides = split_sentences(text)
        if labels is None:
            yield place, text, lint(body)
            continue
        labelled = (
            {each.number: each.intensity for each in labels if each.intensity},
            {each.number: each.side for each in labels if each.side},
        )
        is_labelled = intensities.items() <= labelled[0].items() and sides.items() <= labelled[1].items()
        yield place, text, lint(body if is_labelled else text, [each.number for each in labels])
