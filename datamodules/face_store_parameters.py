"""All that the content of a store of faces depends on, and its key."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from zoo.facs import AUS

FORMAT_VERSION = 1


@functools.cache
def code_version() -> str:
    """Hash the code that decides the pixels and labels of faces, but for its comments and docstrings.

    A number that someone must remember to raise would one day leave old faces beside new ones.
    """
    from zoo import faces, facs, images, randomness

    package = Path(faces.__file__).parent
    sources = [path for path in sorted(package.glob("*.py")) if path.name != "sheets.py"]
    sources += [Path(facs.__file__).parent / "action_units.py", Path(images.__file__)]
    sources += [Path(__file__).with_name("face_sampling.py"), Path(randomness.__file__)]
    return hashlib.sha256("\0".join(code_of(path) for path in sources).encode()).hexdigest()[:12]


def code_of(path: Path) -> str:
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
