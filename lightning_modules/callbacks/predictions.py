"""Write what a model makes of each face: ``cli.py predict``."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange
from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_modules.callbacks.grids import save_png
from zoo.facs import AUS
from zoo.files import write_whole
from zoo.images import to_uint8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_TABLE = "predictions.csv"


class Predictions(Callback):
    """Write the images, tokens, features and AU probabilities that a prediction step gives, and a table of them.

    A face's files have the name of its ``index``: ``images/0000012.png``, ``tokens/0000012.npy`` (int32, level x row x
    column) and, where an encoder gives features alone, ``features/0000012.npy`` (float32, length x channel).
    ``predictions.csv`` has a row for each face, in the order of ``index``: where it comes from, its files, the
    probability of each AU. Each rank writes the faces that it was given, the first one the table.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self._rows: list[dict[str, Any]] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; asked on every rank, since the ranks agree on it."""
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        self._rows = []

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the files of a batch and remember its rows."""
        rows = [{"index": index} for index in batch["index"].tolist()]
        for name in ("subject", "source"):
            for row, value in zip(rows, batch.get(name, ()), strict=name in batch):
                row[name] = value
        found = _by_name(outputs)
        if "images" in found:
            pixels = rearrange(to_uint8(found["images"].float().cpu()), "b c h w -> b h w c").numpy()
            for row, face in zip(rows, pixels, strict=True):
                row["image"] = self._image(face, row["index"])
        for name, dtype in (("tokens", torch.int32), ("features", torch.float32)):
            if name in found:
                for row, numbers in zip(rows, found[name].to(dtype).cpu().numpy(), strict=True):
                    row[name] = self._array(numbers, name, row["index"])
        if "probability" in found:
            aus = getattr(getattr(pl_module, str(pl_module.exported), None), "aus", AUS)
            for row, probability in zip(rows, found["probability"].float().cpu().tolist(), strict=True):
                row.update({f"AU{au}": f"{value:.4f}" for au, value in zip(aus, probability, strict=True)})
        self._rows += rows

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the table."""
        everyones: list[Any] = [self._rows]
        if trainer.world_size > 1:
            everyones = [None] * trainer.world_size
            torch.distributed.all_gather_object(everyones, self._rows)
        if not trainer.is_global_zero:
            return
        rows = sorted((row for each in everyones for row in each), key=lambda row: row["index"])
        file = write_whole(self._folder / _TABLE, lambda temporary: _write_table(temporary, rows))
        print(f"Predictions: {file} ({len(rows)} faces)")

    def _image(self, face: NDArray[np.uint8], index: int) -> str:
        from PIL import Image

        name = f"images/{index:07d}.png"
        save_png(Image.fromarray(face), self._folder / name, sync=False)  # one of thousands
        return name

    def _array(self, numbers: NDArray[Any], kind: str, index: int) -> str:
        import numpy as np

        name = f"{kind}/{index:07d}.npy"

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                np.save(stream, numbers)

        write_whole(self._folder / name, write, sync=False)
        return name


def _by_name(outputs: Any) -> dict[str, Tensor]:
    """Name what a step gave; what it gave none of, such as the tokens of a pipeline without, is left out."""
    if isinstance(outputs, torch.Tensor):
        return {"features": outputs}
    given = {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    return {name: value for name, value in given.items() if value is not None}


def _write_table(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["index"])
        writer.writeheader()
        writer.writerows(rows)
