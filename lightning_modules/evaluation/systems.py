"""What is evaluated: models, and folders of pictures that other systems made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import bundles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Member:
    """One model, or one folder of pictures.

    Attributes:
        path: A bundle, a run's folder, a checkpoint, a folder of pictures or its manifest.
        is_model: Whether it has to be asked for its pictures.
    """

    path: Path
    is_model: bool

    @property
    def run(self) -> Path | None:
        """The run that it comes from, if its config is there."""
        place = self.path.parent.parent if self.path.suffix == ".ckpt" else self.path
        return place if self.is_model and (place / "config.yaml").is_file() else None


@dataclass(frozen=True)
class System:
    """A row of the table.

    Attributes:
        name: What the table calls it.
        members: One, or several that differ in the seed of training.
    """

    name: str
    members: tuple[Member, ...]


def find_systems(given: Mapping[str, Any] | Sequence[str]) -> list[System]:
    """Find what ``systems`` names.

    Args:
        given: A path for each name, or several; or paths alone, which then name themselves. A path may have wildcards.

    Raises:
        ValueError: Nothing is given, or a path holds neither a model nor pictures.
        FileNotFoundError: There is nothing at a path.
    """
    if not given:
        message = "evaluate: systems must name at least one model or folder of pictures, got none. Such as "
        raise ValueError(message + "--systems.ours models/vq_auface")
    if isinstance(given, dict):
        named = {str(name): value if isinstance(value, list) else [value] for name, value in given.items()}
    else:
        paths: Any = [given] if isinstance(given, str) else given
        named = dict(zip(_short_names([str(path) for path in paths]), ([str(path)] for path in paths), strict=True))
    systems = []
    for name, paths in named.items():
        places = [place for path in paths for place in _expanded(str(path))]
        if len(set(places)) < len(places):
            message = f"evaluate: systems.{name} must name each path once, got {', '.join(map(str, places))}."
            raise ValueError(message)
        members = tuple(_member(place, name) for place in places)
        if len({member.is_model for member in members}) > 1:
            message = f"evaluate: systems.{name} must be models or folders of pictures, got some of each."
            raise ValueError(message)
        systems.append(System(name, members))
    return systems


def _expanded(path: str) -> list[Path]:
    if not _WILDCARDS & set(path):
        return [bundles.find(path)]
    pattern = Path(path).expanduser()
    root = Path(pattern.anchor) if pattern.is_absolute() else Path.cwd()
    found = sorted(root.glob(str(pattern.relative_to(root) if pattern.is_absolute() else pattern)))
    if not found:
        message = f"evaluate: systems must be paths that are there, got {path!r}, which nothing matches."
        raise FileNotFoundError(message)
    return found


def _member(place: Path, name: str) -> Member:
    if place.is_file():
        if place.suffix.lower() == ".csv":
            return Member(place, is_model=False)
        return Member(place, is_model=True)
    if (place / "config.json").is_file() or (place / "checkpoints").is_dir():
        return Member(place, is_model=True)
    if (place / "manifest.csv").is_file() or any(place.glob("*.[pPjJ][nNpP]*")):
        return Member(place, is_model=False)
    message = (
        f"evaluate: systems.{name} must be a bundle, a run's folder, a checkpoint or a folder of pictures, got "
        f"{str(place)!r}, which has neither config.json nor checkpoints/ nor pictures (.png, .jpg) nor manifest.csv."
    )
    raise ValueError(message)


def _short_names(paths: list[str]) -> list[str]:
    """Name paths by their last part, or by as many as it takes to tell them apart."""
    for count in range(1, 8):
        names = ["/".join(Path(path).parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    message = f"evaluate: systems must be different paths, got {', '.join(paths)}."
    raise ValueError(message)
