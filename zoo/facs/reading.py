"""From a text to its statements: which place moves which way, said in which clause."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from zoo.facs.mentions import ARTICLES, PREPOSITIONS, Mention, Token, mentions_of, tokens_of

_STOPS = frozenset(".;:!?")
_BOUNDARIES = frozenset(
    [",", "and", "but", "while", "whereas", "as", "because", "so", "since", "for", "yet", "though", "although", "("]
    + [")", "when", "until", "if", "where", "which", "that", "who", "whose", "than", "or", "nor", "\u2013", "\u2014"]
)
_AUXILIARIES = frozenset(
    "is are was were be been being become becomes became remain remains stay stays look looks appear appears seem get "
    "gets stand stands lie lies sit sits end ends keep keeps".split()
)
_PERFECT = frozenset(["has", "have", "had", "having"])
_PRONOUNS = frozenset(["it", "they", "them", "these", "themselves"])
_NEGATORS = frozenset("not no never without neither nor cannot would than hardly lack lacks lacking unlike".split())
_NEGATED_ENDS = frozenset([",", ".", ";", ":", "!", "?", "but", "(", ")", "\u2013", "\u2014"])
_FILLERS = ARTICLES | frozenset(
    "also then slightly both even still itself themselves only very more most less somewhat markedly strongly so small "
    "fine further their own skin clearly visibly up".split()
)


@dataclass(frozen=True)
class Statement:
    """That a place moves in some way.

    Attributes:
        region: The place, in the words of :data:`zoo.facs.anatomy_words.REGIONS`.
        movement: What it does, in the words of the tables of movements and directions.
        clause: Where the text says so.
        place: The token of the movement, for order.
        sentence: The sentence, from 0.
        is_negated: Whether the text says that it does not happen.
        agent: The place or muscle that does it, where the text names one.
    """

    region: str
    movement: str
    clause: str
    place: int
    sentence: int
    is_negated: bool = False
    agent: str = ""


@dataclass
class _Event:
    mention: Mention
    targets: list[Mention] = field(default_factory=list)
    movements: list[str] = field(default_factory=list)
    agent: str = ""


class Reader:
    """Reads one text; :func:`read_statements` is its use."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = tokens_of(text)
        self.words = [token.word for token in self.tokens]
        self.mentions = mentions_of(self.tokens)
        self.at = {place: mention for mention in self.mentions for place in range(mention.start, mention.end)}
        self.negated = self._negated()
        self.stops = [place for place, word in enumerate(self.words) if word in _STOPS]
        self.last: list[Mention] = []  # what the previous event moved

    def statements(self) -> list[Statement]:
        """Give all statements, in the order of the text."""
        found: list[Statement] = []
        begin = 0
        for number, end in enumerate([*self.stops, len(self.words)]):
            found += self._sentence(begin, end, number)
            begin = end + 1
        return found

    def clause(self, place: int) -> str:
        """Give the part of the text around a token, between commas, semicolons and full stops."""
        first = last = place
        ends = _STOPS | {",", "while", "whereas"}
        while first > 0 and self.words[first - 1] not in ends:
            first -= 1
        while last + 1 < len(self.words) and self.words[last + 1] not in ends:
            last += 1
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def _negated(self) -> list[bool]:
        negated, on = [], False
        for place, word in enumerate(self.words):
            following = self.words[place + 1 : place + 2]
            if word in _NEGATED_ENDS:
                on = False
            elif (word in _NEGATORS and following != ["only"]) or word.endswith("n't"):
                on = True
            elif (word == "instead" and following == ["of"]) or (word == "rather" and following == ["than"]):
                on = True
            negated.append(on)
        return negated

    def _sentence(self, begin: int, end: int, number: int) -> list[Statement]:
        low = bisect.bisect_left(self.mentions, begin, key=lambda each: each.start)
        high = bisect.bisect_left(self.mentions, end, key=lambda each: each.start)
        mentions = self.mentions[low:high]
        regions = [each for each in mentions if each.kind == "region"]
        governed = {each.start: self._is_governed(each, begin) for each in regions}
        events: list[_Event] = []
        found: list[Statement] = []
        objects: set[int] = set()
        for mention in mentions:
            if mention.kind in {"movement", "carrier"}:
                event = _Event(mention, movements=[mention.value] if mention.kind == "movement" else [])
                event.targets = self._targets(mention, regions, governed, objects, begin, end)
                event.agent = self._agent(mention, mentions, governed)
                self.last = event.targets or self.last
                events.append(event)
            elif mention.kind == "direction":
                self._direct(mention, events, regions, governed, begin)
        for event in events:
            for movement in dict.fromkeys(event.movements):
                for target in event.targets:
                    found.append(self._statement(target.value, movement, event, number))
        return sorted(found, key=lambda each: each.place)

    def _statement(self, region: str, movement: str, event: _Event, number: int) -> Statement:
        place = event.mention.start
        return Statement(region, movement, self.clause(place), place, number, self.negated[place], event.agent)

    def _is_governed(self, region: Mention, begin: int) -> bool:
        """Say whether a preposition stands before a place, or before one that it is joined to by "and"."""
        place = region.start - 1
        while place >= begin:
            word, mention = self.words[place], self.at.get(place)
            if word in PREPOSITIONS and (mention is None or mention.kind != "direction"):
                return True
            if mention is not None and mention.kind == "region" and place < region.start - 1:
                joined = self.words[place + 1 : region.start]
                if set(joined) & {"and", "or"} and set(joined) <= _FILLERS | {"and", "or", ","}:
                    return self._is_governed(mention, begin)
                return False
            is_adjective = (
                mention is not None and mention.kind == "movement" and mention.form in {"participle", "ing", "base"}
            )
            if not (word in _FILLERS or is_adjective or word in {"and", ","}) or word in _AUXILIARIES:
                return False
            place -= 1
        return False

    def _targets(
        self, verb: Mention, regions: list[Mention], governed: dict[int, bool], objects: set[int], begin: int, end: int
    ) -> list[Mention]:
        before = self._auxiliaries(verb, begin)
        is_passive = bool(set(before) & _AUXILIARIES)
        following = self._following(verb, regions, end)
        has_article = following is not None and bool(set(self.words[verb.end : following.start]) & ARTICLES)
        if following is not None and not (is_passive and has_article):
            is_active = verb.form in {"finite", "base", "ing", "past"} or bool(set(before) & _PERFECT)
            is_past = verb.form == "participle" and verb.start - 1 in self.at
            if is_active or not has_article or is_past:
                group = self._joined(following, regions, end)
                objects.update(each.start for each in group)
                return group
        return self._subject(verb, regions, governed, objects, begin)

    def _auxiliaries(self, verb: Mention, begin: int) -> list[str]:
        """Give the words right before a verb back to its auxiliary; other verbs and adverbs may stand between."""
        place = verb.start - 1
        while place >= begin and place > verb.start - 6:
            word, mention = self.words[place], self.at.get(place)
            if word in _AUXILIARIES | _PERFECT:
                return self.words[place : verb.start]
            is_verb = mention is not None and mention.kind != "region" and mention.form in {"participle", "base", ""}
            if not (is_verb or word.endswith("ly") or word in {"and", ",", "been", "not", "also", "both"}):
                return []
            place -= 1
        return []

    def _following(self, verb: Mention, regions: list[Mention], end: int) -> Mention | None:
        """Find the place that a verb or an adjective stands right before."""
        place = verb.end
        while place < end:
            mention, word = self.at.get(place), self.words[place]
            if mention is not None and mention.kind == "region":
                return mention
            if mention is not None and mention.kind == "direction":
                place = mention.end
                continue
            is_adjective = (
                mention is not None and mention.kind == "movement" and mention.form in {"participle", "ing", "base"}
            )
            if not (
                is_adjective or word in _FILLERS or (word in {"and", ","} and is_joined_adjective(self, place, verb))
            ):
                return None
            place += 1
        return None

    def _joined(self, first: Mention, regions: list[Mention], end: int) -> list[Mention]:
        """Give a place with those that "and" joins to it, unless a verb of its own follows."""
        group = [first]
        for region in regions:
            if region.start < group[-1].end:
                continue
            between = self.words[group[-1].end : region.start]
            is_list = set(between) <= _FILLERS | {"and", ",", "or", "with", "well", "as"} and bool(between)
            after = self.at.get(region.end)
            has_verb = (
                after is not None and after.kind in {"movement", "carrier"} and after.form in {"finite", "base"}
            ) or (region.end < end and self.words[region.end] in _AUXILIARIES | _PERFECT)
            if not is_list or has_verb:
                break
            group.append(region)
        return group

    def _subject(
        self, verb: Mention, regions: list[Mention], governed: dict[int, bool], objects: set[int], begin: int
    ) -> list[Mention]:
        before = [each for each in regions if each.end <= verb.start]
        gap = self.words[before[-1].end : verb.start] if before else self.words[begin : verb.start]
        if (
            before
            and not set(gap) & (_BOUNDARIES - {"that", "which"})
            and not self._has_verb(before[-1].end, verb.start)
        ):
            if not set(gap) & _AUXILIARIES or not governed[before[-1].start] or set(gap) & {"that", "which"}:
                return self._group_before(before[-1], regions)
        if set(gap) & _PRONOUNS and self.last:
            return self.last
        free = [each for each in before if not governed[each.start]]
        subjects = [each for each in free if each.start not in objects] or free
        if subjects:
            return self._group_before(subjects[-1], regions)
        if verb.form == "participle" and "," in self.words[verb.end : (regions[-1].start if regions else verb.end)]:
            comma = self.words.index(",", verb.end)
            after = [each for each in regions if each.start > comma and not governed[each.start]]
            if after:
                return [after[0]]
        if before:
            return self._group_before(before[-1], regions)
        return self.last

    def _has_verb(self, begin: int, end: int) -> bool:
        return any(
            place in self.at and self.at[place].kind in {"movement", "carrier"} and self.at[place].form != "base"
            for place in range(begin, end)
        )

    def _group_before(self, last: Mention, regions: list[Mention]) -> list[Mention]:
        group = [last]
        for region in reversed(regions):
            if region.end > group[0].start:
                continue
            between = self.words[region.end : group[0].start]
            needed = {"and", "or", ","} if len(group) > 1 else {"and", "or"}
            if not set(between) & needed or not set(between) <= _FILLERS | {"and", "or", ","}:
                break
            group.insert(0, region)
        return group

    def _agent(self, verb: Mention, mentions: list[Mention], governed: dict[int, bool]) -> str:
        before = [each for each in mentions if each.end <= verb.start and each.kind in {"region", "muscle"}]
        return before[-1].value if before else ""

    def _direct(
        self, direction: Mention, events: list[_Event], regions: list[Mention], governed: dict[int, bool], begin: int
    ) -> None:
        """Give a direction to the verb that it belongs to, or to a place whose verb is left out."""
        before = [each for each in regions if each.end <= direction.start and not governed[each.start]]
        last = events[-1] if events else None
        if last is not None and before and before[-1].start > last.mention.end and before[-1] not in last.targets:
            gap = self.words[last.mention.end : before[-1].start]
            if set(gap) & _BOUNDARIES:
                last = None
        if last is None:
            targets = [before[-1]] if before else self.last
            events.append(_Event(direction, targets=targets, movements=[direction.value]))
            return
        last.movements.append(direction.value)


def is_joined_adjective(reader: Reader, place: int, verb: Mention) -> bool:
    """Say whether a comma or "and" stands between two adjectives of one place, as in "tight, narrow lips"."""
    after = reader.at.get(place + 1)
    is_adjective = after is not None and after.kind == "movement" and after.form in {"participle", "base"}
    return is_adjective and verb.form in {"participle", "base"}


def read_statements(text: str) -> list[Statement]:
    """Read what a text says to move, in the order in which it says so."""
    return Reader(text).statements()
