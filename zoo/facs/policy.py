"""What becomes of labels that are unknown, conflicting or impossible: the user chooses."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import Literal, get_args

Choice = Literal["reject", "warn", "resolve"]


class LabelError(ValueError):
    """A label is malformed, or the policy rejects it."""


class LabelWarning(UserWarning):
    """A label was resolved, and the policy asks to hear of it."""


@dataclass(frozen=True)
class LabelPolicy:
    """What becomes of unknown, conflicting and impossible labels.

    ``reject`` refuses them with their place, ``warn`` resolves them and says so, ``resolve`` only resolves them.

    Args:
        unknown: AUs that could not be coded (9 in the data sets). Resolved: they are not stated, as if absent.
        conflicts: Antagonists that are present together, such as AUs 12 and 15. Resolved: the interacting construct
            that fires says what both do together; without one, each is described.
        impossible: An AU twice with different intensities or sides, an AU outside the twelve, an intensity or a side
            of an absent AU, intensity 0 of a present one. Resolved: the strongest, left out, and occurrence decides.

    Example:
        >>> LabelPolicy(unknown="reject").meet("unknown", "row 3, AU7 is unknown", "it is not stated")
        Traceback (most recent call last):
        zoo.facs.policy.LabelError: row 3, AU7 is unknown. With unknown 'resolve' it is not stated.
    """

    unknown: Choice = "warn"
    conflicts: Choice = "resolve"
    impossible: Choice = "reject"

    def __post_init__(self) -> None:
        for field in fields(self):
            choice = getattr(self, field.name)
            if choice not in get_args(Choice):
                message = f"LabelPolicy: {field.name} must be one of {', '.join(get_args(Choice))}, got {choice!r}."
                raise ValueError(message)

    def meet(self, kind: str, problem: str, resolution: str) -> None:
        """Refuse, tell or pass over a problem.

        Args:
            kind: ``unknown``, ``conflicts`` or ``impossible``.
            problem: What is wrong, and where.
            resolution: What is done about it if it isn't refused.

        Raises:
            LabelError: Problems of this kind are rejected.
        """
        choice = getattr(self, kind)
        if choice == "reject":
            message = f"{problem}. With {kind} 'resolve' {resolution}."
            raise LabelError(message)
        if choice == "warn":
            warnings.warn(f"{problem}: {resolution}.", LabelWarning, stacklevel=3)
