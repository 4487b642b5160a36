"""A compact store of rendered procedural faces on disk, read through memory maps.

A folder ``<split>-<size>px-<key>`` holds one raw binary file per array and ``metadata.json``, which says
everything: parameters, arrays, AUs, regions, identities. The key is a hash of all that the content
depends on, so a changed parameter is another store.

Frames come in shots. A shot is one identity in one view (pose, light, background) with one neutral
reference and ``frames_per_shot`` frames with AUs of their own.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.facs import AUS

FORMAT_VERSION = 1
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


@functools.cache
def code_version() -> str:
    """Hash the code that decides the pixels and labels of faces, but for its comments and docstrings.

    A number that someone must remember to raise would one day leave old faces beside new ones.
    """
    from zoo import faces, facs, images

    package = Path(faces.__file__).parent
    sources = [path for path in sorted(package.glob("*.py")) if path.name != "sheets.py"]
    sources += [Path(facs.__file__).parent / "action_units.py", Path(images.__file__)]
    sources += [Path(__file__).with_name(name) for name in ("face_sampling.py", "randomness.py")]
    return hashlib.sha256("\0".join(_code(path) for path in sources).encode()).hexdigest()[:12]


def _code(path: Path) -> str:
    """Say what a file does, whatever it says about it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


@dataclass(frozen=True)
class FaceStoreParameters:
    """All that a store's content depends on.

    Attributes:
        split: Range of identities, a key of ``zoo.faces.IDENTITY_RANGES``.
        size: Height and width of the images in pixels.
        num_frames: Frames, without the references.
        num_identities: Identities, from the start of the range.
        frames_per_shot: Frames that share identity, view and reference.
        interaction: 1 renders AUs that act on each other by FACS rules, 0 adds them up.
        held_out: Sets of AU numbers that no frame shows; where ``aus`` is ``unseen``, the only ones that frames show.
        aus: ``seen`` or ``unseen``.
        nuisance: Whether jaw, blinks and the like vary without being labelled.
        trace: Whether unlabelled traces (intensity A) of AUs occur.
        truth: Whether frames are also stored without nuisance and trace.
        seed: Changes everything but the identities.
        renderer_version: Which code drew them, see :func:`code_version`.
        format_version: Layout of the files.
    """

    split: str
    size: int
    num_frames: int
    num_identities: int
    frames_per_shot: int = 4
    interaction: float = 1.0
    held_out: tuple[tuple[int, ...], ...] = ()
    aus: str = "seen"
    nuisance: bool = True
    trace: bool = True
    truth: bool = False
    seed: int = 0
    renderer_version: str = field(default_factory=code_version)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        from zoo.faces import IDENTITY_RANGES, FaceRenderer

        if self.split not in IDENTITY_RANGES:
            message = f"FaceStoreParameters: split must be one of {', '.join(IDENTITY_RANGES)}, got {self.split!r}."
            raise ValueError(message)
        for name in ("size", "num_frames", "num_identities", "frames_per_shot"):
            if getattr(self, name) < 1:
                message = f"FaceStoreParameters: {name} must be at least 1, got {getattr(self, name)}."
                raise ValueError(message)
        object.__setattr__(self, "interaction", float(self.interaction))  # 1 and 1.0 are one store
        FaceRenderer(self.size, interaction=self.interaction)  # refuses what it can't draw, before anything is made
        if not -(2**63) <= self.seed < 2**63:
            message = f"FaceStoreParameters: seed must fit 64 bits, got {self.seed}."
            raise ValueError(message)
        available = len(IDENTITY_RANGES[self.split])
        if self.num_identities > available:
            message = (
                f"FaceStoreParameters: num_identities must be at most {available}, the identities of "
                f"{self.split!r}, got {self.num_identities}."
            )
            raise ValueError(message)
        if self.aus not in {"seen", "unseen"}:
            message = f"FaceStoreParameters: aus must be 'seen' or 'unseen', got {self.aus!r}."
            raise ValueError(message)
        if self.aus == "unseen" and not self.held_out:
            message = (
                "FaceStoreParameters: aus must be 'seen' where no AU sets are held out, got 'unseen'. "
                "Say which sets training leaves out, by held_out."
            )
            raise ValueError(message)
        sets = tuple(sorted({tuple(sorted(set(each))) for each in self.held_out}))
        unknown = sorted({au for each in sets for au in each} - set(AUS))
        if unknown:
            message = f"FaceStoreParameters: held_out must name AUs of {AUS}, got {unknown}."
            raise ValueError(message)
        object.__setattr__(self, "held_out", sets)

    @property
    def num_shots(self) -> int:
        """Number of shots, the last perhaps with fewer frames."""
        return -(-self.num_frames // self.frames_per_shot)

    @property
    def key(self) -> str:
        """Hash of all parameters."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def folder(self, root: str | Path) -> Path:
        """Give the folder of this store under ``root``."""
        return Path(root) / "faces" / f"{self.split}-{self.size}px-{self.key}"

    def arrays(self, num_parameters: int) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Give the type and shape of each array; those of references have one row per shot."""
        frames, size, aus = self.num_frames, self.size, len(AUS)
        arrays = {
            "images": ("uint8", (frames, 3, size, size)),
            "references": ("uint8", (self.num_shots, 3, size, size)),
            "occurrence": ("uint8", (frames, -(-aus // 8))),
            "intensity": ("float16", (frames, aus)),
            "landmarks": ("float32", (frames, 68, 2)),
            "visible": ("bool", (frames, 68)),
            "regions": ("uint8", (frames, size, size)),
            "parameters": ("float32", (frames, num_parameters)),
            "identity": ("int64", (frames,)),
            "seeds": ("int64", (frames, 3)),
        }
        if self.truth:
            arrays["truth"] = ("uint8", (frames, 3, size, size))
        return arrays


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
                "Delete the folder, or pass rebuild=True."
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
                        f"{chunk * step} on differ. Delete {self.folder}, or pass rebuild=True."
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
            f"Delete {folder}, or pass rebuild=True."
        )
        raise DamagedStoreError(message) from error
    if version != FORMAT_VERSION:
        message = (
            f"FaceStore: {folder} must have format version {FORMAT_VERSION}, got {version}. "
            "Delete the folder, or pass rebuild=True."
        )
        raise IncompatibleStoreError(message)
    return dict(metadata)


def _check_size(path: Path, *, expected: int) -> None:
    try:
        actual = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        message = f"FaceStore: {path} must be readable, got {error}. Delete {path.parent}, or pass rebuild=True."
        raise DamagedStoreError(message) from error
    if actual != expected:
        message = (
            f"FaceStore: {path} must have {expected:,} bytes, got {actual:,}: it is truncated or was changed. "
            f"Delete {path.parent}, or pass rebuild=True, and it is rendered again."
        )
        raise DamagedStoreError(message)
