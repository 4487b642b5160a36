"""The cases of a test set, and what of each a system can be told."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lightning_modules.evaluation.cases import write_cases
from lightning_modules.external.base import ExternalCase
from zoo.components import specification
from zoo.facs.composer import Composer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.external.declaration import Takes


def cases_of(
    frames: EvaluationSet, folder: Path, *, style: str | None = None, advance: Callable[[int], None]
) -> list[ExternalCase]:
    """Write the cases of a set as ``evaluate --write-cases`` does, and give them.

    Args:
        frames: The set.
        folder: Where references and lists go.
        style: Of the lexicon, in which the cases are described; None leaves the data's descriptions as they are.
        advance: Told how many cases more are written.
    """
    job = write_cases(frames, folder, advance=advance)
    texts = _in_style(frames, style)
    with job.open(newline="", encoding="utf-8") as asked:
        seeds = {row["name"]: int(row["seed"]) for row in csv.DictReader(asked)}
    with (folder / f"{frames.name}_frames.csv").open(newline="", encoding="utf-8") as listed:
        return [
            ExternalCase(
                name=row["frame"],
                reference=(folder / row["reference"]).resolve(),
                aus=tuple(int(au) for au in row["aus"].split(",") if au),
                text=text,
                seed=seeds[row["frame"]],
                subject=row["subject"],
            )
            for row, text in zip(csv.DictReader(listed), texts, strict=True)
        ]


def told(case: ExternalCase, takes: Takes) -> ExternalCase:
    """Leave of a case what a system can be told: AUs that it knows, and as many words as it reads."""
    aus = tuple(au for au in case.aus if au in takes.aus)
    text = shortened(case.text, takes.max_words) if takes.text else ""
    return replace(case, aus=aus, text=text)


def can_be_told(case: ExternalCase, takes: Takes) -> bool:
    """Whether anything is left of what a case asks for; a face at rest can always be asked for."""
    return takes.text or not case.aus or any(au in takes.aus for au in case.aus)


def shortened(text: str, max_words: int | None) -> str:
    """Cut a description after its last whole sentence that fits, or, where not even one does, after so many words.

    Example:
        >>> shortened("Brows go up. Lips are pressed together.", 5)
        'Brows go up.'
    """
    if max_words is None or len(text.split()) <= max_words:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s|$)", text)]
    whole = [text[:end] for end in ends if len(text[:end].split()) <= max_words]
    return whole[-1] if whole else " ".join(text.split()[:max_words])


def _in_style(frames: EvaluationSet, style: str | None) -> list[str]:
    """Describe the frames in a style of the lexicon; None, and descriptions of other origin, are left as they are."""
    composer = frames.composer
    if style is None or not isinstance(composer, Composer) or composer.style == style:
        return frames.labels.prompt
    return frames.prompts(Composer(**{**specification(composer)["init_args"], "style": style}))
