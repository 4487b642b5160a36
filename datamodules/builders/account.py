"""What a data set says of how it was made: arguments, sources, counts; and the same in a few lines for people."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.au_text_tables import SPLITS
from datamodules.builders.selection import REFERENCE_RULE, neutral_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datamodules.au_text_tables import FaceTable
    from datamodules.builders.frames import Frames
    from datamodules.builders.references import References
    from datamodules.builders.sources.base import Problems, Source

_NOT_CONTENT = frozenset(("name", "on_problem"))  # arguments that change nothing in a data set that is finished


def key_of(metadata: Mapping[str, Any], sources: Sequence[Source]) -> str:
    """Hash all arguments that decide the content of a data set; paths as they are on this machine."""
    read = [
        {"reader": type(source).__name__, "name": source.name, **_arguments(source, shorten=False)}
        for source in sources
    ]
    text = json.dumps([metadata, read], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def account(
    frames: Frames,
    sources: Sequence[Source],
    table: FaceTable,
    references: References,
    left_out: Mapping[str, int],
    problems: Problems,
) -> dict[str, Any]:
    """Say what was read, what became of it, and what was wrong.

    Args:
        frames: All frames.
        sources: Their readers.
        table: The entries.
        references: The reference faces.
        left_out: Frames that are no entries, by reason.
        problems: What was wrong.
    """
    assert table.split is not None
    entries = Counter(table.split.tolist())
    subjects = Counter(split for _, split in set(zip(table.subject.tolist(), table.split.tolist(), strict=True)))
    return {
        "sources": [
            {
                "name": part.name,
                "reader": type(source).__name__,
                "arguments": _arguments(source, shorten=True),
                "facts": dict(part.facts),
                "frames": len(part),
            }
            for source, part in zip(sources, frames.parts, strict=True)
        ],
        "counts": {
            "frames": len(frames),
            "entries": len(table),
            "subjects": len(set(table.subject.tolist())),
            "image_bytes": int(table.places.size.sum()),
            "entries_of_split": {split: entries[split] for split in SPLITS},
            "subjects_of_split": {split: subjects[split] for split in SPLITS},
            "left_out": dict(left_out),
        },
        "references": {
            "rule": REFERENCE_RULE,
            "faces": len(references.places),
            "without_active_au": int(neutral_frames(frames)[references.places].sum()),
        },
        "problems": problems.counts(),
    }


def summary(folder: Path, metadata: Mapping[str, Any]) -> str:
    """Say in a few lines what a finished data set is."""
    counts, references = metadata["counts"], metadata["references"]
    megabytes = counts["image_bytes"] / 2**20
    taken = f"{megabytes / 2**10:.2f} GB" if megabytes >= 2**10 else f"{megabytes:.1f} MB"
    images = f"{metadata['size']} px, {taken}"
    lines = [
        f"Wrote {counts['entries']:,} entries of {counts['subjects']:,} subjects, {images}, to {folder}",
        *(
            f"  {split:<11} {counts['entries_of_split'][split]:>9,} entries of {counts['subjects_of_split'][split]:,} "
            "subjects"
            for split in SPLITS
        ),
        f"  references  {references['faces']:>9,}, {references['without_active_au']:,} of them without an active AU",
    ]
    if counts["left_out"]:
        lines.append("  no entries: " + _listed(counts["left_out"], "frames"))
    if metadata["problems"]:
        lines.append(f"  problems:   {_listed(metadata['problems'], '')}; see {folder / 'problems.csv'}")
    lines += [
        f"  {folder / name}" for name in ("README.md", "statistics.json", "manifest.csv") if (folder / name).exists()
    ]
    return "\n".join(lines)


def _listed(counts: Mapping[str, int], unit: str) -> str:
    return ", ".join(f"{count:,} {unit + ' ' if unit else ''}({reason})" for reason, count in counts.items())


def _arguments(source: Source, *, shorten: bool) -> dict[str, Any]:
    """Give the arguments of a reader as plain data: its public attributes."""
    public = {
        name: value for name, value in vars(source).items() if not name.startswith("_") and name not in _NOT_CONTENT
    }
    return {name: _plain(value, shorten=shorten) for name, value in public.items()}


def _plain(value: Any, *, shorten: bool) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each, shorten=shorten) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [
            _plain(each, shorten=shorten) for each in (sorted(value) if isinstance(value, set | frozenset) else value)
        ]
    if isinstance(value, str | os.PathLike):
        path = Path(value)
        if shorten:  # where a data set lies on this machine says nothing to others
            return path.name if path.is_absolute() else str(value)
        return str(path.expanduser().resolve()) if path.expanduser().exists() else str(value)
    return value
