"""Render a store of procedural faces: in chunks, by several processes, so that a kill at any moment loses little.

Everything is written to ``<folder>.partial``: each chunk to its own place, synced, then noted in a journal.
A later run renders only the chunks that the journal lacks. The content of a chunk depends on nothing but
the parameters, so the bytes are the same however often rendering was broken off. The finished folder
appears under its name in one step.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.face_chunks import ChunkLayout, render_chunks
from datamodules.face_store import (
    METADATA,
    DamagedStoreError,
    FaceStore,
    FaceStoreError,
    FullDiskError,
    IncompatibleStoreError,
    MissingStoreError,
)
from datamodules.face_store_parameters import FORMAT_VERSION
from datamodules.other_stores import tell_of_others
from datamodules.progress import progress_bar
from zoo.facs import AUS
from zoo.files import save_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamodules.face_store_parameters import FaceStoreParameters

_log = logging.getLogger(__name__)
_JOURNAL = "journal.jsonl"
_RESERVE = 64 * 2**20  # bytes to leave free on the disk


def render_store(
    parameters: FaceStoreParameters,
    root: str | Path = "data",
    *,
    num_workers: int | None = None,
    rebuild: bool = False,
    progress: bool | None = None,
) -> FaceStore:
    """Open a store, rendering what is missing of it first.

    Args:
        parameters: What it holds.
        root: Folder of all data.
        num_workers: Processes that render, each with one thread; as many as there are CPUs where not given.
        rebuild: Whether a store that is damaged or of another version is deleted and rendered again.
        progress: Whether to draw a progress bar; where not given, on a terminal only.

    Raises:
        ValueError: ``num_workers`` is less than 1.
        FullDiskError: There is not enough space; what was rendered is kept for the next run.
        FaceStoreError: The store is damaged or of another version, and ``rebuild`` is off.
    """
    if num_workers is not None and num_workers < 1:
        message = f"render_store: num_workers must be at least 1, got {num_workers}. Leave it out for one per CPU."
        raise ValueError(message)
    folder = parameters.folder(root)
    with contextlib.suppress(MissingStoreError):
        return _open(parameters, root, rebuild=rebuild)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"render_store: root must be where files can be written, got {str(root)!r}: {error.strerror}."
        raise FaceStoreError(message) from error
    with _lock(folder):
        with contextlib.suppress(MissingStoreError):  # another process may have rendered it meanwhile
            return _open(parameters, root, rebuild=rebuild)
        _discard(folder)
        _render(parameters, folder, num_workers=num_workers, progress=progress)
    return FaceStore.open(parameters, root)


def _open(parameters: FaceStoreParameters, root: str | Path, *, rebuild: bool) -> FaceStore:
    try:
        return FaceStore.open(parameters, root)
    except (DamagedStoreError, IncompatibleStoreError) as error:
        if not rebuild:
            raise
        _log.warning("%s Rendering it again, as asked.", error)
        raise MissingStoreError(str(error)) from error


def _discard(folder: Path) -> None:
    """Remove a store that can't be used, in one step as seen from outside."""
    if folder.exists():
        discarded = folder.with_name(f"{folder.name}.discarded")
        shutil.rmtree(discarded, ignore_errors=True)
        folder.rename(discarded)
        shutil.rmtree(discarded)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one process at a time render a store; the system frees the lock when a process dies."""
    path = folder.with_name(f".{folder.name}.lock")
    with path.open("a") as file:
        try:
            import fcntl
        except ModuleNotFoundError:  # not on Windows: there, don't render one store twice at once
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EAGAIN, errno.EACCES}:  # a file system without locks
                _log.warning("No lock on %s: %s. Don't render one store twice at once.", path, error)
                yield
                return
            print(f"Another process is rendering {folder}; waiting for it.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _render(parameters: FaceStoreParameters, folder: Path, *, num_workers: int | None, progress: bool | None) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    layout = ChunkLayout(parameters)
    partial.mkdir(exist_ok=True)
    done = _read_journal(partial, layout)
    todo = [chunk for chunk in range(layout.num_chunks) if chunk not in done]
    _check_space(partial, layout, share=len(todo) / layout.num_chunks)
    workers = min(num_workers or os.cpu_count() or 1, len(todo))
    print(f"Rendering {parameters.num_frames:,} faces of {parameters.size} px into {folder}", flush=True)
    tell_of_others(parameters, folder)
    try:
        layout.create_files(partial)
        before = sum(len(layout.frames(chunk)) for chunk in done)
        with (
            (partial / _JOURNAL).open("a", encoding="utf-8") as journal,
            progress_bar(f"{parameters.split} faces", parameters.num_frames, done=before, show=progress) as advance,
        ):
            for chunk, checksums in render_chunks(layout, partial, todo, workers=workers):
                journal.write(json.dumps({"chunk": chunk, "shots": layout.shots_per_chunk, "crc32": checksums}) + "\n")
                journal.flush()
                os.fsync(journal.fileno())
                done[chunk] = checksums
                advance(len(layout.frames(chunk)))
        _write_metadata(partial, layout, done)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _full(partial, needed=layout.num_bytes - layout.num_bytes * len(done) // layout.num_chunks) from error
    (partial / _JOURNAL).unlink()
    _sync_folder(partial)
    partial.rename(folder)
    _sync_folder(folder.parent)


def _read_journal(partial: Path, layout: ChunkLayout) -> dict[int, dict[str, int]]:
    """Give the checksums of the chunks that are on disk; a line that a kill broke off doesn't count."""
    path = partial / _JOURNAL
    done: dict[int, dict[str, int]] = {}
    whole = 0
    if path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                entry = json.loads(line)
                chunk, checksums = int(entry["chunk"]), dict(entry["crc32"])
                same = entry["shots"] == layout.shots_per_chunk and set(checksums) == set(layout.arrays)
            except (ValueError, KeyError, TypeError):
                break
            if not (same and line.endswith(b"\n") and 0 <= chunk < layout.num_chunks):
                break
            done[chunk] = checksums
            whole += len(line)
        os.truncate(path, whole)
    for name, (_, shape) in layout.arrays.items():  # a file that was changed since: nothing in it counts
        file = partial / f"{name}.bin"
        if not file.exists() or file.stat().st_size != layout.row_bytes(name) * shape[0]:
            done.clear()
            path.unlink(missing_ok=True)
            break
    return done


def _write_metadata(partial: Path, layout: ChunkLayout, done: dict[int, dict[str, int]]) -> None:
    from zoo.faces import IDENTITY_RANGES, REGIONS

    parameters = layout.parameters
    first = IDENTITY_RANGES[parameters.split].start
    metadata = {
        "format_version": FORMAT_VERSION,
        "content": "procedural FACS faces; images are RGB, 0 to 255, batch channel row column",
        "parameters": asdict(parameters),
        "identities": {
            "range": parameters.split,
            "first": first,
            "last": first + min(parameters.num_identities, parameters.num_shots) - 1,
        },
        "aus": list(AUS),
        "regions": list(REGIONS),
        "parameter_names": list(layout.parameter_names),
        "seed_names": ["identity", "view", "action"],
        "arrays": {
            name: {
                "dtype": dtype,
                "shape": list(shape),
                "bytes": layout.row_bytes(name) * shape[0],
                "rows_per_chunk": layout.rows_per_chunk(name),
                "crc32": [done[chunk][name] for chunk in range(layout.num_chunks)],
            }
            for name, (dtype, shape) in layout.arrays.items()
        },
    }
    save_text(json.dumps(metadata, indent=1), partial / METADATA)


def _check_space(partial: Path, layout: ChunkLayout, *, share: float) -> None:
    needed = int(layout.num_bytes * share)
    if shutil.disk_usage(partial).free < needed + _RESERVE:
        raise _full(partial, needed=needed)


def _full(partial: Path, *, needed: int) -> FullDiskError:
    free = shutil.disk_usage(partial).free
    message = (
        f"render_store: the disk of {partial.parent} must have {-(-needed // 2**20):,} MiB free and "
        f"{_RESERVE // 2**20} MiB to spare, got {free // 2**20:,} MiB. Free some space, "
        "give another root, or render fewer or smaller faces; what was rendered is kept, and the next run goes on from "
        "there."
    )
    return FullDiskError(message)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
