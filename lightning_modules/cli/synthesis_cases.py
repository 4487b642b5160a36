"""What ``synthesize`` is asked for: one case from the command line, or many from a file."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

from zoo.facs.labels import INTENSITIES, parse_labels
from zoo.pipelines.editing import Part


@dataclass(frozen=True)
class SynthesisCase:
    """One face to synthesise.

    Attributes:
        name: Name of its files, without suffix.
        reference: File of the reference face; None for a procedural one.
        reference_seed: Which procedural face.
        aus: AUs, such as ``6,12``, with intensities and sides where they matter.
        text: A description in place of AUs.
        seed: Decides the noise, and which descriptions of the AUs are taken.
        only: The one part of the face that is drawn anew; None draws all of it.
        intensity: From 0 to 5, of all AUs without one of their own; None says nothing of it.
    """

    name: str = ""
    reference: str | None = None
    reference_seed: int = 0
    aus: str | None = None
    text: str | None = None
    seed: int = 0
    only: str | None = None
    intensity: float | None = None

    def __post_init__(self) -> None:
        if (self.aus is None) == (self.text is None):
            given = "both" if self.aus is not None else "neither"
            message = f"synthesize: each case must have either aus or text, got {given}. Such as --aus 6,12."
            raise ValueError(message)
        if self.aus is not None:
            parse_labels(self.aus)  # refuses what is none
        if self.only is not None and self.only not in get_args(Part):
            message = f"synthesize: only must be one of {', '.join(get_args(Part))}, got {self.only!r}."
            raise ValueError(message)
        if self.reference_seed < 0 or self.seed < 0:
            message = f"synthesize: seeds must be at least 0, got {min(self.reference_seed, self.seed)}."
            raise ValueError(message)
        if self.intensity is not None and self.aus is None:
            message = "synthesize: intensity goes with aus, got text. Say in the text how strong its AUs are."
            raise ValueError(message)
        if self.intensity is not None and not 0 <= self.intensity <= len(INTENSITIES):
            message = f"synthesize: intensity must be from 0 to {len(INTENSITIES)}, got {self.intensity:g}."
            raise ValueError(message)

    @property
    def asked(self) -> dict[str, Any]:
        """What decides the picture, apart from the model: without the name, and with the reference's content."""
        asked = {name: value for name, value in asdict(self).items() if name != "name" and value is not None}
        if self.reference is not None:
            asked.pop("reference_seed")
            asked["reference_sha256"] = hashlib.sha256(Path(self.reference).read_bytes()).hexdigest()
        return asked

    @property
    def wish(self) -> str:
        """What the face is to do, in short: its AUs, or its text."""
        what = str(self.text) if self.aus is None else self.aus or "at rest"
        return what if self.intensity is None else f"{what} at {self.intensity:g}"

    def named(self) -> SynthesisCase:
        """Give it a name made of what was asked for, where it has none."""
        if self.name:
            return self
        who = Path(self.reference).stem if self.reference else f"face{self.reference_seed}"
        what = re.sub(r"[^A-Za-z0-9]+", "+", self.aus).strip("+") or "neutral" if self.aus is not None else "text"
        if self.text is not None:
            what += hashlib.sha256(self.text.encode()).hexdigest()[:6]
        parts = [who, what]
        parts += [] if self.intensity is None else [f"intensity{self.intensity:g}"]
        parts += [*([self.only] if self.only else []), *([f"seed{self.seed}"] if self.seed else [])]
        return replace(self, name="_".join(parts))


def read_cases(path: Path) -> list[SynthesisCase]:
    """Read a job: a CSV file with a header, or a YAML list of mappings; the fields are those of a case.

    Raises:
        ValueError: A field or a value is wrong, or two cases share a name; the line or entry is named.
        FileNotFoundError: There is no such file.
    """
    if not path.is_file():
        message = f"synthesize: job must be a CSV or YAML file, got {str(path)!r}, which does not exist."
        raise FileNotFoundError(message)
    if path.suffix.lower() in {".yaml", ".yml"}:
        import yaml

        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
            message = f"synthesize: {path} must be a list of mappings, such as `- {{aus: '6,12', seed: 1}}`."
            raise ValueError(message)
        rows: Iterable[dict[str, Any]] = content
        place = "entry"
        first = 1
    else:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        place, first = "line", 2
    cases = [_case(row, path, f"{place} {number}") for number, row in enumerate(rows, first)]
    if not cases:
        message = f"synthesize: {path} must hold at least one case, got none."
        raise ValueError(message)
    seen: dict[str, int] = {}
    for number, case in enumerate(cases, first):
        if case.name in seen:
            message = (
                f"synthesize: {path}, {place} {number}: name must be a case's own, got {case.name!r}, which {place} "
                f"{seen[case.name]} has. Give them names, or different seeds."
            )
            raise ValueError(message)
        seen[case.name] = number
    return cases


def _case(row: dict[str, Any], path: Path, place: str) -> SynthesisCase:
    known = {field.name for field in fields(SynthesisCase)}
    unknown = [str(name) for name in row if name not in known]
    if unknown:
        message = f"synthesize: {path}, {place}: fields must be among {', '.join(sorted(known))}, got {unknown[0]!r}."
        raise ValueError(message)
    given = {name: value for name, value in row.items() if value not in (None, "")}
    # an empty cell of AUs asks for a face at rest, where there is no text either
    if "aus" in row and "text" not in given:
        given["aus"] = row["aus"] if row["aus"] is not None else ""
    try:
        for name in ("seed", "reference_seed"):
            if name in given:
                given[name] = int(given[name])
        if "intensity" in given:
            given["intensity"] = float(given["intensity"])
        for name in ("name", "reference", "aus", "text", "only"):
            if name in given:
                given[name] = str(given[name])
        if "name" in given and Path(given["name"]).name != given["name"]:
            message = f"name must be a file's name, got {given['name']!r}"
            raise ValueError(message)
        case = SynthesisCase(**given)
    except ValueError as error:
        message = f"synthesize: {path}, {place}: {str(error).removeprefix('synthesize: ')}"
        raise ValueError(message) from error
    if case.reference is not None and not Path(case.reference).is_absolute():
        case = replace(case, reference=str(path.parent / case.reference))
    return case.named()


def fingerprint(asked: dict[str, Any]) -> str:
    """Give a number for what was asked, which differs where the request does."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
