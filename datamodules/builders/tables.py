"""Tables of a data set that is being built: its entries, its reference faces, and the same for people."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.au_text_tables import QUALITIES, FaceTable
from datamodules.builders.chunks import Chunk, ChunkResults, landmarks_of, quality_of
from datamodules.builders.references import nothing_cropped
from datamodules.builders.sources.base import DatasetError
from datamodules.image_storage import ImagePlaces
from zoo.facs import AUS, name_of
from zoo.facs.allocation import codes_of, constructs_by_code
from zoo.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from datamodules.builders.frames import Frames
    from datamodules.builders.references import References
    from datamodules.builders.sources.base import Problem, Problems
    from zoo.facs.composer import Composer


def frames_table(
    frames: Frames,
    entries: NDArray[np.int64],
    splits: NDArray[np.object_],
    references: NDArray[np.int64],
    chunks: Sequence[Chunk],
    composer: Composer,
    problems: Problems,
) -> FaceTable:
    """Make the table of the entries that could be cropped.

    Args:
        frames: All frames.
        entries: Places of the entries among them, in the order of the chunks.
        splits: The split of each.
        references: The row of each one's reference face.
        chunks: The chunks that were cropped.
        composer: Describes labels.
        problems: Gets what was wrong with the others.

    Raises:
        DatasetError: None could be cropped.
    """
    results = [ChunkResults.load(chunk.results) for chunk in chunks]
    sizes = np.concatenate([result.size for result in results])
    kept = np.flatnonzero(sizes)
    for result in results:
        for problem in result.problems:
            problems.add(*problem)
    if not len(kept):
        raise DatasetError(nothing_cropped(problems))
    entries = entries[kept]
    occurrence = frames.occurrence[entries]
    shards = None
    if chunks[0].shard is not None:
        shards = np.array([chunk.shard for chunk in chunks for _ in chunk.places], dtype=object)[kept]
    landmarks = _joined([result.landmarks for result in results], [len(result.size) for result in results])
    return FaceTable(
        **_labels(frames, entries),
        places=ImagePlaces(
            np.array([name for result in results for name in result.image], dtype=object)[kept],
            sizes[kept],
            shards,
            np.concatenate([result.offset for result in results])[kept],
        ),
        split=splits[kept],
        reference=references[kept],
        constructs=_constructs(occurrence),
        description=np.array(composer.prompts(occurrence, index=np.arange(len(entries))), dtype=object),
        landmarks=None if landmarks is None else landmarks[kept],
        quality={name: np.concatenate([result.quality[name] for result in results])[kept] for name in QUALITIES},
    )


def references_table(frames: Frames, references: References, places: ImagePlaces) -> FaceTable:
    """Make the table of the reference faces."""
    return FaceTable(
        **_labels(frames, references.places),
        places=places,
        landmarks=landmarks_of([crop.landmarks for crop in references.crops]),
        quality={name: quality_of(references.crops, name) for name in QUALITIES},
    )


def write_manifest(path: Path, frames: FaceTable, references: FaceTable) -> None:
    """Write the entries as a CSV file that people and ``ManifestFacesDataModule`` read."""
    assert frames.split is not None
    assert frames.reference is not None
    assert frames.description is not None
    intensity = [["" if np.isnan(value) else f"{value:g}" for value in row] for row in frames.intensity.astype(object)]
    columns = {
        "image": frames.places.image,
        "subject": frames.subject,
        **{f"AU{au}": frames.occurrence[:, place] for place, au in enumerate(AUS)},
        **{f"intensity_AU{au}": [row[place] for row in intensity] for place, au in enumerate(AUS)},
        "reference": references.places.image[frames.reference],
        "split": frames.split,
        "description": frames.description,
    }
    _write_csv(path, list(columns), zip(*columns.values(), strict=True))


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """Write what was wrong with the data sets as a CSV file."""
    rows = ((problem.kind, problem.where, problem.detail, problem.count) for problem in problems)
    _write_csv(path, ["kind", "where", "detail", "count"], rows)


def _labels(frames: Frames, places: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "source": np.array(frames.source, dtype=object)[places],
        "subject": frames.subject[places],
        "sequence": frames.sequence[places],
        "frame": frames.frame[places],
        "occurrence": frames.occurrence[places],
        "intensity": frames.intensity[places],
        "side": None if frames.side is None else frames.side[places],
    }


def _constructs(occurrence: NDArray[np.int8]) -> NDArray[np.object_]:
    names = [";".join(map(name_of, constructs)) for constructs in constructs_by_code()]
    return np.array(names, dtype=object)[codes_of(occurrence == 1)]


def _joined(parts: Sequence[NDArray[np.float32] | None], sizes: Sequence[int]) -> NDArray[np.float32] | None:
    """Join the landmarks of chunks, some of which may have none."""
    counts = {part.shape[1] for part in parts if part is not None}
    if not counts:
        return None
    if len(counts) == 1:
        empty = [np.full((size, *counts, 2), np.nan, np.float32) for size in sizes]
        return np.concatenate([none if part is None else part for part, none in zip(parts, empty, strict=True)])
    each: list[NDArray[np.float32] | None] = []
    for part, size in zip(parts, sizes, strict=True):
        each += [None] * size if part is None else [None if np.isnan(points).any() else points for points in part]
    return landmarks_of(each)


def _write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)

    write_whole(path, write)
