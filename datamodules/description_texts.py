"""Several different descriptions of each set of AUs, from chosen variants of the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.facs.allocation import constructs_by_code
from zoo.facs.constructs import CONSTRUCTS, Construct
from zoo.randomness import mix, uniform

if TYPE_CHECKING:
    from zoo.facs.lexicon import Lexicon


def variants_of_constructs(places: Sequence[int], *, number: int, seed: int = 0) -> dict[Construct, tuple[int, ...]]:
    """Choose some variants of each construct: those at these places of an order of its own.

    The variants of our lexicon take points of view, the same in each construct. So of every construct others are kept
    from training, and every point of view is met there.

    Args:
        places: Which places of the order, from 0.
        number: Variants that there are.
        seed: Gives other orders.

    Example:
        >>> chosen = variants_of_constructs([3, 4], number=5)
        >>> chosen[(12,)] != chosen[(12, 15)], len(set(chosen[(12,)]))
        (True, 2)
    """
    constructs = ((), *CONSTRUCTS)
    orders = np.argsort(uniform(seed, np.arange(len(constructs)), count=number), axis=1, kind="stable") + 1
    return {
        construct: tuple(int(order[place]) for place in places)
        for construct, order in zip(constructs, orders, strict=True)
    }


class DescriptionTexts:
    """Write descriptions of AU sets, each a function of the set, its number and the epoch alone.

    A description has one style, and for each construct of the set one of the variants. Those of one set and epoch
    differ from each other.

    Args:
        lexicon: Has the texts.
        variants: Those of each construct that may be taken, counted from 1; as many of each.
        styles: Those that may be taken.
        most: Descriptions of each set, where there are so many.
        seed: Gives other ones.
        word_dropout: Share of the words that are left out; above 0, the parts come in any order, too.

    Raises:
        ValueError: An argument is impossible.
        LexiconError: The lexicon has not got these texts.

    Example:
        >>> from zoo.facs.lexicon import Lexicon
        >>> variants = variants_of_constructs(range(2), number=5)
        >>> texts = DescriptionTexts(Lexicon.load(), variants=variants, styles=["short"], most=5)
        >>> texts.count(1), texts.count(4095)
        (2, 5)
    """

    def __init__(
        self,
        lexicon: Lexicon,
        *,
        variants: Mapping[Construct, Sequence[int]],
        styles: Sequence[str],
        most: int,
        seed: int = 0,
        word_dropout: float = 0.0,
    ) -> None:
        if not styles or len(set(styles)) < len(styles):
            message = f"DescriptionTexts: styles must be different ones, at least one, got {list(styles)}."
            raise ValueError(message)
        if not 0 <= word_dropout < 1:
            message = f"DescriptionTexts: word_dropout must be from 0 to below 1, got {word_dropout}."
            raise ValueError(message)
        self.lexicon = lexicon
        self.variants = dict(variants)
        self.num_variants = len(self.variants[()])
        self.styles = tuple(styles)
        self.most = most
        self.seed = seed
        self.word_dropout = word_dropout
        for style in self.styles:
            lexicon.variants((), style=style)  # raises, and says what is missing

    def count(self, code: int) -> int:
        """Say how many descriptions a set has."""
        return min(self.most, self._total(code))

    def write(self, code: int, number: int, *, epoch: int = 0) -> str:
        """Give description ``number``, from 0 to below ``count``, of the set with this code."""
        keys = (self.seed, code, epoch)
        total, stride = self._total(code), len(self.styles) * self.num_variants
        start, stretch = (int(each) % total for each in mix(*keys, np.arange(2)))
        # a step without a common divisor with the total meets each choice once; styles take turns
        drawn = (start + number * (1 + stride * stretch)) % total
        drawn, style = divmod(drawn, len(self.styles))
        parts = []
        for construct in self._constructs(code):
            drawn, place = divmod(drawn, self.num_variants)
            variant = self.variants[construct][place]
            parts.append(self.lexicon.variants(construct, style=self.styles[style])[variant - 1])
        if not self.word_dropout:
            return " ".join(parts)
        order = np.argsort(uniform(*keys, number, 0, count=len(parts)), kind="stable")
        words = " ".join(parts[place] for place in order).split()
        kept = uniform(*keys, number, 1, count=len(words)) >= self.word_dropout
        return " ".join(word for word, stays in zip(words, kept, strict=True) if stays) or words[0]

    def _total(self, code: int) -> int:
        return int(len(self.styles) * self.num_variants ** len(self._constructs(code)))

    def _constructs(self, code: int) -> tuple[Construct, ...]:
        return constructs_by_code()[code] or ((),)
