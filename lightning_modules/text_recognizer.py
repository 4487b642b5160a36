"""Train an AU recogniser on descriptions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.rank_zero import rank_zero_info
from torch.nn import functional

from lightning_modules.base import TrainingModule
from lightning_modules.optimizers import AdamW, OptimizerFactory
from zoo.files import save_json
from zoo.metrics.occurrence_f1 import OccurrenceF1
from zoo.text_recognizers.base import TextRecognizer

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.descriptions import DescriptionBatch
    from zoo.text_recognizers.base import TextRecognition


class TextRecognizerModule(TrainingModule):
    """Train a recogniser of AUs in texts, by binary cross-entropy (Appendix F.3 of the paper).

    Validation and test give F1 of each AU, pooled over all descriptions, and their mean; beside it the mean that
    naming every AU of every text would reach, the most that can be had without reading. They are in the log, as a
    table when fitting or testing ends, and in ``metrics.json``, of the last validation.

    Args:
        recognizer: What is trained.
        optimizer: How; null is AdamW.
    """

    exported = "recognizer"

    def __init__(self, recognizer: TextRecognizer, *, optimizer: OptimizerFactory | None = None) -> None:
        super().__init__()
        self.recognizer = recognizer
        self.optimizer = optimizer or AdamW(1e-3)
        self.metric = OccurrenceF1(aus=recognizer.aus)
        self.naming_all = OccurrenceF1(aus=recognizer.aus, threshold=0.0)
        self._figures: dict[str, float] = {}
        self._table = ""

    def configure_optimizers(self) -> Any:
        """Train the recogniser; an encoder that is frozen has no parameters."""
        return self.optimizer(self.recognizer.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: DescriptionBatch, batch_idx: int) -> Tensor:
        """Give the binary cross-entropy, the mean over the AUs that are known."""
        logits: Tensor = self.recognizer(batch["prompt"]).logits
        known = batch["known"]
        terms = functional.binary_cross_entropy_with_logits(logits, batch["occurrence"].to(logits), reduction="none")
        loss = (terms * known).sum() / known.sum().clamp_min(1)
        self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def validation_step(self, batch: DescriptionBatch, batch_idx: int) -> None:
        """Count what is recognised."""
        self._evaluate(batch)

    def test_step(self, batch: DescriptionBatch, batch_idx: int) -> None:
        """Count what is recognised."""
        self._evaluate(batch)

    def predict_step(self, batch: DescriptionBatch, batch_idx: int) -> TextRecognition:
        """Recognise."""
        return self.recognizer(batch["prompt"])

    def on_validation_epoch_end(self) -> None:
        """Log F1."""
        figures, table = self._log_f1("val")
        if self.trainer.state.fn != "fit":
            _show(table)
        elif not self.trainer.sanity_checking:
            self._figures, self._table = figures, table

    def on_test_epoch_end(self) -> None:
        """Log F1 and show the table."""
        _show(self._log_f1("test")[1])

    def on_fit_end(self) -> None:
        """Show the last validation's table, and write its figures to ``metrics.json`` in the run's folder."""
        _show(self._table)
        folder = self.trainer.log_dir  # broadcast: asked on every rank
        is_trial = self.trainer.fast_dev_run  # type: ignore[attr-defined]
        if folder is not None and self._figures and self.trainer.is_global_zero and not is_trial:
            save_json(self._figures, Path(folder) / "metrics.json")

    def _evaluate(self, batch: DescriptionBatch) -> None:
        probability = self.recognizer(batch["prompt"]).probability
        for metric in (self.metric, self.naming_all):
            metric.update(probability, batch["occurrence"], batch["known"])

    def _log_f1(self, split: str) -> tuple[dict[str, float], str]:
        """Log and reset; give the figures and the table."""
        metric = self.metric
        each = metric.compute()  # synced over ranks
        figures = {f"{split}/f1": float(each.nanmean()), f"{split}/f1_without_reading": float(self.naming_all.macro())}
        named = zip(metric.aus, each.tolist(), strict=True)
        figures |= {f"{split}_f1/AU{au}": value for au, value in named if not math.isnan(value)}
        table = f"F1 of AUs in descriptions ({split})\n{metric.table()}"
        metric.reset()
        self.naming_all.reset()
        if not self.trainer.sanity_checking:
            for name, value in figures.items():
                # the same on all ranks already; said so only to keep Lightning from warning
                self.log(name, value, prog_bar="/AU" not in name, sync_dist=True)
        return figures, table


def _show(table: str) -> None:
    if table:
        rank_zero_info(table)
