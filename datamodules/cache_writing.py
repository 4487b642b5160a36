"""Write a store of a cache chunk by chunk, so that a kill at any moment loses one chunk at most.

Each chunk's rows are appended to the arrays' files and synced, then the metadata that count them replace the former
ones in one step. What a kill left behind the counted rows is cut off by the next run, which goes on from there.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.cache_store import (
    FORMAT_VERSION,
    METADATA,
    CacheError,
    DamagedCacheError,
    bytes_of,
    read_metadata,
    unpacked,
)
from zoo.files import save_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_RESERVE = 64 * 2**20  # bytes to leave free on the disk


class CacheWriter:
    """Begin a store, or go on with one.

    Attributes:
        folder: Where it is.
        done: How many things are in it.

    Args:
        folder: The store's folder.
        identity: All that its content depends on.
        facts: What readers need to know besides.
        total: How many things will be in it.

    Raises:
        DamagedCacheError: What is there was changed since it was written.
    """

    def __init__(
        self, folder: str | Path, *, identity: Mapping[str, Any], facts: Mapping[str, Any], total: int
    ) -> None:
        self.folder = Path(folder)
        if (self.folder / METADATA).is_file():
            self._metadata = read_metadata(self.folder)
        else:
            self._metadata = {
                "format_version": FORMAT_VERSION,
                "identity": dict(identity),
                "facts": dict(facts),
                "arrays": {},
                "chunks": [],
                "done": 0,
                "total": 0,
                "complete": False,
            }
        self._cut()
        self._metadata["total"] = max(total, self.done)

    @property
    def done(self) -> int:
        """How many things are in it."""
        return int(self._metadata["done"])

    @property
    def is_complete(self) -> bool:
        """Whether it was finished."""
        return bool(self._metadata["complete"])

    @property
    def facts(self) -> dict[str, Any]:
        """What readers need to know besides."""
        return dict(self._metadata["facts"])

    def rows(self, name: str) -> NDArray[Any]:
        """Read what an array holds so far; nothing where there is none yet."""
        if name not in self._metadata["arrays"]:
            return np.empty(0, np.uint8)
        array = self._metadata["arrays"][name]
        return np.fromfile(self.folder / f"{name}.bin", dtype=array["dtype"]).reshape(array["rows"], *array["shape"])

    def texts(self, name: str) -> list[str]:
        """Read the texts of an array so far."""
        return unpacked(self.rows(f"{name}_bytes"), self.rows(f"{name}_length"))

    def append(self, arrays: Mapping[str, NDArray[Any]], *, count: int) -> None:
        """Add a chunk.

        Args:
            arrays: Rows of each array, always of the same arrays, types and shapes.
            count: How many things they are of.

        Raises:
            CacheError: The disk is full, or will be before the end.
        """
        known = self._metadata["arrays"]
        chunk: dict[str, list[int]] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, values in arrays.items():
                own = known.setdefault(name, {"dtype": str(values.dtype), "shape": list(values.shape[1:]), "rows": 0})
                if (own["dtype"], own["shape"]) != (str(values.dtype), list(values.shape[1:])):
                    message = (
                        f"CacheWriter: rows of {name} must be {own['dtype']} of shape {own['shape']}, got "
                        f"{values.dtype} of shape {list(values.shape[1:])}."
                    )
                    raise ValueError(message)
                data = np.ascontiguousarray(values).tobytes()
                _append(self.folder / f"{name}.bin", data)
                own["rows"] += len(values)
                chunk[name] = [len(values), zlib.crc32(data)]
            self._metadata["chunks"].append({"count": count, "arrays": chunk})
            self._metadata["done"] += count
            self._metadata["complete"] = False
            self._save()
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise self._full() from error
        self._check_space()

    def finish(self) -> None:
        """Say that all is there.

        Raises:
            DamagedCacheError: It is not.
        """
        if self.done != self._metadata["total"]:
            message = (
                f"CacheWriter: {self.folder} must hold {self._metadata['total']:,} things at the end, got "
                f"{self.done:,}. Pass --rebuild true."
            )
            raise DamagedCacheError(message)
        if not self.is_complete:
            self._metadata["complete"] = True
            self._save()

    def _save(self) -> None:
        save_text(json.dumps(self._metadata), self.folder / METADATA)

    def _cut(self) -> None:
        """Remove what a kill left behind the rows that count."""
        for name, array in self._metadata["arrays"].items():
            path, expected = self.folder / f"{name}.bin", bytes_of(array)
            actual = path.stat().st_size if path.is_file() else -1
            if actual < expected:
                message = (
                    f"CacheWriter: {path} must have {expected:,} bytes, got {max(actual, 0):,}: it is truncated or was "
                    f"changed. Delete {self.folder}, or pass --rebuild true."
                )
                raise DamagedCacheError(message)
            if actual > expected:
                os.truncate(path, expected)
        for path in self.folder.glob("*.bin"):
            if path.stem not in self._metadata["arrays"]:
                path.unlink()

    def _check_space(self) -> None:
        written = sum(map(bytes_of, self._metadata["arrays"].values()))
        needed = written * self._metadata["total"] // self.done - written
        if shutil.disk_usage(self.folder).free < needed + _RESERVE:
            raise self._full(needed)

    def _full(self, needed: int | None = None) -> CacheError:
        free = shutil.disk_usage(self.folder).free
        more = "" if needed is None else f" for {-(-needed // 2**20):,} MiB more"
        message = (
            f"CacheWriter: the disk of {self.folder} must have room{more}, got {free // 2**20:,} MiB free. Free some "
            "space or give another folder; what was made is kept, and the same command goes on from there."
        )
        return CacheError(message)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write under a folder; the system lets go when it dies.

    Raises:
        CacheError: Another process is at it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ModuleNotFoundError:  # not on Windows: there, don't make one cache twice at once
            pass
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                message = f"CacheWriter: one process at a time must write to {folder}, and another does. Wait for it."
                raise CacheError(message) from error
        yield


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
