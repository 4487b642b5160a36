"""What a description of AUs states, and what is wrong with it.

A text is read by :mod:`zoo.facs.reading`; the tables of :mod:`zoo.facs.evidence` say which AUs a statement speaks of.
Wrong are: an AU that was not asked for (``leak``), one that is not described (``missing``), one place moving two
opposite ways for no reason (``contradiction``), words of ``emotion``, instructions (``imperative``), one-sidedness
(``side``), an ``intensity`` that no label gives, and sentences said twice (``duplicate``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from zoo.facs.action_units import ACTION_UNITS
from zoo.facs.constructs import name_of
from zoo.facs.evidence import CONTRARY, EVIDENCE, MUSCLE_EVIDENCE, Evidence
from zoo.facs.faults import faulty_words
from zoo.facs.lexicon import Lexicon
from zoo.facs.lint_report import Finding, LintReport
from zoo.facs.reading import Reader, Statement

__all__ = ["Finding", "LintReport", "lint", "lint_lexicon"]

_UNITS = {unit.number: unit for unit in ACTION_UNITS}
_INNER = re.compile(
    r"\b(?:inner|medial|midline|entire|whole|(?:centre|center|middle)\s+of\s+the\s+forehead)\b", re.IGNORECASE
)
_OUTER = re.compile(r"\b(?:outer|lateral|temples?|tails?|entire|whole|arch(?:es)?)\b", re.IGNORECASE)
_OTHERS = {
    5: "upper lid raiser",
    9: "nose wrinkler",
    16: "lower lip depressor",
    18: "lip puckerer",
    20: "lip stretcher",
    22: "lip funneler",
    25: "lips part",
    26: "jaw drop",
    43: "eye closure",
}


def lint(text: str, aus: Iterable[int] | None = None, *, has_intensity: bool = False) -> LintReport:
    """Read a text, and say what is wrong with it.

    Args:
        text: A description in English.
        aus: The AUs that it should state; without them only what is wrong in itself is reported.
        has_intensity: Whether labels give intensities, so that the text may speak of them.

    Example:
        >>> report = lint("The cheeks are raised, and the lips part.", aus=[6, 12])
        >>> sorted(report.states), sorted(report.leaks), sorted(report.missing)
        ([6], [25], [12])
    """
    wanted = None if aus is None else frozenset(aus)
    reader = Reader(text)
    statements = reader.statements()
    spoken = list(_spoken(reader, statements))
    stated = _stated(spoken, wanted)
    findings = [*_leaks(spoken, stated, wanted), *_missing(stated, wanted)]
    findings += _contradictions(statements, stated, wanted)
    for kind, word, start, reason in faulty_words(text):
        if kind != "intensity" or not has_intensity:
            clause = text[start : start + len(word)]
            findings.append(Finding(kind, (), clause, None, None, f"{clause!r} {reason}"))
    findings += _repetitions(text)
    allowed = frozenset(_UNITS) if wanted is None else wanted
    return LintReport(
        text=text,
        states=frozenset(stated) & frozenset(_UNITS),
        leaks=frozenset(au for finding in findings if finding.kind == "leak" for au in finding.aus),
        missing=frozenset() if wanted is None else (wanted & allowed) - stated,
        findings=tuple(findings),
    )


def lint_lexicon(lexicon: Lexicon) -> tuple[Finding, ...]:
    """Say what is wrong with a whole lexicon: with each description, and between the variants of a construct."""
    return tuple(_lexicon_findings(lexicon))


def _spoken(reader: Reader, statements: list[Statement]) -> Iterator[tuple[Statement, Evidence]]:
    """Give the statements that speak of AUs, with what they tell."""
    for statement in statements:
        evidence = EVIDENCE.get((statement.region, statement.movement))
        if (statement.region, statement.movement) == ("brow", "up"):
            evidence = _of_brows(statement, reader)
        if evidence is not None and not statement.is_negated:
            yield statement, evidence
    for mention in reader.mentions:
        if mention.kind == "muscle" and mention.value in MUSCLE_EVIDENCE and not reader.negated[mention.start]:
            yield (
                Statement(mention.value, "contract", reader.clause(mention.start), "", mention.start),
                MUSCLE_EVIDENCE[mention.value],
            )


def _of_brows(statement: Statement, reader: Reader) -> Evidence:
    """Say which ends of the brows are raised: what the clause, else the sentence, else the text says, or both."""
    for inner, outer in (
        *((_INNER.search(part), _OUTER.search(part)) for part in (statement.clause, statement.sentence)),
        ("inner brow" in reader.regions, "outer brow" in reader.regions),
    ):
        if inner or outer:
            return Evidence(((1,) if inner else ()) + ((2,) if outer else ()), jointly=True)
    return Evidence((1, 2), jointly=True)


def _stated(spoken: list[tuple[Statement, Evidence]], wanted: frozenset[int] | None) -> set[int]:
    """Decide what is stated; where a statement fits several AUs, those stated or asked for come first."""
    sure = [evidence for _, evidence in spoken if evidence.states]
    stated = {au for each in sure if each.jointly or len(each.aus) == 1 for au in each.aus}
    for each in sure:
        if not stated & set(each.aus):
            asked = [au for au in each.aus if wanted is not None and au in wanted]
            stated.add((asked or list(each.aus))[0])
    return stated


def _leaks(
    spoken: list[tuple[Statement, Evidence]], stated: set[int], wanted: frozenset[int] | None
) -> Iterator[Finding]:
    allowed = frozenset(_UNITS) if wanted is None else wanted
    for au in sorted(stated - allowed):
        statement = next(each for each, evidence in spoken if evidence.states and au in evidence.aus)
        yield Finding(
            *("leak", (au,), statement.clause, statement.region, statement.movement),
            f"AU{au} ({_name(au)}) is not asked for, but {statement.clause!r} says {_says(statement)}",
        )
    for statement, evidence in spoken:
        if not evidence.states and wanted is not None and not set(evidence.aus) & (allowed | stated):
            causes = " or ".join(f"AU{au}" for au in evidence.aus)
            yield Finding(
                *("leak", (evidence.aus[0],), statement.clause, statement.region, statement.movement),
                f"{statement.clause!r} says {_says(statement)}, a sign of {causes}, none of which is asked for",
            )


def _missing(stated: set[int], wanted: frozenset[int] | None) -> Iterator[Finding]:
    for au in sorted((wanted or frozenset()) - stated):
        unit = _UNITS.get(au)
        moves = f" ({unit.movement})" if unit else ""
        yield Finding(
            *("missing", (au,), "", unit.region if unit else None, unit.movement if unit else None),
            f"AU{au} ({_name(au)}) has no clause that says its movement{moves}",
        )


def _contradictions(statements: list[Statement], stated: set[int], wanted: frozenset[int] | None) -> Iterator[Finding]:
    """Find places that move against an AU of the text; a pull both ways by two AUs of the twelve is none."""
    seen: set[tuple[str, str]] = set()
    for each in statements:
        against = [
            au for au in CONTRARY.get((each.region, each.movement), ()) if au in stated | (wanted or frozenset())
        ]
        if against and not each.is_negated and (each.region, each.movement) not in seen:
            seen.add((each.region, each.movement))
            causes = " and ".join(f"AU{au} ({_name(au)})" for au in against)
            yield Finding(
                *("contradiction", tuple(against), each.clause, each.region, each.movement),
                f"{each.clause!r} says {_says(each)}, which excludes {causes}",
            )


def _repetitions(text: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for sentence in re.split(r"(?<=[.!?;])\s+", text):
        key = " ".join(re.findall(r"\w+", sentence.lower()))
        if key and key in seen:
            yield Finding("duplicate", (), sentence, None, None, f"{sentence!r} is said twice")
        seen.add(key)


def _lexicon_findings(lexicon: Lexicon) -> Iterator[Finding]:
    """Find faults of single descriptions, then of pairs of variants."""
    for style, table in lexicon.descriptions.items():
        for construct, variants in table.items():
            places = [f"{name_of(construct)}, {style}, variant {number}" for number in range(1, len(variants) + 1)]
            for place, text in zip(places, variants, strict=True):
                for finding in lint(text, construct).findings:
                    yield replace(finding, place=place)
            yield from _too_similar(places, variants)
    for style, texts in lexicon.neutral.items():
        places = [f"neutral, {style}, variant {number}" for number in range(1, len(texts) + 1)]
        for place, text in zip(places, texts, strict=True):
            for finding in lint(text, ()).findings:
                yield replace(finding, place=place)
        yield from _too_similar(places, texts)


def _too_similar(places: list[str], texts: tuple[str, ...]) -> Iterator[Finding]:
    """Find variants that are the same, or share at least half of the four-word runs of the shorter one."""
    words = [re.findall(r"[\w'-]+", text.lower()) for text in texts]
    runs = [{tuple(each[begin : begin + 4]) for begin in range(len(each) - 3)} for each in words]
    for (one, first), (other, second) in combinations(enumerate(texts), 2):
        shared, shorter = len(runs[one] & runs[other]), min(len(runs[one]), len(runs[other]))
        if words[one] == words[other]:
            message = f"the same text as {places[one]}"
            yield Finding("duplicate", (), second, None, None, message, places[other])
        elif shorter and 2 * shared >= shorter:
            message = f"{shared} of {shorter} runs of four words are those of {places[one]}: {first!r}"
            yield Finding("similar", (), second, None, None, message, places[other])


def _says(statement: Statement) -> str:
    return f"{statement.region}: {statement.movement}"


def _name(au: int) -> str:
    return _UNITS[au].name if au in _UNITS else _OTHERS.get(au, "not one of the twelve")
