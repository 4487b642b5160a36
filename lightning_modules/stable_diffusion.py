"""Stable Diffusion, a baseline of stage II: learn to draw faces from their descriptions by taking noise away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from lightning_modules.base import TrainingModule
from lightning_modules.callbacks.best_weights import best_weights_in
from lightning_modules.optimizers import AdamW, OptimizerFactory
from zoo.pipelines.stable_diffusion import StableDiffusionPipeline

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import FaceBatch
    from zoo.pipelines.base import Synthesis
    from zoo.pipelines.diffusion.networks import Networks
    from zoo.pipelines.diffusion.prompts import EncodedPrompts

_FIRST_STEPS = 100
"""Steps over which the scale of latents that are learnt at the same time is averaged."""


class StableDiffusionModule(TrainingModule):
    """Fine-tune Stable Diffusion by LoRA, or train small networks of the same kind from scratch.

    Frames are encoded, drowned in noise as far as a random time says, and the noise is told from them by their
    prompts. Networks of the pipeline's own learn all at once: the autoencoder to give frames back, apart from the
    denoiser, whose gradient it doesn't get; latents are scaled to deviation 1 as they are. When training ends, a LoRA
    of the best weights is written to ``lora/`` in the run's folder, as ``load_lora_weights`` of diffusers loads it.

    Logged beside the loss is ``truncated``: the share of the prompts' ids that the text encoder didn't see.

    Args:
        pipeline: What is trained.
        min_snr_gamma: Signal-to-noise ratio above which times count less (Hang et al. 2023,
            https://arxiv.org/abs/2303.09556); null counts all alike.
        noise_offset: Deviation of what is added to the noise of whole channels, so that mean brightness is learnt, too.
        drop_text: Share of training samples with an empty prompt, which guidance compares with.
        divergence_weight: Weight of the divergence of latents from normal ones, for networks of its own.
        gradient_checkpointing: Whether the denoiser computes its activations twice instead of keeping them.
        optimizer: How; null is AdamW.
    """

    exported = "pipeline"

    def __init__(
        self,
        pipeline: StableDiffusionPipeline,
        *,
        min_snr_gamma: float | None = 5.0,
        noise_offset: float = 0.0,
        drop_text: float = 0.1,
        divergence_weight: float = 1e-4,
        gradient_checkpointing: bool = False,
        optimizer: OptimizerFactory | None = None,
    ) -> None:
        super().__init__()
        if min_snr_gamma is not None and min_snr_gamma <= 0:
            message = f"StableDiffusionModule: min_snr_gamma must be above 0, got {min_snr_gamma}. null weighs nothing."
            raise ValueError(message)
        for name, value in (("noise_offset", noise_offset), ("divergence_weight", divergence_weight)):
            if value < 0:
                message = f"StableDiffusionModule: {name} must be at least 0, got {value}."
                raise ValueError(message)
        if not 0 <= drop_text < 1:
            message = f"StableDiffusionModule: drop_text must be at least 0 and below 1, got {drop_text}."
            raise ValueError(message)
        self.pipeline = pipeline
        self.min_snr_gamma = min_snr_gamma
        self.noise_offset = noise_offset
        self.drop_text = drop_text
        self.divergence_weight = divergence_weight
        self.gradient_checkpointing = gradient_checkpointing
        self.optimizer = optimizer or AdamW(1e-4)
        self._folder = Path()

    def check(self, *, image_size: int) -> None:
        """Refuse images of another size, and networks that are not there.

        Raises:
            ValueError: The size differs.
            WeightsNotFoundError: The networks can't be loaded.
        """
        if image_size != self.pipeline.image_size:
            message = (
                f"StableDiffusionModule: image_size must be that of the data, {image_size}, got "
                f"{self.pipeline.image_size}. Set --model.pipeline.image_size {image_size}."
            )
            raise ValueError(message)
        self.pipeline.networks()

    def setup(self, stage: str) -> None:
        """Refuse data whose prompts are of another style.

        Raises:
            ValueError: They are.
        """
        trainer: Any = self.trainer
        style = getattr(getattr(trainer.datamodule, "prompts", None), "style", None)
        if style is not None and style != self.pipeline.prompt_style:
            message = (
                f"StableDiffusionModule: prompt_style must be that of the data's prompts, {style!r}, got "
                f"{self.pipeline.prompt_style!r}. Set --model.pipeline.prompt_style {style}."
            )
            raise ValueError(message)
        # asked on every rank, since the ranks agree on it
        self._folder = Path(trainer.log_dir or trainer.default_root_dir)

    def on_fit_start(self) -> None:
        """Keep activations, or don't."""
        if self.gradient_checkpointing:
            self.pipeline.networks().denoiser.enable_gradient_checkpointing()

    def configure_optimizers(self) -> Any:
        """Train the LoRA, or all networks of the pipeline's own."""
        return self.optimizer(self.pipeline.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: FaceBatch, batch_idx: int) -> Tensor:
        """Give the loss of one time for each frame."""
        images, count = batch["image"], len(batch["prompt"])
        dropped = (torch.rand(count) < self.drop_text).tolist()
        prompts = ["" if drop else prompt for prompt, drop in zip(batch["prompt"], dropped, strict=True)]
        text = self.pipeline.encode_prompts(prompts)
        networks = self.pipeline.networks()
        times = torch.randint(len(networks.alphas), (count,), device=self.device)
        loss, latents = self._latents(images, networks)
        noise = torch.randn_like(latents)
        if self.noise_offset:
            noise = noise + self.noise_offset * torch.randn_like(noise[:, :, :1, :1])
        denoising = self._errors(latents, text, noise=noise, times=times, weighted=True)
        self.log("train/denoising", denoising.detach(), prog_bar=True)
        total = denoising if loss is None else denoising + loss
        self.log("train/loss", total.detach(), prog_bar=True)
        if self.is_logging_step:
            self.log("train/truncated", truncated(text))
        return total

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Take the same noise away in every validation."""
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Take the same noise away in every test."""
        self._evaluate(batch, batch_idx, "test")

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Synthesis:
        """Draw each frame anew from its prompt; its index is its seed."""
        return self.pipeline.synthesize(batch["reference"], batch["prompt"], seeds=batch["index"])

    def on_fit_end(self) -> None:
        """Write the LoRA of the best weights."""
        trainer: Any = self.trainer
        if self.pipeline.unet is None or trainer.fast_dev_run:
            return
        with best_weights_in(self, trainer) as source:
            if trainer.is_global_zero:
                print(f"LoRA of {source} for diffusers: {self.pipeline.save_lora(self._folder / 'lora')}")

    def _latents(self, images: Tensor, networks: Networks) -> tuple[Tensor | None, Tensor]:
        """Give the loss of the autoencoder, where it learns, and the latents that the denoiser learns of."""
        if self.pipeline.own is None:
            with torch.no_grad():
                mean, log_variance = networks.moments(images)
                drawn = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
                return None, drawn * networks.latent_scale
        mean, log_variance = networks.moments(images)
        drawn = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        latents = drawn.detach()
        self._follow(networks, latents)
        given_back = (networks.decode(drawn * networks.latent_scale) - images).abs().mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        self.log_dict({"train/l1": given_back.detach(), "train/divergence": divergence.detach()})
        return given_back + self.divergence_weight * divergence, latents * networks.latent_scale

    @torch.no_grad()
    def _follow(self, networks: Networks, latents: Tensor) -> None:
        """Keep the deviation of scaled latents at 1 while they are learnt, the same on all ranks."""
        trainer: Any = self.trainer
        deviation: Tensor = trainer.strategy.reduce(latents.float().std(), reduce_op="mean")
        step = trainer.global_step
        kept = min(step, _FIRST_STEPS) / (min(step, _FIRST_STEPS) + 1)
        networks.latent_scale.copy_(1 / (kept / networks.latent_scale + (1 - kept) * deviation))

    def _errors(self, latents: Tensor, text: EncodedPrompts, *, noise: Tensor, times: Tensor, weighted: bool) -> Tensor:
        denoising = self.pipeline(latents, text, noise=noise, times=times)
        errors = (denoising.prediction.float() - denoising.target.float()).square().mean((1, 2, 3))
        if weighted and self.min_snr_gamma is not None:
            kind: Literal["noise", "velocity"] = "velocity" if self.pipeline.networks().predicts_velocity else "noise"
            errors = errors * min_snr_weights(denoising.signal, self.min_snr_gamma, of=kind)
        return errors.mean()

    @torch.no_grad()
    def _evaluate(self, batch: FaceBatch, batch_idx: int, split: str) -> None:
        images = batch["image"]
        generator = torch.Generator().manual_seed(batch_idx)
        text = self.pipeline.encode_prompts(batch["prompt"])
        latents = self.pipeline.encode(images)
        noise = torch.randn(latents.shape, generator=generator).to(latents)
        # spread over all times, so that few frames are enough
        places = (torch.arange(len(images)) + torch.rand(1, generator=generator)) / len(images)
        times = (places * len(self.pipeline.networks().alphas)).long().to(self.device)
        figures: dict[str, Any] = {
            "loss": self._errors(latents, text, noise=noise, times=times, weighted=False),
            "truncated": truncated(text),
        }
        if self.pipeline.own is not None:
            figures["l1"] = (self.pipeline.decode(latents) - images).abs().mean()
        named = {f"{split}/{name}": value for name, value in figures.items()}
        self.log_dict(named, on_epoch=True, sync_dist=True, batch_size=len(images))


def truncated(text: EncodedPrompts) -> Tensor:
    """Give the share of the prompts' ids that the text encoder didn't see."""
    return (text.given - text.read).sum() / text.given.sum().clamp(min=1)


def min_snr_weights(signal: Tensor, gamma: float, *, of: Literal["noise", "velocity"]) -> Tensor:
    """Weigh squared errors of a prediction by its signal-to-noise ratio, at most ``gamma`` (Hang et al., section 3.4).

    Example:
        >>> min_snr_weights(torch.tensor([1.0, 10.0]), 5.0, of="noise").tolist()
        [1.0, 0.5]
    """
    least = signal.float().clamp(max=gamma)
    return least / (signal if of == "noise" else signal + 1)
