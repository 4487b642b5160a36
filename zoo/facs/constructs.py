"""The 38 constructs that the lexicon describes: 26 interacting combinations and 12 single AUs."""

from __future__ import annotations

from zoo.facs.action_units import AUS
from zoo.facs.combinations import COMBINATIONS

Construct = tuple[int, ...]

CONSTRUCTS: tuple[Construct, ...] = (*COMBINATIONS, *((number,) for number in AUS))
"""All constructs: the combinations in the order of Appendix J.2, then the single AUs."""


def name_of(construct: Construct) -> str:
    """Name a construct by its AUs, as in files and on the command line.

    Example:
        >>> name_of((6, 12, 15))
        '6+12+15'
    """
    return "+".join(map(str, construct))


_BY_NAME = {name_of(construct): construct for construct in CONSTRUCTS}


def construct_of(name: str) -> Construct:
    """Find a construct by its name.

    Raises:
        ValueError: There is no such construct.
    """
    if name not in _BY_NAME:
        message = f"construct_of: name must be one of {', '.join(_BY_NAME)}, got {name!r}."
        raise ValueError(message)
    return _BY_NAME[name]
