"""Which constructs describe a set of AUs: Algorithm 1 of Appendix D of the paper.

A set of the twelve AUs has a *code* from 0 to 4095: bit ``i`` is set where ``AUS[i]`` is in the set. What the
algorithm decides is tabulated once for all codes, so that a million labels cost one look-up each.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int

from zoo.facs.action_units import AUS
from zoo.facs.combinations import COMBINATIONS
from zoo.facs.constructs import CONSTRUCTS, Construct

NUM_SETS = 2 ** len(AUS)
"""How many sets of the twelve AUs there are, the empty one included."""
_PLACES = {number: place for place, number in enumerate(AUS)}


def code_of(aus: Iterable[int]) -> int:
    """Give the code of a set of AU numbers.

    Raises:
        ValueError: A number is none of the twelve.

    Example:
        >>> code_of({1, 2}), code_of(())
        (3, 0)
    """
    code = 0
    for number in aus:
        if number not in _PLACES:
            message = f"code_of: aus must be some of {', '.join(map(str, AUS))}, got {number!r}."
            raise ValueError(message)
        code |= 1 << _PLACES[number]
    return code


def aus_of(code: int) -> tuple[int, ...]:
    """Give the AU numbers of a code, in the order of ``AUS``."""
    return tuple(number for place, number in enumerate(AUS) if code >> place & 1)


def codes_of(occurrence: Bool[np.ndarray, "row au"]) -> Int[np.ndarray, " row"]:
    """Give the code of each row of an occurrence table, whose columns are in the order of ``AUS``."""
    weights = 1 << np.arange(len(AUS), dtype=np.int16)
    return (occurrence * weights).sum(axis=1, dtype=np.int16)


def constructs_of(aus: Iterable[int]) -> tuple[Construct, ...]:
    """List the constructs that describe a set of AUs: those combinations that fire, then the AUs left over.

    Example:
        >>> constructs_of({6, 10, 12, 15, 17})
        ((6, 12, 15, 17), (10,))
        >>> constructs_of({1, 10, 15, 17, 14})
        ((10, 15, 17), (1,), (14,))
        >>> constructs_of({10, 14, 15})
        ((10, 15), (10, 14))
    """
    return constructs_by_code()[code_of(aus)]


@functools.cache
def constructs_by_code() -> tuple[tuple[Construct, ...], ...]:
    """List the constructs of each of the 4,096 sets, in the order in which the algorithm lists them."""
    return tuple(tuple(CONSTRUCTS[index] for index in np.flatnonzero(fires).tolist()) for fires in construct_table())


@functools.cache
def construct_table() -> Bool[np.ndarray, "code construct"]:
    """Tabulate which of ``CONSTRUCTS`` describe each of the 4,096 sets; read-only.

    ``COMBINATIONS`` is sorted by size already, as the algorithm asks for ("from most to least").
    """
    table = np.zeros((NUM_SETS, len(CONSTRUCTS)), dtype=bool)
    active = np.arange(NUM_SETS)  # lines 1 to 3
    marked = np.zeros_like(active)
    for index, combination in enumerate(COMBINATIONS):  # lines 4 to 17
        combination_code = code_of(combination)
        fires = active & combination_code == combination_code
        table[:, index] = fires
        if len(combination) > 2:
            active[fires] &= ~combination_code
        else:
            marked[fires] |= combination_code
    left = active & ~marked  # lines 18 to 21
    for place in range(len(AUS)):
        table[:, len(COMBINATIONS) + place] = left >> place & 1
    table.flags.writeable = False
    return table
