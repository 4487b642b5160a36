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
import multiprocessing
import os
import shutil
import threading
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from datamodules.face_sampling import label, parameter_names, sample_shots, truth_of
from datamodules.face_store import (
    FORMAT_VERSION,
    METADATA,
    DamagedStoreError,
    FaceStore,
    FaceStoreError,
    FaceStoreParameters,
    FullDiskError,
    IncompatibleStoreError,
    MissingStoreError,
)
from datamodules.progress import progress_bar
from zoo.facs import AUS
from zoo.files import save_text
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    folder.parent.mkdir(parents=True, exist_ok=True)
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
    layout = _Layout(parameters)
    partial.mkdir(exist_ok=True)
    done = _read_journal(partial, layout)
    todo = [chunk for chunk in range(layout.num_chunks) if chunk not in done]
    _check_space(partial, layout, share=len(todo) / layout.num_chunks)
    workers = min(num_workers or os.cpu_count() or 1, len(todo))
    print(f"Rendering {parameters.num_frames:,} faces of {parameters.size} px into {folder}", flush=True)
    try:
        layout.create_files(partial)
        before = sum(len(layout.frames(chunk)) for chunk in done)
        with (
            (partial / _JOURNAL).open("a", encoding="utf-8") as journal,
            progress_bar(f"{parameters.split} faces", parameters.num_frames, done=before, show=progress) as advance,
        ):
            for chunk, checksums in _chunks(layout, partial, todo, workers=workers):
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


class _Layout:
    """Which rows of which files a chunk fills."""

    def __init__(self, parameters: FaceStoreParameters) -> None:
        self.parameters = parameters
        self.parameter_names = parameter_names()
        self.arrays = parameters.arrays(len(self.parameter_names))
        self.shots_per_chunk = max(1, self.chunk_frames // parameters.frames_per_shot)
        self.num_chunks = -(-parameters.num_shots // self.shots_per_chunk)

    @property
    def chunk_frames(self) -> int:
        # about a second of work: little is lost by a kill, and little time goes into syncing
        return min(max(2**19 // self.parameters.size**2, 2), 256)

    @property
    def num_bytes(self) -> int:
        return sum(self.row_bytes(name) * shape[0] for name, (_, shape) in self.arrays.items())

    def row_bytes(self, name: str) -> int:
        dtype, shape = self.arrays[name]
        return int(np.dtype(dtype).itemsize * np.prod(shape[1:], dtype=np.int64))

    def shots(self, chunk: int) -> range:
        first = chunk * self.shots_per_chunk
        return range(first, min(first + self.shots_per_chunk, self.parameters.num_shots))

    def frames(self, chunk: int) -> range:
        shots, per_shot = self.shots(chunk), self.parameters.frames_per_shot
        return range(shots.start * per_shot, min(shots.stop * per_shot, self.parameters.num_frames))

    def rows_per_chunk(self, name: str) -> int:
        return self.shots_per_chunk * (1 if name == "references" else self.parameters.frames_per_shot)

    def first_row(self, name: str, chunk: int) -> int:
        return self.rows_per_chunk(name) * chunk

    def create_files(self, folder: Path) -> None:
        for name, (_, shape) in self.arrays.items():
            descriptor = os.open(folder / f"{name}.bin", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                size = self.row_bytes(name) * shape[0]
                if os.fstat(descriptor).st_size != size:
                    os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)


def _chunks(layout: _Layout, partial: Path, todo: list[int], *, workers: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Render chunks, in this process or in others, and give each when it is safely on disk."""
    if workers <= 1 or len(todo) < 4:  # starting processes costs seconds
        with _one_thread():
            for chunk in todo:
                yield chunk, render_chunk(layout.parameters, chunk, partial)
        return
    # spawned, not forked: a fork of a process whose torch has started threads can hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        try:
            futures = [pool.submit(render_chunk, layout.parameters, chunk, partial) for chunk in todo]
            chunk_of = dict(zip(futures, todo, strict=True))
            for future in as_completed(futures):
                yield chunk_of.pop(future), future.result()
        except BrokenProcessPool as error:
            message = (
                "render_store: the rendering processes must stay alive, but one was killed, perhaps for memory. What "
                "was rendered is kept; run again, with fewer workers if memory is short."
            )
            raise FaceStoreError(message) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:  # a killed parent can't stop its pool, which would wait for work for ever
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    # torch's own threads make small tensors slower, not faster: processes do the scaling
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def render_chunk(parameters: FaceStoreParameters, chunk: int, folder: Path) -> dict[str, int]:
    """Render one chunk into its place in the files of ``folder``, sync them, and give their checksums."""
    layout = _Layout(parameters)
    rows = _render_rows(parameters, layout.shots(chunk))
    checksums = {}
    for name, (dtype, shape) in layout.arrays.items():
        values = np.ascontiguousarray(rows[name].astype(dtype, copy=False))
        if values.shape[1:] != shape[1:]:
            message = f"render_chunk: {name} must have rows of shape {shape[1:]}, got {values.shape[1:]}."
            raise ValueError(message)
        data = values.tobytes()
        _write(folder / f"{name}.bin", data, offset=layout.first_row(name, chunk) * layout.row_bytes(name))
        checksums[name] = zlib.crc32(data)
    return checksums


def _render_rows(parameters: FaceStoreParameters, shots: range) -> dict[str, np.ndarray]:
    from zoo.faces import FaceRenderer

    frames, seeds = sample_shots(parameters, shots)
    renderer = FaceRenderer(parameters.size, interaction=parameters.interaction)
    occurrence, intensity = label(frames)
    with torch.inference_mode():
        rendered = renderer(frames)
        rows = {
            "images": to_uint8(rendered.images).numpy(),
            "references": to_uint8(renderer(frames[:: parameters.frames_per_shot].neutral()).images).numpy(),
            "occurrence": np.packbits(occurrence, axis=-1),
            "intensity": intensity,
            "landmarks": rendered.landmarks.numpy(),
            "visible": rendered.visible.numpy(),
            "regions": rendered.regions.to(torch.uint8).numpy(),
            "parameters": frames.table()[1].numpy(),
            "identity": seeds[:, 0],
            "seeds": seeds,
        }
        if parameters.truth:
            rows["truth"] = to_uint8(renderer(truth_of(frames)).images).numpy()
    return rows


def _write(path: Path, data: bytes, *, offset: int) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_journal(partial: Path, layout: _Layout) -> dict[int, dict[str, int]]:
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


def _write_metadata(partial: Path, layout: _Layout, done: dict[int, dict[str, int]]) -> None:
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


def _check_space(partial: Path, layout: _Layout, *, share: float) -> None:
    needed = int(layout.num_bytes * share)
    if shutil.disk_usage(partial).free < needed + _RESERVE:
        raise _full(partial, needed=needed)


def _full(partial: Path, *, needed: int) -> FullDiskError:
    free = shutil.disk_usage(partial).free
    message = (
        f"render_store: the disk of {partial.parent} must have {needed / 2**20:,.0f} MiB free and some to spare, got "
        f"{free / 2**20:,.0f} MiB. Free some space, give another root, or render fewer or smaller faces; "
        "what was rendered is kept, and the next run goes on from there."
    )
    return FullDiskError(message)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
