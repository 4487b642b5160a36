"""Say what AU features know of where AUs act: figures, and maps over faces."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.nn import functional

from lightning_modules.callbacks.best_weights import best_weights_in, loader_of
from lightning_modules.callbacks.grids import as_array, grid, save_png
from lightning_modules.callbacks.pictures import logged_step
from zoo.facs import AUS
from zoo.files import save_json
from zoo.metrics.au_location import AULocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image
    from torch import Tensor

    from zoo.metrics.au_location import AUAnswer

_PAIRS = (("own", "text_alone"), ("own", "shuffled"))
_RED = (1.0, -1.0, -1.0)
_STRENGTH = 0.65
"""How much red covers a face where a map is at its highest."""


class AUFusionReport(Callback):
    """Measure where the AU features say that AUs act; draw it over the faces.

    In every validation to the log and to TensorBoard; at the end of ``fit``, with the weights of the best checkpoint if
    there is one, and in ``test`` to ``metrics.json`` and ``images/`` in the run's folder.
    :class:`~zoo.metrics.au_location.AULocation` says what is measured: with the face's ``own`` structure features, with
    another face's (``shuffled``), and without any (``text_alone``).

    Args:
        split: What is measured after ``fit``.
        num_images: Measure no more faces than this; null measures all.
    """

    def __init__(self, split: Literal["validation", "test"] = "test", num_images: int | None = None) -> None:
        super().__init__()
        if split not in ("validation", "test"):
            message = f"AUFusionReport: split must be 'validation' or 'test', got {split!r}."
            raise ValueError(message)
        if num_images is not None and num_images < 1:
            message = f"AUFusionReport: num_images must be at least 1, got {num_images}. null measures all."
            raise ValueError(message)
        self.split = split
        self.num_images = num_images
        self._folder = Path()
        self._started = 0.0
        self._location = AULocation(pairs=_PAIRS)
        self._columns: dict[int, dict[str, Tensor]] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; asked on every rank, since the ranks agree on it."""
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        self._started = time.monotonic()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._begin()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._begin()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Measure what was answered."""
        self._add(pl_module, batch, outputs)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Measure what was answered."""
        if not self._is_full(trainer):
            self._add(pl_module, batch, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log figures and picture."""
        figures = self._figures()
        pl_module.log_dict({f"val/{name}": value for name, value in figures.items() if isinstance(value, float)})
        if trainer.sanity_checking or trainer.state.fn != "fit" or not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            experiment: Any = getattr(logger, "experiment", None)
            if hasattr(experiment, "add_image"):
                sheet = as_array(self._sheet())
                experiment.add_image("where_aus_act", sheet, logged_step(trainer), dataformats="HWC")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write down what was measured."""
        self._write(trainer, split="test", weights=Path(trainer.ckpt_path or "as built").name)

    @torch.no_grad()
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure the best weights on held-out identities."""
        if trainer.fast_dev_run or trainer.interrupted:
            return
        seconds = time.monotonic() - self._started
        with best_weights_in(pl_module, trainer) as source:
            self._begin()
            for batch in loader_of(trainer, self.split):
                if self._is_full(trainer):
                    break
                moved = trainer.strategy.batch_to_device(batch, dataloader_idx=0)
                with trainer.precision_plugin.forward_context():
                    answers = pl_module.ask(moved)
                self._add(pl_module, moved, answers)
            self._write(trainer, split=self.split, weights=source, seconds=round(seconds, 1))

    def _begin(self) -> None:
        self._location = AULocation(pairs=_PAIRS)
        self._columns = {}

    def _is_full(self, trainer: Trainer) -> bool:
        limit = None if self.num_images is None else -(-self.num_images // trainer.world_size)
        return limit is not None and len(self._location.subjects) >= limit

    def _add(self, pl_module: Any, batch: Any, answers: Mapping[str, AUAnswer]) -> None:
        regions = pl_module.regions(batch)
        self._location.update(
            answers, batch["subject"], occurrence=batch["occurrence"], known=batch["known"], regions=regions
        )
        acting = (batch["occurrence"] & batch["known"]).cpu()
        shown: list[int] = []
        for au in range(len(AUS)):
            # each AU on a face where it acts, on another for each where there are enough
            faces = acting[:, au].nonzero()[:, 0].tolist()
            if AUS[au] not in self._columns and faces:
                face = next((each for each in faces if each not in shown), faces[0])
                shown.append(face)
                self._columns[AUS[au]] = _pictures(batch["reference"][face], answers, regions[face, au], face, au)

    def _figures(self) -> dict[str, Any]:
        """Compute; on every rank, since the ranks put together what they have."""
        location = self._location
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            gathered: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(gathered, (location.subjects, location.sums))
            location = AULocation(pairs=_PAIRS)
            for subjects, sums in gathered:
                location.subjects += subjects
                for name, parts in sums.items():
                    location.sums.setdefault(name, []).extend(parts)
        return location.compute()

    def _sheet(self) -> Image:
        columns = [self._columns[au] for au in AUS if au in self._columns]
        rows = {name: torch.stack([column[name] for column in columns]) for name in columns[0]}
        return grid(rows, columns=[f"AU{au}" for au in AUS if au in self._columns])

    def _write(self, trainer: Trainer, *, split: str, **facts: Any) -> None:
        content = {"split": split, "step": trainer.global_step, **facts, **self._figures()}
        if not trainer.is_global_zero:
            return
        print(f"Where AUs act, on {content['num_images']} faces of the {split} split, people never seen in training:")
        for name, value in content.items():
            if isinstance(value, float | int):
                interval = content.get(f"{name}_interval")
                print(f"{name:>32} {value}" + (f"   95 %: {interval[0]} to {interval[1]}" if interval else ""))
        print(f"Figures: {save_json(content, self._folder / 'metrics.json')}")
        if self._columns:
            print(f"Pictures: {save_png(self._sheet(), self._folder / 'images' / f'{split}.png')}")


def _pictures(reference: Tensor, answers: Mapping[str, AUAnswer], region: Tensor, face: int, au: int) -> dict[str, Any]:
    """Lay what was answered of one AU over one face."""
    rows = {"reference": reference.float()}
    for name, caption in (("own", "attention"), ("shuffled", "attention, another's T_S")):
        attention = answers[name].attention
        if attention is not None:
            side = round(attention.shape[-1] ** 0.5)
            rows[caption] = overlay(reference, attention[face, au].float().unflatten(0, (side, side)))
    for name, caption in (("own", "map"), ("shuffled", "map, another's T_S"), ("text_alone", "map, text alone")):
        rows[caption] = overlay(reference, answers[name].maps[face, au].sigmoid())
    rows["region"] = overlay(reference, region.float())
    return {caption: image.cpu() for caption, image in rows.items()}


def overlay(image: Tensor, heat: Tensor) -> Tensor:
    """Lay a map over an image in [-1, 1], in red: the stronger, the higher it is against its highest value."""
    size = list(image.shape[-2:])
    heat = functional.interpolate(heat[None, None], size=size, mode="bilinear", align_corners=False)[0]
    share = _STRENGTH * heat / heat.amax().clamp_min(1e-6)
    red = torch.tensor(_RED).to(image)[:, None, None]
    return image.float() * (1 - share) + red * share
