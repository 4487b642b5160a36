"""Train a quantizer alone, on the latents of a frozen codec, so that quantizers are compared cheaply."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from lightning_modules.base import TrainingModule
from lightning_modules.codec_figures import log_usage, pixel_figures
from lightning_modules.optimizers import AdamW, OptimizerFactory
from lightning_modules.trained_parts import part, require
from zoo.codecs.base import Codec
from zoo.frozen import Frozen
from zoo.metrics.codebook_usage import CodebookUsage
from zoo.quantizers.base import Quantizer

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import FaceBatch
    from zoo.quantizers.base import Quantized


class ResidualQuantizerModule(TrainingModule):
    """Train a quantizer, of any kind, to give a frozen codec's latents back.

    The codec's own quantizer is passed by. Validation and test give the error of the latents as a share of their
    variance, what the codec's decoder makes of them (L1 and PSNR), and how much of each level's codebook is in use.
    The decoder has learnt from its own quantizer's errors, so pixels favour quantizers that err alike.

    Args:
        quantizer: What is trained; its ``latent_dim`` must be the codec's.
        codec: A trained codec: a bundle, a run's folder or a checkpoint. A codec that is built here has random
            weights, which is enough to see that everything runs.
        commitment_weight: Weight of the commitment loss beside the mean squared error of the latents; it teaches
            maps into code space, and codebooks that learn by gradients.
        optimizer: How what learns by gradients is trained; null is AdamW at 1e-3.
        restart_share: Share of the run after which unused codes stay where they are.
    """

    exported = "quantizer"

    def __init__(
        self,
        quantizer: Quantizer,
        *,
        codec: Codec | str,
        commitment_weight: float = 0.25,
        optimizer: OptimizerFactory | None = None,
        restart_share: float = 0.8,
    ) -> None:
        super().__init__()
        for name, value in (("commitment_weight", commitment_weight), ("restart_share", restart_share)):
            if value < 0:
                message = f"ResidualQuantizerModule: {name} must be at least 0, got {value}."
                raise ValueError(message)
        self.quantizer = quantizer
        self.codec = Frozen(partial(part, codec, Codec, owner="ResidualQuantizerModule", argument="codec"))
        self.codec_path = codec if isinstance(codec, str) else None
        self.commitment_weight = commitment_weight
        self.optimizer = optimizer or AdamW(1e-3)
        self.restart_share = restart_share
        self.usage = CodebookUsage(num_levels=quantizer.num_levels, codebook_size=quantizer.codebook_size)
        # Steps are counted by an optimiser, and most quantizers have nothing for one to train: this it can have.
        self.counted = nn.Parameter(torch.zeros(()))

    def setup(self, stage: str) -> None:
        """Refuse a codec whose latents have other channels.

        Raises:
            ValueError: They have.
        """
        codec_dim = self._codec_here().quantizer.latent_dim
        if codec_dim != self.quantizer.latent_dim:
            message = (
                f"ResidualQuantizerModule: quantizer must have the codec's latent_dim {codec_dim}, got "
                f"{self.quantizer.latent_dim}. Set --model.quantizer.latent_dim {codec_dim}."
            )
            raise ValueError(message)

    def check(self, *, image_size: int) -> None:
        """Find the codec's file.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        if self.codec_path is not None:
            cure = (
                "Make one by `python cli.py fit --config stage1.yaml`, which takes about 10 minutes on 2 CPU cores, or "
                "name another one: --model.codec PATH."
            )
            require(self.codec_path, owner=self, argument="codec", cure=cure)

    def configure_optimizers(self) -> Any:
        """Train what learns by gradients."""
        return self.optimizer(self.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the error of the latents plus the weighted commitment."""
        latents = self._latents(batch)
        quantized = self.quantizer(latents)
        error = functional.mse_loss(quantized.latents, latents)
        loss = error + self.commitment_weight * quantized.commitment + 0.0 * self.counted
        self.log("train/loss", loss.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log_dict({"train/latent_mse": error.detach(), "train/commitment": quantized.commitment.detach()})
        return loss

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, and let the codebooks follow what the batches of this step taught."""
        super().optimizer_step(*args, **kwargs)
        self.quantizer.update_codebooks()
        steps = self.total_steps
        if math.isfinite(steps) and self.trainer.global_step >= self.restart_share * steps:
            self.quantizer.stop_restarts()

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Quantize and decode."""
        self._evaluate(batch, "val")

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Quantize and decode."""
        self._evaluate(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Log how much of each level's codebook is in use."""
        log_usage(self, self.usage, split="val")

    def on_test_epoch_end(self) -> None:
        """Log how much of each level's codebook is in use."""
        log_usage(self, self.usage, split="test")

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Quantized:
        """Quantize."""
        return self.quantizer(self._latents(batch))

    def _codec_here(self) -> Codec:
        return self.codec.on(self.device)

    @torch.no_grad()
    def _latents(self, batch: FaceBatch) -> Tensor:
        return self._codec_here().encode(batch["image"]).float()

    def _evaluate(self, batch: FaceBatch, split: str) -> None:
        images, latents = batch["image"], self._latents(batch)
        quantized: Quantized = self.quantizer(latents)
        shown = self._codec_here().decode(quantized.latents).float().clamp(-1, 1)
        error = functional.mse_loss(quantized.latents, latents)
        figures = {
            "latent_mse": error,
            "latent_mse_share": error / latents.var(),
            "commitment": quantized.commitment,
            **pixel_figures(shown, images),
        }
        named = {f"{split}/{name}": value for name, value in figures.items()}
        self.log_dict(named, on_epoch=True, sync_dist=True, batch_size=len(images))
        self.usage.update(quantized.tokens)
