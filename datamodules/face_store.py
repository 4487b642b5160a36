"""A compact store of rendered procedural faces on disk, read through memory maps.

A folder ``<split>-<size>px-<key>`` holds one raw binary file per array and ``metadata.json``, which says
everything: parameters, arrays, AUs, regions, identities. The key is a hash of all that the content
depends on, so a changed parameter is another store.

Frames come in shots. A shot is one identity in one view (pose, light, background) with one neutral
reference and ``frames_per_shot`` frames with AUs of their own.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

# the redundant name lets others, such as face_sampling, import it from here, too
from datamodules.face_store_parameters import FORMAT_VERSION
from datamodules.face_store_parameters import FaceStoreParameters as FaceStoreParameters
from zoo.facs import AUS

METADATA = "metadata.json"


class FaceStoreError(OSError):
    """A face store can't be read or written."""


class MissingStoreError(FaceStoreError, FileNotFoundError):
    """There is no such store."""


class DamagedStoreError(FaceStoreError):
    """A store's files are not what its metadata says."""


class IncompatibleStoreError(FaceStoreError):
    """A store was written by another version, or holds something else than was asked for."""


class FullDiskError(FaceStoreError):
    """There is not enough space for a store."""


class FaceStore:
    """Read a store.

    Attributes:
        folder: Where it is.
        metadata: What it says of itself.

    Args:
        folder: The store's folder.

    Raises:
        MissingStoreError: There is no store.
        DamagedStoreError: A file is truncated or unreadable.
        IncompatibleStoreError: Another version of this code wrote it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.metadata = _read_metadata(self.folder)
        for name, array in self.metadata["arrays"].items():
            _check_size(self.folder / f"{name}.bin", expected=array["bytes"])
        self._maps: dict[str, np.ndarray] = {}

    @classmethod
    def open(cls, parameters: FaceStoreParameters, root: str | Path = "data") -> FaceStore:
        """Open the store with these parameters, and check that it holds their identities and no others.

        Raises:
            MissingStoreError: It was not rendered yet.
            DamagedStoreError: A file is truncated or unreadable.
            IncompatibleStoreError: It is another store.
        """
        store = cls(parameters.folder(root))
        stored = store.metadata["parameters"]
        wanted = json.loads(json.dumps(asdict(parameters)))
        if stored != wanted:
            different = [name for name in wanted if stored.get(name) != wanted[name]]
            message = (
                f"FaceStore: {store.folder} must hold what was asked for, but differs in {', '.join(different)}. "
                "Delete the folder, or pass rebuild=True (--data.rebuild true)."
            )
            raise IncompatibleStoreError(message)
        store.check_identities(parameters.split)
        return store

    def check_identities(self, split: str) -> None:
        """Raise ``IncompatibleStoreError`` unless all identities are of ``split``."""
        from zoo.faces import IDENTITY_RANGES

        allowed = IDENTITY_RANGES[split]
        first, last = self.metadata["identities"]["first"], self.metadata["identities"]["last"]
        stored = self.array("identity")
        if self.metadata["parameters"]["split"] != split or not (
            allowed.start <= min(first, int(stored.min())) and max(last, int(stored.max())) < allowed.stop
        ):
            message = (
                f"FaceStore: {self.folder} must hold identities of {split!r}, {allowed.start} to {allowed.stop - 1}, "
                f"got {first} to {last} of {self.metadata['parameters']['split']!r}."
            )
            raise IncompatibleStoreError(message)

    def __len__(self) -> int:
        return int(self.metadata["parameters"]["num_frames"])

    def __contains__(self, name: str) -> bool:
        return name in self.metadata["arrays"]

    def array(self, name: str) -> np.ndarray:
        """Map an array, read-only."""
        if name not in self._maps:
            array = self.metadata["arrays"][name]
            path = self.folder / f"{name}.bin"
            _check_size(path, expected=array["bytes"])
            self._maps[name] = np.memmap(path, dtype=array["dtype"], mode="r", shape=tuple(array["shape"]))
        return self._maps[name]

    def read(self, name: str, rows: np.ndarray) -> Tensor:
        """Copy some rows of an array."""
        return torch.from_numpy(np.asarray(self.array(name)[rows]))

    def occurrence(self, indices: Any = slice(None)) -> np.ndarray:
        """Unpack which AUs are present, bool."""
        packed = np.asarray(self.array("occurrence")[indices])
        return np.unpackbits(packed, axis=-1, count=len(AUS)).astype(bool)

    def verify(self) -> None:
        """Compare every byte with the checksums that rendering wrote down.

        Raises:
            DamagedStoreError: They differ.
        """
        for name, array in self.metadata["arrays"].items():
            values = self.array(name)
            step = array["rows_per_chunk"]
            for chunk, expected in enumerate(array["crc32"]):
                part = np.ascontiguousarray(values[chunk * step : (chunk + 1) * step])
                if zlib.crc32(part.tobytes()) != expected:
                    message = (
                        f"FaceStore: {self.folder / f'{name}.bin'} must be as it was rendered, but rows from "
                        f"{chunk * step} on differ. Delete {self.folder}, or pass rebuild=True (--data.rebuild true)."
                    )
                    raise DamagedStoreError(message)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}  # a loader's worker maps the files itself


def _read_metadata(folder: Path) -> dict[str, Any]:
    path = folder / METADATA
    if not path.is_file():
        message = (
            f"FaceStore: {folder} must be a store of faces, but there is no {METADATA}. A data module renders what is "
            "missing when training starts; `python cli.py fit --config stage1.yaml` is enough."
        )
        raise MissingStoreError(message)
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        version = metadata["format_version"]
        if version == FORMAT_VERSION:
            _ = metadata["parameters"]["num_frames"], metadata["identities"]["first"], metadata["identities"]["last"]
            _ = [(array["dtype"], array["shape"], array["bytes"]) for array in metadata["arrays"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"FaceStore: {path} must be readable JSON with all that a store says, got {type(error).__name__}: {error}. "
            f"Delete {folder}, or pass rebuild=True (--data.rebuild true)."
        )
        raise DamagedStoreError(message) from error
    if version != FORMAT_VERSION:
        message = (
            f"FaceStore: {folder} must have format version {FORMAT_VERSION}, got {version}. "
            "Delete the folder, or pass rebuild=True (--data.rebuild true)."
        )
        raise IncompatibleStoreError(message)
    return dict(metadata)


def _check_size(path: Path, *, expected: int) -> None:
    try:
        actual = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        message = (
            f"FaceStore: {path} must be readable, got {error}. "
            f"Delete {path.parent}, or pass rebuild=True (--data.rebuild true)."
        )
        raise DamagedStoreError(message) from error
    if actual != expected:
        message = (
            f"FaceStore: {path} must have {expected:,} bytes, got {actual:,}: it is truncated or was changed. "
            f"Delete {path.parent}, or pass rebuild=True (--data.rebuild true), and it is rendered again."
        )
        raise DamagedStoreError(message)
