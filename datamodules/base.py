"""What every data module of faces has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import LightningDataModule

from datamodules.augmentation import Augmentation
from datamodules.batch import IMAGES
from datamodules.cached_faces import CACHED_SPLITS, widen
from datamodules.labelling import Labelling
from datamodules.loading import EvaluationSampler, ResumableLoader, ResumableSampler, world
from zoo.facs.composer import Composer
from zoo.images import from_uint8
from zoo.recorded import Recorded

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from datamodules.batch import FaceBatch
    from datamodules.token_cache import TokenCache


class FaceDataModule(Recorded, LightningDataModule, ABC):
    """Give loaders of face batches for training, validation, test and prediction.

    Data sets answer a :class:`datamodules.loading.Request` with a batch whose images are uint8; these become
    floats in [-1, 1] only on the device that trains, which costs a quarter of the transfer.

    Args:
        batch_size: Images per step and device.
        global_batch_size: Images per step over all devices, in place of ``batch_size``; must divide by their number.
        num_workers: Processes that read ahead; 0 reads in the training process.
        seed: Decides order and augmentation.
        augment: Whether training images are mirrored and their light varied.
        prompts: Writes the prompts; our lexicon's full texts where not given.
        fresh_prompts: Whether each training epoch has other variants of the texts. Those of validation and test are
            always the same.
        group_by_length: Whether samples whose texts are of similar length share a training batch, so that less is
            padded; told by the number of AUs that a text states.
    """

    def __init__(
        self,
        *,
        batch_size: int = 32,
        global_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        augment: bool = True,
        prompts: Composer | None = None,
        fresh_prompts: bool = True,
        group_by_length: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("batch_size", batch_size), ("global_batch_size", global_batch_size)):
            if value is not None and value < 1:
                message = f"{type(self).__name__}: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if num_workers < 0:
            message = f"{type(self).__name__}: num_workers must be at least 0, got {num_workers}."
            raise ValueError(message)
        self.batch_size = batch_size
        self.global_batch_size = global_batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.augmentation = Augmentation() if augment else None
        self.prompts = Composer() if prompts is None else prompts
        self.fresh_prompts = fresh_prompts
        self.group_by_length = group_by_length
        self.cache: TokenCache | None = None
        """Where given, training and validation take from it what frozen parts made of the faces."""

    @property
    @abstractmethod
    def image_size(self) -> int:
        """Height and width of the images in pixels."""

    @abstractmethod
    def dataset(self, split: str) -> Dataset[dict[str, Any]]:
        """Open the data of ``train``, ``validation``, ``test`` or ``predict``."""

    def subjects(self, split: str) -> list[str]:
        """Name the people of a split, in a fixed order."""
        names: list[str] = self.dataset(split).subjects  # type: ignore[attr-defined]
        return names

    def content(self, split: str) -> dict[str, Any]:
        """Say as plain data what the images and labels of a split depend on, so that they can be cached.

        Raises:
            ValueError: They are never the same again.
        """
        message = f"{type(self).__name__}: its faces can't be cached, as it has no content(split)."
        raise ValueError(message)

    @property
    def device_batch_size(self) -> int:
        """Images per step on each device."""
        if self.global_batch_size is None:
            return self.batch_size
        devices, _ = self._world()
        if self.global_batch_size % devices:
            message = (
                f"{type(self).__name__}: global_batch_size must divide by the number of devices, got "
                f"{self.global_batch_size} for {devices}."
            )
            raise ValueError(message)
        return self.global_batch_size // devices

    def labelling(self, split: str) -> Labelling:
        """Give what labels the samples of a split."""
        train = split == "train"
        return Labelling(
            self.prompts,
            fresh_prompts=self.fresh_prompts and train,
            augment_seed=self.seed if train and self.augmentation is not None else None,
        )

    def train_dataloader(self) -> ResumableLoader:
        """Give shuffled batches, which can go on in the middle of an epoch."""
        dataset = self._dataset("train")
        replicas, rank = self._world()
        overfit = self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        sampler: ResumableSampler | EvaluationSampler
        if overfit:
            sampler = EvaluationSampler(dataset, batch_size=self.device_batch_size, num_replicas=replicas, rank=rank)
        else:
            sampler = ResumableSampler(
                dataset,
                batch_size=self.device_batch_size,
                seed=self.seed,
                lengths=dataset.num_aus if self.group_by_length else None,
                num_replicas=replicas,
                rank=rank,
            )
        return self._loader(dataset, sampler, finished=None if self.trainer is None else self._finished_batches)

    def val_dataloader(self) -> ResumableLoader:
        """Give the validation data in order, each sample once over all devices."""
        return self._evaluation_loader("validation")

    def test_dataloader(self) -> ResumableLoader:
        """Give the test data in order, each sample once over all devices."""
        return self._evaluation_loader("test")

    def predict_dataloader(self) -> ResumableLoader:
        """Give the data to predict on in order, each sample once over all devices."""
        return self._evaluation_loader("predict")

    def on_after_batch_transfer(self, batch: dict[str, Any], dataloader_idx: int = 0) -> FaceBatch:
        """Finish a batch on its device: images become floats in [-1, 1], training images are augmented."""
        draws = batch.pop("draws", None)
        for name in IMAGES:
            if name in batch and batch[name].dtype == torch.uint8:
                batch[name] = from_uint8(batch[name])
        batch = widen(batch)
        if "regions" in batch:
            batch["regions"] = batch["regions"].long()
        if draws is not None and self.augmentation is not None:
            batch = self.augmentation(batch, draws)
        return batch  # type: ignore[return-value]

    def _dataset(self, split: str) -> Any:
        if self.cache is None or split not in CACHED_SPLITS:
            return self.dataset(split)
        return self.cache.dataset(self, split)

    def _evaluation_loader(self, split: str) -> ResumableLoader:
        dataset = self._dataset(split)
        replicas, rank = self._world()
        sampler = EvaluationSampler(dataset, batch_size=self.device_batch_size, num_replicas=replicas, rank=rank)
        return self._loader(dataset, sampler)

    def _loader(self, dataset: Any, sampler: Any, **arguments: Any) -> ResumableLoader:
        pin = torch.cuda.is_available() and (self.trainer is None or self.trainer.strategy.root_device.type == "cuda")
        return ResumableLoader(dataset, sampler=sampler, num_workers=self.num_workers, pin_memory=pin, **arguments)

    def _world(self) -> tuple[int, int]:
        if self.trainer is not None:
            return self.trainer.world_size, self.trainer.global_rank
        return world()

    def _finished_batches(self) -> int:
        """Batches of this epoch whose training step came to its end, resumed ones included."""
        assert self.trainer is not None
        progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress
        return int(progress.current.processed)
