"""The frames on which all is measured: chosen by seed, labels known at once, images read on demand."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from datamodules.loading import Request
from zoo.components import specification
from zoo.facs.composer import Composer
from zoo.facs.conflicts import antagonist_pairs, interacting_constructs
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from datamodules.base import FaceDataModule

_PORTION = 64


class EmptySetError(ValueError):
    """There is nothing to evaluate on."""


@dataclass(frozen=True)
class FrameLabels:
    """What is known of each frame.

    Attributes:
        occurrence: Whether each AU is asked for.
        known: Where that is known.
        intensity: 0 to 5, NaN where unknown.
        side: 1 left, 2 right, 0 both; None where the data knows no sides.
        index: The frame's number in its data, which is also the seed of what models make for it.
        subject: Who it is.
        source: Where it comes from.
        prompt: Its description in the data's own words.
        reference: Checksum of the reference's pixels.
    """

    occurrence: Tensor
    known: Tensor
    intensity: Tensor
    side: Tensor | None
    index: Tensor
    subject: list[str]
    source: list[str]
    prompt: list[str]
    reference: list[str]


class EvaluationSet:
    """Frames of a split, and what is known of them.

    Args:
        name: What tables call it.
        data: Where the frames come from.
        split: Of which split.
        num_images: How many; all where there are fewer.
        seed: Decides which; a larger number takes the same ones and more.
        device: Where images are handed over.
        relabelled: Asks the frames for something else, of which there are no images then.

    Raises:
        EmptySetError: The split has no frames.
    """

    def __init__(
        self,
        name: str,
        data: FaceDataModule,
        *,
        split: str = "test",
        num_images: int | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        relabelled: Callable[[FrameLabels], FrameLabels] | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self.device = torch.device(device)
        self.composer = data.prompts
        self.image_size = data.image_size
        dataset: Any = data.dataset(split)
        total = len(dataset)
        if total == 0 or (num_images is not None and num_images < 1):
            message = f"evaluate: set {name!r} must have at least one frame, got {min(total, num_images or 0)}."
            raise EmptySetError(message)
        order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
        self._dataset = dataset
        self.rows: list[int] = sorted(order[:num_images].tolist())
        self.labels = self._read_labels()
        self.has_truth = relabelled is None
        if relabelled is not None:
            self.labels = relabelled(self.labels)
        self.names = [f"{name}_{index:06d}" for index in self.labels.index.tolist()]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, batch_size: int, places: list[int] | None = None) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Give the places of frames in this set, with a batch of them on the device.

        Args:
            batch_size: Frames at once.
            places: Which frames; all by default.
        """
        chosen = list(range(len(self))) if places is None else places
        for start in range(0, len(chosen), batch_size):
            some = chosen[start : start + batch_size]
            batch = self._batch([self.rows[place] for place in some])
            yield some, batch if self.has_truth else self._relabelled(batch, some)

    def asking(self, name: str, places: list[int], *, occurrence: Tensor, intensity: Tensor) -> EvaluationSet:
        """Ask some of these references, each as often as its place is named, for AUs of which there are no images.

        Args:
            name: What tables call it.
            places: Places of frames in this set.
            occurrence: Which AUs each is asked for.
            intensity: How strongly, 0 to 5.
        """
        labels = self.labels
        asked = copy.copy(self)
        asked.name, asked.has_truth = name, False
        asked.rows = [self.rows[place] for place in places]
        asked.labels = FrameLabels(
            occurrence=occurrence,
            known=torch.ones_like(occurrence),
            intensity=intensity,
            side=None,
            index=labels.index[places],
            subject=[labels.subject[place] for place in places],
            source=[labels.source[place] for place in places],
            prompt=[],
            reference=[labels.reference[place] for place in places],
        )
        writer = self.composer if isinstance(self.composer, Composer) else Composer()
        asked.labels = replace(asked.labels, prompt=asked._described(writer))
        asked.names = [f"{name}_{place:06d}" for place in range(len(places))]
        return asked

    def prompts(self, composer: Any) -> list[str]:
        """Describe each frame's AUs, as another composer does."""
        if composer is self.composer or not isinstance(composer, Composer):
            return self.labels.prompt
        return self._described(composer)

    def _described(self, composer: Composer) -> list[str]:
        labels = self.labels
        present = labels.occurrence.numpy()
        intensity = labels.intensity.numpy()
        return composer.prompts(
            present,
            index=labels.index.numpy(),
            intensity=np.where(present & (intensity > 0), intensity, np.nan),
            side=None if labels.side is None else np.where(present, labels.side.numpy(), 0),
        )

    def plain_prompts(self) -> list[str]:
        """Describe each frame's AUs in the data's own style, without sentences on intensities and sides.

        AAAD reads these, whatever the words that a system was asked in.
        """
        composer = self.composer
        if not isinstance(composer, Composer) or not (composer.word_intensity or composer.word_side):
            return self.labels.prompt
        arguments = specification(composer)["init_args"]
        return self.prompts(Composer(**{**arguments, "word_intensity": False, "word_side": False}))

    def groups(self) -> dict[str, Tensor]:
        """Say which frames belong to each part of the set that has figures of its own; empty parts are left out."""
        occurrence = self.labels.occurrence.numpy()
        conflicting = antagonist_pairs(occurrence).any(1)
        several = occurrence.sum(1) > 1
        found = {
            "all": np.ones(len(self), dtype=bool),
            "conflicting": conflicting,
            "compatible": several & ~conflicting,
            "interacting": interacting_constructs(occurrence).any(1),
        }
        return {name: torch.from_numpy(mask) for name, mask in found.items() if mask.any()}

    def strangers(self, seed: int = 0) -> Tensor:
        """Give for each frame the place of one that shows somebody else, chosen by seed; of another one at least."""
        people: dict[str, int] = {}
        who = torch.tensor([people.setdefault(subject, len(people)) for subject in self.labels.subject])
        generator = torch.Generator().manual_seed(seed)
        found = torch.empty(len(self), dtype=torch.long)
        for place in range(len(self)):
            others = torch.nonzero(who != who[place])[:, 0]
            if not len(others):
                others = torch.arange(len(self))[torch.arange(len(self)) != place]
            drawn = torch.randint(max(len(others), 1), (1,), generator=generator)
            found[place] = others[drawn] if len(others) else place
        return found

    def _batch(self, rows: list[int]) -> dict[str, Any]:
        raw = self._dataset[Request(0, rows)]
        moved = self.data.transfer_batch_to_device(raw, self.device, 0)
        return self.data.on_after_batch_transfer(moved, 0)  # type: ignore[return-value]

    def _relabelled(self, batch: dict[str, Any], places: list[int]) -> dict[str, Any]:
        """The reference with what is asked of it instead; nothing shows that."""
        labels = self.labels
        return {
            "reference": batch["reference"],
            "occurrence": labels.occurrence[places].to(self.device),
            "known": labels.known[places].to(self.device),
            "intensity": labels.intensity[places].to(self.device),
            "prompt": [labels.prompt[place] for place in places],
            **{name: batch[name] for name in ("subject", "source", "index")},
        }

    def _read_labels(self) -> FrameLabels:
        found: dict[str, list[Any]] = {}
        names = ("occurrence", "known", "intensity", "index", "side")
        for start in range(0, len(self.rows), _PORTION):
            batch = self._batch(self.rows[start : start + _PORTION])
            for name in names:
                if name in batch:
                    found.setdefault(name, []).append(batch[name].cpu())
            for name in ("subject", "source", "prompt"):
                found.setdefault(name, []).extend(batch[name])
            pixels = to_uint8(batch["reference"]).cpu().numpy()
            found.setdefault("reference", []).extend(hashlib.sha256(each.tobytes()).hexdigest() for each in pixels)
        tensors = {name: torch.cat(found.pop(name)) for name in names if name in found}
        return FrameLabels(**{"side": None, **found, **tensors})  # type: ignore[arg-type]
