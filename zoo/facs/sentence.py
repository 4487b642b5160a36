"""Who moves in a sentence: which places a verb, an adjective or a noun of movement speaks of."""

from __future__ import annotations

from zoo.facs.mentions import ARTICLES, PREPOSITIONS, Mention

BOUNDARIES = frozenset(
    [",", "and", "but", "while", "whereas", "as", "because", "so", "since", "for", "yet", "though", "although", "("]
    + [")", "when", "until", "if", "where", "which", "that", "who", "whose", "than", "or", "nor", "\u2013", "\u2014"]
)
_AUXILIARIES = frozenset(
    "is are was were be been being become becomes became remain remains stay stays look looks appear appears seem get "
    "gets stand stands lie lies sit sits end ends keep keeps".split()
)
_PERFECT = frozenset(["has", "have", "had", "having"])
_PRONOUNS = frozenset(["it", "they", "them", "these", "themselves"])
_FILLERS = ARTICLES | frozenset(
    "also then slightly both even still itself themselves only very more most less somewhat markedly strongly so small "
    "fine further own clearly visibly middle gently".split()
)
_JOINS = frozenset(["and", "or", ",", "with", "plus"])
_HALVES = {"inner brow": "outer brow", "outer brow": "inner brow", "inner end": "outer end", "upper lip": "lower lip"}
_PLACES = frozenset(["region", "mark", "pull"])


class Sentence:
    """One sentence, or a part of it between semicolons.

    Attributes:
        mentions: What the vocabulary knows of it.
        last: What moved last, for pronouns.
        previous: The verb before, what it moves, and whether that is its object or stands after it.
    """

    def __init__(self, words: list[str], mentions: list[Mention], *, begin: int, end: int, last: list[Mention]) -> None:
        self.words = words
        self.mentions = mentions
        self.begin = begin
        self.end = end
        self.last = last
        self._initial = last
        self._places = [each for each in mentions if each.kind in _PLACES]
        self._at = {place: each for each in mentions for place in range(each.start, each.end)}
        self._governors: dict[int, str] = {}
        for each in self._places:
            self._governors[each.start] = self._governor(each)
        self._objects: set[int] = set()
        self.previous: tuple[Mention, list[Mention], bool] | None = None

    def has(self, region: str, *, before: int) -> bool:
        """Say whether a place is named before a token."""
        return any(each.value == region and each.start < before for each in self._places)

    def starting_at(self, place: int) -> Mention | None:
        """Give the mention that starts with a token."""
        mention = self._at.get(place)
        return mention if mention is not None and mention.start == place else None

    def subject_before(self, mention: Mention) -> Mention | None:
        """Give the last place before a mention that no preposition governs."""
        found = [each for each in self._places if each.end <= mention.start and not self._governors[each.start]]
        return found[-1] if found and found[-1].kind == "region" else None

    def regions_at_end(self, target: Mention, place: int) -> list[str]:
        """Name the places that move: of a mouth that is drawn up at its corners, the corners."""
        if target.value not in {"mouth", "lips", "brow"}:
            return [target.value]
        for each in self._places:
            if each.start >= place:
                is_end = each.value in {"lip corners", "inner brow", "outer brow"}
                gap = self.words[place : each.start]
                is_close = not set(gap) & BOUNDARIES and len(gap) <= 5 and not self._has_verb(place, each.start)
                if is_end and is_close and self._governors[each.start] in {"at", "near", "towards", "toward", "to"}:
                    return [other.value for other in self._joined(each)]
                break
        return [target.value]

    def companions(self, place: int) -> list[Mention]:
        """Give what moves along: of "moves up with the upper lip", that lip."""
        for each in self._places:
            if each.start >= place:
                gap = set(self.words[place : each.start])
                is_clause = self._at.get(each.end) is not None or self.words[each.end : each.end + 1] == ["being"]
                return (
                    [each]
                    if "with" in gap and gap <= ARTICLES | {"with", "along", "together"} and not is_clause
                    else []
                )
        return []

    def has_agent(self, region: str, verb: Mention) -> bool:
        """Say whether a place does what a verb says: "the chin lifts ..." or "lifted by the chin"."""
        before = [each for each in self._places if each.end <= verb.start]
        if before and before[-1].value == region and not self._governors[before[-1].start]:
            return True
        for each in self._places:
            if each.start >= verb.end:
                return each.value == region and self._governors[each.start] in {"by", "from"}
        return False

    def governor(self, region: Mention) -> str:
        """Give the preposition that stands before a place; empty if there is none."""
        return self._governors.get(region.start, "")

    def targets(self, verb: Mention) -> list[Mention]:
        """Give the places that a verb, an adjective or a noun of movement speaks of."""
        if verb.kind == "mark":
            return self._of_mark(verb)
        if verb.kind == "pull":
            return self._of_pull(verb)
        before = self._auxiliaries(verb)
        following = self._following(verb)
        pronoun = self.words[verb.end : verb.end + 1]
        if pronoun in (["them"], ["it"]) and self.last and verb.form != "participle":
            return self._referent(pronoun[0], verb)
        if verb.value == "show" and not (set(before) & _AUXILIARIES and verb.form == "participle"):
            near = [each for each in self._places if 0 <= each.start - verb.end <= 5]
            return self._regions([each for each in near if each.value in {"teeth", "tongue"}][:1]) or self._subject(
                verb
            )
        if following is not None:
            has_article = bool(set(self.words[verb.end : following.start]) & ARTICLES)
            is_active = verb.form in {"finite", "base", "ing", "past"} or bool(set(before) & _PERFECT - _AUXILIARIES)
            is_past = verb.form == "participle" and verb.start - 1 in self._at and not before
            if following.kind == "pull":
                return self._of_pull(following)
            if not has_article or ((is_active or is_past) and not set(before) & _AUXILIARIES):
                group = self._joined(following, is_attribute=not is_active)
                self._objects.update(each.start for each in group)
                return self._regions(group)
        return self._subject(verb)

    def _governor(self, region: Mention) -> str:
        """Give the preposition that stands before a place, or before one that it is joined to by "and"."""
        place = region.start - 1
        while place >= self.begin:
            word, mention = self.words[place], self._at.get(place)
            if word in PREPOSITIONS and (mention is None or mention.kind != "direction"):
                return word
            if mention is not None and mention.kind in _PLACES and place < region.start - 1:
                if self._is_joined(mention, region):
                    return self._governors.get(mention.start, "")
                return ""
            is_adjective = mention is not None and mention.kind == "movement" and mention.form != "finite"
            if word in _AUXILIARIES or not (word in _FILLERS or is_adjective or word in {"and", ","}):
                return ""
            place -= 1
        return ""

    def _auxiliaries(self, verb: Mention) -> list[str]:
        """Give the words right before a verb back to its auxiliary; other verbs and adverbs may stand between."""
        place = verb.start - 1
        while place >= self.begin and place > verb.start - 7:
            word, mention = self.words[place], self._at.get(place)
            if word in _AUXILIARIES | _PERFECT:
                return self.words[max(place - 1, self.begin) : verb.start]
            is_verb = mention is not None and mention.kind not in _PLACES and mention.form in {"participle", "base", ""}
            if not (is_verb or word.endswith("ly") or word in {"and", ",", "been", "not", "also", "both"}):
                return []
            place -= 1
        return []

    def _following(self, verb: Mention) -> Mention | None:
        """Find the place that a verb or an adjective stands right before."""
        place = verb.end
        while place < self.end:
            mention, word = self._at.get(place), self.words[place]
            if mention is not None and mention.kind in _PLACES:
                return mention
            if mention is not None and mention.kind == "direction":
                place = mention.end
                continue
            is_adjective = mention is not None and mention.kind == "movement" and mention.form != "finite"
            is_list = word in {"and", ","} and self._joins_adjectives(place, verb)
            if not (is_adjective or word in _FILLERS or is_list):
                return None
            place += 1
        return None

    def _joins_adjectives(self, place: int, verb: Mention) -> bool:
        """Say whether a comma or "and" stands between two adjectives of one place, as in "tight, narrow lips"."""
        after = self._at.get(place + 1)
        kinds = {"participle", "adjective"}
        return after is not None and after.kind == "movement" and after.form in kinds and verb.form in kinds

    def _joined(self, first: Mention, *, is_attribute: bool = False) -> list[Mention]:
        """Give a place with those that "and" joins to it, unless a verb or a modifier of its own follows."""
        group = [first]
        for place in self._places:
            if place.start < group[-1].end:
                continue
            after = self._at.get(place.end)
            is_subject = (
                after is not None and after.kind in {"movement", "carrier"} and after.form in {"finite", "base"}
            )
            is_subject |= place.end < self.end and self.words[place.end] in _AUXILIARIES | _PERFECT
            is_subject |= is_attribute and (
                after is not None or self.words[place.end : place.end + 1] in (["that"], ["which"])
            )
            if not self._is_joined(group[-1], place) or is_subject:
                break
            group.append(place)
        return group

    def _group_before(self, last: Mention) -> list[Mention]:
        group = [last]
        for place in reversed(self._places):
            if place.end > group[0].start:
                continue
            if not self._is_joined(place, group[0]) or (len(group) == 1 and self.words[group[0].start - 1] == ","):
                break
            group.insert(0, place)
        return self._regions(group)

    def _is_joined(self, first: Mention, second: Mention) -> bool:
        """Say whether "and" or a comma makes two places one list; ", and" does so from the third place on."""
        between = set(self.words[first.end : second.start])
        if _HALVES.get(first.value) == second.value:
            between -= {"at", "as", "well", "to", "from"}
            return not between - _JOINS - _FILLERS
        if not between & _JOINS or between - _JOINS - _FILLERS:
            return False
        if between & _JOINS == {","}:
            later = [each for each in self._places if each.start >= second.end][:1]
            gap = set(self.words[second.end : later[0].start]) if later else set()
            return bool(gap & {"and", "or"}) and gap <= _FILLERS | _JOINS
        if "," in between:
            earlier = [each for each in self._places if each.end <= first.start]
            return (
                bool(earlier)
                and self._is_joined(earlier[-1], first)
                and "," in self.words[earlier[-1].end : first.start]
            )
        return True

    def _regions(self, group: list[Mention]) -> list[Mention]:
        return [each for each in group if each.kind == "region"]

    def _subject(self, verb: Mention) -> list[Mention]:
        before = [each for each in self._places if each.end <= verb.start]
        gap = set(self.words[before[-1].end if before else self.begin : verb.start])
        muscles = [each for each in self.mentions if each.kind == "muscle" and each.end <= verb.start]
        if before and gap & {"that", "which"} and muscles and muscles[-1].start >= before[-1].end:
            return self._group_before(before[-1])
        coordinated = self._coordinated(verb)
        if coordinated is not None:
            return coordinated
        has_relative = bool(gap & {"that", "which"})
        gap -= {","} if has_relative else set()
        if before and not gap & (BOUNDARIES - {"that", "which"}) and not self._has_verb(before[-1].end, verb.start):
            is_modifier = not gap & _AUXILIARIES or has_relative or not self._governors[before[-1].start]
            if is_modifier and before[-1].kind != "pull":
                is_restrictive = bool(has_relative or (not gap & _AUXILIARIES and self._has_predicate(verb.end)))
                is_one = (is_restrictive and verb.form == "participle") or bool(self._governors[before[-1].start])
                return self._regions(before[-1:]) if is_one else self._group_before(before[-1])
        pronouns = gap & _PRONOUNS
        if pronouns and self.last:
            return self._referent(min(pronouns), verb)
        free = [each for each in before if not self._governors[each.start]]
        subjects = [each for each in free if each.start not in self._objects] or free
        if subjects and subjects[-1].kind == "pull":
            return self._of_pull(subjects[-1], after=verb.end)
        if subjects:
            return self._group_before(subjects[-1])
        if verb.form == "participle":
            comma = next((place for place in range(verb.end, self.end) if self.words[place] == ","), self.end)
            after = [each for each in self._places if each.start > comma and not self._governors[each.start]]
            if after:
                return self._regions(after[:1])
        if set(self.words[self.begin : self.begin + 1]) & _PRONOUNS and self._initial:
            return self._initial
        return self._group_before(before[-1]) if before else self.last

    def _referent(self, pronoun: str, verb: Mention) -> list[Mention]:
        """Give what a pronoun stands for: what moved last, unless it is one and the pronoun means several."""
        if pronoun == "it" or len(self.last) > 1 or self._is_plural(self.last[0]):
            return self.last
        before = [each for each in self._places if each.end <= verb.start and each.kind == "region"]
        found = [each for each in before if self._is_plural(each) and each.start not in self._objects]
        return found[-1:] or self._initial or self.last

    def _is_plural(self, mention: Mention) -> bool:
        return any(word.endswith("s") and word != "is" for word in self.words[mention.start : mention.end])

    def _coordinated(self, verb: Mention) -> list[Mention] | None:
        """Give what the previous verb moved, if "and" or a comma joins this one to it without a subject of its own."""
        if self.previous is None or self.previous[0].end > verb.start:
            return None
        other, targets, is_object = self.previous
        gap = [word for word in self.words[other.end : verb.start] if not word.endswith("ly")]
        rest = (
            set(gap) - _FILLERS - {"and", "but", ",", "or", "then", "yet", "so", "at", "same", "time", "once", "back"}
        )
        rest -= {
            "up",
            "down",
            "upwards",
            "downwards",
            "inwards",
            "outwards",
            "backwards",
            "be",
            "on",
            "either",
            "again",
        }
        is_same = other.form == verb.form or {other.form, verb.form} <= {"participle", "base"}
        return (
            targets if not rest and not is_object and is_same and set(gap) & {"and", "but", "or", "yet", ","} else None
        )

    def _has_predicate(self, begin: int) -> bool:
        """Say whether a finite verb follows in the sentence, so that a participle before it is a modifier."""
        after = self.words[begin : self.end]
        forms = {mention.form for mention in self.mentions if mention.start >= begin}
        return bool(set(after) & _AUXILIARIES) or "finite" in forms or "make" in after

    def _has_verb(self, begin: int, end: int) -> bool:
        found = (self._at.get(place) for place in range(begin, end))
        return any(each is not None and each.kind in {"movement", "carrier"} and each.form != "base" for each in found)

    def _of_mark(self, mark: Mention) -> list[Mention]:
        """Give the place that a wrinkle or a bulge is on: the next one of its clause."""
        for place in range(mark.end, self.end):
            mention = self.starting_at(place)
            if mention is not None and mention.kind == "region":
                return [mention]
            if self.words[place] in BOUNDARIES - {"and", "or"}:
                break
        return []

    def _of_pull(self, pull: Mention, *, after: int | None = None) -> list[Mention]:
        """Give the place that a pull acts on: the next one, unless it comes from there, or else the last one."""
        if self._governors[pull.start] == "by":
            free = [each for each in self._places if each.end <= pull.start and not self._governors[each.start]]
            return self._regions(free[-1:])
        sources = {"by", "without"} | (set() if pull.value in {"press", "tight"} else {"from"})
        for each in self._places:
            governor = self._governors[each.start]
            if each.start >= (after or pull.end) and each.kind == "region" and governor not in sources:
                if self.words[each.start - 1] in {"and"} or self.words[each.start - 2 : each.start - 1] == ["and"]:
                    continue
                return [each]
        free = [each for each in self._places if each.end <= pull.start and each.kind == "region"]
        return free[-1:] if free else self.last
