"""Pictures of several systems, found in folders and matched: one case is what all of them were asked for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.facs.action_units import AUS
from zoo.facs.labels import AULabel

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Suffixes of files that are taken for pictures."""


@dataclass(frozen=True)
class Case:
    """What every system was asked for.

    Attributes:
        name: Name of its files, without suffix, in the folder of every system.
        aus: The AUs, ascending.
        files: System to picture.
    """

    name: str
    aus: tuple[int, ...]
    files: Mapping[str, Path]


@dataclass(frozen=True)
class FoundCases:
    """What lies in the folders of the systems.

    Attributes:
        cases: With the AUs known, by name; a system may lack a picture.
        unknown: Names of pictures whose AUs nothing tells.
    """

    cases: tuple[Case, ...]
    unknown: tuple[str, ...]


def find_cases(systems: Mapping[str, Path], *, aus: Mapping[str, tuple[int, ...]] | None = None) -> FoundCases:
    """Match the pictures of several systems by their names.

    The AUs of a case are those of the job, where one is given and names it; else those of the JSON file that
    ``synthesize`` writes beside a picture; else those in the name, such as ``face0_6+12+15.png``.

    Args:
        systems: Name of a system to the folder of its pictures.
        aus: Name of a case to its AUs, ascending.

    Raises:
        ValueError: Fewer than two systems, two pictures of one name, or JSON files that disagree on a case.
        FileNotFoundError: A folder is missing or has no pictures.
    """
    if len(systems) < 2:
        named = f"only {next(iter(systems))!r}" if systems else "none"
        message = f"survey: systems must be at least two, since raters rank them against each other, got {named}."
        raise ValueError(message)
    folders = {system: _pictures(folder) for system, folder in systems.items()}
    names = sorted({name for files in folders.values() for name in files})
    known = {name: found for name in names if (found := (aus or {}).get(name) or _told(name, folders))}
    cases = [
        Case(name, known[name], {system: files[name] for system, files in folders.items() if name in files})
        for name in names
        if name in known
    ]
    return FoundCases(tuple(cases), tuple(name for name in names if name not in known))


def complete_cases(cases: tuple[Case, ...], *, systems: Mapping[str, Path], leave_out: bool) -> tuple[Case, ...]:
    """Keep the cases that every system has a picture of.

    Args:
        cases: Of the combinations that are asked about.
        systems: As for :func:`find_cases`.
        leave_out: Whether cases that a system lacks are left out in silence, or refused.

    Raises:
        ValueError: A system lacks pictures, and they are not to be left out.
    """
    lacking = [(case.name, system) for case in cases for system in systems if system not in case.files]
    if lacking and not leave_out:
        name, system = lacking[0]
        more = f" (and {len(lacking) - 1} more)" if len(lacking) > 1 else ""
        message = (
            f"survey: every system must have a picture of every case, got none of {name!r} from {system!r}{more}. "
            f"Add {systems[system] / name}.png, or leave out such cases with --missing leave_out."
        )
        raise ValueError(message)
    return tuple(case for case in cases if set(case.files) == set(systems))


def chosen(
    cases: Sequence[Case], *, combinations: Sequence[tuple[int, ...]], per_combination: int, seed: int
) -> tuple[Case, ...]:
    """Choose so many cases of each combination, by seed, in the order of the combinations and of the names."""
    kept: list[Case] = []
    for combination in combinations:
        of_it = [case for case in cases if case.aus == combination]
        of_it.sort(key=lambda case: hashlib.sha256(f"{seed} {case.name}".encode()).digest())
        kept += sorted(of_it[:per_combination], key=lambda case: case.name)
    return tuple(kept)


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        message = f"survey: {folder} must be a folder of a system's pictures, and there is none."
        raise FileNotFoundError(message)
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in PICTURES or file.name.startswith(".") or not file.is_file():
            continue
        if file.stem in found:
            message = (
                f"survey: {folder} must have one picture of each name, got {found[file.stem].name} and {file.name}."
            )
            raise ValueError(message)
        found[file.stem] = file
    if not found:
        message = f"survey: {folder} must hold pictures ({', '.join(PICTURES)}), and there are none."
        raise FileNotFoundError(message)
    return found


def _told(name: str, folders: Mapping[str, Mapping[str, Path]]) -> tuple[int, ...]:
    """What the records beside the pictures say, else the name; empty where neither does."""
    records = [files[name].with_suffix(".json") for files in folders.values() if name in files]
    told = {record: aus for record in records if record.is_file() and (aus := _recorded(record))}
    if len(set(told.values())) > 1:
        first, second = list(told)[:2]
        message = (
            f"survey: pictures of one name must show the same AUs, got {told[first]} in {first} and {told[second]} in "
            f"{second}. Rename one of them, or name the AUs of every case in a --job file."
        )
        raise ValueError(message)
    return next(iter(told.values())) if told else aus_in_name(name)


def _recorded(record: Path) -> tuple[int, ...]:
    try:
        content: Any = json.loads(record.read_text(encoding="utf-8"))
        labels = [AULabel.parse(str(label)) for label in content["aus"]]
    except (ValueError, KeyError, TypeError) as error:
        message = f"survey: {record} must be a record of synthesize, with a list 'aus', got: {error}. Remove it."
        raise ValueError(message) from error
    return tuple(sorted({label.number for label in labels}))


def aus_in_name(name: str) -> tuple[int, ...]:
    """Read the AUs in the name of a file; empty where it has none.

    Example:
        >>> aus_in_name("face0_6+12+15_seed1"), aus_in_name("AU1+AU4_b"), aus_in_name("face12_3")
        ((6, 12, 15), (1, 4), ())
    """
    for part in re.split(r"[_\s-]+", name):
        if re.fullmatch(r"(AU)?\d{1,2}(\+(AU)?\d{1,2})+", part, re.IGNORECASE):
            numbers = {int(number) for number in re.findall(r"\d+", part)}
            if numbers <= set(AUS):
                return tuple(sorted(numbers))
    return ()
