"""The lexicon: what each construct looks like, in several descriptions and two styles.

A lexicon is one YAML file. Ours is ``lexicon.yaml`` beside this module; any other file of the same form can be
used in its place, with :meth:`Lexicon.load`::

    name: my-bank                    # free; recorded with the data that is made with it
    about: Where the texts are from. # free, optional
    variants: 5                      # descriptions per construct and style; 5 if not given
    neutral:                         # for a face without any AU; optional
      full: [text, text, text, text, text]
    constructs:
      1+2+4:                         # AUs in ascending order; all 38 of zoo.facs.CONSTRUCTS, in any order
        full:                        # with the skin signs: wrinkles, furrows, bulges
          - The first description, as one or more sentences.
          - The second one, in other words.
          ...
        short:                       # without them; optional, but for all constructs or for none
          - ...
      6+12+15:
        ...

Line breaks and runs of spaces inside a text count as one space. Everything else that departs from this form is
refused with the file, the line, the construct, the style and the variant. What the texts say is the business of
:mod:`zoo.facs.linter`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zoo.facs.constructs import CONSTRUCTS, Construct, name_of
from zoo.facs.lexicon_file import STYLES, LexiconError, read_lexicon_file

__all__ = ["STYLES", "Lexicon", "LexiconError"]

OUR_LEXICON = Path(__file__).with_name("lexicon.yaml")
"""The lexicon that is used when no other is named."""


@dataclass(frozen=True)
class Lexicon:
    """Descriptions of all constructs. Two lexicons are equal if they come from equal files.

    Attributes:
        name: As the file states it.
        descriptions: Style to construct to its variants.
        neutral: Style to texts for a face without any AU; empty if the file has none.
        source: The file's name, for messages and metadata.
        sha256: Of the file, in hexadecimal digits.
        num_variants: Descriptions per construct and style.

    Example:
        >>> lexicon = Lexicon.load()
        >>> len(lexicon.variants((12, 15), style="short")) == lexicon.num_variants
        True
    """

    name: str
    descriptions: Mapping[str, Mapping[Construct, tuple[str, ...]]] = field(repr=False, compare=False)
    neutral: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)
    source: str
    sha256: str
    num_variants: int = 5

    @classmethod
    def load(cls, path: str | Path | None = None) -> Lexicon:
        """Read a lexicon; without a path, ours. Reading an unchanged file again costs nothing.

        Raises:
            LexiconError: The file is missing or is no lexicon; the message names file, line, construct and variant.
        """
        file = OUR_LEXICON if path is None else Path(path)
        try:
            content = file.read_bytes()
        except OSError as error:
            message = f"Lexicon: path must be a readable YAML file, got {str(file)!r} ({error.strerror})."
            raise LexiconError(message) from error
        return _parse(content, file.name)

    def variants(self, construct: Construct, *, style: str = "full") -> tuple[str, ...]:
        """Give the descriptions of a construct; of the empty one, ``()``, those of a face without any AU.

        Raises:
            LexiconError: There is no such construct or style, or the file has no text for it.
        """
        if style not in STYLES:
            message = f"Lexicon.variants: style must be one of {', '.join(STYLES)}, got {style!r}."
            raise LexiconError(message)
        if not construct:
            if style not in self.neutral:
                message = f"Lexicon {self.source}: no neutral texts of style {style}. Add them under 'neutral'."
                raise LexiconError(message)
            return self.neutral[style]
        if style not in self.descriptions:
            message = (
                f"Lexicon {self.source}: no descriptions of style {style}, only of {', '.join(self.descriptions)}. "
                f"Ask for one of those, or add '{style}' to every construct."
            )
            raise LexiconError(message)
        if construct not in self.descriptions[style]:
            known = ", ".join(map(name_of, CONSTRUCTS))
            message = f"Lexicon.variants: construct must be one of {known}, got {construct!r}."
            raise LexiconError(message)
        return self.descriptions[style][construct]


@functools.lru_cache(maxsize=16)
def _parse(content: bytes, source: str) -> Lexicon:
    """Cached by content, so that a file that changed under its name is read again."""
    read = read_lexicon_file(content, source=source)
    return Lexicon(
        name=read.name,
        descriptions=read.descriptions,
        neutral=read.neutral,
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        num_variants=read.num_variants,
    )
