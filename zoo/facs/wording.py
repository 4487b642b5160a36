"""Sentences that say how strong AUs are and on which side: added to a description, never inserted in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Int8

from zoo.facs.action_units import AUS
from zoo.facs.labels import SIDES, AULabel

INTENSITY_WORDS = (
    ("is a trace", "are traces"),
    ("is slight", "are slight"),
    ("is marked or pronounced", "are marked or pronounced"),
    ("is severe or extreme", "are severe or extreme"),
    ("is at its maximum", "are at their maximum"),
)
"""The words of FACS' scale from A to E, of one movement and of several."""
SIDE_WORDS = ("left", "right")
_MOVEMENTS = {
    1: "the raising of the inner brows",
    2: "the raising of the outer brows",
    4: "the lowering of the brows",
    6: "the raising of the cheeks",
    7: "the tightening of the lids",
    10: "the raising of the upper lip",
    12: "the upward pull on the lip corners",
    14: "the dimpling of the lip corners",
    15: "the downward pull on the lip corners",
    17: "the raising of the chin",
    23: "the tightening of the lips",
    24: "the pressing of the lips",
}
_LEVELS = {word: level for level, words in enumerate(INTENSITY_WORDS, start=1) for word in words}
_NUMBERS = {movement: number for number, movement in _MOVEMENTS.items()}


def intensity_sentence(intensities: Mapping[int, int]) -> str:
    """Say how strong AUs are; empty where there are none.

    Args:
        intensities: AU numbers to 1 ... 5.

    Example:
        >>> intensity_sentence({6: 2, 12: 3, 15: 2})  # doctest: +NORMALIZE_WHITESPACE
        'In strength, the raising of the cheeks and the downward pull on the lip corners are slight;
        the upward pull on the lip corners is marked or pronounced.'
    """
    groups = [
        (words, [number for number in AUS if intensities.get(number) == level])
        for level, words in enumerate(INTENSITY_WORDS, start=1)
    ]
    clauses = [f"{_listed(numbers)} {words[len(numbers) > 1]}" for words, numbers in groups if numbers]
    return f"In strength, {'; '.join(clauses)}." if clauses else ""


def side_sentence(sides: Mapping[int, str]) -> str:
    """Say which AUs act on one side only; empty where there are none.

    Args:
        sides: AU numbers to L or R.

    Example:
        >>> side_sentence({12: "L", 14: "R"})  # doctest: +NORMALIZE_WHITESPACE
        'Only the left side shows the upward pull on the lip corners; only the right side shows the dimpling of the
        lip corners.'
    """
    groups = [
        (word, [number for number in AUS if sides.get(number) == side])
        for side, word in zip(SIDES, SIDE_WORDS, strict=True)
    ]
    clauses = [f"only the {word} side shows {_listed(numbers)}" for word, numbers in groups if numbers]
    text = "; ".join(clauses)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def split_sentences(text: str) -> tuple[str, dict[int, int], dict[int, str]]:
    """Split a text into what stands before our sentences, the intensities and the sides that these state.

    Example:
        >>> split_sentences("The cheeks rise. In strength, the raising of the cheeks is slight.")
        ('The cheeks rise.', {6: 2}, {})
    """
    begin = text.rfind("In strength, ")
    begin = text.rfind("Only the ") if begin < 0 else begin
    read = read_sentences(text[begin:]) if begin >= 0 else None
    return (text, {}, {}) if read is None else (text[:begin].rstrip(), *read)


def read_sentences(text: str) -> tuple[dict[int, int], dict[int, str]] | None:
    """Read back the sentence on intensity, that on sides, or both in this order; None if it is anything else.

    Example:
        >>> read_sentences("In strength, the raising of the cheeks is slight.")
        ({6: 2}, {})
    """
    match = re.fullmatch(r"(?:In strength, (?P<strength>[^.]+)\.)? ?(?P<side>Only the [^.]+\.)?", text.strip())
    if match is None:
        return None
    intensities: dict[int, int] = {}
    for clause in match["strength"].split("; ") if match["strength"] else ():
        said = re.fullmatch(rf"(.+) ({'|'.join(_LEVELS)})", clause)
        numbers = _unlisted(said[1]) if said else None
        if said is None or numbers is None:
            return None
        intensities.update(dict.fromkeys(numbers, _LEVELS[said[2]]))
    sides: dict[int, str] = {}
    for clause in match["side"].rstrip(".").split("; ") if match["side"] else ():
        said = re.fullmatch(rf"[Oo]nly the ({'|'.join(SIDE_WORDS)}) side shows (.+)", clause)
        numbers = _unlisted(said[2]) if said else None
        if said is None or numbers is None:
            return None
        sides.update(dict.fromkeys(numbers, SIDES[SIDE_WORDS.index(said[1])]))
    return intensities, sides


def sentences_of(labels: Iterable[AULabel], *, intensity: bool, side: bool) -> str:
    """Say what labels know beyond occurrence, each kind where asked for."""
    labels = tuple(labels)
    strengths = {each.number: each.intensity for each in labels if each.intensity} if intensity else {}
    sides = {each.number: each.side for each in labels if each.side} if side else {}
    return " ".join(filter(None, (intensity_sentence(strengths), side_sentence(sides))))


def sentences_of_rows(
    intensity: Int8[np.ndarray, "row au"] | None, side: Int8[np.ndarray, "row au"] | None
) -> list[str] | None:
    """Say the same of each row of a table; None where nothing is to be said of any.

    Args:
        intensity: 1 to 5, or 0 where there is none.
        side: 1 for L, 2 for R, or 0 where there is none.
    """
    given = intensity if intensity is not None else side
    if given is None:
        return None
    # five bits per AU hold both; rows that say the same are worded once
    weights = 1 << np.arange(0, 5 * len(AUS), 5, dtype=np.int64)
    cells = np.zeros(given.shape, dtype=np.int64)
    cells += 0 if intensity is None else intensity
    cells += 0 if side is None else 8 * side.astype(np.int64)
    distinct, which = np.unique(cells @ weights, return_inverse=True)
    texts = []
    for key in distinct.tolist():
        values = [(number, key >> 5 * place & 31) for place, number in enumerate(AUS)]
        strengths = {number: value & 7 for number, value in values if value & 7}
        sides = {number: SIDES[(value >> 3) - 1] for number, value in values if value >> 3}
        texts.append(" ".join(filter(None, (intensity_sentence(strengths), side_sentence(sides)))))
    return [texts[place] for place in which.tolist()]


def _listed(numbers: list[int]) -> str:
    names = [_MOVEMENTS[number] for number in numbers]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _unlisted(text: str) -> list[int] | None:
    numbers = [_NUMBERS.get(name) for name in re.split(r", | and (?=the )", text)]
    found = [number for number in numbers if number is not None]
    return found if len(found) == len(numbers) else None
