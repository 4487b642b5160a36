"""The index over the tables of anatomy: which phrase of a text means what."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from zoo.facs.anatomy_words import MUSCLES, REGIONS, SIGNS
from zoo.facs.grammar_words import ARTICLES, PREPOSITIONS
from zoo.facs.movement_words import ADJECTIVES, CARRIERS, DIRECTIONS, IRREGULAR, MOVEMENTS, NOUNS

_SAME = {"eyebrow": "brow", "eyelid": "lid", "center": "centre", "mouth's": "mouth", "lips'": "lip", "lip's": "lip"}
_PLURALS = {"teeth": "tooth", "feet": "foot"}
_ENTRY = ""
"""Where a node of the index keeps what the phrase that ends there means; no word is empty."""


class Phrase(NamedTuple):
    """What some words mean, and the token after the last of them."""

    kind: str
    value: str
    form: str
    end: int


def singular_of(word: str) -> str:
    """Give a noun of the tables in its singular and usual spelling, any other word as it is."""
    return _index()[1].get(word, word)


def longest_phrase(words: list[str], place: int) -> Phrase | None:
    """Find the longest phrase of the tables that begins with a word; articles inside it do not matter."""
    index = _index()[0]
    best: Phrase | None = None
    for first in dict.fromkeys((words[place], singular_of(words[place]))):
        node, end = index.get(first), place + 1
        while node is not None:
            if _ENTRY in node and (best is None or end > best.end):
                kind, value, form = node[_ENTRY]
                best = Phrase(kind, value, form, end)
            while end < len(words) and words[end] in ARTICLES and words[end] not in node:
                end += 1
            if end >= len(words):
                break
            node, end = node.get(singular_of(words[end])) or node.get(words[end]), end + 1
    return best


@functools.cache
def noun_kinds() -> dict[str, str]:
    """Give the movements that can be nouns, in singular and plural, with the kind that they are then."""
    kinds = {"sign": "mark", "pull": "pull"}
    return {
        word: kinds[kind]
        for kind, nouns in NOUNS.items()
        for noun in nouns
        for word in (noun, f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s")
    }


@functools.cache
def _index() -> tuple[dict[str, Any], dict[str, str]]:
    """Build the trie of all phrases, and the map from plurals and other spellings to their word."""
    trie: dict[str, Any] = {}

    def add(phrase: str, kind: str, value: str, form: str = "") -> None:
        node = trie
        for word in phrase.split():
            node = node.setdefault(word, {})
        node.setdefault(_ENTRY, (kind, value, form))

    names = [(phrase, "region", region) for region, phrases in REGIONS.items() for phrase in phrases]
    names += [(muscle, "muscle", muscle) for muscle in MUSCLES] + [(sign, "sign", sign) for sign in SIGNS]
    for name in names:
        add(*name)
    for direction, phrases in DIRECTIONS.items():
        for phrase in phrases:
            add(phrase, "direction", direction)
    verbs = {base: ("movement", movement) for movement, bases in MOVEMENTS.items() for base in bases}
    verbs = {base: ("carrier", base) for base in CARRIERS} | verbs
    for base, (kind, value) in verbs.items():
        for word, form in _forms(base):
            add(word, kind, value, form)
    for word, (base, form) in IRREGULAR.items():
        add(word, *verbs[base], form)
    nouns = {word for phrase, *_ in names for word in phrase.split() if len(word) > 2} - PREPOSITIONS
    singular = {f"{noun}s": noun for noun in nouns} | {f"{word}s": same for word, same in _SAME.items()}
    return trie, singular | _SAME | _PLURALS | {"ears": "ear"}


def _forms(base: str) -> list[tuple[str, str]]:
    """Give the regular forms of a word of movement; forms that no one writes do no harm."""
    if base not in ADJECTIVES:
        return _forms_of_verb(base)
    plain = [(base, "adjective")]
    return [*plain, *_forms_of_verb(base)[1:]] if base in {"narrow", "open", "smooth"} else plain


def _forms_of_verb(base: str) -> list[tuple[str, str]]:
    stem = base[:-1] if base.endswith("e") else base
    if re.fullmatch(r".*[^aeiou]y", base):
        stem = base[:-1]
        return [(base, "base"), (f"{stem}ies", "finite"), (f"{stem}ied", "participle"), (f"{base}ing", "ing")]
    finite = f"{base}es" if base.endswith(("s", "sh", "ch", "x")) else f"{base}s"
    stems = [stem, f"{base}{base[-1]}"] if re.fullmatch(r".*[^aeiou][aeiou][gptb]", base) else [stem]
    past = [(f"{each}ed", "participle") for each in stems]
    return [(base, "base"), (finite, "finite"), *past, *((f"{each}ing", "ing") for each in stems)]
