"""Say at the end what a codec is worth: a picture and figures in the run's folder."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torchmetrics import MeanMetric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from lightning_modules.callbacks.best_weights import best_weights_in, loader_of, step_of
from lightning_modules.callbacks.grids import grid, reconstruction_rows, save_png
from lightning_modules.trained_parts import require
from zoo.bundles import load
from zoo.facs import AUS
from zoo.files import save_json
from zoo.frozen import Frozen
from zoo.images import to_unit
from zoo.metrics.codebook_usage import CodebookUsage
from zoo.metrics.occurrence_f1 import OccurrenceF1

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.codecs.base import Reconstruction

_NUM_PICTURES = 12


class ReconstructionReport(Callback):
    """Measure the codec at the end of ``fit`` and in ``test``; write ``metrics.json`` and a grid of faces.

    After ``fit`` the weights of the best checkpoint are measured if there is one, as ``zoo.load`` of the run would
    give them, else the last ones. Figures are means over images: ``l1`` in [-1, 1], ``psnr`` in dB and ``ssim`` in
    [0, 1], ``perceptual`` as the run's own loss has it. What the reconstructions still say about AUs is judged
    by a recogniser that no training has used: its macro F1 on the originals, on their reconstructions, and
    ``au_information_kept``, the ratio of the two.

    Args:
        split: What is measured after ``fit``.
        recognizer: The judge: a bundle, a run's folder or a checkpoint; null leaves AUs out.
        num_images: Measure no more images than this; null measures all.
    """

    def __init__(
        self,
        split: Literal["validation", "test"] = "test",
        recognizer: str | None = "models/recognizer_independent",
        num_images: int | None = None,
    ) -> None:
        super().__init__()
        if split not in ("validation", "test"):
            message = f"ReconstructionReport: split must be 'validation' or 'test', got {split!r}."
            raise ValueError(message)
        if num_images is not None and num_images < 1:
            message = f"ReconstructionReport: num_images must be at least 1, got {num_images}. null measures all."
            raise ValueError(message)
        self.split = split
        self.num_images = num_images
        self.recognizer = None if recognizer is None else Frozen(partial(load, recognizer))
        self.recognizer_path = recognizer
        self._folder = Path()
        self._started = 0.0
        self._figures: _Figures | None = None

    def check(self) -> None:
        """Find the judge's file; called before the data is prepared.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        if self.recognizer_path is not None:
            cure = "Trained ones are in models/; null leaves AUs out of the report."
            require(self.recognizer_path, owner=self, argument="recognizer", cure=cure)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; asked on every rank, since the ranks agree on it."""
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)
        self._started = time.monotonic()

    def on_fit_start(self, trainer: Any, pl_module: LightningModule) -> None:
        """Find out now, and not after hours, whether the judge can be loaded."""
        if self.recognizer is not None and not trainer.fast_dev_run:
            self.recognizer.on(pl_module.device)

    @torch.no_grad()
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure the best weights on held-out identities."""
        if trainer.fast_dev_run or trainer.interrupted:
            return
        seconds = time.monotonic() - self._started
        with best_weights_in(pl_module, trainer) as source:
            figures = self._new_figures(trainer, pl_module)
            for batch in loader_of(trainer, self.split):
                if figures.is_full:
                    break
                moved = trainer.strategy.batch_to_device(batch, dataloader_idx=0)
                with trainer.precision_plugin.forward_context():
                    figures.add(moved, pl_module.codec(moved["image"]))
            self._write(
                trainer, figures, split=self.split, step=trainer.global_step, weights=source, seconds=round(seconds, 1)
            )

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to measure."""
        self._figures = self._new_figures(trainer, pl_module)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Measure what the test step reconstructed."""
        if self._figures is not None and not self._figures.is_full:
            self._figures.add(batch, outputs)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write down what was measured."""
        figures, self._figures = self._figures, None
        if figures is not None:
            weights = Path(trainer.ckpt_path or "as built").name
            self._write(trainer, figures, split="test", step=step_of(trainer.ckpt_path), weights=weights)

    def _new_figures(self, trainer: Trainer, pl_module: LightningModule) -> _Figures:
        limit = None if self.num_images is None else -(-self.num_images // trainer.world_size)
        return _Figures(pl_module, self.recognizer, limit)

    def _write(self, trainer: Trainer, figures: _Figures, *, split: str, **facts: Any) -> None:
        content = {"split": split, **facts, **figures.compute()}
        if not trainer.is_global_zero:
            return
        lines = [f"{name:>24} {value}" for name, value in content.items() if isinstance(value, float | int)]
        print(f"The codec on {content['num_images']} images of the {split} split:", *lines, sep="\n")
        written = save_json(content, self._folder / "metrics.json")
        print(f"Figures: {written}")
        if figures.images is not None:
            sheet = grid(reconstruction_rows(figures.codec, figures.images))
            print(f"Pictures: {save_png(sheet, self._folder / 'images' / f'{split}.png')}")


class _Figures:
    """Gather figures over batches, and over ranks when they are computed."""

    def __init__(self, pl_module: Any, recognizer: Frozen | None, limit: int | None) -> None:
        self.codec = pl_module.codec
        self.perceptual = getattr(pl_module, "perceptual", None)
        self.images: Tensor | None = None
        self._limit = limit
        self._seen = 0
        self._device = pl_module.device
        quantizer = self.codec.quantizer
        self._means = {name: MeanMetric().to(self._device) for name in ("l1", "psnr", "ssim")}
        if self.perceptual is not None:
            self._means["perceptual"] = MeanMetric().to(self._device)
        self._usage = CodebookUsage(num_levels=quantizer.num_levels, codebook_size=quantizer.codebook_size)
        self._usage.to(self._device)
        self._judge: Any = None if recognizer is None else recognizer.on(self._device)
        aus = AUS if self._judge is None else self._judge.aus
        self._columns = [AUS.index(au) for au in aus]
        self._f1 = {name: OccurrenceF1(aus=aus).to(self._device) for name in ("originals", "reconstructions")}

    @property
    def is_full(self) -> bool:
        """Whether there are as many images as were asked for."""
        return self._limit is not None and self._seen >= self._limit

    @torch.no_grad()
    def add(self, batch: Any, reconstruction: Reconstruction) -> None:
        """Measure a batch."""
        count = len(batch["image"]) if self._limit is None else min(len(batch["image"]), self._limit - self._seen)
        self._seen += count
        images, shown = batch["image"][:count], reconstruction.images[:count].float().clamp(-1, 1)
        if self.images is None:
            self.images = images[:_NUM_PICTURES]
        unit, target = to_unit(shown), to_unit(images)
        self._means["l1"].update((shown - images).abs().mean((1, 2, 3)))
        self._means["psnr"].update(
            peak_signal_noise_ratio(unit, target, data_range=1.0, reduction="none", dim=(1, 2, 3))
        )
        self._means["ssim"].update(structural_similarity_index_measure(unit, target, data_range=1.0, reduction="none"))
        if self.perceptual is not None:
            self._means["perceptual"].update(self.perceptual(shown, images), weight=count)
        self._usage.update(reconstruction.tokens[:count])
        if self._judge is not None and "occurrence" in batch:
            occurrence, known = (batch[name][:count, self._columns] for name in ("occurrence", "known"))
            for name, seen in (("originals", images), ("reconstructions", shown)):
                self._f1[name].update(self._judge(seen).probability.float(), occurrence, known)

    def compute(self) -> dict[str, Any]:
        """Give the figures as plain data; on every rank, since the ranks add up what they have."""
        seen = torch.tensor(float(self._seen), device=self._device)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(seen)
        found: dict[str, Any] = {"num_images": int(seen)}
        found |= {name: round(float(mean.compute()), 5) for name, mean in self._means.items()}
        found |= self._usage_figures()
        if self._judge is not None:
            found |= self._au_figures()
        return found

    def _usage_figures(self) -> dict[str, Any]:
        usage, perplexity = map(torch.atleast_1d, self._usage.compute())
        return {
            "codebook_usage": [round(float(value), 4) for value in usage],
            "codebook_perplexity": [round(float(value), 2) for value in perplexity],
        }

    def _au_figures(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, metric in self._f1.items():
            values = metric.compute()
            found[f"au_f1_{name}"] = round(float(values.nanmean()), 4)
            found[f"au_f1_{name}_each"] = {
                str(au): None if value.isnan() else round(float(value), 4)
                for au, value in zip(metric.aus, values, strict=True)
            }
        originals = found["au_f1_originals"]
        kept = found["au_f1_reconstructions"] / originals if originals > 0 else None
        found["au_information_kept"] = None if kept is None else round(kept, 4)
        return found
