"""What outside systems need to take part: reference faces, and what is asked of each frame."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from lightning_modules.callbacks.grids import save_png
from zoo.facs import AUS
from zoo.files import save_text
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lightning_modules.evaluation.evaluation_set import EvaluationSet

_BATCH = 64


def write_cases(frames: EvaluationSet, folder: Path, *, advance: Callable[[int], None]) -> Path:
    """Write a set's references, its job for ``synthesize --job``, and its frames with descriptions.

    Args:
        frames: The set.
        folder: Where it goes: ``references/``, ``<set>.csv`` (the job) and ``<set>_frames.csv`` (name, subject, source,
            AUs, description).
        advance: Told how many frames more are done.

    Returns:
        The job.
    """
    from PIL import Image

    labels = frames.labels
    written: set[str] = set()
    for places, batch in frames.batches(_BATCH):
        for place, pixels in zip(places, to_uint8(batch["reference"]).cpu(), strict=True):
            name = labels.reference[place]
            if name not in written:
                written.add(name)
                face = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
                save_png(face, folder / _reference(name), sync=False)
        advance(len(places))
    job, told = io.StringIO(), io.StringIO()
    for_job, for_people = csv.writer(job, lineterminator="\n"), csv.writer(told, lineterminator="\n")
    for_job.writerow(["name", "reference", "aus", "seed"])
    for_people.writerow(["frame", "reference", "subject", "source", "aus", "description"])
    for place, name in enumerate(frames.names):
        present = labels.occurrence[place].tolist()
        asked = ",".join(str(au) for au, is_there in zip(AUS, present, strict=True) if is_there)
        reference = _reference(labels.reference[place])
        for_job.writerow([name, reference, asked, int(labels.index[place])])
        for_people.writerow([name, reference, labels.subject[place], labels.source[place], asked, labels.prompt[place]])
    save_text(told.getvalue(), folder / f"{frames.name}_frames.csv")
    return save_text(job.getvalue(), folder / f"{frames.name}.csv")


def _reference(checksum: str) -> str:
    return f"references/{checksum[:16]}.png"
