"""Several different descriptions of each set of AUs, from chosen variants of the texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.facs.allocation import constructs_by_code
from zoo.randomness import mix, uniform

if TYPE_CHECKING:
    from zoo.facs.lexicon import Lexicon


class DescriptionTexts:
    """Write descriptions of AU sets, each a function of the set, its number and the epoch alone.

    A description has one style, and for each construct of the set one of the variants. Those of one set and epoch
    differ from each other.

    Args:
        lexicon: Has the texts.
        variants: Those that may be taken, counted from 1.
        styles: Those that may be taken.
        most: Descriptions of each set, where there are so many.
        seed: Gives other ones.
        word_dropout: Share of the words that are left out; above 0, the parts come in any order, too.

    Raises:
        ValueError: An argument is impossible.
        LexiconError: The lexicon has not got these texts.

    Example:
        >>> from zoo.facs.lexicon import Lexicon
        >>> texts = DescriptionTexts(Lexicon.load(), variants=[2, 3], styles=["short"], most=5)
        >>> texts.count(1), texts.count(4095)
        (2, 5)
    """

    def __init__(
        self,
        lexicon: Lexicon,
        *,
        variants: Sequence[int],
        styles: Sequence[str],
        most: int,
        seed: int = 0,
        word_dropout: float = 0.0,
    ) -> None:
        for name, given in (("variants", variants), ("styles", styles)):
            if not given or len(set(given)) < len(given):
                message = f"DescriptionTexts: {name} must be different ones, at least one, got {list(given)}."
                raise ValueError(message)
        if not set(variants) <= set(range(1, lexicon.num_variants + 1)):
            message = f"DescriptionTexts: variants must be from 1 to {lexicon.num_variants}, got {list(variants)}."
            raise ValueError(message)
        if not 0 <= word_dropout < 1:
            message = f"DescriptionTexts: word_dropout must be from 0 to below 1, got {word_dropout}."
            raise ValueError(message)
        self.lexicon = lexicon
        self.variants = tuple(variants)
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
        total, stride = self._total(code), len(self.styles) * len(self.variants)
        start, stretch = (int(each) % total for each in mix(*keys, np.arange(2)))
        # a step without a common divisor with the total meets each choice once; styles take turns
        drawn = (start + number * (1 + stride * stretch)) % total
        drawn, style = divmod(drawn, len(self.styles))
        parts = []
        for construct in self._constructs(code):
            drawn, variant = divmod(drawn, len(self.variants))
            parts.append(self.lexicon.variants(construct, style=self.styles[style])[self.variants[variant] - 1])
        if not self.word_dropout:
            return " ".join(parts)
        order = np.argsort(uniform(*keys, number, 0, count=len(parts)), kind="stable")
        words = " ".join(parts[place] for place in order).split()
        kept = uniform(*keys, number, 1, count=len(words)) >= self.word_dropout
        return " ".join(word for word, stays in zip(words, kept, strict=True) if stays) or words[0]

    def _total(self, code: int) -> int:
        return int(len(self.styles) * len(self.variants) ** len(self._constructs(code)))

    def _constructs(self, code: int) -> tuple[tuple[int, ...], ...]:
        return constructs_by_code()[code] or ((),)
