"""The command ``python cli.py describe``: labels to texts, texts to labels, and what is wrong with a text."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from json import dumps
from pathlib import Path
from typing import Any, Literal

from zoo.facs.composer import Composer
from zoo.facs.constructs import name_of
from zoo.facs.explanation import explain as explain_aus
from zoo.facs.labels import format_labels, parse_labels
from zoo.facs.lexicon import Lexicon
from zoo.facs.parsing import read
from zoo.facs.policy import Choice, LabelWarning
from zoo.facs.text_input import texts_of


def describe(
    *,
    aus: str | None = None,
    labels: str | None = None,
    parse: str | None = None,
    lint: str | None = None,
    output: str | None = None,
    overwrite: bool = False,
    style: Literal["full", "short"] = "full",
    seed: int = 0,
    variant: int | None = None,
    all: bool = False,
    explain: bool = False,
    json: bool = False,
    intensity: bool = False,
    side: bool = False,
    lexicon: str | None = None,
    unknown: Choice = "warn",
    conflicts: Choice = "resolve",
    impossible: Choice = "reject",
) -> int:
    """Describe AUs in words, recover AUs from words, or check words.

    Args:
        aus: AUs such as 6,12,15, with intensity (12:C) and side (L14:B) where they are known; empty for none.
        labels: CSV file with columns AU1, AU2, AU4 ... AU24 of 0, 1, and 9 or nothing for unknown.
        parse: Text, or a file with a text on each line, whose AUs are recovered.
        lint: Text, a file with a text on each line, or a lexicon (.yaml) that is checked; with --aus against those.
        output: CSV file for --labels; printed where not given.
        overwrite: Whether the output is replaced if it exists.
        style: With the skin signs (wrinkles, furrows, bulges), or without.
        seed: Decides which descriptions are taken.
        variant: Always this description of every construct, counted from 1.
        all: Print every variant, one per line.
        explain: Print every decision: what fired, what it took and overrode, what became of antagonists.
        json: Print JSON, for programs.
        intensity: Add a sentence on intensities where they are known; in a file: columns intensity_AU1 ...
        side: Add a sentence on one-sided AUs where sides are known; in a file: columns side_AU1 ...
        lexicon: File of other descriptions; the form is documented in zoo/facs/lexicon.py.
        unknown: What becomes of AUs that could not be coded; resolved, they are not stated.
        conflicts: What becomes of antagonists together; resolved, a construct words both where one has both.
        impossible: What becomes of labels that contradict themselves; resolved, the stronger is kept.
    """
    _check_options(locals())
    composer = Composer(
        lexicon,
        style=style,
        seed=seed,
        variant=variant,
        word_intensity=intensity,
        word_side=side,
        unknown=unknown,
        conflicts=conflicts,
        impossible=impossible,
    )
    with _told_warnings():
        if labels is not None:
            return _describe_labels(Path(labels), None if output is None else Path(output), composer, overwrite)
        if lint is not None:
            from zoo.facs.checking import check

            given = None if aus is None else parse_labels(aus, policy=composer.policy)
            return check(lint, labels=given, json=json)
        if parse is not None:
            return _parse(parse, composer.lexicon, explain, json)
        return _describe_aus(aus or "", composer, all, explain, json)


def _describe_aus(aus: str, composer: Composer, all_variants: bool, explain: bool, json: bool) -> int:
    # each conflict is met once, by the composer
    labels = parse_labels(aus, policy=replace(composer.policy, conflicts="resolve"))
    composed = composer.compose(labels)
    texts = composer.all_variants(labels) if all_variants else (composed.text,)
    explanation = explain_aus(label.number for label in labels)
    if json:
        found: dict[str, Any] = composed.as_dict()
        found |= {"style": composer.style, "seed": composer.seed}
        found["lexicon"] = {"name": composer.lexicon.name, "sha256": composer.lexicon.sha256}
        if all_variants:
            found["all"] = list(texts)
        if explain:
            found["explanation"] = explanation.as_dict()
        print(dumps(found, indent=2, ensure_ascii=False))
        return 0
    print("\n".join(texts))
    if explain:
        chosen = zip(composed.constructs, composed.variants, strict=False)
        print(f"\n{explanation}")
        if composed.constructs and not all_variants:
            print(f"Variants    {'; '.join(f'{name_of(construct)}: {variant}' for construct, variant in chosen)}")
    return 0


def _describe_labels(labels: Path, output: Path | None, composer: Composer, overwrite: bool) -> int:
    from zoo.facs.label_files import FileSummary, describe_file, described_lines

    begin = time.perf_counter()
    if output is None:
        summary = FileSummary()
        sys.stdout.writelines(described_lines(labels, composer=composer, summary=summary))
        summary.tell(composer.policy)
    else:
        summary = describe_file(labels, output, composer=composer, overwrite=overwrite)
    if summary.others:
        others = ", ".join(f"AU{number}" for number in summary.others)
        print(f"not among the twelve AUs, kept and not described: {others}", file=sys.stderr)
    spent = time.perf_counter() - begin
    where = "" if output is None else f": {output}"
    print(f"{summary.num_rows:,} lines described in {spent:.1f} s{where}", file=sys.stderr)
    return 0


def _parse(text_or_file: str, lexicon: Lexicon, explain: bool, json: bool) -> int:
    texts = texts_of(text_or_file)
    readings = [read(text, lexicon=lexicon) for _, text in texts]
    if json:
        found = [reading.as_dict() for reading in readings]
        is_file = bool(texts[0][0])
        print(dumps(found if is_file else found[0], indent=2))
        return 0
    for reading in readings:
        print(format_labels(reading.labels))
        if explain:
            for each in reading.stated:
                print(f"  {name_of(each.construct) or 'at rest'}  variant {each.variant}, {each.style}")
            print(f"  read by the {reading.method}")
    if not explain and (free := sum(reading.method == "linter" for reading in readings)):
        print(f"{free} of {len(readings)} not made of the lexicon's descriptions, read freely", file=sys.stderr)
    return 0


def _check_options(given: dict[str, Any]) -> None:
    wanted = [name for name in ("aus", "labels", "parse", "lint") if given[name] is not None]
    if not wanted:
        message = "describe: one of --aus, --labels, --parse or --lint must be given, as in --aus 6,12,15."
        raise ValueError(message)
    if len(wanted) > 1 and set(wanted) != {"aus", "lint"}:
        message = f"describe: --{' and --'.join(wanted)} don't go together. Give one of them; --lint may have --aus."
        raise ValueError(message)
    allowed = {
        "output": {"labels"},
        "overwrite": {"labels"},
        "all": {"aus"},
        "explain": {"aus", "parse"},
        "json": {"aus", "parse", "lint"},
        "variant": {"aus", "labels"},
    }
    for option, commands in allowed.items():
        if given[option] not in (None, False) and not commands & set(wanted):
            with_what = " or ".join(f"--{name}" for name in sorted(commands))
            message = f"describe: --{option} goes with {with_what}, got --{' and --'.join(wanted)}."
            raise ValueError(message)


@contextlib.contextmanager
def _told_warnings() -> Iterator[None]:
    """Print what the policy asks to hear of as plain lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LabelWarning)
        yield
    ours = [str(each.message) for each in caught if issubclass(each.category, LabelWarning)]
    for message in dict.fromkeys(ours):
        print(f"warning: {message}", file=sys.stderr)
    for each in caught:
        if not issubclass(each.category, LabelWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
