"""From labels to texts: Algorithm 1 chooses the constructs, numbers keyed by seed and row choose their variants."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int, Shaped

from zoo.facs.allocation import NUM_SETS, codes_of, construct_table, constructs_of
from zoo.facs.composition import Composition
from zoo.facs.constructs import CONSTRUCTS
from zoo.facs.label_table import LabelTable, check_labels, name_row
from zoo.facs.labels import AULabel, combine_labels
from zoo.facs.lexicon import Lexicon
from zoo.facs.policy import Choice, LabelPolicy
from zoo.facs.wording import sentences_of, sentences_of_rows
from zoo.randomness import mix
from zoo.recorded import Recorded

_NEUTRAL = len(CONSTRUCTS)


class Composer(Recorded):
    """Compose descriptions of AU labels (section 3.2 and Appendix D of the paper).

    The text of a row depends on its labels, its index, the epoch and the seed, and on nothing else: not on the other
    rows, the batch or the process. Over each ``num_variants`` epochs, counted from 0, a row meets every variant of
    each of its constructs once, in an order of its own; the paper draws them independently.

    Args:
        lexicon: Path of a lexicon; ours where not given.
        style: ``full``, or ``short`` without wrinkles and furrows, as the paper's figures have it.
        seed: Decides the variants.
        variant: Always this variant of every construct, counted from 1; where not given, by seed, index and epoch.
        word_intensity: Whether a sentence on intensities is added where they are known.
        word_side: Whether a sentence on one-sided AUs is added where sides are known.
        unknown: What becomes of AUs that could not be coded; see :class:`zoo.facs.policy.LabelPolicy`.
        conflicts: What becomes of antagonists that are present together.
        impossible: What becomes of labels that contradict themselves.

    Example:
        >>> composer = Composer(style="short", variant=1)
        >>> composer.describe({6, 12, 15}) == composer.lexicon.variants((6, 12, 15), style="short")[0]
        True
    """

    def __init__(
        self,
        lexicon: str | None = None,
        *,
        style: str = "full",
        seed: int = 0,
        variant: int | None = None,
        word_intensity: bool = False,
        word_side: bool = False,
        unknown: Choice = "warn",
        conflicts: Choice = "resolve",
        impossible: Choice = "reject",
    ) -> None:
        self.lexicon = Lexicon.load(lexicon)
        self.style = style
        self.seed = seed
        self.variant = variant
        self.word_intensity = word_intensity
        self.word_side = word_side
        self.policy = LabelPolicy(unknown=unknown, conflicts=conflicts, impossible=impossible)
        if variant is not None and not 1 <= variant <= self.lexicon.num_variants:
            message = f"Composer: variant must be from 1 to {self.lexicon.num_variants}, got {variant}."
            raise ValueError(message)
        if not -(2**63) <= seed < 2**63:
            message = f"Composer: seed must fit into 64 bits, got {seed}."
            raise ValueError(message)
        # a lexicon need not have neutral texts; who describes a face at rest is told
        neutral = [self.lexicon.variants((), style=style)] if style in self.lexicon.neutral else []
        described = [self.lexicon.variants(construct, style=style) for construct in CONSTRUCTS]
        self._texts = np.array([*described, *neutral], dtype=object)
        steps = range(1, max(2, self.num_variants))
        self._steps = np.array([step for step in steps if math.gcd(step, self.num_variants) == 1], dtype=np.uint64)

    @property
    def num_variants(self) -> int:
        """Descriptions of each construct."""
        return self.lexicon.num_variants

    def prompts(
        self,
        occurrence: Shaped[np.ndarray, "row au"],
        *,
        index: Int[np.ndarray, " row"] | None = None,
        epoch: int = 0,
        intensity: Shaped[np.ndarray, "row au"] | None = None,
        side: Shaped[np.ndarray, "row au"] | None = None,
    ) -> list[str]:
        """Describe a table of labels, whose columns are in the order of ``AUS``.

        Args:
            occurrence: 1 or True where present, 0 or False where absent, 9 or NaN where unknown.
            index: The number of each row in its data set; 0, 1, 2, ... where not given.
            epoch: Another epoch gives other variants.
            intensity: From 0 to 5, 9 or NaN where unknown; read where intensities are worded.
            side: 1 for L, 2 for R, 0 for both; read where sides are worded.

        Raises:
            LabelError: A label is malformed or rejected.
            LexiconError: The lexicon has no text for it.
        """
        labels = check_labels(
            occurrence,
            intensity=intensity if self.word_intensity else None,
            side=side if self.word_side else None,
            policy=self.policy,
        )
        for problem in labels.problems:
            problem.meet(self.policy, name_row(problem.row))
        return self.prompts_of_table(labels, index=index, epoch=epoch)

    def prompts_of_table(
        self, labels: LabelTable, *, index: Int[np.ndarray, " row"] | None = None, epoch: int = 0
    ) -> list[str]:
        """Describe a table of labels that were checked before; else as :meth:`prompts`."""
        texts = self.prompts_of_codes(codes_of(labels.occurrence), index=index, epoch=epoch)
        sentences = sentences_of_rows(labels.intensity, labels.side)
        if sentences is None:
            return texts
        return [f"{text} {added}" if added else text for text, added in zip(texts, sentences, strict=True)]

    def prompts_of_codes(
        self, codes: Int[np.ndarray, " row"], *, index: Int[np.ndarray, " row"] | None = None, epoch: int = 0
    ) -> list[str]:
        """Describe sets of AUs that are given by their codes (:mod:`zoo.facs.allocation`)."""
        slots = _slots()[codes]
        self._need_neutral(slots)
        if self.variant is not None:
            distinct, which = np.unique(codes, return_inverse=True)
            parts = self._texts[_slots()[distinct], self.variant - 1]
            joined = _joined(parts, _slots()[distinct])
            return [joined[place] for place in which.tolist()]
        index = np.arange(len(codes)) if index is None else index
        return _joined(self._texts[slots, self._variants(slots, index, epoch)], slots)

    def describe(self, aus: Iterable[int | AULabel], *, index: int = 0, epoch: int = 0) -> str:
        """Describe one set of AUs.

        Raises:
            LabelError: An AU is none of the twelve.
        """
        return self.compose(aus, index=index, epoch=epoch).text

    def compose(self, aus: Iterable[int | AULabel], *, index: int = 0, epoch: int = 0) -> Composition:
        """Describe one set of AUs, and say what the text is made of."""
        labels = self._combined(aus)
        slots = self._slots_of(labels)
        if self.variant is None:
            variants = self._variants(slots, np.array([index]), epoch)[0].tolist()
        else:
            variants = [self.variant - 1] * slots.size
        return self._composition(labels, slots[0], variants)

    def all_variants(self, aus: Iterable[int | AULabel]) -> tuple[str, ...]:
        """Describe one set of AUs by the first variant of every construct, by the second, and so on."""
        labels = self._combined(aus)
        slots = self._slots_of(labels)
        return tuple(
            self._composition(labels, slots[0], [variant] * slots.size).text for variant in range(self.num_variants)
        )

    def _combined(self, aus: Iterable[int | AULabel]) -> tuple[AULabel, ...]:
        given = (au if isinstance(au, AULabel) else AULabel(int(au)) for au in aus)
        return combine_labels(given, policy=self.policy)

    def _slots_of(self, labels: tuple[AULabel, ...]) -> np.ndarray:
        constructs = constructs_of(label.number for label in labels)
        slots = np.array([[CONSTRUCTS.index(construct) for construct in constructs] or [_NEUTRAL]])
        self._need_neutral(slots)
        return slots

    def _composition(self, labels: tuple[AULabel, ...], slots: np.ndarray, variants: list[int]) -> Composition:
        parts = self._texts[slots, variants].tolist()
        added = sentences_of(labels, intensity=self.word_intensity, side=self.word_side)
        parts += [added] if added else []
        constructs = tuple(CONSTRUCTS[slot] for slot in slots.tolist() if slot != _NEUTRAL)
        return Composition(
            " ".join(parts), labels, constructs, tuple(variant + 1 for variant in variants), tuple(parts)
        )

    def _variants(self, slots: np.ndarray, index: np.ndarray, epoch: int) -> np.ndarray:
        """Draw a variant, counted from 0, for each slot of each row.

        Within ``num_variants`` epochs the variants are walked through from a start and by a step that are both drawn;
        a step without a common divisor with their number meets each once.
        """
        number = np.uint64(self.num_variants)
        cycle, epoch_in_cycle = divmod(epoch, self.num_variants)
        variants = np.empty(slots.shape, dtype=np.int64)
        for slot in range(slots.shape[1]):
            drawn = mix(self.seed, cycle, index, slots[:, slot])
            step = self._steps[(drawn >> np.uint64(32)) % np.uint64(len(self._steps))]
            start = (drawn & np.uint64(0xFFFFFFFF)) % number
            variants[:, slot] = (start + np.uint64(epoch_in_cycle) * step) % number
        return variants

    def _need_neutral(self, slots: np.ndarray) -> None:
        if len(self._texts) == _NEUTRAL and (slots[:, :1] == _NEUTRAL).any():
            self.lexicon.variants((), style=self.style)  # raises, and says what is missing


@functools.cache
def _slots() -> np.ndarray:
    """Tabulate for each code the indices of its constructs in order, filled up with -1; the empty set is neutral."""
    table = construct_table()
    slots = np.full((NUM_SETS, int(table.sum(axis=1).max())), -1, dtype=np.int8)
    codes, constructs = np.nonzero(table)
    place = (np.cumsum(table, axis=1) - 1)[codes, constructs]
    slots[codes, place] = constructs
    slots[0, 0] = _NEUTRAL
    return slots


def _joined(parts: np.ndarray, slots: np.ndarray) -> list[str]:
    """Join the texts of each row's slots; rows of equally many slots at once, without a loop in Python."""
    counts = (slots >= 0).sum(axis=1)
    joined = np.empty(len(parts), dtype=object)
    for count in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == count)
        columns = (parts[rows, slot].tolist() for slot in range(count))
        joined[rows] = list(map(" ".join, zip(*columns, strict=True)))
    return joined.tolist()
