"""Descriptions alone, without faces, as a data module: what a text AU recogniser learns from (Appendix F.3)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict

import numpy as np
import torch

from datamodules.base import FaceDataModule
from datamodules.description_texts import DescriptionTexts, variants_of_constructs
from zoo.facs import AUS
from zoo.facs.allocation import codes_of
from zoo.facs.lexicon import Lexicon
from zoo.facs.lexicon_file import STYLES
from zoo.randomness import mix, seeds, uniform

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from numpy.typing import NDArray
    from torch import Tensor

    from datamodules.loading import Request
    from zoo.shapes import Occurrence

_SPLITS = ("train", "validation", "test")


class DescriptionBatch(TypedDict):
    """A batch of descriptions, with the names that batches of faces have.

    Attributes:
        prompt: The descriptions.
        occurrence: Whether each AU is described.
        known: Everywhere True: what could not be coded in a face is not described.
        index: A number of its own for each description of a split.
    """

    prompt: list[str]
    occurrence: Occurrence
    known: Bool[Tensor, "batch au"]
    index: Int[Tensor, " batch"]


class Descriptions(torch.utils.data.Dataset[dict[str, Any]]):
    """Descriptions of sets of AUs, a fixed number of different ones for each set.

    Args:
        texts: Writes them.
        codes: The sets, as codes of :mod:`zoo.facs.allocation`.
        fresh: Whether each epoch has others.
        most: At most this many descriptions, chosen by seed; all where not given.
    """

    subjects: tuple[str, ...] = ()
    """The people whose faces these are: none."""

    def __init__(
        self, texts: DescriptionTexts, *, codes: NDArray[np.int64], fresh: bool = False, most: int | None = None
    ) -> None:
        counts = [texts.count(int(code)) for code in codes]
        rows = np.stack([np.repeat(codes, counts), np.concatenate([np.arange(count) for count in counts])], axis=1)
        chosen = np.argsort(mix(texts.seed, *rows.T), kind="stable")[:most]
        self.texts = texts
        self.fresh = fresh
        self.codes, self.numbers = rows[np.sort(chosen)].T

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, request: Request) -> dict[str, Any]:
        """Give a :class:`DescriptionBatch`."""
        epoch = request.epoch if self.fresh else 0
        codes = self.codes[request.indices]
        occurrence = torch.from_numpy((codes[:, None] >> np.arange(len(AUS)) & 1).astype(bool))
        return {
            "prompt": [
                self.texts.write(int(code), int(number), epoch=epoch)
                for code, number in zip(codes, self.numbers[request.indices], strict=True)
            ],
            "occurrence": occurrence,
            "known": torch.ones_like(occurrence),
            "index": torch.tensor(request.indices),
        }


class DescriptionsDataModule(FaceDataModule):
    """Describe every set of AUs that occurs in a data set, several times.

    Training, validation and test have different sets and different variants of the texts, so that what is measured
    was never seen in either respect; of each construct other variants are kept from training. A face without AUs and
    single AUs are in training; the others are divided by a hash of the set. It has no images: only what reads
    descriptions can be trained on it.

    Args:
        path: Folder that ``dataset`` built, or several, whose labels say which sets occur; null for the sets of
            procedural faces. The images are not opened.
        num_faces: Procedural faces whose sets are described, where there is no ``path``.
        num_descriptions: Descriptions of each set, or all there are where there are fewer.
        validation_share: Share of the sets that validate.
        test_share: Share of the sets that test.
        train_variants: How many of each construct's variants are trained on.
        validation_variants: How many, of the others while these suffice, are validated on.
        test_variants: How many, likewise, are tested on.
        styles: Styles of the texts; each description has one.
        lexicon: Path of a lexicon; ours where not given.
        word_dropout: Share of the words that a training description loses, drawn anew in every epoch; the parts of
            which it is made then come in any order, too. 0 leaves descriptions as they are.
        num_train: At most this many training descriptions, chosen by seed; all where not given.
        fresh_prompts: Whether each training epoch has other descriptions; the paper has the same.
        batch_size: Descriptions per step and device.
        global_batch_size: Descriptions per step over all devices, in place of ``batch_size``; must divide by their
            number.
        num_workers: Processes that write ahead; 0 writes in the training process.
        seed: Decides which sets are held out, the descriptions and their order.
    """

    def __init__(
        self,
        path: str | list[str] | None = None,
        *,
        num_faces: int = 8192,
        num_descriptions: int = 5,
        validation_share: float = 0.1,
        test_share: float = 0.1,
        train_variants: int = 3,
        validation_variants: int = 1,
        test_variants: int = 1,
        styles: list[str] | tuple[str, ...] = STYLES,
        lexicon: str | None = None,
        word_dropout: float = 0.0,
        num_train: int | None = None,
        fresh_prompts: bool = False,
        batch_size: int = 64,
        global_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            global_batch_size=global_batch_size,
            num_workers=num_workers,
            seed=seed,
            augment=False,
            fresh_prompts=fresh_prompts,
        )
        self.paths = [path] if isinstance(path, str) else path
        for name, value in (("num_faces", num_faces), ("num_descriptions", num_descriptions), ("num_train", num_train)):
            if value is not None and value < 1:
                self._refuse(name, "at least 1", value)
        self.num_faces = num_faces
        self.num_train = num_train
        if min(validation_share, test_share) < 0 or validation_share + test_share >= 1:
            self._refuse("validation_share", "such that it and test_share are below 1 together", validation_share)
        self.shares = {"test": test_share, "validation": validation_share}
        words = Lexicon.load(lexicon)
        number = words.num_variants
        counts = dict(zip(_SPLITS, (train_variants, validation_variants, test_variants), strict=True))
        for split, count in counts.items():
            if not 1 <= count <= number:
                self._refuse(f"{split}_variants", f"from 1 to {number}, the variants of the lexicon", count)
        first = max(0, number - test_variants - validation_variants)
        places = {
            "train": range(train_variants),
            "validation": range(first, first + validation_variants),
            "test": range(number - test_variants, number),
        }
        self.texts = {
            split: DescriptionTexts(
                words,
                variants=variants_of_constructs(places[split], number=number, seed=seed),
                styles=styles,
                most=num_descriptions,
                seed=int(seeds(seed, place)[()]),
                word_dropout=word_dropout if split == "train" else 0.0,
            )
            for place, split in enumerate(_SPLITS)
        }

    @property
    def image_size(self) -> int:
        """0: there are no images."""
        return 0

    def subjects(self, split: str) -> list[str]:
        """Name nobody."""
        return []

    def dataset(self, split: str) -> Descriptions:
        """Give the descriptions of ``train``, ``validation``, ``test`` or ``predict``; the last are those of the test.

        Raises:
            ValueError: The split has no sets.
        """
        name = "test" if split == "predict" else split
        train = name == "train"
        codes = self.sets(name)
        if not len(codes):
            self._refuse(f"{name}_share", f"so large that {name} has sets of AUs", self.shares.get(name, "the rest"))
        return Descriptions(
            self.texts[name], codes=codes, fresh=train and self.fresh_prompts, most=self.num_train if train else None
        )

    def sets(self, split: str) -> NDArray[np.int64]:
        """Give the codes of the AU sets of ``train``, ``validation`` or ``test``, in ascending order."""
        occurring = self._occurring
        several = np.array([code.bit_count() > 1 for code in occurring.tolist()], dtype=bool)
        drawn = uniform(self.seed, occurring, count=1)[:, 0]
        first = 0.0
        held_out = np.zeros(len(occurring), dtype=bool)
        for name, share in self.shares.items():
            own = several & (first <= drawn) & (drawn < first + share)
            if name == split:
                return occurring[own]
            held_out |= own
            first += share
        return occurring[~held_out]

    @cached_property
    def _occurring(self) -> NDArray[np.int64]:
        """The codes of the sets that occur, in ascending order."""
        return np.unique(self._codes()).astype(np.int64)

    def _codes(self) -> NDArray[np.int16]:
        if self.paths is None:
            from datamodules.face_sampling import PRESENT
            from zoo.faces.sampling import intensity_of, sample_activation

            activation = sample_activation(torch.from_numpy(seeds(self.seed, np.arange(self.num_faces))))
            return codes_of((intensity_of(activation) >= PRESENT).numpy())
        from datamodules.au_text_folder import AUTextFolder

        folders = [AUTextFolder(path, check=False) for path in self.paths]
        return np.concatenate([codes_of(folder.frames.present) for folder in folders])

    def _refuse(self, name: str, constraint: str, value: object) -> NoReturn:
        message = f"DescriptionsDataModule: {name} must be {constraint}, got {value}."
        raise ValueError(message)
