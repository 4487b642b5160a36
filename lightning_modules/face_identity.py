"""Train an encoder of who somebody is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.base import TrainingModule
from lightning_modules.figures import save_last_figures
from lightning_modules.optimizers import AdamW, OptimizerFactory
from zoo.face_encoders.base import FaceEncoder
from zoo.metrics.verification import Verification

if TYPE_CHECKING:
    from datamodules.batch import FaceBatch
    from zoo.shapes import Features


class FaceIdentityModule(TrainingModule):
    """Train a face encoder to tell people apart with a large-margin cosine loss.

    CosFace (Wang et al. 2018, equation 4, https://arxiv.org/abs/1801.09414): every training subject has a direction,
    and a face must lie nearer to its own by a margin. Validation and test ask about people who were never seen: how
    well cosines tell pairs of one person from pairs of two, and whether the nearest other face is the same person's.

    Args:
        encoder: What is trained; gives one vector for each face.
        num_subjects: People in the training data.
        scale: What cosines are multiplied by before the softmax.
        margin: How much nearer, in cosine, a face must be to its own subject.
        optimizer: How; null is AdamW.
    """

    exported = "encoder"

    def __init__(
        self,
        encoder: FaceEncoder,
        *,
        num_subjects: int = 1024,
        scale: float = 16.0,
        margin: float = 0.2,
        optimizer: OptimizerFactory | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("num_subjects", num_subjects, 2), ("scale", scale, 0), ("margin", margin, 0)):
            if value < least:
                message = f"FaceIdentityModule: {name} must be at least {least}, got {value}."
                raise ValueError(message)
        self.encoder = encoder
        self.scale = scale
        self.margin = margin
        self.optimizer = optimizer or AdamW(2e-3)
        self.directions = nn.Parameter(functional.normalize(torch.randn(num_subjects, encoder.dim), dim=1))
        self.verification = Verification()
        self._places: dict[str, int] = {}

    def setup(self, stage: str) -> None:
        """Give each training subject its direction.

        Raises:
            ValueError: There are not as many as there are directions.
        """
        if stage != "fit":
            return
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        subjects = data.subjects("train")
        if len(subjects) != len(self.directions):
            message = (
                f"FaceIdentityModule: num_subjects must be that of the training data, {len(subjects)}, got "
                f"{len(self.directions)}. Set --model.num_subjects {len(subjects)}."
            )
            raise ValueError(message)
        self._places = {subject: place for place, subject in enumerate(subjects)}

    def configure_optimizers(self) -> Any:
        """Train encoder and directions."""
        return self.optimizer(self.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the loss; a reference face is one more picture of its subject."""
        subjects = torch.tensor([self._places[name] for name in batch["subject"]], device=self.device)
        vectors = self._vectors(torch.cat([batch["image"], batch["reference"]]))
        subjects = subjects.repeat(2)
        cosines = vectors @ functional.normalize(self.directions, dim=1).T
        target = functional.one_hot(subjects, len(self.directions)).to(cosines.dtype)
        loss = functional.cross_entropy(self.scale * (cosines - self.margin * target), subjects)
        self.log("train/loss", loss.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log("train/accuracy", (cosines.argmax(1) == subjects).float().mean())
        return loss

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Gather vectors."""
        self.verification.update(self._vectors(batch["image"]), batch["subject"])

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Gather vectors."""
        self.verification.update(self._vectors(batch["image"]), batch["subject"])

    def on_validation_epoch_end(self) -> None:
        """Log how well people are told apart."""
        self._log_verification("val")

    def on_test_epoch_end(self) -> None:
        """Log how well people are told apart."""
        self._log_verification("test")

    def on_fit_end(self) -> None:
        """Write the last validation's figures into the run's folder."""
        save_last_figures(self.trainer)

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Features:
        """Encode."""
        return self.encoder(batch["image"])

    def _vectors(self, images: Tensor) -> Tensor:
        return functional.normalize(self.encoder(images).float().mean(1), dim=1)

    def _log_verification(self, split: str) -> None:
        auc, rank_one = self.verification.compute()
        self.log_dict({f"{split}/auc": auc, f"{split}/rank_one": rank_one}, prog_bar=True)
        self.verification.reset()
