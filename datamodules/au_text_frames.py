"""Frames of AU text folders as a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.augmentation import MIRRORED
from datamodules.builders.sources.folds import BP4D_FOLDS, BP4DPLUS_FOLDS, DISFA_FOLDS
from datamodules.builders.splitting import SplitRule, splits_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from datamodules.au_text_folder import AUTextFolder
    from datamodules.builders.frames import Frames
    from datamodules.builders.sources.folds import Parts
    from datamodules.labelling import Labelling
    from datamodules.loading import Request

PUBLISHED_FOLDS: Mapping[str, Mapping[str, Parts]] = {
    "bp4d": BP4D_FOLDS,
    "bp4dplus": BP4DPLUS_FOLDS,
    "disfa": DISFA_FOLDS,
}
"""Partitions of the subjects, by the data set's name."""
_SIDES = ("", "L", "R")


@dataclass(frozen=True)
class FrameChoice:
    """Some frames of some folders.

    Attributes:
        folders: The folders.
        places: Which frames, counted through all folders in their order.
    """

    folders: Sequence[AUTextFolder]
    places: NDArray[np.int64]


class AUTextFrames(Dataset[dict[str, Any]]):
    """Read batches of frames.

    Args:
        frames: Which ones.
        size: Height and width to which they are scaled.
        labelling: Labels them.
    """

    def __init__(self, frames: FrameChoice, *, size: int, labelling: Labelling) -> None:
        self.folders = list(frames.folders)
        self.places = frames.places
        self.size = size
        self.labelling = labelling
        self._starts = np.cumsum([0, *(len(folder) for folder in self.folders)])
        tables = [folder.frames for folder in self.folders]
        self._with_sides = any(table.side is not None for table in tables)
        points = {None if table.landmarks is None else table.landmarks.shape[1] for table in tables}
        # points of one kind can be stacked and mirrored; of several, or where a folder has none, they are left out
        self._with_landmarks = len(points) == 1 and points <= set(MIRRORED)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def subjects(self) -> list[str]:
        """Who is in it."""
        names = np.concatenate([folder.frames.subject for folder in self.folders])
        return sorted(set(names[self.places].tolist()))

    @property
    def num_aus(self) -> NDArray[np.int64]:
        """How many AUs each sample's text states."""
        return np.concatenate([folder.frames.present.sum(-1) for folder in self.folders])[self.places]

    def __getitem__(self, request: Request) -> dict[str, Any]:
        index = self.places[np.asarray(request.indices, dtype=np.int64)]
        which = np.searchsorted(self._starts, index, side="right") - 1
        parts = [self._part(int(number), index[which == number] - self._starts[number]) for number in np.unique(which)]
        joined = parts[0]
        if len(parts) > 1:
            # back from the order of the folders to that of the request
            order = np.argsort(np.argsort(which, kind="stable"), kind="stable")
            joined = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
        labels = self.labelling(
            joined.pop("occurrence"),
            intensity=joined.pop("intensity"),
            side=joined.pop("side", None),
            index=index,
            epoch=request.epoch,
        )
        texts = {name: joined.pop(name).tolist() for name in ("subject", "source")}
        return {**{name: torch.from_numpy(values) for name, values in joined.items()}, **texts, **labels}

    def _part(self, number: int, places: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Read frames of one folder."""
        folder, table = self.folders[number], self.folders[number].frames
        part: dict[str, NDArray[Any]] = {
            "image": self._scaled(folder.read(places)),
            "reference": self._scaled(folder.read_references(places)),
            "occurrence": table.occurrence[places],
            "intensity": table.intensity[places],
            "subject": table.subject[places],
            "source": table.source[places],
        }
        if self._with_sides:
            shape = (len(places), table.occurrence.shape[1])
            part["side"] = np.zeros(shape, dtype=np.int8) if table.side is None else side_numbers(table.side[places])
        if self._with_landmarks:
            assert table.landmarks is not None
            part["landmarks"] = table.landmarks[places] * np.float32(self.size / folder.size)
        return part

    def _scaled(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if images.shape[-1] == self.size:
            return images
        scaled = torch.nn.functional.interpolate(
            torch.from_numpy(images), size=(self.size, self.size), mode="bicubic", antialias=True
        )
        return cast("NDArray[np.uint8]", scaled.numpy())


def side_numbers(side: NDArray[np.object_]) -> NDArray[np.int8]:
    """Turn "" (both), L and R into 0, 1 and 2.

    Example:
        >>> side_numbers(np.array([["", "L", "R"]], dtype=object)).tolist()
        [[0, 1, 2]]
    """
    numbers = np.zeros(side.shape, dtype=np.int8)
    for number, name in enumerate(_SIDES[1:], start=1):
        numbers[side == name] = number
    return numbers


@dataclass(frozen=True)
class _Part:
    name: str
    folds: Mapping[str, Parts]


@dataclass(frozen=True)
class _Subjects:
    """What splitting asks of frames."""

    parts: Sequence[_Part]
    subject: NDArray[np.object_]
    split: NDArray[np.object_]


def splits_by_name(
    folders: Sequence[AUTextFolder], split: str, *, validation_share: float, test_share: float, seed: int
) -> NDArray[np.object_]:
    """Give the split of each frame of all folders, by a rule as the builders take it.

    Raises:
        DatasetError: The rule names no published fold, or the folders put a subject into two splits.
        ValueError: The shares are impossible, or a frame is in two folders.
    """
    tables = [folder.frames for folder in folders]
    sources = [source for table in tables for source in table.source]
    if len(tables) > 1 and len(set(sources)) < len(sources):
        paths = " and ".join(str(folder.path) for folder in folders)
        message = (
            "AUTextDataModule: path must name folders without common frames, but "
            f"{len(sources) - len(set(sources)):,} frames of {paths} are in two of them. Name one of them only."
        )
        raise ValueError(message)
    subject = np.concatenate([table.subject for table in tables])
    names = sorted({name.split("/")[0] for name in set(subject)})
    frames = _Subjects(
        [_Part(name, PUBLISHED_FOLDS.get(name, {})) for name in names],
        subject,
        np.concatenate([cast("NDArray[np.object_]", table.split) for table in tables]),
    )
    rule = SplitRule(split, validation_share=validation_share, test_share=test_share, seed=seed)
    return splits_of(cast("Frames", frames), np.arange(len(subject)), rule)
