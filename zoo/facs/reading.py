"""From a text to its statements: which place moves which way, said in which clause."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field, replace
from itertools import pairwise

from zoo.facs.anatomy_words import SIGNS
from zoo.facs.grammar_words import BOUNDARIES, DENIAL_ENDS, NEGATIVE_PAIRS, NEGATORS, SENTENCE_ENDS
from zoo.facs.mentions import Mention, Token, mentions_of, tokens_of
from zoo.facs.sentence import Sentence

_PUSHES = frozenset(["push", "send", "carry", "move", "prop", "force", "take", "bring", "shift"])


_LONGEST = 150
"""Words of a sentence that are read together."""
_MIDDLE = "middle of the mouth"
_AROUND_BROWS = ("brow", "glabella", "forehead", "inner brow", "outer brow", "brow gap")


@dataclass(frozen=True)
class Statement:
    """That a place moves in some way.

    Attributes:
        region: The place, in the words of :data:`zoo.facs.anatomy_words.REGIONS`.
        movement: What it does, in the words of the tables of movements and directions.
        clause: Where the text says so.
        sentence: The sentence, as it is in the text.
        place: The token of the movement, for order.
        is_negated: Whether the text says that it does not happen.
    """

    region: str
    movement: str
    clause: str
    sentence: str
    place: int
    is_negated: bool = False


@dataclass
class _Event:
    mention: Mention
    targets: list[Mention] = field(default_factory=list)
    movements: list[str] = field(default_factory=list)
    end: int = 0  # the token after its last word


class Reader:
    """Reads one text.

    Attributes:
        mentions: What the vocabulary knows of it.
        regions: The places that it names.
        negated: Of each token, whether the text denies what it says there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = tokens_of(text)
        self.words = [token.word for token in self.tokens]
        self.mentions = mentions_of(self.words)
        self.regions = frozenset(each.value for each in self.mentions if each.kind == "region")
        self.at = {each.start: each for each in self.mentions}
        self.negated = self._negated()
        self._last: list[Mention] = []  # what the previous event moved

    def statements(self) -> list[Statement]:
        """Give all statements, in the order of the text."""
        found: list[Statement] = []
        begin = 0
        for end in [*(place for place, word in enumerate(self.words) if word in SENTENCE_ENDS), len(self.words)]:
            # the work on a sentence grows with its square, so one without an end is read in pieces
            for piece in range(begin, end, _LONGEST):
                found += self._read(piece, min(end, piece + _LONGEST))
            begin = end + 1
        return found

    def clause(self, place: int) -> str:
        """Give the part of the text around a token, between commas, semicolons and full stops."""
        return self._around(place, SENTENCE_ENDS | {",", "while", "whereas"})

    def sentence(self, place: int) -> str:
        """Give the sentence around a token, or its part between semicolons."""
        return self._around(place, SENTENCE_ENDS)

    def _around(self, place: int, ends: frozenset[str]) -> str:
        first = last = place
        while first > 0 and place - first < _LONGEST and self.words[first - 1] not in ends:
            first -= 1
        while last + 1 < len(self.words) and last - place < _LONGEST and self.words[last + 1] not in ends:
            last += 1
        return self.text[self.tokens[first].start : self.tokens[last].end]

    def _negated(self) -> list[bool]:
        negated, on = [], False
        for place, word in enumerate(self.words):
            following = self.words[place + 1] if place + 1 < len(self.words) else ""
            is_negator = (word in NEGATORS and following != "only") or word.endswith("n't")
            if word in DENIAL_ENDS or (word == "and" and following in {"the", "then"}):
                on = False
            elif is_negator or (word, following) in NEGATIVE_PAIRS:
                on = True
            mention = self.at.get(place) if word != "less" and place and self.words[place - 1] == "less" else None
            is_less = mention is not None and mention.form == "adjective"  # "less wide"
            negated.append(on or is_less)
        return negated

    def _read(self, begin: int, end: int) -> list[Statement]:
        low = bisect.bisect_left(self.mentions, begin, key=lambda each: each.start)
        high = bisect.bisect_left(self.mentions, end, key=lambda each: each.start)
        sentence = Sentence(self.words, self.mentions[low:high], begin=begin, end=end, last=self._last)
        events: list[_Event] = []
        for mention in sentence.mentions:
            if mention.kind == "direction":
                self._direct(mention, events, sentence)
            elif mention.kind not in {"region", "muscle", "sign"}:
                movements = [] if mention.kind == "carrier" or mention.value in _PUSHES else [mention.value]
                targets = sentence.targets(mention)
                is_after = bool(targets) and targets[-1].start >= mention.end
                if mention.kind in {"movement", "carrier"}:
                    sentence.previous = (mention, targets, is_after)
                if mention.kind == "mark":
                    movements = [_mark(mention, targets, sentence)]
                events.append(_Event(mention, targets, movements, mention.end))
                if targets and not self.negated[mention.start]:
                    sentence.last = targets
        events += self._signs(sentence) + self._ellipses(sentence)
        for place, event in enumerate(events):
            self._complete(event, events[:place], sentence)
        self._last = sentence.last
        return [
            statement
            for event in events
            for movement in dict.fromkeys(event.movements)
            for target in event.targets
            for region in sentence.places.at_end_of(target, event.end)
            for statement in [self._statement(region, movement, event)]
        ]

    def _statement(self, region: str, movement: str, event: _Event) -> Statement:
        place = event.mention.start
        return Statement(region, movement, self.clause(place), self.sentence(place), place, self.negated[place])

    def _direct(self, direction: Mention, events: list[_Event], sentence: Sentence) -> None:
        """Give a direction to the verb that it belongs to, or to a place whose verb is left out."""
        following = sentence.starting_at(direction.end)
        if following is not None and following.kind in {"pull", "mark"}:  # "an upward pull", "a downward bend"
            events.append(_Event(direction, sentence.targets(following), [direction.value], following.end))
            return
        last = events[-1] if events else None
        place = sentence.subject_before(direction)
        if last is not None and place is not None and place.start >= last.end and place not in last.targets:
            gap = self.words[last.end : place.start]
            if set(gap) & BOUNDARIES:
                last = None
        if last is None:
            targets = [place] if place is not None else sentence.last
            if following is not None and following.kind == "region" and direction.end == following.start:
                targets = [following]  # "oblique corners"
            events.append(_Event(direction, targets, [direction.value], direction.end))
        elif last.mention.kind == "mark":
            events.append(_Event(direction, [], [direction.value], direction.end))
        elif last.mention.value not in {"oblique", "arch"} or direction.value not in {"out", "outwards"}:
            last.movements.append(direction.value)
            last.end = max(last.end, direction.end)

    def _signs(self, sentence: Sentence) -> list[_Event]:
        """Read signs that say by themselves what moved; furrows only where the brows are spoken of."""
        events = []
        for mention in sentence.mentions:
            if mention.kind == "sign":
                region, movement = SIGNS[mention.value]
                if region != "brow" or any(sentence.has(each, before=sentence.end) for each in _AROUND_BROWS):
                    target = Mention("region", region, mention.start, mention.end)
                    events.append(_Event(mention, [target], [movement], mention.end))
        return events

    def _ellipses(self, sentence: Sentence) -> list[_Event]:
        """Read "the lower lip by the chin", where the verb stands in the clause before."""
        places = [each for each in sentence.mentions if each.kind == "region"]
        return [
            _Event(lip, [lip], ["up"], chin.end)
            for lip, chin in pairwise(places)
            if (lip.value, chin.value, sentence.places.governor(chin)) == ("lower lip", "chin", "by")
            and chin.start - lip.end <= 2
            and self.words[lip.end] == "by"
        ]

    def _complete(self, event: _Event, before: list[_Event], sentence: Sentence) -> None:
        """Find the direction of a verb that has none of its own: what the chin pushes goes up."""
        if set(event.movements) & {"up", "down"} and event.targets:
            event.targets = event.targets + [
                each for each in sentence.places.companions(event.end) if each.kind == "region"
            ]
        if {"stretch", "up"} <= set(event.movements):
            event.movements.remove("stretch")  # corners that are stretched up and back
        values = {target.value for target in event.targets}
        if "up" in event.movements and values & {"lips", "mouth"} and sentence.has_agent("chin", event.mention):
            event.targets = [replace(target, value="lower lip") for target in event.targets]
        if event.movements or event.mention.kind not in {"carrier", "pull"}:
            return
        if (
            event.mention.value in _PUSHES
            and "lower lip" in values
            and sentence.has("chin", before=event.mention.end + 6)
        ):
            event.movements.append("up")
        elif values <= {"upper lip", "lower lip"} and event.mention.value in {"pull", "draw", "push"}:
            lips = [
                each
                for each in before
                if each.movements and {t.value for t in each.targets} & {"lips", "mouth", _MIDDLE}
            ]
            event.movements += lips[-1].movements if lips else []


def _mark(mark: Mention, targets: list[Mention], sentence: Sentence) -> str:
    """Say what a mark on the skin is: between the brows a furrow, elsewhere a wrinkle or a bulge."""
    if any(each.value == "brow" and sentence.places.governor(each) == "between" for each in targets):
        return "furrow"
    return "bulge" if mark.value in {"bulge", "swell"} else "wrinkle"


def read_statements(text: str) -> list[Statement]:
    """Read what a text says to move, in the order in which it says so.

    Example:
        >>> [(each.region, each.movement) for each in read_statements("The raised chin pushes the lower lip up.")]
        [('chin', 'up'), ('lower lip', 'up')]
    """
    return Reader(text).statements()
