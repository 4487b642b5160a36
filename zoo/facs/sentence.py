"""Who moves in a sentence: which places a verb, an adjective or a noun of movement speaks of."""

from __future__ import annotations

from zoo.facs.grammar_words import (
    ARTICLES,
    AUXILIARIES,
    BETWEEN_VERBS,
    BOUNDARIES,
    CONJUNCTIONS,
    PERFECT,
    PRONOUNS,
    RELATIVES,
)
from zoo.facs.mentions import Mention
from zoo.facs.places import Places, regions_of


class Sentence:
    """One sentence, or a part of it between semicolons.

    Attributes:
        words: Of the whole text.
        end: The token after the last one of the sentence.
        mentions: What the vocabulary knows of it.
        places: The nouns among them.
        last: What moved last, for pronouns.
        previous: The verb before, what it moves, and whether that stands after it.
    """

    def __init__(self, words: list[str], mentions: list[Mention], *, begin: int, end: int, last: list[Mention]) -> None:
        self.words = words
        self.begin = begin
        self.end = end
        self.mentions = mentions
        self.places = Places(words, mentions, begin=begin, end=end)
        self.last = last
        self.previous: tuple[Mention, list[Mention], bool] | None = None
        self._initial = last
        self._objects: set[int] = set()

    def has(self, region: str, *, before: int) -> bool:
        """Say whether a place is named before a token."""
        return any(each.value == region and each.start < before for each in self.places.all)

    def starting_at(self, place: int) -> Mention | None:
        """Give the mention that starts with a token."""
        mention = self.places.at(place)
        return mention if mention is not None and mention.start == place else None

    def subject_before(self, mention: Mention) -> Mention | None:
        """Give the last noun before a mention that no preposition governs, if it is a place."""
        found = self.places.free_before(mention)
        return found[-1] if found and found[-1].kind == "region" else None

    def has_agent(self, region: str, verb: Mention) -> bool:
        """Say whether a place does what a verb says: "the chin lifts ..." or "lifted by the chin"."""
        before = self.places.before(verb)
        if before and before[-1].value == region and not self.places.governor(before[-1]):
            return True
        after = next((each for each in self.places.all if each.start >= verb.end), None)
        return after is not None and after.value == region and self.places.governor(after) in {"by", "from"}

    def targets(self, verb: Mention) -> list[Mention]:
        """Give the places that a verb, an adjective or a noun of movement speaks of."""
        if verb.kind == "mark":
            return self._of_mark(verb)
        if verb.kind == "pull":
            return self._of_pull(verb)
        leading = set(self._auxiliaries(verb))
        pronoun = self.words[verb.end : verb.end + 1]
        if pronoun in (["them"], ["it"]) and self.last and verb.form != "participle":
            return self._referent(pronoun[0], verb)
        if verb.value == "show" and not (leading & AUXILIARIES and verb.form == "participle"):
            near = [each for each in self.places.all if 0 <= each.start - verb.end <= 5]
            shown = [each for each in near if each.value in {"teeth", "tongue"}]
            return shown[:1] or self._subject(verb)
        following = self.places.following(verb)
        if following is not None and following.kind == "pull":
            return self._of_pull(following)
        if following is not None:
            has_article = bool(set(self.words[verb.end : following.start]) & ARTICLES)
            is_active = verb.form in {"finite", "base", "ing", "past"} or bool(leading & PERFECT)
            is_past = verb.form == "participle" and self.places.at(verb.start - 1) is not None and not leading
            if not has_article or ((is_active or is_past) and not leading & AUXILIARIES):
                group = self.places.joined(following, is_attribute=not is_active)
                self._objects.update(each.start for each in group)
                return regions_of(group)
        return self._subject(verb)

    def _auxiliaries(self, verb: Mention) -> list[str]:
        """Give the words right before a verb back to its auxiliary; other verbs and adverbs may stand between."""
        place = verb.start - 1
        while place >= self.begin and place > verb.start - 7:
            word, mention = self.words[place], self.places.at(place)
            if word in AUXILIARIES | PERFECT:
                return self.words[max(place - 1, self.begin) : verb.start]
            kinds = {"movement", "carrier", "direction"}
            is_verb = mention is not None and mention.kind in kinds and mention.form in {"participle", "base", ""}
            if not (is_verb or word.endswith("ly") or word in {"and", ",", "been", "not", "also", "both"}):
                return []
            place -= 1
        return []

    def _subject(self, verb: Mention) -> list[Mention]:
        """Find the subject of a verb, or the noun that a participle stands behind."""
        before = self.places.before(verb)
        gap = set(self.words[before[-1].end if before else self.begin : verb.start])
        has_relative = bool(gap & RELATIVES)
        muscles = [each for each in self.mentions if each.kind == "muscle" and each.end <= verb.start]
        if before and has_relative and muscles and muscles[-1].start >= before[-1].end:
            return self.places.joined_before(before[-1])  # "corners that this muscle pulls"
        coordinated = self._coordinated(verb)
        if coordinated is not None:
            return coordinated
        near = self._nearest(verb, before, gap - {","} if has_relative else gap)
        if near is not None:
            return near
        pronouns = gap & PRONOUNS
        if pronouns and self.last:
            return self._referent(min(pronouns), verb)
        free = self.places.free_before(verb)
        subjects = [each for each in free if each.start not in self._objects] or free
        if subjects and subjects[-1].kind == "pull":
            return self._of_pull(subjects[-1], after=verb.end)
        if subjects:
            return self.places.joined_before(subjects[-1])
        after = self._behind_comma(verb)
        if verb.form == "participle" and after:
            return after  # "Pushed up from below, the lower lip ..."
        if self.words[self.begin] in PRONOUNS and self._initial:
            return self._initial
        return self.places.joined_before(before[-1]) if before else self.last

    def _nearest(self, verb: Mention, before: list[Mention], gap: set[str]) -> list[Mention] | None:
        """Give the noun right before a verb, where no clause begins between them."""
        if not before or before[-1].kind == "pull" or gap & (BOUNDARIES - RELATIVES):
            return None
        if self.places.has_verb(before[-1].end, verb.start):
            return None
        is_governed, has_auxiliary = bool(self.places.governor(before[-1])), bool(gap & AUXILIARIES)
        has_relative = bool(gap & RELATIVES)
        if is_governed and has_auxiliary and not has_relative:
            return None
        is_restrictive = has_relative or (not has_auxiliary and self._has_predicate(verb.end))
        is_one = is_governed or (is_restrictive and verb.form == "participle")
        return regions_of(before[-1:]) if is_one else self.places.joined_before(before[-1])

    def _behind_comma(self, verb: Mention) -> list[Mention]:
        comma = next((place for place in range(verb.end, self.end) if self.words[place] == ","), self.end)
        return regions_of(
            [each for each in self.places.all if each.start > comma and not self.places.governor(each)][:1]
        )

    def _coordinated(self, verb: Mention) -> list[Mention] | None:
        """Give what the previous verb moved, if "and" or a comma joins this one to it without a subject of its own."""
        if self.previous is None or self.previous[0].end > verb.start:
            return None
        other, targets, is_after = self.previous
        gap = {word for word in self.words[other.end : verb.start] if not word.endswith("ly")}
        is_same = other.form == verb.form or {other.form, verb.form} <= {"participle", "base"}
        return targets if gap & CONJUNCTIONS and gap <= BETWEEN_VERBS and is_same and not is_after else None

    def _referent(self, pronoun: str, verb: Mention) -> list[Mention]:
        """Give what a pronoun stands for: what moved last, unless it is one and the pronoun means several."""
        if pronoun == "it" or len(self.last) > 1 or self._is_plural(self.last[0]):
            return self.last
        before = [each for each in regions_of(self.places.before(verb)) if each.start not in self._objects]
        return [each for each in before if self._is_plural(each)][-1:] or self._initial or self.last

    def _is_plural(self, mention: Mention) -> bool:
        return any(word.endswith("s") and word != "is" for word in self.words[mention.start : mention.end])

    def _has_predicate(self, begin: int) -> bool:
        """Say whether a finite verb follows in the sentence, so that a participle before it is a modifier."""
        after = set(self.words[begin : self.end])
        forms = {mention.form for mention in self.mentions if mention.start >= begin}
        return bool(after & (AUXILIARIES | {"make"})) or "finite" in forms

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
        if self.places.governor(pull) == "by":
            return regions_of(self.places.free_before(pull)[-1:])
        sources = {"by", "without"} | (set() if pull.value in {"press", "tight"} else {"from"})
        for each in self.places.all:
            is_acted_on = each.kind == "region" and self.places.governor(each) not in sources
            if (
                each.start >= (after or pull.end)
                and is_acted_on
                and "and" not in self.words[each.start - 2 : each.start]
            ):
                return [each]
        return regions_of(self.places.before(pull))[-1:] or self.last
