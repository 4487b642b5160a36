"""Procedural FACS faces as a data module: rendered once into a store, or on the fly on the device."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import torch

from datamodules.base import FaceDataModule
from datamodules.face_datasets import SampledFaces, StoredFaces
from datamodules.face_rendering import render_store
from datamodules.face_sampling import parameter_names
from datamodules.face_store_parameters import FaceStoreParameters
from datamodules.held_out import sets_held_out
from zoo.facs.composer import Composer

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from datamodules.batch import FaceBatch
    from datamodules.face_store import FaceStore
    from zoo.faces import FaceRenderer

_SPLITS_OF_STAGE = {
    "fit": ("train", "validation"),
    "validate": ("validation",),
    "test": ("test",),
    "predict": ("predict",),
}


class ProceduralFacesDataModule(FaceDataModule):
    """Procedural faces with AUs, in three splits whose identities never meet.

    The first run renders what is missing into ``<root>/faces/<split>-<size>px-<key>``, which later runs read.
    Rendering on the fly instead gives new faces in every epoch, and wants a GPU.

    Args:
        image_size: Height and width of the images in pixels.
        num_train: Training frames, without their references.
        num_validation: Validation frames.
        num_test: Test frames.
        train_identities: People in the training frames.
        validation_identities: People in the validation frames.
        test_identities: People in the test frames.
        frames_per_shot: Frames that share a person, a view (pose, light, background) and a reference.
        train_on: Whose faces are trained on; ``judges`` for what only ever evaluates.
        held_out: AU sets that training and validation never show: a share of all sets of two AUs or more, or the
            sets themselves, as lists of AU numbers or as 12+15; 12+15+... means all sets that contain these AUs.
        held_out_seed: Chooses another share.
        test_aus: Whether the test frames show ``seen`` AU sets or the held-out, ``unseen`` ones.
        interaction: 1 lets AUs act on each other by FACS rules, 0 adds them up.
        nuisance: Whether jaw, blinks and the like vary without being labelled.
        train_truth: Whether training frames also come with ``truth``; costs as much rendering and space again.
        reference_landmarks: Whether batches also come with the points of the references.
        on_the_fly: Whether each batch is rendered on the device instead of read from a store.
        root: Folder of all data.
        render_workers: Processes that render a store; as many as there are CPUs where not given.
        rebuild: Whether a damaged store is deleted and rendered again.
        batch_size: Images per step and device.
        global_batch_size: Images per step over all devices, in place of ``batch_size``; must divide by their number.
        num_workers: Processes that read ahead; 0 reads in the training process.
        seed: Decides frames, order and augmentation.
        augment: Whether training images are mirrored and their light varied.
        prompts: Writes the prompts; our lexicon's full texts where not given.
        fresh_prompts: Whether each training epoch has other variants of the texts.
        group_by_length: Whether samples whose texts are of similar length share a training batch.
    """

    def __init__(
        self,
        *,
        image_size: int = 64,
        num_train: int = 8192,
        num_validation: int = 512,
        num_test: int = 2000,
        train_identities: int = 1024,
        validation_identities: int = 64,
        test_identities: int = 100,
        frames_per_shot: int = 4,
        train_on: Literal["train", "judges"] = "train",
        held_out: float | list[list[int] | str] = 0.1,
        held_out_seed: int = 0,
        test_aus: Literal["seen", "unseen"] = "seen",
        interaction: float = 1.0,
        nuisance: bool = True,
        train_truth: bool = False,
        reference_landmarks: bool = False,
        on_the_fly: bool = False,
        root: str = "data",
        render_workers: int | None = None,
        rebuild: bool = False,
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
        if train_on not in {"train", "judges"}:
            message = f"ProceduralFacesDataModule: train_on must be 'train' or 'judges', got {train_on!r}."
            raise ValueError(message)
        for name, value in (
            ("num_train", num_train),
            ("num_validation", num_validation),
            ("num_test", num_test),
            ("train_identities", train_identities),
            ("validation_identities", validation_identities),
            ("test_identities", test_identities),
            ("frames_per_shot", frames_per_shot),
        ):
            if value < 1:
                message = f"ProceduralFacesDataModule: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if group_by_length and on_the_fly:
            message = (
                "ProceduralFacesDataModule: group_by_length must be false with on_the_fly, got True: the faces of an "
                "epoch are known only as they are drawn."
            )
            raise ValueError(message)
        try:
            sets = sets_held_out(held_out, seed=held_out_seed)
        except ValueError as error:
            message = f"ProceduralFacesDataModule: {error}"
            raise ValueError(message) from error
        self._image_size = image_size
        self.root = root
        self.reference_landmarks = reference_landmarks
        self.on_the_fly = on_the_fly
        self.render_workers = render_workers
        self.rebuild = rebuild

        def parameters(split: str, frames: int, identities: int, *, truth: bool, aus: str) -> FaceStoreParameters:
            return FaceStoreParameters(
                split=split,
                size=image_size,
                num_frames=frames,
                num_identities=identities,
                frames_per_shot=frames_per_shot,
                interaction=interaction,
                held_out=sets,
                aus=aus,
                nuisance=nuisance,
                truth=truth,
                seed=seed,
            )

        self.stores = {
            "train": parameters(train_on, num_train, train_identities, truth=train_truth, aus="seen"),
            "validation": parameters("validation", num_validation, validation_identities, truth=True, aus="seen"),
            "test": parameters("test", num_test, test_identities, truth=True, aus=test_aus),
        }
        check_disjoint(self.stores)
        self.stores["predict"] = self.stores["test"]
        if self.augmentation is not None:
            self.augmentation.parameter_names = parameter_names()
        self._renderer: FaceRenderer | None = None

    @property
    def image_size(self) -> int:
        """Height and width of the images in pixels."""
        return self._image_size

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the columns of a batch's ``parameters``."""
        return parameter_names()

    def prepare_data(self) -> None:
        """Render what is missing; Lightning calls it in one process of each machine."""
        if self.on_the_fly:
            return
        stage = "fit" if self.trainer is None or self.trainer.state.fn is None else self.trainer.state.fn.value
        for split in _SPLITS_OF_STAGE[stage]:
            self._store(split)

    def dataset(self, split: str) -> Dataset[dict[str, Any]]:
        """Open the faces of ``train``, ``validation``, ``test`` or ``predict``, rendering what is missing."""
        labelling = self.labelling(split)
        if self.on_the_fly:
            return SampledFaces(self.stores[split], fresh=split == "train", labelling=labelling)
        store = self._store(split)
        return StoredFaces(store, labelling=labelling, reference_landmarks=self.reference_landmarks)

    def content(self, split: str) -> dict[str, Any]:
        """Say what a split depends on: what its store does.

        Raises:
            ValueError: Faces are new in every epoch.
        """
        if self.on_the_fly:
            message = (
                "ProceduralFacesDataModule: on_the_fly must be false for a cache, got True: there, every epoch has new "
                "faces."
            )
            raise ValueError(message)
        return asdict(self.stores[split])

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int = 0) -> FaceBatch:
        """Finish a batch on its device: render it if need be, images to [-1, 1], augment training images."""
        if "faces" in batch:
            batch = self._render(batch)
        return super().on_after_batch_transfer(batch, dataloader_idx)

    def _store(self, split: str) -> FaceStore:
        return render_store(
            self.stores[split], self.root, num_workers=self.render_workers or _cpus(), rebuild=self.rebuild
        )

    @torch.no_grad()
    def _render(self, batch: dict[str, Any]) -> dict[str, Any]:
        from zoo.faces import FaceParameters, FaceRenderer

        if self._renderer is None:
            parameters = self.stores["train"]
            self._renderer = FaceRenderer(parameters.size, interaction=parameters.interaction)
        faces = FaceParameters(**batch.pop("faces"))
        rendered = self._renderer(faces)
        batch["image"] = rendered.images
        neutral = self._renderer(faces.neutral())
        batch["reference"] = neutral.images
        if self.reference_landmarks:
            batch["reference_landmarks"] = neutral.landmarks
        batch["landmarks"], batch["visible"] = rendered.landmarks, rendered.visible
        batch["regions"] = rendered.regions
        if batch.pop("with_truth"):
            # what truth_of gives, from labels that are on the device already
            shown = faces.activation * batch["occurrence"][:, None]
            batch["truth"] = self._renderer(faces.without_nuisance().with_activation(shown)).images
        return batch


def check_disjoint(stores: dict[str, FaceStoreParameters]) -> None:
    """Raise ``ValueError`` if an identity would be in two of the stores."""
    from zoo.faces import IDENTITY_RANGES

    people = {
        split: range(IDENTITY_RANGES[store.split].start, IDENTITY_RANGES[store.split].start + store.num_identities)
        for split, store in stores.items()
    }
    names = list(people)
    for first in names:
        for second in names[names.index(first) + 1 :]:
            if max(people[first].start, people[second].start) < min(people[first].stop, people[second].stop):
                message = (
                    f"check_disjoint: identities must be in one split only, but {first} and {second} share some. "
                    "Train on 'train' or 'judges'."
                )
                raise ValueError(message)


def _cpus() -> int:
    """CPUs that this process may use, which a container or scheduler can have made fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
