"""The places that a sentence names: under which prepositions they stand, and which of them "and" joins."""

from __future__ import annotations

from zoo.facs.grammar_words import ARTICLES, AUXILIARIES, BOUNDARIES, FILLERS, JOINS, PERFECT, PREPOSITIONS, RELATIVES
from zoo.facs.mentions import Mention

_HALVES = {"inner brow": "outer brow", "outer brow": "inner brow", "inner end": "outer end", "upper lip": "lower lip"}
_KINDS = frozenset(["region", "mark", "pull"])


class Places:
    """The nouns of a sentence: places of the face, marks on the skin and pulls.

    Attributes:
        words: Of the whole text.
        begin: The sentence's first token.
        end: The token after its last one.
        all: The nouns, in their order.
    """

    def __init__(self, words: list[str], mentions: list[Mention], *, begin: int, end: int) -> None:
        self.words = words
        self.begin = begin
        self.end = end
        self.all = [each for each in mentions if each.kind in _KINDS]
        self._at = {place: each for each in mentions for place in range(each.start, each.end)}
        self._governors: dict[int, str] = {}
        for each in self.all:
            self._governors[each.start] = self._governor_of(each)

    def at(self, place: int) -> Mention | None:
        """Give the mention that a token belongs to, of any kind."""
        return self._at.get(place)

    def governor(self, place: Mention) -> str:
        """Give the preposition that a place stands under; empty if there is none."""
        return self._governors.get(place.start, "")

    def before(self, mention: Mention) -> list[Mention]:
        """Give the nouns before a mention."""
        return [each for each in self.all if each.end <= mention.start]

    def free_before(self, mention: Mention) -> list[Mention]:
        """Give the nouns before a mention that stand under no preposition."""
        return [each for each in self.before(mention) if not self.governor(each)]

    def following(self, verb: Mention) -> Mention | None:
        """Find the noun that a verb or an adjective stands right before."""
        place = verb.end
        while place < self.end:
            mention, word = self._at.get(place), self.words[place]
            if mention is not None and mention.kind in _KINDS:
                return mention
            if mention is not None and mention.kind == "direction":
                place = mention.end
                continue
            is_list = word in {"and", ","} and self._joins_adjectives(place, verb)
            if not (_is_adjective(mention) or word in FILLERS or is_list):
                return None
            place += 1
        return None

    def joined(self, first: Mention, *, is_attribute: bool = False) -> list[Mention]:
        """Give a place with those that "and" joins to it, unless a verb or a modifier of its own follows."""
        group = [first]
        for place in self.all:
            if place.start < group[-1].end:
                continue
            after, word = self._at.get(place.end), [*self.words[place.end : self.end], ""][0]
            is_verb = after is not None and after.kind in {"movement", "carrier"} and after.form in {"finite", "base"}
            has_modifier = is_attribute and (after is not None or word in RELATIVES)
            if not self.are_joined(group[-1], place) or is_verb or has_modifier or word in AUXILIARIES | PERFECT:
                break
            group.append(place)
        return group

    def joined_before(self, last: Mention) -> list[Mention]:
        """Give the regions that "and" joins to a later place, with it."""
        group = [last]
        for place in reversed(self.all):
            if place.end > group[0].start:
                continue
            if not self.are_joined(place, group[0]) or (len(group) == 1 and self.words[group[0].start - 1] == ","):
                break
            group.insert(0, place)
        return regions_of(group)

    def are_joined(self, first: Mention, second: Mention) -> bool:
        """Say whether "and" or a comma makes two places one list; ", and" does so from the third place on."""
        between = set(self.words[first.end : second.start])
        if _HALVES.get(first.value) == second.value:
            return not between - JOINS - FILLERS - {"at", "as", "well", "to", "from"}
        if not between & JOINS or between - JOINS - FILLERS:
            return False
        if between & JOINS == {","}:
            later = next((each for each in self.all if each.start >= second.end), None)
            gap = set(self.words[second.end : later.start]) if later else set()
            return bool(gap & {"and", "or"}) and gap <= FILLERS | JOINS
        if "," in between:
            earlier = next((each for each in reversed(self.all) if each.end <= first.start), None)
            is_list = earlier is not None and "," in self.words[earlier.end : first.start]
            return is_list and earlier is not None and self.are_joined(earlier, first)
        return True

    def at_end_of(self, whole: Mention, place: int) -> list[str]:
        """Name the places that move: of a mouth that is drawn up "at its corners", the corners."""
        following = next((each for each in self.all if each.start >= place), None)
        if whole.value not in {"mouth", "lips", "brow"} or following is None:
            return [whole.value]
        gap = self.words[place : following.start]
        is_close = len(gap) <= 5 and not set(gap) & BOUNDARIES and not self.has_verb(place, following.start)
        is_end = following.value in {"lip corners", "inner brow", "outer brow"}
        if is_end and is_close and self.governor(following) in {"at", "near", "towards", "toward", "to"}:
            return [each.value for each in self.joined(following)]
        return [whole.value]

    def companions(self, place: int) -> list[Mention]:
        """Give what moves along: of "moves up with the upper lip", that lip."""
        following = next((each for each in self.all if each.start >= place), None)
        if following is None or following.kind != "region":
            return []
        gap = set(self.words[place : following.start])
        has_own_verb = self._at.get(following.end) is not None or self.words[following.end : following.end + 1] == [
            "being"
        ]
        return (
            [following]
            if "with" in gap and gap <= ARTICLES | {"with", "along", "together"} and not has_own_verb
            else []
        )

    def has_verb(self, begin: int, end: int) -> bool:
        """Say whether a verb of movement stands between two tokens."""
        found = (self._at.get(place) for place in range(begin, end))
        return any(each is not None and each.kind in {"movement", "carrier"} and each.form != "base" for each in found)

    def _governor_of(self, region: Mention) -> str:
        place = region.start - 1
        while place >= self.begin:
            word, mention = self.words[place], self._at.get(place)
            if word in PREPOSITIONS and (mention is None or mention.kind != "direction"):
                return word
            if mention is not None and mention.kind in _KINDS and place < region.start - 1:
                return self._governors.get(mention.start, "") if self.are_joined(mention, region) else ""
            if word in AUXILIARIES or not (word in FILLERS | {"and", ","} or _is_adjective(mention)):
                return ""
            place -= 1
        return ""

    def _joins_adjectives(self, place: int, verb: Mention) -> bool:
        """Say whether a comma or "and" stands between two adjectives of one place, as in "tight, narrow lips"."""
        after = self._at.get(place + 1)
        kinds = {"participle", "adjective"}
        return after is not None and after.kind == "movement" and after.form in kinds and verb.form in kinds


def _is_adjective(mention: Mention | None) -> bool:
    return mention is not None and mention.kind == "movement" and mention.form != "finite"


def regions_of(group: list[Mention]) -> list[Mention]:
    """Give those nouns that are places of the face."""
    return [each for each in group if each.kind == "region"]
