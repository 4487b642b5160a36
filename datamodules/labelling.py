"""What a batch says of its samples: masks, prompts, and the draws of their augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from datamodules.augmentation import NUM_DRAWS, is_mirrored, mirror_sides
from zoo.randomness import uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.facs.composer import Composer


class Labelling:
    """Label samples, each by its own number and the epoch alone.

    A mirrored sample has its sides worded as the mirror shows them. So whether it is mirrored is drawn here, before
    its prompt is written, and the device that augments finds the same draws in the batch.

    Args:
        composer: Writes the prompts.
        fresh_prompts: Whether each epoch has other variants; else all have those of the first.
        augment_seed: Where given, batches bring the random numbers of their augmentation.
    """

    def __init__(self, composer: Composer, *, fresh_prompts: bool, augment_seed: int | None) -> None:
        self.composer = composer
        self.fresh_prompts = fresh_prompts
        self.augment_seed = augment_seed

    def __call__(
        self,
        occurrence: NDArray[Any],
        *,
        intensity: NDArray[np.float32],
        index: NDArray[np.int64],
        epoch: int,
        side: NDArray[np.int8] | None = None,
    ) -> dict[str, Any]:
        """Give occurrence, known, intensity, prompt and index of a batch; side and draws where there are any.

        Args:
            occurrence: (sample, au): 1 or True, 0 or False, 9 where unknown.
            intensity: (sample, au) from 0 to 5, NaN where unknown.
            index: Number of each sample in its data set.
            epoch: The epoch.
            side: (sample, au): 1 for left, 2 for right, 0 for both or unknown; None where the data knows no sides.
        """
        present = np.asarray(occurrence) == 1
        batch: dict[str, Any] = {
            "occurrence": torch.from_numpy(present),
            "known": torch.from_numpy(np.asarray(occurrence) <= 1),
            "intensity": torch.from_numpy(np.array(intensity, dtype=np.float32)),
            "index": torch.from_numpy(index),
        }
        shown = side
        if self.augment_seed is not None:
            batch["draws"] = torch.from_numpy(uniform(self.augment_seed, epoch, index, count=NUM_DRAWS))
        if side is not None:
            batch["side"] = torch.from_numpy(np.array(side, dtype=np.int8))
            if "draws" in batch:
                shown = mirror_sides(batch["side"], is_mirrored(batch["draws"])).numpy()
        batch["prompt"] = self.composer.prompts(
            present,  # what is unknown is not stated
            index=index,
            epoch=epoch if self.fresh_prompts else 0,
            # an AU that is absent, or present at an intensity of 0, has none to word
            intensity=np.where(present & (np.asarray(intensity) > 0), intensity, np.nan),
            side=None if shown is None else np.where(present, shown, 0),
        )
        return batch
