"""Chunks of a store of faces: where each lies in the files, and how this process or several render it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from datamodules.face_sampling import label, parameter_names, sample_shots, truth_of
from datamodules.face_store import FaceStoreError
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from datamodules.face_store import FaceStoreParameters


class ChunkLayout:
    """Say which rows of which files a chunk fills.

    A file holds one array, a row for each frame (of references: for each shot), and a chunk some whole shots.

    Args:
        parameters: What the store holds.
    """

    def __init__(self, parameters: FaceStoreParameters) -> None:
        self.parameters = parameters
        self.parameter_names = parameter_names()
        self.arrays = parameters.arrays(len(self.parameter_names))
        self.shots_per_chunk = max(1, self.chunk_frames // parameters.frames_per_shot)
        self.num_chunks = -(-parameters.num_shots // self.shots_per_chunk)

    @property
    def chunk_frames(self) -> int:
        """Frames that a chunk may have, of which it takes as many as make whole shots."""
        # about a second of work: little is lost by a kill, and little time goes into syncing
        return min(max(2**19 // self.parameters.size**2, 2), 256)

    @property
    def num_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.row_bytes(name) * shape[0] for name, (_, shape) in self.arrays.items())

    def row_bytes(self, name: str) -> int:
        """Give the bytes of one row of an array."""
        dtype, shape = self.arrays[name]
        return int(np.dtype(dtype).itemsize * np.prod(shape[1:], dtype=np.int64))

    def shots(self, chunk: int) -> range:
        """Give the shots of a chunk."""
        first = chunk * self.shots_per_chunk
        return range(first, min(first + self.shots_per_chunk, self.parameters.num_shots))

    def frames(self, chunk: int) -> range:
        """Give the frames of a chunk."""
        shots, per_shot = self.shots(chunk), self.parameters.frames_per_shot
        return range(shots.start * per_shot, min(shots.stop * per_shot, self.parameters.num_frames))

    def rows_per_chunk(self, name: str) -> int:
        """Give the rows of an array that a chunk fills; the last one may fill fewer."""
        return self.shots_per_chunk * (1 if name == "references" else self.parameters.frames_per_shot)

    def first_row(self, name: str, chunk: int) -> int:
        """Give the row of an array at which a chunk begins."""
        return self.rows_per_chunk(name) * chunk

    def create_files(self, folder: Path) -> None:
        """Make the files at their full size; those that have it stay as they are."""
        for name, (_, shape) in self.arrays.items():
            descriptor = os.open(folder / f"{name}.bin", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                size = self.row_bytes(name) * shape[0]
                if os.fstat(descriptor).st_size != size:
                    os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)


def render_chunks(
    layout: ChunkLayout, partial: Path, todo: list[int], *, workers: int
) -> Iterator[tuple[int, dict[str, int]]]:
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
    layout = ChunkLayout(parameters)
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
