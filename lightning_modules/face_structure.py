"""Train an encoder of where what is in a face, against descriptions of its AUs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.base import TrainingModule
from lightning_modules.figures import save_last_figures
from lightning_modules.optimizers import AdamW, OptimizerFactory
from zoo.face_encoders.base import FaceEncoder
from zoo.metrics.retrieval import SetRetrieval
from zoo.text_encoders.base import TextEncoder

if TYPE_CHECKING:
    from datamodules.batch import FaceBatch
    from zoo.shapes import Features
    from zoo.text_encoders.base import EncodedText

_GREATEST_SCALE = 100.0


class FaceStructureModule(TrainingModule):
    """Train a face encoder so that descriptions find the faces that they fit, as CLIP does with captions.

    Each word looks for the place of the face that fits it best, and each place for its word (late interaction, FILIP,
    Yao et al. 2021, equation 5, https://arxiv.org/abs/2111.07783); the mean of what they find says how well the two
    fit. So places, and not only whole faces, learn what the words speak of. Within a batch every face is to find its
    description and every description its face; faces with the same AUs are equally right.

    Args:
        encoder: What is trained.
        text_encoder: Reads the descriptions; trained along and thrown away.
        dim: Channels of the space in which the two meet.
        optimizer: How; null is AdamW.
    """

    exported = "encoder"

    def __init__(
        self,
        encoder: FaceEncoder,
        *,
        text_encoder: TextEncoder,
        dim: int = 64,
        optimizer: OptimizerFactory | None = None,
    ) -> None:
        super().__init__()
        if dim < 1:
            message = f"FaceStructureModule: dim must be at least 1, got {dim}."
            raise ValueError(message)
        self.encoder = encoder
        self.text_encoder = text_encoder
        self.face_projection = nn.Linear(encoder.dim, dim)
        self.text_projection = nn.Linear(text_encoder.dim, dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.optimizer = optimizer or AdamW(1e-3)
        self.retrieval = SetRetrieval()

    def configure_optimizers(self) -> Any:
        """Train both encoders."""
        return self.optimizer(self.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the loss of finding descriptions by faces and faces by descriptions."""
        by_face, by_text = self._similarities(batch)
        target = same_sets(batch["occurrence"])
        scale = self.log_scale.exp().clamp(max=_GREATEST_SCALE)
        loss = (soft_cross_entropy(scale * by_face, target) + soft_cross_entropy(scale * by_text.T, target.T)) / 2
        self.log("train/loss", loss.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log("train/scale", scale.detach())
        return loss

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Let faces look for the descriptions of their AUs within the batch."""
        self._evaluate(batch)

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Let faces look for the descriptions of their AUs within the batch."""
        self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """Log how often they find them."""
        self._log_retrieval("val")

    def on_test_epoch_end(self) -> None:
        """Log how often they find them."""
        self._log_retrieval("test")

    def on_fit_end(self) -> None:
        """Write the last validation's figures into the run's folder."""
        save_last_figures(self.trainer)

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Features:
        """Encode."""
        return self.encoder(batch["image"])

    def _similarities(self, batch: FaceBatch) -> tuple[Tensor, Tensor]:
        text: EncodedText = self.text_encoder(batch["prompt"], occurrence=batch["occurrence"])
        places = functional.normalize(self.face_projection(self.encoder(batch["image"])).float(), dim=-1)
        words = functional.normalize(self.text_projection(text.features).float(), dim=-1)
        return late_interaction(places, words, text.mask)

    def _evaluate(self, batch: FaceBatch) -> None:
        by_face, by_text = self._similarities(batch)
        self.retrieval.update(by_face + by_text, batch["occurrence"])

    def _log_retrieval(self, split: str) -> None:
        found, chance = self.retrieval.compute()
        self.log_dict({f"{split}/retrieval": found, f"{split}/retrieval_by_chance": chance}, prog_bar=True)
        self.retrieval.reset()


def late_interaction(places: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Give how well each face fits each text: the mean over its places, and the mean over the words.

    Args:
        places: Unit vectors, ``face place dim``.
        words: Unit vectors, ``text word dim``.
        mask: Where words are real, ``text word``.
    """
    cosines = torch.einsum("f p d, t w d -> f t p w", places, words)
    by_face = cosines.masked_fill(~mask[None, :, None], -torch.inf).amax(3).mean(2)
    best = cosines.amax(2) * mask
    return by_face, best.sum(2) / mask.sum(1)


def same_sets(occurrence: Tensor) -> Tensor:
    """Give each face's share in every description of the batch: even among those with its AUs."""
    same = (occurrence[:, None] == occurrence[None]).all(2).float()
    return same / same.sum(1, keepdim=True)


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Give the mean cross-entropy in nats against shares."""
    return -(target * logits.log_softmax(1)).sum(1).mean()
