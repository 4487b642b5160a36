"""Pictures of a system at its best, in the middle and at its worst, as its judge sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_modules.callbacks.grids import grid
from lightning_modules.evaluation.judging import from_files, true_image
from zoo.facs import AUS

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image
    from torch import Tensor

    from lightning_modules.evaluation.contributions import Tally
    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judging import Judgement

_COLUMNS = 8


def ranked_places(tally: Tally, judgement: Judgement) -> list[int]:
    """Order frames from the best to the worst: by how far AU probabilities are from what is asked, else by L1."""
    if judgement.probability is not None:
        asked = tally.occurrence.float()
        error = ((judgement.probability - asked).abs() * tally.known).sum(1) / tally.known.sum(1).clamp_min(1)
    elif "l1" in judgement.distances:
        error = judgement.distances["l1"]
    else:
        return list(range(len(tally.subjects)))
    return torch.argsort(error, stable=True).tolist()


def sheet(frames: EvaluationSet, tally: Tally, judgement: Judgement, files: list[Path]) -> Image:
    """Draw best, median and worst frames below each other: reference, what was made, what should have been."""
    order = ranked_places(tally, judgement)
    count = min(_COLUMNS, len(order))
    middle = max(0, (len(order) - count) // 2)
    parts = {"best": order[:count], "median": order[middle : middle + count], "worst": order[len(order) - count :]}
    read = from_files(files, frames)
    drawn = []
    for name, places in parts.items():
        ((_, batch),) = frames.batches(count, places)
        rows: dict[str, Tensor] = {"reference": batch["reference"].cpu(), name: read(places, batch).cpu()}
        truth = true_image(batch)
        if truth is not None:
            rows["true"] = truth.cpu()
        columns = [_asked(frames.labels.occurrence[place].tolist()) for place in places]
        drawn.append(grid(rows, columns=columns))
    return _stacked(drawn)


def _asked(present: list[bool]) -> str:
    return "+".join(str(au) for au, is_there in zip(AUS, present, strict=True) if is_there) or "at rest"


def _stacked(drawn: list[Image]) -> Image:
    from PIL import Image

    whole = Image.new("RGB", (max(each.width for each in drawn), sum(each.height for each in drawn)), "white")
    top = 0
    for each in drawn:
        whole.paste(each, (whole.width - each.width, top))
        top += each.height
    return whole
