"""From texts back to AUs: exactly for what a composer made, by the linter's reading for any other text."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from zoo.facs.action_units import AUS
from zoo.facs.allocation import constructs_of
from zoo.facs.constructs import CONSTRUCTS, Construct, name_of
from zoo.facs.labels import AULabel
from zoo.facs.lexicon import STYLES, Lexicon, LexiconError
from zoo.facs.wording import split_sentences

_Trie = dict[str, Any]
_ENDS = ""  # no word is empty


@dataclass(frozen=True)
class StatedConstruct:
    """A description of the lexicon that a text contains.

    Attributes:
        construct: What it describes; the empty one for a face at rest.
        variant: Which of the construct's descriptions it is, counted from 1.
        style: Of which style.
    """

    construct: Construct
    variant: int
    style: str


@dataclass(frozen=True)
class Reading:
    """What a text says.

    Attributes:
        labels: The AUs that it states, with intensity and side where it says them.
        method: ``lexicon`` where the text is made of a lexicon's descriptions, ``linter`` where it was read freely.
        stated: The descriptions that it is made of; none where it was read freely.
        is_composed: Whether a composer could have made it: its descriptions are those that Algorithm 1 lists.
    """

    labels: tuple[AULabel, ...]
    method: str
    stated: tuple[StatedConstruct, ...] = ()
    is_composed: bool = False

    @property
    def aus(self) -> frozenset[int]:
        """The AUs alone."""
        return frozenset(label.number for label in self.labels)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {
            "labels": [str(label) for label in self.labels],
            "aus": [label.number for label in self.labels],
            "method": self.method,
            "composed": self.is_composed,
            "stated": [
                {"construct": name_of(each.construct), "variant": each.variant, "style": each.style}
                for each in self.stated
            ],
        }


def parse(text: str, *, lexicon: Lexicon | None = None) -> frozenset[int]:
    """Recover the AUs that a text describes.

    Args:
        text: What a composer made, or any other description.
        lexicon: The one that it was made from; ours where not given.

    Example:
        >>> from zoo.facs.composer import Composer
        >>> sorted(parse(Composer(seed=3).describe({6, 10, 12, 15, 17})))
        [6, 10, 12, 15, 17]
    """
    return read(text, lexicon=lexicon).aus


def read(text: str, *, lexicon: Lexicon | None = None) -> Reading:
    """Recover the AUs that a text describes, and say how it was read.

    Args:
        text: What a composer made, or any other description.
        lexicon: The one that it was made from; ours where not given.

    Raises:
        LexiconError: The lexicon has one text for different constructs, so that two sets of AUs fit.
    """
    body, intensities, sides = split_sentences(" ".join(text.split()))
    found = _composed(body, lexicon or Lexicon.load())
    if found is not None:
        stated, is_composed = found
        aus = {number for each in stated for number in each.construct}
        if intensities.keys() | sides.keys() <= aus:
            return Reading(_labels(aus, intensities, sides), "lexicon", stated, is_composed)
    from zoo.facs.linter import lint

    aus = {*lint(body).states, *intensities, *sides}
    return Reading(_labels(aus, intensities, sides), "linter")


def _labels(aus: set[int] | frozenset[int], intensities: dict[int, int], sides: dict[int, str]) -> tuple[AULabel, ...]:
    return tuple(AULabel(number, intensities.get(number), sides.get(number)) for number in AUS if number in aus)


def _composed(body: str, lexicon: Lexicon) -> tuple[tuple[StatedConstruct, ...], bool] | None:
    """Take a text apart into descriptions; of several ways that which Algorithm 1 leads to, if there is one."""
    words = body.split()
    composed: dict[frozenset[int], tuple[StatedConstruct, ...]] = {}
    other: tuple[StatedConstruct, ...] = ()
    for parts in _segmentations(words, _trie(lexicon)):
        aus = frozenset(number for each in parts for number in each.construct)
        if tuple(each.construct for each in parts) == (constructs_of(aus) or ((),)):
            composed.setdefault(aus, parts)
        other = other or parts
    if len(composed) > 1:
        sets = " and ".join(",".join(map(str, sorted(each))) for each in composed)
        message = f"Lexicon {lexicon.source}: one text must mean one set of AUs, got one for {sets}: {body!r}."
        raise LexiconError(message)
    if composed:
        return next(iter(composed.values())), True
    return (other, False) if other else None


def _segmentations(words: list[str], trie: _Trie) -> Iterator[tuple[StatedConstruct, ...]]:
    """Give every way to cut words into descriptions, those with long ones in front first."""
    edges: dict[int, list[tuple[int, list[StatedConstruct]]]] = {}  # from a place to where descriptions end
    places = [0]
    for begin in places:
        edges[begin] = []
        node: Any = trie
        for end in range(begin, len(words)):
            node = node.get(words[end])
            if node is None:
                break
            if _ENDS in node:
                edges[begin].append((end + 1, node[_ENDS]))
                if end + 1 not in edges:
                    edges[end + 1] = []
                    places.append(end + 1)
    leading = {len(words)}  # the places from which the end can be reached
    for begin in sorted(edges, reverse=True):
        edges[begin] = [edge for edge in edges[begin] if edge[0] in leading]
        if edges[begin]:
            leading.add(begin)
    stack: list[tuple[int, tuple[StatedConstruct, ...]]] = [(0, ())] if words else []
    while stack:
        begin, parts = stack.pop()
        if begin == len(words):
            yield parts
        stack += [(end, (*parts, stated)) for end, choice in edges.get(begin, ()) for stated in reversed(choice)]


@functools.lru_cache(maxsize=8)
def _trie(lexicon: Lexicon) -> _Trie:
    """Index all descriptions by their words; at the end of one stands what it describes."""
    trie: _Trie = {}
    for style in STYLES:
        table = {**lexicon.descriptions.get(style, {}), (): lexicon.neutral.get(style, ())}
        for construct in (*CONSTRUCTS, ()):
            for variant, text in enumerate(table.get(construct, ()), start=1):
                node = trie
                for word in text.split():
                    node = node.setdefault(word, {})
                ends: list[StatedConstruct] = node.setdefault(_ENDS, [])
                if construct not in {each.construct for each in ends}:
                    ends.append(StatedConstruct(construct, variant, style))
    return trie
