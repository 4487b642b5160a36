"""Words and their hashes."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence

_WORDS = re.compile(r"[a-z]+(?:['-][a-z]+)*|\d+|[^\sa-z\d]")


def words_of(prompt: str) -> list[str]:
    """Split a prompt into lower-case words, numbers and punctuation.

    Example:
        >>> words_of("The lip corners rise, obliquely.")
        ['the', 'lip', 'corners', 'rise', ',', 'obliquely', '.']
    """
    return _WORDS.findall(prompt.lower())


def hashed_ids(words: Sequence[str], size: int, *, salt: int, first: int = 0) -> list[int]:
    """Give each word a number from ``first`` to below ``first + size``, the same on every machine and in every run.

    Args:
        words: The words.
        size: How many numbers there are; words may share one.
        salt: Other salts give other numbers.
        first: The least number.
    """
    return [first + _hash(word, salt) % size for word in words]


@functools.lru_cache(maxsize=65_536)
def _hash(word: str, salt: int) -> int:
    # a checksum such as CRC would not do: words that share it under one salt share it under all
    return int.from_bytes(
        hashlib.blake2b(word.encode(), digest_size=8, salt=salt.to_bytes(8, "little")).digest(), "little"
    )
