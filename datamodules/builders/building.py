"""Build an AU text folder: read data sets, choose entries and reference faces, crop, describe, write."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datamodules.au_text_folder import write_tables
from datamodules.au_text_tables import SPLITS, import_pyarrow
from datamodules.builders.account import account, key_of, summary
from datamodules.builders.card import write_card
from datamodules.builders.chunks import CHUNK, Chunk, crop_chunk
from datamodules.builders.cropping import CropSettings
from datamodules.builders.frames import Frames
from datamodules.builders.output_folder import OutputFolder
from datamodules.builders.processes import in_processes
from datamodules.builders.references import choose_references, task_of
from datamodules.builders.selection import check_frames, entries_of
from datamodules.builders.sources.base import Problems
from datamodules.builders.splitting import SplitRule, splits_of
from datamodules.builders.statistics import write_statistics
from datamodules.builders.tables import frames_table, references_table, write_manifest, write_problems
from datamodules.progress import progress_bar
from zoo.facs.composer import Composer
from zoo.files import save_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from datamodules.au_text_tables import FaceTable
    from datamodules.builders.sources.base import Source

    Places = NDArray[np.int64]


def build_au_text(
    sources: Sequence[Source],
    *,
    output: str,
    name: str | None = None,
    size: int = 256,
    margin: float = 0.0,
    detector: str | None = None,
    detector_weights: str | None = None,
    image_format: Literal["jpg", "png"] = "jpg",
    quality: int = 95,
    storage: Literal["tar", "files"] = "tar",
    keep_neutral: bool = False,
    split: str = "auto",
    validation_share: float = 0.1,
    test_share: float = 0.1,
    lexicon: str | None = None,
    style: Literal["full", "short"] = "full",
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    on_problem: Literal["report", "refuse"] = "report",
    finish: Callable[[Path], None] | None = None,
) -> None:
    """Build an AU text folder from data sets.

    The folder appears in one step when all is written. A build that was broken off goes on where it was when the
    same command is given again, and gives the same bytes.

    Args:
        sources: Readers of the data sets.
        output: Folder to write; must be empty or not exist.
        name: Name of the new data set; the folder's where not given.
        size: Height and width of the crops in pixels.
        margin: Room around the face, as a share of the crop; negative cuts closer.
        detector: Finds faces in images for which the data set has neither landmarks nor a box: mtcnn, yunet, or
            whole_image for images that are cropped already.
        detector_weights: File of the detector's weights, where it needs one.
        image_format: png is lossless and takes four times the space.
        quality: Of a jpg, from 1 to 100.
        storage: tar packs images into uncompressed archives that are read at random; files writes one file each.
        keep_neutral: Whether frames without an active AU are entries, too.
        split: auto takes the data set's own splits where it has any, and is random elsewhere; random deals whole
            subjects by seed; 3fold:P1 and its likes let that part of a published partition test.
        validation_share: Share of the subjects that validate.
        test_share: Share of the subjects that test, where no fold does.
        lexicon: File of descriptions in place of ours.
        style: short leaves out wrinkles and furrows.
        seed: Decides reference faces, random splits and variants of descriptions.
        workers: Processes that crop; as many as there are CPUs where not given.
        overwrite: Whether a data set that a builder wrote there before is replaced.
        on_problem: report leaves out what can't be used, counts it and lists it in problems.csv; refuse ends with
            the first problem.
        finish: Adds to the folder before it gets its name.

    Raises:
        DatasetError: A data set can't be understood, or nothing of it can be used.
        OutputFolderError: The output can't be used, or the disk is full.
    """
    import_pyarrow()
    num_workers = (os.cpu_count() or 1) if workers is None else workers
    if num_workers < 1:
        message = f"dataset: workers must be at least 1, got {workers}. Leave it out for one per CPU."
        raise ValueError(message)
    settings = CropSettings(size, margin, detector, detector_weights, image_format, quality)
    rule = SplitRule(split, validation_share, test_share, seed)
    composer = Composer(lexicon, style=style, seed=seed, unknown="resolve", impossible="resolve")
    metadata: dict[str, Any] = {
        "name": name or Path(output).expanduser().name,
        "size": size,
        "storage": storage,
        **settings.record(),
        "lexicon": {
            "name": composer.lexicon.name,
            "sha256": composer.lexicon.sha256,
            "style": style,
            "seed": seed,
            "num_variants": composer.num_variants,
        },
        "keep_neutral": keep_neutral,
        "seed": seed,
        "splits": {"rule": split, "validation_share": validation_share, "test_share": test_share},
    }
    metadata["key"] = key_of({**metadata, "finished": finish is not None}, sources)
    place = OutputFolder(output, key=metadata["key"], overwrite=overwrite)
    if place.is_done():
        print(f"{place.folder} already holds this data set; nothing to do. `--overwrite` writes it again.")
        return
    with place.open():
        frames = Frames([source.read() for source in sources])
        place.check_fingerprint(frames.fingerprint)
        found = [problem for part in frames.parts for problem in part.problems.found]
        problems = Problems(found, refuse=on_problem == "refuse")
        check_frames(frames, detector=detector)
        entries, left_out = entries_of(frames, keep_neutral=keep_neutral)
        entries, splits = _in_order(entries, splits_of(frames, entries, rule))
        references = choose_references(frames, entries, settings, problems, seed=seed, workers=num_workers)
        reference_places = references.write(frames, place.partial, storage=storage, image_format=image_format)
        having = np.flatnonzero(references.row >= 0)
        entries, splits, rows = entries[having], splits[having], references.row[having]
        chunks = _chunks(entries, splits, folder=place.partial, storage=storage)
        _crop(frames, chunks, settings, problems, workers=num_workers)
        table = frames_table(frames, entries, splits, rows, chunks, composer, problems)
        metadata |= account(frames, sources, table, references, left_out, problems)
        _write(place.partial, table, references_table(frames, references, reference_places), metadata, problems)
        if finish is not None:
            finish(place.partial)
        place.finish()
    print(summary(place.folder, metadata))


def _in_order(entries: Places, splits: NDArray[np.object_]) -> tuple[Places, NDArray[np.object_]]:
    """Put the entries of a split together, in the order of the data sets."""
    order = np.argsort([SPLITS.index(split) for split in splits], kind="stable")
    return entries[order], splits[order]


def _chunks(entries: Places, splits: NDArray[np.object_], *, folder: Path, storage: str) -> list[Chunk]:
    chunks = []
    for split in SPLITS:
        places = entries[splits == split]
        for number, start in enumerate(range(0, len(places), CHUNK)):
            name = f"{split}-{number:05d}"
            chunks.append(Chunk(name, places[start : start + CHUNK], str(folder), storage))
    return chunks


def _crop(frames: Frames, chunks: Sequence[Chunk], settings: CropSettings, problems: Problems, *, workers: int) -> None:
    """Crop the chunks that are not on disk yet."""
    todo = [chunk for chunk in chunks if not chunk.is_done()]
    total, left = (sum(len(chunk.places) for chunk in each) for each in (chunks, todo))
    work = ((chunk, tuple(task_of(frames, place) for place in chunk.places.tolist())) for chunk in todo)
    crop = functools.partial(crop_chunk, settings=settings, refuse=problems.refuse)
    with progress_bar("faces", total, done=total - left) as advance:
        for chunk, found in zip(todo, in_processes(crop, work, workers=min(workers, len(todo))), strict=True):
            if problems.refuse:
                for problem in found:
                    problems.add(*problem)
            advance(len(chunk.places))


def _write(folder: Path, table: FaceTable, references: FaceTable, metadata: dict[str, Any], problems: Problems) -> None:
    """Write all but the images, which are there."""
    assert table.split is not None
    people = {split: sorted(set(table.subject[table.split == split].tolist())) for split in SPLITS}
    save_json({**metadata["splits"], **people}, folder / "splits.json")
    write_problems(folder / "problems.csv", problems.found)
    if metadata["storage"] == "files":
        write_manifest(folder / "manifest.csv", table, references)
    write_tables(folder, frames=table, references=references, metadata=metadata)
    write_statistics(folder)
    write_card(folder)
