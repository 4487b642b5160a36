"""What raters are told to look for: the lexicon's own texts in its plain points of view, and its rare words explained.

The lexicon describes each construct from five points of view. Muscles are left out here: raters see skin, not muscle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.facs.constructs import Construct
from zoo.facs.explanation import explain
from zoo.facs.lexicon import Lexicon

_REGION, _SHAPE = 0, 3  # places among the lexicon's variants: what each part does, and what form results
_WORDS = {
    r"nasolabial furrows?": ("nasolabial furrow", "the line from the side of the nose down to the corner of the mouth"),
    r"glabella": ("glabella", "the skin between the eyebrows"),
    r"infraorbital furrows?": ("infraorbital furrow", "the line under the lower eyelid"),
    r"infraorbital triangle": ("infraorbital triangle", "the cheek beside the nose, below the eye"),
    r"crow's feet": ("crow's feet", "wrinkles that fan out beside the outer corner of the eye"),
    r"chin boss": ("chin boss", "the rounded front of the chin"),
    r"(eye )?cover folds?": ("eye cover fold", "the skin between the eyebrow and the upper eyelid"),
    r"pouch\w*": ("pouch", "a small bulge of skin"),
    r"kink\w*": ("kink", "a sharp bend"),
    r"oblique(ly)?": ("oblique", "slanted"),
    r"furrows?": ("furrow", "a deep line in the skin"),
}


@dataclass(frozen=True)
class Criteria:
    """What a face should show, in words for people who do not know FACS.

    Attributes:
        headline: In one sentence, or in one for each construct.
        signs: In detail.
        words: Each rare word of these texts, and what it means.
    """

    headline: str
    signs: tuple[str, ...]
    words: tuple[tuple[str, str], ...]


def criteria(aus: Sequence[int], *, lexicon: Lexicon | None = None) -> Criteria:
    """Say what a face with these AUs should show.

    Args:
        aus: Numbers of the twelve.
        lexicon: Where the texts are from; ours where not given.

    Example:
        >>> criteria([1, 4]).headline
        'The inner ends of the brows rise and are drawn together.'
    """
    lexicon = lexicon or Lexicon.load()
    constructs = explain(aus).constructs
    styles = ("short", "full") if "short" in lexicon.descriptions else ("full", "full")
    headline = _joined(lexicon, constructs, style=styles[0], place=_REGION)
    details = [_joined(lexicon, constructs, style=styles[1], place=place) for place in (_REGION, _SHAPE)]
    signs = tuple(text for text in dict.fromkeys(details) if text != headline)
    said = " ".join((headline, *signs))
    words = [entry for pattern, entry in _WORDS.items() if re.search(rf"\b{pattern}\b", said, re.IGNORECASE)]
    if any(name.endswith("furrow") and name != "furrow" for name, _ in words):
        # the plain word is explained only where it also stands alone
        alone = re.sub(r"(nasolabial|infraorbital) furrows?", "", said)
        words = [entry for entry in words if entry[0] != "furrow" or re.search(r"\bfurrows?\b", alone)]
    return Criteria(headline, signs, tuple(words))


def _joined(lexicon: Lexicon, constructs: Sequence[Construct], *, style: str, place: int) -> str:
    texts = [lexicon.variants(construct, style=style) for construct in constructs]
    return " ".join(variants[min(place, len(variants) - 1)] for variants in texts)
