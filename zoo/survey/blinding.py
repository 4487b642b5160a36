"""Which picture is of which system: in a key that stays with the experimenter, under ids that tell raters nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.facs.constructs import name_of
from zoo.survey.cases import Case

CONFLICTING: tuple[tuple[int, ...], ...] = (
    (12, 15),
    (1, 4),
    (6, 12, 15),
    (12, 15, 17),
    (6, 12, 15, 17),
    (1, 2, 4),
)
"""The six combinations of the paper's Table 4, in its order."""
MOST_SYSTEMS = 9
"""More can't be ranked with care at one glance, nor lettered without the keys that the page itself uses."""


@dataclass(frozen=True)
class Trial:
    """Pictures of one case that are ranked against each other.

    Attributes:
        name: Such as ``12+15_3``.
        combination: The AUs, such as ``12+15``.
        case: Name of the pictures' files.
        items: Id of a picture to its system; in the order of the ids, which is none.
    """

    name: str
    combination: str
    case: str
    items: Mapping[str, str]


@dataclass(frozen=True)
class Survey:
    """What is asked, and the key to the answers.

    Attributes:
        id: Differs where pictures, systems, trials or seed differ; answers carry it.
        seed: Decides the order that each rater sees.
        systems: In the order of the table's columns.
        trials: In the order of the table's rows.
    """

    id: str
    seed: int
    systems: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def combinations(self) -> tuple[str, ...]:
        """In the order of the trials."""
        return tuple(dict.fromkeys(trial.combination for trial in self.trials))

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for the key's file."""
        trials = {
            trial.name: {"combination": trial.combination, "case": trial.case, "items": dict(trial.items)}
            for trial in self.trials
        }
        return {"survey": self.id, "seed": self.seed, "systems": list(self.systems), "trials": trials}


def blinded(cases: Sequence[Case], *, systems: Sequence[str], seed: int) -> Survey:
    """Give every picture an id that does not tell its system.

    The ids are made of the pictures' files as they were before the page's re-encoding, which no reader of the page
    has. So they cannot be computed back, and yet the same pictures give the same survey again, for which answers
    that were given before still count.

    Args:
        cases: Each with a picture of every system.
        systems: Their names, in the order of the table's columns.
        seed: Decides the order that each rater sees.

    Raises:
        ValueError: There are too many systems, or no cases.
    """
    if len(systems) > MOST_SYSTEMS:
        message = f"survey: systems must be at most {MOST_SYSTEMS} to be ranked at one glance, got {len(systems)}."
        raise ValueError(message)
    if not cases:
        message = "survey: there must be at least one case, got none."
        raise ValueError(message)
    contents = [
        [name_of(case.aus), case.name, system, hashlib.sha256(case.files[system].read_bytes()).hexdigest()]
        for case in cases
        for system in systems
    ]
    secret = _digest(seed, contents)
    trials, counts = [], dict.fromkeys((name_of(case.aus) for case in cases), 0)
    for case in cases:
        combination = name_of(case.aus)
        counts[combination] += 1
        items = sorted(("i" + _digest(secret, "item", case.name, system)[:12], system) for system in systems)
        trials.append(Trial(f"{combination}_{counts[combination]}", combination, case.name, dict(items)))
    # a letter first: a spreadsheet would take digits, or 12e34, for a number
    return Survey("s" + _digest(secret, "survey")[:10], seed, tuple(systems), tuple(trials))


def read_key(file: Path) -> Survey:
    """Read the key that ``survey make`` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no key.
    """
    if not file.is_file():
        message = f"survey: key must be the file that `survey make` wrote beside the page, got {str(file)!r}."
        raise FileNotFoundError(message)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        trials = tuple(
            Trial(name, str(each["combination"]), str(each["case"]), {str(k): str(v) for k, v in each["items"].items()})
            for name, each in content["trials"].items()
        )
        survey = Survey(str(content["survey"]), int(content["seed"]), tuple(content["systems"]), trials)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"survey: {file} must be a key that `survey make` wrote, and is not ({error!r})."
        raise ValueError(message) from error
    if any(sorted(trial.items.values()) != sorted(survey.systems) for trial in survey.trials):
        message = f"survey: {file} must name every system once in every trial, and does not. Make the survey anew."
        raise ValueError(message)
    return survey


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
