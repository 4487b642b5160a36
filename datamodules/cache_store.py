"""A store of what frozen parts made of the data: arrays in a folder, read through memory maps.

A folder ``<name>-<key>`` holds one raw binary file per array and ``metadata.json``, which says everything: what the
content depends on (its identity, of which the key is a hash), the arrays, and the checksum of each chunk of rows.
Changed data or weights are another store, so nothing stale is ever read.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

FORMAT_VERSION = 1
METADATA = "metadata.json"
_LONGEST = 40  # characters of a value in a message
_MOST_TOLD = 2  # stores that are not the wanted one


class CacheError(OSError):
    """A cache can't be used or made."""


class MissingCacheError(CacheError, FileNotFoundError):
    """There is no cache of this data, made by these weights."""


class UnfinishedCacheError(CacheError):
    """A cache was not made to its end."""


class DamagedCacheError(CacheError):
    """A cache's files are not what its metadata says."""


def key_of(identity: Mapping[str, Any]) -> str:
    """Hash what a store depends on."""
    text = json.dumps({**identity, "format_version": FORMAT_VERSION}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class CacheStore:
    """Read a store.

    Attributes:
        folder: Where it is.
        metadata: What it says of itself.

    Args:
        folder: The store's folder, ``<root>/<name>-<key>``.
        identity: What its content must depend on.

    Raises:
        MissingCacheError: It is not there; says how those that are there differ.
        UnfinishedCacheError: It was not made to its end.
        DamagedCacheError: A file is missing, truncated or unreadable.
    """

    def __init__(self, folder: str | Path, *, identity: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        if not (self.folder / METADATA).is_file():
            message = f"CacheStore: {self.folder} must be there, and is not.{_others(self.folder, identity)}"
            raise MissingCacheError(message)
        self.metadata = read_metadata(self.folder)
        if different := list(_differences(self.metadata["identity"], _plain(identity))):
            message = f"CacheStore: {self.folder} must be of this data and these weights: {_listed(different)}."
            raise MissingCacheError(message)
        if not self.metadata["complete"]:
            message = (
                f"CacheStore: {self.folder} must be whole, and {self.metadata['done']:,} of {self.metadata['total']:,} "
                "are done. Give the command that made it again, and it goes on."
            )
            raise UnfinishedCacheError(message)
        for name, array in self.metadata["arrays"].items():
            self._check_size(name, array)
        self._maps: dict[str, NDArray[Any]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.metadata["arrays"]

    def array(self, name: str) -> NDArray[Any]:
        """Map an array, read-only."""
        if name not in self._maps:
            array = self.metadata["arrays"][name]
            self._check_size(name, array)
            shape = (array["rows"], *array["shape"])
            empty = not bytes_of(array)  # which can't be mapped
            self._maps[name] = (
                np.empty(shape, array["dtype"])
                if empty
                else np.memmap(self.folder / f"{name}.bin", dtype=array["dtype"], mode="r", shape=shape)
            )
        return self._maps[name]

    def texts(self, name: str) -> list[str]:
        """Read all texts of an array that was written by :func:`packed`."""
        return unpacked(self.array(f"{name}_bytes"), self.array(f"{name}_length"))

    def verify(self) -> None:
        """Compare every byte with the checksums that were written down.

        Raises:
            DamagedCacheError: They differ.
        """
        first = dict.fromkeys(self.metadata["arrays"], 0)
        for chunk in self.metadata["chunks"]:
            for name, (rows, expected) in chunk["arrays"].items():
                part = np.ascontiguousarray(self.array(name)[first[name] : first[name] + rows])
                if zlib.crc32(part.tobytes()) != expected:
                    raise self._damaged(name, f"rows from {first[name]:,} on differ from what was written")
                first[name] += rows

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}  # a loader's worker maps the files itself

    def _check_size(self, name: str, array: Mapping[str, Any]) -> None:
        expected = bytes_of(array)
        try:
            actual = (self.folder / f"{name}.bin").stat().st_size
        except OSError as error:
            raise self._damaged(name, f"can't be read: {error.strerror}") from error
        if actual != expected:
            raise self._damaged(name, f"has {actual:,} bytes in place of {expected:,}")

    def _damaged(self, name: str, problem: str) -> DamagedCacheError:
        message = (
            f"CacheStore: {self.folder / name}.bin must be as it was written, but {problem}. "
            f"Delete {self.folder} and make it again: python cli.py cache --config ..."
        )
        return DamagedCacheError(message)


def packed(name: str, texts: list[str]) -> dict[str, NDArray[Any]]:
    """Write texts as arrays, for :meth:`CacheStore.texts`."""
    encoded = [text.encode() for text in texts]
    return {
        f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_length": np.array([len(each) for each in encoded], dtype=np.int32),
    }


def unpacked(joined: NDArray[Any], lengths: NDArray[Any]) -> list[str]:
    """Read texts back that :func:`packed` wrote."""
    text, ends = joined.tobytes(), np.cumsum(lengths, dtype=np.int64).tolist()
    return [text[first:end].decode() for first, end in zip([0, *ends], ends, strict=False)]


def bytes_of(array: Mapping[str, Any]) -> int:
    """Give the bytes of an array that metadata describe."""
    return int(array["rows"] * np.prod(array["shape"], dtype=np.int64) * np.dtype(array["dtype"]).itemsize)


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read what a store says of itself.

    Raises:
        DamagedCacheError: It is unreadable, or of another version.
    """
    path = folder / METADATA
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        version = metadata["format_version"]
        if version == FORMAT_VERSION:
            _ = metadata["identity"], metadata["facts"], metadata["done"], metadata["total"], metadata["complete"]
            _ = [bytes_of(array) for array in metadata["arrays"].values()]
            _ = [dict(chunk["arrays"]) for chunk in metadata["chunks"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"CacheStore: {path} must be readable JSON with all that a store says, got {type(error).__name__}: "
            f"{error}. Delete {folder} and make it again: python cli.py cache --config ..."
        )
        raise DamagedCacheError(message) from error
    if version != FORMAT_VERSION:
        message = f"CacheStore: {folder} must have format version {FORMAT_VERSION}, got {version}. Delete the folder."
        raise DamagedCacheError(message)
    return dict(metadata)


def _others(folder: Path, identity: Mapping[str, Any]) -> str:
    """Say how the stores of the same name that are there differ from the one that was wanted."""
    found = []
    for other in sorted(folder.parent.glob(f"{folder.name.rpartition('-')[0]}-*/{METADATA}")):
        try:
            different = list(_differences(read_metadata(other.parent)["identity"], _plain(identity)))
        except DamagedCacheError:
            different = ["damaged"]
        found.append((len(different), f"\n  {other.parent.name} differs: {_listed(different)}"))
    lines = [line for _, line in sorted(found, key=lambda each: each[0])]  # the most alike first
    more = f"\n  {len(lines) - _MOST_TOLD} more differ further." if len(lines) > _MOST_TOLD else ""
    return "".join(lines[:_MOST_TOLD]) + more


def _listed(different: list[str]) -> str:
    return "; ".join(different[:4]) + (f"; and {len(different) - 4} more" if len(different) > 4 else "")


def _differences(there: Any, wanted: Any, at: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*there, *wanted]):
            yield from _differences(there.get(name), wanted.get(name), f"{at}.{name}" if at else name)
    elif there != wanted:
        shown = [text if len(text) <= _LONGEST else None for text in (json.dumps(there), json.dumps(wanted))]
        yield at if None in shown else f"{at} is {shown[0]} there and {shown[1]} here"


def _plain(identity: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(identity))
