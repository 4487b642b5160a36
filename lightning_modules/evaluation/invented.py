"""AU sets that no frame of the data shows, asked of the test's references: there is no true image of them.

So the paper tests generalisation (section 5.6): 2,000 combinations that never appear in its data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from datamodules.loading import Request
from zoo.facs import AUS
from zoo.facs.allocation import NUM_SETS, aus_of, codes_of
from zoo.facs.composer import Composer

if TYPE_CHECKING:
    from datamodules.base import FaceDataModule
    from lightning_modules.evaluation.evaluation_set import FrameLabels

_PORTION = 256
_SPLITS = ("train", "validation", "test")


def shown_sets(data: FaceDataModule, *, advance: Callable[[int], None] = lambda count: None) -> set[int]:
    """Give the codes of all AU sets that frames of any split show; what is unknown counts as absent.

    Every frame is read once, whatever kind of data it is.

    Args:
        data: The data.
        advance: Told how many frames more were read.
    """
    shown: set[int] = set()
    for split in _SPLITS:
        try:
            dataset: Any = data.dataset(split)
        except ValueError:  # nobody trains on it here: there are no such frames
            continue
        for start in range(0, len(dataset), _PORTION):
            rows = list(range(start, min(start + _PORTION, len(dataset))))
            shown.update(codes_of(np.asarray(dataset[Request(0, rows)]["occurrence"])).tolist())
            advance(len(rows))
    return shown


def invent(labels: FrameLabels, shown: set[int], composer: Any, *, seed: int = 0) -> FrameLabels:
    """Ask each frame for a set that isn't shown, of as many AUs as one of the frames has.

    No set comes twice before all of its size have come.

    Args:
        labels: Of frames whose people and references stay.
        shown: Codes of sets that must not be asked for.
        composer: Describes the sets.
        seed: Decides which.

    Raises:
        ValueError: Every set is shown.
    """
    draw = np.random.default_rng(seed)
    by_size: dict[int, list[int]] = {}
    for code in range(1, NUM_SETS):
        if code not in shown:
            by_size.setdefault(len(aus_of(code)), []).append(code)
    if not by_size:
        message = "evaluate: sets must be seen for data that shows every set of AUs, got invented."
        raise ValueError(message)
    waiting: dict[int, list[int]] = {size: [] for size in by_size}
    sizes = draw.permutation(labels.occurrence.sum(1).numpy())
    occurrence = torch.zeros(len(sizes), len(AUS), dtype=torch.bool)
    for place, wanted in enumerate(sizes.tolist()):
        size = min(by_size, key=lambda each: abs(each - wanted))
        if not waiting[size]:
            waiting[size] = draw.permutation(by_size[size]).tolist()
        for au in aus_of(waiting[size].pop()):
            occurrence[place, AUS.index(au)] = True
    changed = replace(
        labels,
        occurrence=occurrence,
        known=torch.ones_like(occurrence),
        intensity=torch.full(occurrence.shape, torch.nan),
        side=None,
    )
    writer = composer if isinstance(composer, Composer) else Composer()
    return replace(changed, prompt=writer.prompts(occurrence.numpy(), index=labels.index.numpy()))
