"""From a text to the mentions of places, muscles, signs, movements and directions in it."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import Any

from zoo.facs.anatomy_words import (
    ADJECTIVES,
    CARRIERS,
    DIRECTIONS,
    IRREGULAR,
    MOVEMENTS,
    MUSCLES,
    NOUNS,
    REGIONS,
    SIGNS,
)

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
        kind: ``region``, ``muscle``, ``sign``, ``movement``, ``carrier`` or ``direction``; a movement that is a noun
            is a ``mark`` on the skin or a ``pull``.
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
    raw = [token.word for token in tokens]
    words = [(word, singular.get(word, word)) for word in raw]
    found: list[Mention] = []
    place = 0
    while place < len(words):
        mention = _longest(vocabulary, words, place)
        if mention is None:
            place += 1
            continue
        found.append(mention)
        place = mention.end
    return _in_context(_with_halves(found, [same for _, same in words]), raw)


def _longest(vocabulary: dict[str, Any], words: list[tuple[str, str]], place: int) -> Mention | None:
    best: Mention | None = None
    for first in dict.fromkeys(words[place]):
        node, end = vocabulary.get(first), place + 1
        while node is not None:
            if "" in node and (best is None or end > best.end):
                best = Mention(node[""][0], node[""][1], place, end, node[""][2])
            while end < len(words) and words[end][0] in ARTICLES and words[end][0] not in node:
                end += 1
            if end >= len(words):
                break
            raw, same = words[end]
            node, end = node.get(same) or node.get(raw), end + 1
    return best


def _with_halves(mentions: list[Mention], words: list[str]) -> list[Mention]:
    """Add the first half of "inner and outer brows" and the like, where only the second one is a phrase."""
    taken = {place for mention in mentions for place in range(mention.start, mention.end)}
    halves: list[Mention] = []
    for mention in mentions:
        side = words[mention.start]
        value = _other_half(mention.value) if mention.kind == "region" and side in _OPPOSITE else ""
        place = mention.start - 1
        while value and place >= 0 and words[place] in _CONNECTIVES:
            place -= 1
        if value and 0 <= place < mention.start - 1 and words[place] == _OPPOSITE[side] and place not in taken:
            halves.append(Mention("region", value, place, place + 1))
    return sorted([*mentions, *halves], key=lambda each: each.start)


def _other_half(value: str) -> str:
    first, _, rest = value.partition(" ")
    first = _OPPOSITE.get(first, "")
    return f"{first} {rest}" if first and f"{first} {rest}" in REGIONS else ""


def _in_context(mentions: list[Mention], words: list[str]) -> list[Mention]:
    """Tell nouns from verbs and adverbs from prepositions, and say whose end an end is."""
    found: list[Mention] = []
    whole = ""
    for mention in mentions:
        previous = found[-1] if found and found[-1].end == mention.start else None
        if mention.kind == "region":
            used: Mention | None = mention
            if mention.value == "end" and words[mention.end : mention.end + 1] in (["in"], ["up"], ["on"]):
                continue  # a verb, as in "ends in corners"
            if mention.value in ENDS:
                used = replace(mention, value=ENDS[mention.value].get(whole, mention.value))
            elif mention.value in WHOLES:
                whole = WHOLES[mention.value]
        elif mention.kind in {"movement", "carrier"}:
            used = _noun_or_verb(mention, found, words)
        elif mention.kind == "direction":
            used = mention if _is_adverb(mention, previous, found, words) else None
        else:
            used = mention
        if used is not None:
            found.append(used)
    return found


def _noun_or_verb(mention: Mention, found: list[Mention], words: list[str]) -> Mention | None:
    word = words[mention.start]
    place = mention.start - 1
    while place >= 0 and (words[place] in _ADVERBS or words[place].endswith("ly")):
        place -= 1
    before = words[place] if place >= 0 else ""
    previous = found[-1] if found and found[-1].end == place + 1 else None
    after = words[mention.end] if mention.end < len(words) else ""
    if (
        mention.form == "ing"
        and before in ARTICLES
        and (after == "of" or words[mention.end + 1 : mention.end + 2] == ["of"])
    ):
        return replace(mention, kind="pull")
    if word.startswith("opening"):
        return None  # a noun, as in "narrow openings"
    if mention.value == "straight" and after in _UPS:
        return None  # "straight up"
    kind = _nouns().get(word)
    if mention.value == "part" and kind is None and mention.form in {"base", "finite"}:
        is_verb = (
            previous is not None
            and previous.value in {"lips", "mouth", "upper lip", "lower lip"}
            or before in {"to", "not"}
        )
        return mention if is_verb else None
    if kind is None or mention.form not in {"base", "finite", ""}:
        return mention
    follows_subject = (
        previous is not None and previous.kind in {"region", "muscle"} and not _is_compound(mention, words)
    )
    has_object = after in ARTICLES and before not in ARTICLES and mention.start > 0 and before not in PREPOSITIONS
    starts_order = after in ARTICLES and (mention.start == 0 or before in {".", ";", ":"}) and mention.form == "base"
    has_direction = after in _UPS and before in {"and", ",", "then", "but", "first", "these"} and mention.start > 0
    if has_direction or follows_subject or has_object or starts_order or before in _BEFORE_VERBS:
        return mention
    return replace(mention, kind=kind)


def _is_compound(mention: Mention, words: list[str]) -> bool:
    """Say whether a noun ends a compound, as in "the brow furrow is": then an auxiliary follows."""
    return mention.form == "base" and words[mention.end : mention.end + 1] in (["is"], ["has"])


def _is_adverb(mention: Mention, previous: Mention | None, found: list[Mention], words: list[str]) -> bool:
    """Say whether "in" or "out" is one, and no preposition."""
    if mention.start and words[mention.start - 1] in {"end", "ends", "ended", "ending"}:
        return False  # "they end up level"
    if mention.end - mention.start > 1 or words[mention.start] not in {"in", "out"}:
        return True
    after = words[mention.end] if mention.end < len(words) else "."
    if previous is None and found and words[found[-1].end : mention.start] == ["and"]:
        previous = found[-1]  # "up and in"
    is_after_verb = previous is not None and previous.kind in {"movement", "carrier", "pull", "direction"}
    if not is_after_verb or previous is None:
        return False
    if after in ARTICLES and words[mention.start] == "in":
        return words[previous.start] in {
            "tuck",
            "pull",
            "roll",
            "suck",
            "turn",
            "draw",
            "tucks",
            "pulls",
            "draws",
            "pinch",
        }
    return after in _AFTER_ADVERBS or after in PREPOSITIONS - {"of"}


_BEFORE_VERBS = frozenset(
    [
        "that",
        "which",
        "it",
        "they",
        "them",
        "to",
        "not",
        "who",
        "may",
        "might",
        "can",
        "could",
        "will",
        "do",
        "does",
        "did",
    ]
)
_UPS = frozenset(
    ["up", "upwards", "down", "downwards", "inwards", "together", "obliquely", "outwards", "back", "again"]
)
_ADVERBS = frozenset(["all", "both", "also", "then", "each", "themselves", "again", "together"])
_AFTER_ADVERBS = frozenset(
    [".", ";", ":", ",", "and", "but", "while", "so", "as", "or", ")", "when", "which", "that", "!"]
)
ENDS: dict[str, dict[str, str]] = {
    "end": {"brow": "brow", "mouth": "lip corners", "eyes": "eye corners"},
    "upper one": {"": "upper lip", "mouth": "upper lip", "eyes": "upper lid"},
    "lower one": {"": "lower lip", "mouth": "lower lip", "eyes": "lower lid"},
    "middle": {"mouth": "middle of the mouth", "brow": "forehead"},
    "inner end": {"": "inner brow", "brow": "inner brow", "eyes": "eye corners"},
    "outer end": {"": "outer brow", "brow": "outer brow", "eyes": "eye corners", "mouth": "lip corners"},
}
"""Parts without a name of their own: what they are, by the whole that was spoken of last."""
WHOLES: dict[str, str] = {
    **dict.fromkeys(("brow", "inner brow", "outer brow", "forehead", "glabella", "brow gap"), "brow"),
    **dict.fromkeys(("mouth", "lips", "lip corners", "upper lip", "lower lip", "middle of the mouth"), "mouth"),
    **dict.fromkeys(("eyes", "lids", "lower lid", "upper lid", "cheeks"), "eyes"),
}


@functools.cache
def _nouns() -> dict[str, str]:
    """Give the words that can be nouns, in singular and plural, with the kind that they are then."""
    kinds = {"sign": "mark", "pull": "pull"}
    return {
        word: kinds[kind]
        for kind, nouns in NOUNS.items()
        for noun in nouns
        for word in (noun, f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s")
    }


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
    singular = {f"{noun}s": noun for noun in nouns if len(noun) > 2 and noun not in PREPOSITIONS}
    singular |= {f"{word}s": same for word, same in _SAME.items()} | _SAME | _PLURALS
    singular |= {"ears": "ear", "eyes": "eye"}
    return trie, singular


def _forms(base: str) -> list[tuple[str, str]]:
    """Give the regular forms of a verb; forms that no one writes do no harm."""
    if base in ADJECTIVES:
        plain = [(base, "adjective")]
        return plain if base not in {"narrow", "open", "smooth"} else [*plain, *_forms_of_verb(base)[1:]]
    return _forms_of_verb(base)


def _forms_of_verb(base: str) -> list[tuple[str, str]]:
    stem = base[:-1] if base.endswith("e") else base
    if base.endswith("y") and base[-2] not in "aeiou":
        return [(base, "base"), (f"{base[:-1]}ies", "finite"), (f"{base[:-1]}ied", "participle"), (f"{base}ing", "ing")]
    finite = f"{base}es" if base.endswith(("s", "sh", "ch", "x")) else f"{base}s"
    doubled = [f"{base}{base[-1]}"] if re.fullmatch(r".*[^aeiou][aeiou][gptb]", base) else []
    stems = [stem, *doubled]
    return [
        (base, "base"),
        (finite, "finite"),
        *((f"{each}ed", "participle") for each in stems),
        *((f"{each}ing", "ing") for each in stems),
    ]
