"""From a text to the mentions of places, muscles, signs, movements and directions in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from zoo.facs.anatomy_words import ENDS, REGIONS, WHOLES
from zoo.facs.grammar_words import (
    ADVERBS,
    AFTER_ADVERBS,
    ARTICLES,
    BEFORE_VERBS,
    CONNECTIVES,
    OPPOSITES,
    PREPOSITIONS,
    TUCKS,
    UPS,
)
from zoo.facs.vocabulary import longest_phrase, noun_kinds

_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|[.,;:!?()]|[\u2012-\u2015]|\d+")


@dataclass(frozen=True)
class Token:
    """A word in small letters or a mark, with its place in the text."""

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
        form: Of a movement or carrier: ``base``, ``finite``, ``participle``, ``past``, ``ing`` or ``adjective``.
    """

    kind: str
    value: str
    start: int
    end: int
    form: str = ""


def tokens_of(text: str) -> list[Token]:
    """Split a text into words and marks."""
    plain = text.replace("\u2019", "'").lower()
    if len(plain) != len(text):  # a letter whose small form is longer: places must stay those of the text
        plain = "".join(char.lower() if len(char.lower()) == 1 else char for char in text.replace("\u2019", "'"))
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(plain)]


def mentions_of(words: list[str]) -> list[Mention]:
    """Find what the vocabulary knows among the words of a text, as it is used there."""
    found: list[Mention] = []
    place = 0
    while place < len(words):
        phrase = longest_phrase(words, place)
        if phrase is not None:
            found.append(Mention(phrase.kind, phrase.value, place, phrase.end, phrase.form))
        place = place + 1 if phrase is None else phrase.end
    return _in_context(_with_halves(found, words), words)


def _with_halves(mentions: list[Mention], words: list[str]) -> list[Mention]:
    """Add the first half of "inner and outer brows" and the like, where only the second one is a phrase."""
    taken = {place for mention in mentions for place in range(mention.start, mention.end)}
    halves: list[Mention] = []
    for mention in mentions:
        other = OPPOSITES.get(words[mention.start], "") if mention.kind == "region" else ""
        first, _, rest = mention.value.partition(" ")
        value = f"{OPPOSITES.get(first, '')} {rest}"
        if other and value in REGIONS:
            place = mention.start - 1
            while place >= 0 and words[place] in CONNECTIVES:
                place -= 1
            if 0 <= place < mention.start - 1 and words[place] == other and place not in taken:
                halves.append(Mention("region", value, place, place + 1))
    return sorted([*mentions, *halves], key=lambda each: each.start)


def _in_context(mentions: list[Mention], words: list[str]) -> list[Mention]:
    """Tell nouns from verbs and adverbs from prepositions, and say whose end an end is."""
    found: list[Mention] = []
    whole = ""
    for mention in mentions:
        used: Mention | None = mention
        if mention.kind == "region":
            if mention.value in ENDS:
                used = replace(mention, value=ENDS[mention.value].get(whole, mention.value))
            if mention.value == "end" and words[mention.end : mention.end + 1] in (["in"], ["up"], ["on"]):
                used = None  # a verb, as in "ends in corners"
            whole = WHOLES.get(mention.value, whole)
        elif mention.kind in {"movement", "carrier"}:
            used = _noun_or_verb(mention, found, words)
        elif mention.kind == "direction" and not _is_adverb(mention, found, words):
            used = None
        if used is not None:
            found.append(used)
    return found


def _noun_or_verb(mention: Mention, found: list[Mention], words: list[str]) -> Mention | None:
    """Say whether a word of movement is a noun; None where it is no movement at all."""
    place = mention.start - 1
    while place >= 0 and (words[place] in ADVERBS or words[place].endswith("ly")):
        place -= 1
    before = words[place] if place >= 0 else "."
    previous = found[-1] if found and found[-1].end == place + 1 else None
    after, second = [*words[mention.end : mention.end + 2], "", ""][:2]
    if mention.form == "ing" and before in ARTICLES | {"."} and "of" in {after, second}:
        return replace(mention, kind="pull")  # "a raising of the cheeks"
    if words[mention.start].startswith("opening") or (mention.value == "straight" and after in UPS):
        return None  # "narrow openings", "straight up"
    kind = noun_kinds().get(words[mention.start])
    if mention.value == "part" and kind is None and mention.form in {"base", "finite"}:
        follows_lips = previous is not None and previous.value in {"lips", "mouth", "upper lip", "lower lip"}
        return mention if follows_lips or before in BEFORE_VERBS else None
    if kind is None or mention.form not in {"base", "finite"}:
        return mention
    is_compound = mention.form == "base" and after in {"is", "has"}  # "the brow furrow is"
    follows_subject = previous is not None and previous.kind in {"region", "muscle"} and not is_compound
    is_order = before in {".", ";", ":"} and mention.form == "base"
    has_object = (
        after in ARTICLES and before not in ARTICLES | PREPOSITIONS and (before not in {".", ";", ":"} or is_order)
    )
    has_direction = after in UPS and before in {"and", ",", "then", "but", "first", "these"}
    if follows_subject or has_object or has_direction or before in BEFORE_VERBS:
        return mention
    return replace(mention, kind=kind)


def _is_adverb(mention: Mention, found: list[Mention], words: list[str]) -> bool:
    """Say whether a direction is one: "in" and "out" can be prepositions, and "up" can belong to "end up"."""
    if mention.start and words[mention.start - 1] in {"end", "ends", "ended", "ending"}:
        return False
    if mention.end - mention.start > 1 or words[mention.start] not in {"in", "out"}:
        return True
    is_near = bool(found) and words[found[-1].end : mention.start] in ([], ["and"])  # "rolled in", "up and in"
    if not is_near or found[-1].kind not in {"movement", "carrier", "pull", "direction"}:
        return False
    after = words[mention.end] if mention.end < len(words) else "."
    if after in ARTICLES and words[mention.start] == "in":
        return words[found[-1].start] in TUCKS
    return after in AFTER_ADVERBS or after in PREPOSITIONS - {"of"}
