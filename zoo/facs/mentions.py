"""From a text to the mentions of places, muscles, signs, movements and directions in it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from zoo.facs.anatomy_words import CARRIERS, DIRECTIONS, IRREGULAR, MOVEMENTS, MUSCLES, REGIONS, SIGNS

ARTICLES = frozenset("the a an each both its their his her either these those this that all one every any".split())
PREPOSITIONS = frozenset(
    "of to towards toward from on onto in into at by with between above below beneath under over around against beside "
    "along across beyond near past inside within for behind through amid like underneath until till upon off "
    "atop outside without".split()
)
_SAME = {
    "eyebrow": "brow",
    "eyelid": "lid",
    "center": "centre",
    "mouth's": "mouth",
    "lips'": "lip",
    "philtrum": "upper lip",
}
_PLURALS = {"teeth": "tooth", "feet": "foot", "philtra": "philtrum"}
_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|[.,;:!?()]|[\u2012-\u2015]|\d+")
_OPPOSITE = {"inner": "outer", "medial": "lateral", "outer": "inner", "lateral": "medial", "upper": "lower"}
_OPPOSITE |= {"lower": "upper"}
_CONNECTIVES = frozenset(["and", "or", "as", "well", "to", "from", "at", "middle", ",", "also", "then"]) | ARTICLES


@dataclass(frozen=True)
class Token:
    """A word or a mark, with its place in the text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Mention:
    """Some words that the vocabulary knows.

    Attributes:
        kind: ``region``, ``muscle``, ``sign``, ``movement``, ``carrier`` or ``direction``.
        value: What it is, in the words of the tables.
        start: Its first token.
        end: The token after its last one.
        form: Of a verb: ``base``, ``finite``, ``participle``, ``ing``; otherwise empty.
    """

    kind: str
    value: str
    start: int
    end: int
    form: str = ""


def tokens_of(text: str) -> list[Token]:
    """Split a text into words and marks."""
    plain = text.replace("\u2019", "'").lower()
    plain = text.lower() if len(plain) != len(text) else plain
    if len(plain) != len(text):  # a letter whose small form is longer: places must stay those of the text
        plain = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(plain)]


def mentions_of(tokens: list[Token]) -> list[Mention]:
    """Find what the vocabulary knows, the longest phrase at each place."""
    vocabulary, singular = _vocabulary()
    words = [singular.get(token.word, token.word) for token in tokens]
    found: list[Mention] = []
    place = 0
    while place < len(words):
        mention = _longest(vocabulary, words, place)
        if mention is None:
            place += 1
            continue
        found.append(mention)
        place = mention.end
    return _with_halves(found, words)


def _longest(vocabulary: dict[str, Any], words: list[str], place: int) -> Mention | None:
    node, end, best = vocabulary, place, None
    while end < len(words):
        if words[end] in node:
            node = node[words[end]]
        elif end == place or words[end] not in ARTICLES:
            break
        end += 1
        if "" in node and words[end - 1] not in ARTICLES | {","}:
            best = (end, node[""])
    if best is None:
        return None
    end, (kind, value, form) = best
    return Mention(kind, value, place, end, form)


def _with_halves(mentions: list[Mention], words: list[str]) -> list[Mention]:
    """Add the first half of "inner and outer brows" and the like, where only the second one is a phrase."""
    found: list[Mention] = []
    for mention in mentions:
        side = words[mention.start]
        if mention.kind == "region" and side in _OPPOSITE:
            place = mention.start - 1
            while place >= 0 and words[place] in _CONNECTIVES:
                place -= 1
            other = _OPPOSITE[side]
            taken = found[-1].end if found else 0
            if taken <= place < mention.start - 1 and words[place] == other:
                value = _other_half(mention.value)
                if value:
                    found.append(Mention("region", value, place, place + 1))
        found.append(mention)
    return found


def _other_half(value: str) -> str:
    first, _, rest = value.partition(" ")
    first = _OPPOSITE.get(first, "")
    return f"{first} {rest}" if first and f"{first} {rest}" in REGIONS else ""


@functools.cache
def _vocabulary() -> tuple[dict[str, Any], dict[str, str]]:
    """Build the trie of all phrases, and the map from plurals and other spellings to their word."""
    trie: dict[str, Any] = {}
    nouns: set[str] = set()

    def add(phrase: str, kind: str, value: str, form: str = "") -> None:
        node = trie
        for word in phrase.split():
            node = node.setdefault(word, {})
        node.setdefault("", (kind, value, form))

    for region, phrases in REGIONS.items():
        for phrase in phrases:
            add(phrase, "region", region)
            nouns.update(phrase.split())
    for phrase in MUSCLES:
        add(phrase, "muscle", phrase)
        nouns.update(phrase.split())
    for phrase in SIGNS:
        add(phrase, "sign", phrase)
        nouns.update(phrase.split())
    for direction, phrases in DIRECTIONS.items():
        for phrase in phrases:
            add(phrase, "direction", direction)
    verbs = {base: ("movement", movement) for movement, bases in MOVEMENTS.items() for base in bases}
    verbs |= {base: ("carrier", base) for base in CARRIERS if base not in verbs}
    for base, (kind, value) in verbs.items():
        for word, form in _forms(base):
            add(word, kind, value, form)
    for word, (base, form) in IRREGULAR.items():
        kind, value = verbs[base]
        add(word, kind, value, form)
    singular = {
        f"{noun}s": noun for noun in nouns if len(noun) > 2 and noun not in PREPOSITIONS and f"{noun}s" not in trie
    }
    singular |= {f"{word}s": same for word, same in _SAME.items()} | _SAME | _PLURALS
    singular |= {"ears": "ear", "eyes": "eye"}
    return trie, singular


def _forms(base: str) -> list[tuple[str, str]]:
    """Give the regular forms of a verb; forms that no one writes do no harm."""
    stem = base[:-1] if base.endswith("e") else base
    finite = f"{base}es" if base.endswith(("s", "sh", "ch", "x")) else f"{base}s"
    doubled = [f"{base}{base[-1]}"] if re.fullmatch(r".*[^aeiou][aeiou][gptb]", base) else []
    stems = [stem, *doubled]
    return [
        (base, "base"),
        (finite, "finite"),
        *((f"{each}ed", "participle") for each in stems),
        *((f"{each}ing", "ing") for each in stems),
    ]
