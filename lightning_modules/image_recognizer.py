"""Train an AU recogniser on images."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_utilities.core.rank_zero import rank_zero_info

from lightning_modules.base import TrainingModule
from lightning_modules.optimizers import AdamW, OptimizerFactory
from lightning_modules.trained_parts import part, require
from zoo.codecs.base import Codec
from zoo.files import save_json
from zoo.frozen import Frozen
from zoo.losses.pair_cross_entropy import PairCrossEntropyLoss
from zoo.losses.weighted_asymmetric import WeightedAsymmetricLoss
from zoo.metrics.occurrence_f1 import OccurrenceF1
from zoo.recognizers.base import Recognizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from datamodules.batch import FaceBatch
    from zoo.recognizers.base import Recognition
    from zoo.shapes import Images


_BEST = "best_validation"
"""Key of what a checkpoint keeps of the best validation."""


class ImageRecognizerModule(TrainingModule):
    """Train a recogniser of AUs, on clean images and, once there is a codec, on its reconstructions too.

    A recogniser that has never seen a codec's artefacts takes them for AUs. AUs whose occurrence is unknown count
    neither in losses nor in F1. Validation and test give F1 of each AU, pooled over all images, and their mean; in
    the log, and as a table when fitting or testing ends.

    Args:
        recognizer: What is trained.
        loss: Compares probabilities with occurrences; null is the weighted asymmetric loss at BP4D's base rates.
        pair_loss: Compares joint states of pairs, for recognisers that give them; null is its default.
        optimizer: How; null is AdamW.
        codec: A trained codec whose reconstructions are trained on: a bundle, a run's folder or a checkpoint.
        reconstructed_share: Share of each training batch that the codec replaces.
        initial: A trained recogniser to start from, such as the first stage for the second: every part that both
            have must be of the same shape; the graph may differ.
    """

    exported = "recognizer"

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        loss: WeightedAsymmetricLoss | None = None,
        pair_loss: PairCrossEntropyLoss | None = None,
        optimizer: OptimizerFactory | None = None,
        codec: str | None = None,
        reconstructed_share: float = 0.5,
        initial: str | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= reconstructed_share <= 1:
            message = f"ImageRecognizerModule: reconstructed_share must be in [0, 1], got {reconstructed_share}."
            raise ValueError(message)
        self.recognizer = recognizer
        self.loss = loss or WeightedAsymmetricLoss()
        if len(self.loss.weights) != len(recognizer.aus):
            message = (
                f"ImageRecognizerModule: loss must have base_rates for the recogniser's {len(recognizer.aus)} AUs, "
                f"got {len(self.loss.weights)}."
            )
            raise ValueError(message)
        self.pair_loss = pair_loss or PairCrossEntropyLoss()
        self.optimizer = optimizer or AdamW(2e-3)
        load_codec = partial(part, codec, Codec, owner="ImageRecognizerModule", argument="codec")
        self.codec = None if codec is None else Frozen(load_codec)
        self.codec_path = codec
        self.reconstructed_share = reconstructed_share
        self.initial = initial
        kinds = ("clean",) if codec is None else ("clean", "reconstructed")
        self._figures: dict[str, Any] = {}
        self._tables: dict[str, str] = {}
        self.metrics = torch.nn.ModuleDict({kind: OccurrenceF1(aus=recognizer.aus) for kind in kinds})

    def setup(self, stage: str) -> None:
        """Start from ``initial``; a checkpoint that is resumed from overrules it."""
        if stage == "fit" and self.initial is not None:
            start_from(self.recognizer, self.initial)

    def check(self, *, image_size: int) -> None:
        """Find the files of the codec and of the recogniser to start from.

        Raises:
            WeightsNotFoundError: One is not there.
        """
        if self.codec_path is not None:
            cure = "Make one by `python cli.py fit --config stage1.yaml`; null trains on clean images alone."
            require(self.codec_path, owner=self, argument="codec", cure=cure)
        if self.initial is not None:
            cure = "It is a trained recogniser, such as models/recognizer; null starts from random weights."
            require(self.initial, owner=self, argument="initial", cure=cure)

    def configure_optimizers(self) -> Any:
        """Train the recogniser."""
        return self.optimizer(self.recognizer.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the weighted sum of the losses."""
        images = batch["image"]
        if self.codec is not None:
            # batches are shuffled: their first images are any images
            count = round(self.reconstructed_share * len(images))
            images = torch.cat([self._reconstruct(images[:count]), images[count:]]) if count else images
        recognition: Recognition = self.recognizer(images)
        losses = {"occurrence": self.loss(recognition.probability, batch["occurrence"], batch["known"])}
        total = self.loss.weight * losses["occurrence"]
        if recognition.pair_logits is not None:
            losses["pairs"] = self.pair_loss(recognition.pair_logits, batch["occurrence"], batch["known"])
            total = total + self.pair_loss.weight * losses["pairs"]
        self.log("train/loss", total.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log_dict({f"train/{name}": value.detach() for name, value in losses.items()})
        return total

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Count what is recognised."""
        self._evaluate(batch)

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Count what is recognised."""
        self._evaluate(batch)

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Recognition:
        """Recognise."""
        return self.recognizer(batch["image"])

    def on_validation_epoch_end(self) -> None:
        """Log F1; remember the table of the best validation, whose weights ``best.ckpt`` keeps."""
        figures, tables = self._log_f1("val")
        if self.trainer.state.fn != "fit":
            _show(tables)
        elif not self.trainer.sanity_checking and figures["val/f1"] >= self._figures.get("val/f1", 0.0):
            self._figures, self._tables = {"global_step": self.global_step, **figures}, tables

    def on_test_epoch_end(self) -> None:
        """Log F1 and show the table."""
        _show(self._log_f1("test")[1])

    def on_fit_end(self) -> None:
        """Show the table of the best validation, and write its figures to ``metrics.json`` in the run's folder."""
        _show(self._tables)
        folder = self.trainer.log_dir  # broadcast: asked on every rank
        is_trial = self.trainer.fast_dev_run  # type: ignore[attr-defined]
        if folder is not None and self._figures and self.trainer.is_global_zero and not is_trial:
            save_json(self._figures, Path(folder) / "metrics.json")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the best validation, for a run that is resumed."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[_BEST] = {"figures": self._figures, "tables": self._tables}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the best validation so far."""
        super().on_load_checkpoint(checkpoint)
        best = checkpoint.get(_BEST, {"figures": {}, "tables": {}})
        self._figures, self._tables = best["figures"], best["tables"]

    def _metrics(self) -> Iterable[tuple[str, OccurrenceF1]]:
        return self.metrics.items()  # type: ignore[return-value]

    def _evaluate(self, batch: FaceBatch) -> None:
        for kind, metric in self._metrics():
            images = batch["image"] if kind == "clean" else self._reconstruct(batch["image"])
            metric.update(self.recognizer(images).probability, batch["occurrence"], batch["known"])

    def _log_f1(self, split: str) -> tuple[dict[str, float], dict[str, str]]:
        """Log and reset; give the figures, and a table for each kind of images."""
        figures, tables = {}, {}
        for kind, metric in self._metrics():
            place = split if kind == "clean" else f"{split}_{kind}"
            each = metric.compute()  # synced over ranks
            figures[f"{place}/f1"] = float(each.nanmean())
            named = zip(metric.aus, each.tolist(), strict=True)
            figures.update({f"{place}_f1/AU{au}": value for au, value in named if not math.isnan(value)})
            tables[f"{split}, {kind} images"] = metric.table()
            metric.reset()
        if not self.trainer.sanity_checking:
            for name, value in figures.items():
                # the same on all ranks already; said so only to keep Lightning from warning
                self.log(name, value, prog_bar="/AU" not in name, sync_dist=True)
        return figures, tables

    @torch.no_grad()
    def _reconstruct(self, images: Images) -> Images:
        assert self.codec is not None
        return self.codec.on(images.device)(images).images.clamp(-1, 1).to(images.dtype)


def start_from(recognizer: nn.Module, path: str) -> None:
    """Copy what a trained recogniser has in common with another, which must be all but graph and pairs.

    Raises:
        ValueError: Something else is missing or of another shape.
    """
    from zoo.bundles import load

    own, theirs = recognizer.state_dict(), load(path).state_dict()
    of_stage = ("graph.", "pair_")
    misfits = [
        name
        for name, value in own.items()
        if not name.startswith(of_stage) and (name not in theirs or theirs[name].shape != value.shape)
    ]
    if misfits:
        message = (
            f"ImageRecognizerModule: initial must be a recogniser of the same backbone, AUs and dim, got {path!r}, "
            f"which differs in {len(misfits)} tensors, such as {misfits[:3]}."
        )
        raise ValueError(message)
    same = {name: theirs[name] for name in own if name in theirs and theirs[name].shape == own[name].shape}
    recognizer.load_state_dict(same, strict=False)


def _show(tables: dict[str, str]) -> None:
    for title, table in tables.items():
        rank_zero_info(f"F1 of AU occurrence ({title})\n{table}")
