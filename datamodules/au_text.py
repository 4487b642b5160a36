"""AU text folders as a data module: BP4D-AUText, and whatever else ``dataset`` built."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datamodules.au_text_folder import AUTextFolder, MissingAUTextFolderError
from datamodules.au_text_frames import AUTextFrames, FrameChoice, splits_by_name
from datamodules.base import FaceDataModule
from datamodules.held_out import sets_held_out, shows_held_out
from zoo.facs.composer import Composer
from zoo.randomness import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.utils.data import Dataset

LAYOUT = """
  DIR/dataset.json        what it holds and how it was built
  DIR/frames.parquet      a row for each image: labels, text, split
  DIR/references.parquet  a row for each reference face
  DIR/shards/ or DIR/images/ and DIR/references/"""
_BUILD = "python cli.py dataset bp4d|bp4dplus|disfa|manifest|faces ... --output DIR"


class AUTextDataError(ValueError):
    """AU text folders can't be used as asked."""


class AUTextDataModule(FaceDataModule):
    """Faces of people with AU labels, descriptions and reference faces, from folders that ``dataset`` built.

    Args:
        path: The folder, or several whose frames are taken together.
        image_size: Height and width to which images are scaled; as they are stored where not given.
        split: ``auto``, as the folder says; ``random``, whole subjects by seed; or which part of a published partition
            of the subjects tests, such as ``3fold:P1``, with the data set in front where there are several:
            ``bp4d/3fold:P1,bp4dplus/4fold:S2``.
        validation_share: Share of the subjects that validate, where ``split`` is not ``auto``.
        test_share: Share of the subjects that test, where ``split`` is ``random``.
        num_train: At most this many training frames, chosen by seed; all where not given.
        num_validation: At most this many validation frames.
        num_test: At most this many test frames.
        held_out: AU sets that training and validation never show: a share of all sets of two AUs or more, or the
            sets themselves, as lists of AU numbers or as 12+15; 12+15+... means all sets that contain these AUs.
        held_out_seed: Chooses another share.
        test_aus: Whether the test frames show ``seen`` AU sets or the held-out, ``unseen`` ones.
        batch_size: Images per step and device.
        global_batch_size: Images per step over all devices, in place of ``batch_size``; must divide by their number.
        num_workers: Processes that read ahead; 0 reads in the training process.
        seed: Decides order, augmentation and which frames and subjects are chosen.
        augment: Whether training images are mirrored and their light varied.
        prompts: Writes the prompts; our lexicon's full texts where not given.
        fresh_prompts: Whether each training epoch has other variants of the texts.
        group_by_length: Whether samples whose texts are of similar length share a training batch.
    """

    def __init__(
        self,
        path: str | list[str],
        *,
        image_size: int | None = None,
        split: str = "auto",
        validation_share: float = 0.1,
        test_share: float = 0.1,
        num_train: int | None = None,
        num_validation: int | None = None,
        num_test: int | None = 2000,
        held_out: float | list[list[int] | str] = 0.0,
        held_out_seed: int = 0,
        test_aus: Literal["seen", "unseen"] = "seen",
        batch_size: int = 32,
        global_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        augment: bool = True,
        prompts: Composer | None = None,
        fresh_prompts: bool = True,
        group_by_length: bool = False,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            global_batch_size=global_batch_size,
            num_workers=num_workers,
            seed=seed,
            augment=augment,
            prompts=prompts,
            fresh_prompts=fresh_prompts,
            group_by_length=group_by_length,
        )
        self.paths = [path] if isinstance(path, str) else list(path)
        if not self.paths:
            message = "AUTextDataModule: path must name at least one folder, got none."
            raise ValueError(message)
        counts = {"num_train": num_train, "num_validation": num_validation, "num_test": num_test}
        for name, value in {"image_size": image_size, **counts}.items():
            if value is not None and value < 1:
                message = f"AUTextDataModule: {name} must be at least 1, got {value}. Leave it out for all there is."
                raise ValueError(message)
        if test_aus not in {"seen", "unseen"}:
            message = f"AUTextDataModule: test_aus must be 'seen' or 'unseen', got {test_aus!r}."
            raise ValueError(message)
        try:
            self.held_out = sets_held_out(held_out, seed=held_out_seed)
        except ValueError as error:
            message = f"AUTextDataModule: {error}"
            raise ValueError(message) from error
        if test_aus == "unseen" and not self.held_out:
            message = (
                "AUTextDataModule: test_aus must be 'seen' where no AU sets are held out, got 'unseen'. Say which sets "
                "training leaves out, by held_out."
            )
            raise ValueError(message)
        self.split = split
        self.shares = {"validation_share": validation_share, "test_share": test_share}
        self.most_frames = {name.removeprefix("num_"): value for name, value in counts.items()}
        self.test_aus = test_aus
        self._image_size = image_size

    @property
    def image_size(self) -> int:
        """Height and width of the images in pixels."""
        sizes = sorted({folder.size for folder in self.folders}) if self._image_size is None else [self._image_size]
        if len(sizes) > 1:
            message = (
                "AUTextDataModule: image_size must be given where folders have images of different sizes, got none "
                f"for {' and '.join(map(str, sizes))} pixels."
            )
            raise AUTextDataError(message)
        return sizes[0]

    @cached_property
    def folders(self) -> list[AUTextFolder]:
        """The folders, opened."""
        try:
            return [AUTextFolder(path) for path in self.paths]
        except MissingAUTextFolderError as error:
            message = f"{error}\nDIR must look like this, and is written by `{_BUILD}`:{LAYOUT}"
            raise MissingAUTextFolderError(message) from error

    @cached_property
    def splits(self) -> NDArray[np.object_]:
        """The split of each frame of all folders, in their order."""
        return splits_by_name(self.folders, self.split, seed=self.seed, **self.shares)

    def prepare_data(self) -> None:
        """See that all folders are there, before anything is built."""
        _ = self.image_size, self.splits

    def dataset(self, split: str) -> Dataset[dict[str, Any]]:
        """Open ``train``, ``validation``, ``test`` or ``predict``; the last is the test data.

        Raises:
            AUTextDataError: The split has no frames.
        """
        name = "test" if split == "predict" else split
        frames = FrameChoice(self.folders, self._chosen(name))
        return AUTextFrames(frames, size=self.image_size, labelling=self.labelling(split))

    def content(self, split: str) -> dict[str, Any]:
        """Say what a split depends on: the folders' tables, and which frames are chosen."""
        return {
            "image_size": self.image_size,
            "folders": [folder.checksums() for folder in self.folders],
            "frames": hashlib.sha256(self._chosen(split).tobytes()).hexdigest(),
        }

    def _chosen(self, split: str) -> NDArray[np.int64]:
        """Choose the frames of a split, in the order of the folders."""
        held_out = np.concatenate([shows_held_out(folder.frames.present, self.held_out) for folder in self.folders])
        wanted = held_out if split == "test" and self.test_aus == "unseen" else ~held_out
        chosen = np.flatnonzero((self.splits == split) & wanted)
        if not len(chosen):
            shown = ""
            if self.held_out:
                shown = f" with AU sets that are {'' if wanted is held_out else 'not '}held out"
            message = (
                f"AUTextDataModule: {' and '.join(self.paths)} must have {split} frames{shown}, got none among "
                f"{int((self.splits == split).sum()):,} {split} frames. Change split{' or held_out' if shown else ''}, "
                "or the shares."
            )
            raise AUTextDataError(message)
        most = self.most_frames[split]
        if most is None or len(chosen) <= most:
            return chosen
        drawn = np.argsort(mix(self.seed, chosen), kind="stable")[:most]
        return np.sort(chosen[drawn])
