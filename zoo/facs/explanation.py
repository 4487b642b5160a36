"""Why a set of AUs is described by these constructs: every decision of Algorithm 1, and what becomes of conflicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.facs.action_units import ACTION_UNITS, ANTAGONISTS, AUS
from zoo.facs.allocation import aus_of, code_of
from zoo.facs.combinations import COMBINATIONS
from zoo.facs.constructs import Construct, name_of

_NAMES = {unit.number: unit.name for unit in ACTION_UNITS}


@dataclass(frozen=True)
class Decision:
    """What the algorithm did with a combination that the set contains.

    Attributes:
        construct: The combination.
        fires: Whether it describes the set.
        takes: The AUs that it took at once, so that no later combination has them.
        marks: The AUs that it only marked: later pairs may share them, but they are not described singly.
        blocked_by: The constructs that had taken some of its AUs, where it doesn't fire.
        taken: Those AUs.
    """

    construct: Construct
    fires: bool
    takes: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    blocked_by: tuple[Construct, ...] = ()
    taken: tuple[int, ...] = ()


@dataclass(frozen=True)
class Antagonism:
    """Two AUs of the set that pull the same place in different directions.

    Attributes:
        pair: The AUs.
        worded_by: The constructs of the description that say what both do together; where there is none, each AU
            is described on its own or with others.
    """

    pair: tuple[int, int]
    worded_by: tuple[Construct, ...]


@dataclass(frozen=True)
class Explanation:
    """Every decision on a set of AUs.

    Attributes:
        aus: The set, in the order of ``AUS``.
        decisions: One for each of the 26 combinations that the set contains, in the order of ``COMBINATIONS``.
        singles: The AUs that were left over.
        antagonisms: The conflicts in the set.
    """

    aus: tuple[int, ...]
    decisions: tuple[Decision, ...]
    singles: tuple[int, ...]
    antagonisms: tuple[Antagonism, ...]

    @property
    def constructs(self) -> tuple[Construct, ...]:
        """What describes the set, in the algorithm's order."""
        fired = (decision.construct for decision in self.decisions if decision.fires)
        return (*fired, *((number,) for number in self.singles))

    def overrides(self, construct: Construct) -> tuple[Construct, ...]:
        """List the combinations that don't fire since this one took AUs of theirs."""
        return tuple(each.construct for each in self.decisions if construct in each.blocked_by)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {
            "aus": list(self.aus),
            "constructs": [name_of(construct) for construct in self.constructs],
            "decisions": [
                {
                    "construct": name_of(each.construct),
                    "fires": each.fires,
                    "takes": list(each.takes),
                    "marks": list(each.marks),
                    "overrides": [name_of(other) for other in self.overrides(each.construct)],
                    "blocked_by": [name_of(other) for other in each.blocked_by],
                    "taken": list(each.taken),
                }
                for each in self.decisions
            ],
            "singles": list(self.singles),
            "antagonisms": [
                {"pair": list(each.pair), "worded_by": [name_of(construct) for construct in each.worded_by]}
                for each in self.antagonisms
            ],
        }

    def __str__(self) -> str:
        if not self.aus:
            return "No AUs: the description is that of a face at rest."
        rows = [(name_of(each.construct), self._said(each)) for each in self.decisions]
        rows += [(str(number), "is left over and described singly") for number in self.singles]
        rows += [(f"{each.pair[0]} | {each.pair[1]}", _resolved(each)) for each in self.antagonisms]
        width = max(len(name) for name, _ in rows)
        lines = [
            f"AUs         {', '.join(f'{number} {_NAMES[number]}' for number in self.aus)}",
            f"Constructs  {'; '.join(map(name_of, self.constructs))}",
        ]
        return "\n".join([*lines, *(f"  {name:<{width}}  {text}" for name, text in rows)])

    def _said(self, decision: Decision) -> str:
        if not decision.fires:
            return f"does not fire: {_listed(decision.blocked_by)} took {_numbers(decision.taken)}"
        overridden = self.overrides(decision.construct)
        over = f"; overrides {_listed(overridden)}" if overridden else ""
        if decision.takes:
            return f"fires and takes {_numbers(decision.takes)}, as it has more than two AUs{over}"
        return f"fires and marks {_numbers(decision.marks)}, which other pairs may share"


def explain(aus: Iterable[int]) -> Explanation:
    """Trace Algorithm 1 of Appendix D on a set of AUs.

    Raises:
        ValueError: A number is none of the twelve.

    Example:
        >>> explain({6, 12, 15}).overrides((6, 12, 15))
        ((6, 12), (12, 15))
    """
    present = aus_of(code_of(aus))
    taker: dict[int, Construct] = {}
    marked: set[int] = set()
    decisions = []
    for combination in COMBINATIONS:
        if not set(combination) <= set(present):
            continue
        taken = tuple(number for number in combination if number in taker)
        if taken:
            blocked_by = tuple(dict.fromkeys(taker[number] for number in taken))
            decisions.append(Decision(combination, fires=False, blocked_by=blocked_by, taken=taken))
        elif len(combination) > 2:
            taker.update(dict.fromkeys(combination, combination))
            decisions.append(Decision(combination, fires=True, takes=combination))
        else:
            marked.update(combination)
            decisions.append(Decision(combination, fires=True, marks=combination))
    fired = [decision.construct for decision in decisions if decision.fires]
    antagonisms = (
        Antagonism(pair, tuple(construct for construct in fired if set(pair) <= set(construct)))
        for pair in ANTAGONISTS
        if set(pair) <= set(present)
    )
    singles = tuple(number for number in present if number not in taker and number not in marked)
    return Explanation(present, tuple(decisions), singles, tuple(antagonisms))


def _resolved(antagonism: Antagonism) -> str:
    first, second = (_NAMES[number] for number in antagonism.pair)
    by = (
        f"worded together by {_listed(antagonism.worded_by)}"
        if antagonism.worded_by
        else "no construct that fires has both"
    )
    return f"pull against each other ({first}, {second}): {by}"


def _listed(constructs: Iterable[Construct]) -> str:
    return ", ".join(map(name_of, constructs))


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers, key=AUS.index)))
