"""Stage I: train a codec to reconstruct faces, against a discriminator and with delayed losses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.codec_figures import log_usage, pixel_figures
from lightning_modules.manual_training import ManualTrainingModule
from lightning_modules.optimizers import Adam, OptimizerFactory
from zoo.codecs.base import Codec
from zoo.discriminators.base import Discriminator
from zoo.layers.gradient_sum import gradient_at, loss_gradient, sum_gradients
from zoo.losses.adversarial import AdversarialLoss
from zoo.losses.base import ImageLoss
from zoo.metrics.codebook_usage import CodebookUsage

if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.batch import FaceBatch
    from zoo.codecs.base import Reconstruction
    from zoo.shapes import Images

IMAGE_TERMS = ("reconstruction", "perceptual", "anatomical")


class ResidualVQGANModule(ManualTrainingModule):
    """Train a residual VQGAN: equations 1 to 6 of the paper, each loss a part that may be left out.

    Each loss's gradient is taken towards the reconstruction alone, and the codec is crossed once with their sum.
    The discriminator sees the same reconstruction. A loss whose scale or weight is 0 is not computed at all:
    the :class:`~lightning_modules.callbacks.delayed_loss.DelayedLoss` callback sets ``loss_scale`` so.

    Args:
        codec: What is trained.
        reconstruction: Compares pixels (equation 1); null turns it off, as it does for every loss.
        perceptual: Compares features of an image classifier (equation 6).
        anatomical: Compares features of an AU recogniser (equation 5).
        adversarial: Trains codec and discriminator against each other (equations 3 and 4).
        discriminator: Judges images; null turns the adversarial loss off.
        commitment_weight: Weight of the quantizer's commitment loss (equation 2).
        optimizer: Trains the codec; null is the paper's Adam.
        discriminator_optimizer: Trains the discriminator; null is the paper's Adam.
        discriminator_start_step: Optimiser step at which the discriminator begins to learn.
        adversarial_start_step: Step at which the codec begins to listen to it; later, so that it has learnt something.
        adversarial_ramp_steps: Steps over which the codec listens more and more.
        accumulate_grad_batches: Batches whose gradients are averaged before a step; codebooks move once per step too.
        gradient_clip_val: Largest norm of the gradients of each optimiser; null doesn't clip.

    Attributes:
        loss_scale: What each term's weight is multiplied by just now, 0 to 1.
    """

    exported = "codec"

    def __init__(
        self,
        codec: Codec,
        *,
        reconstruction: ImageLoss | None = None,
        perceptual: ImageLoss | None = None,
        anatomical: ImageLoss | None = None,
        adversarial: AdversarialLoss | None = None,
        discriminator: Discriminator | None = None,
        commitment_weight: float = 0.25,
        optimizer: OptimizerFactory | None = None,
        discriminator_optimizer: OptimizerFactory | None = None,
        discriminator_start_step: int = 0,
        adversarial_start_step: int = 0,
        adversarial_ramp_steps: int = 0,
        accumulate_grad_batches: int = 1,
        gradient_clip_val: float | None = None,
    ) -> None:
        super().__init__(accumulate_grad_batches=accumulate_grad_batches, gradient_clip_val=gradient_clip_val)
        weighted = {
            "reconstruction": reconstruction,
            "perceptual": perceptual,
            "anatomical": anatomical,
            "adversarial": adversarial,
        }
        for name, value in (
            *((f"{term}.weight", loss.weight) for term, loss in weighted.items() if loss is not None),
            ("commitment_weight", commitment_weight),
            ("discriminator_start_step", discriminator_start_step),
            ("adversarial_start_step", adversarial_start_step),
            ("adversarial_ramp_steps", adversarial_ramp_steps),
        ):
            if value < 0:
                message = f"ResidualVQGANModule: {name} must be at least 0, got {value}."
                raise ValueError(message)
        if not any(loss is not None and loss.weight > 0 for loss in (reconstruction, perceptual, anatomical)):
            message = (
                "ResidualVQGANModule: at least one of reconstruction, perceptual and anatomical must be on, with a "
                "weight above 0. Nothing else tells the codec what the image is."
            )
            raise ValueError(message)
        if adversarial_start_step < discriminator_start_step and adversarial and discriminator:
            message = (
                f"ResidualVQGANModule: adversarial_start_step must be at least discriminator_start_step "
                f"({discriminator_start_step}), got {adversarial_start_step}. The codec would listen to a "
                "discriminator that has learnt nothing."
            )
            raise ValueError(message)
        self.codec = codec
        self.reconstruction = reconstruction
        self.perceptual = perceptual
        self.anatomical = anatomical
        # one needs the other
        both = adversarial is not None and discriminator is not None
        self.adversarial = adversarial if both else None
        self.discriminator = discriminator if both else None
        self.commitment_weight = commitment_weight
        self.optimizer = optimizer or Adam()
        self.discriminator_optimizer = discriminator_optimizer or Adam()
        self.discriminator_start_step = discriminator_start_step
        self.adversarial_start_step = adversarial_start_step
        self.adversarial_ramp_steps = adversarial_ramp_steps
        quantizer = codec.quantizer
        self.usage = CodebookUsage(num_levels=quantizer.num_levels, codebook_size=quantizer.codebook_size)
        self.loss_scale = dict.fromkeys((*IMAGE_TERMS, "adversarial", "commitment"), 1.0)

    def check(self, *, image_size: int) -> None:
        """Refuse images that the codec can't divide into cells, and losses whose networks are not there.

        Raises:
            ValueError: The size is no multiple of the codec's stride.
            WeightsNotFoundError: A loss's network is not where it should be.
        """
        if image_size % self.codec.stride:
            message = (
                f"ResidualVQGANModule: data.image_size must be a multiple of the codec's stride {self.codec.stride}, "
                f"got {image_size}. Change it, or the codec's patch_size or channel_multipliers."
            )
            raise ValueError(message)
        self._check_losses()

    def setup(self, stage: str) -> None:
        """Refuse what can't be trained rightly, and miss now the files that a delayed loss would miss much later.

        Raises:
            ValueError: float16 with accumulation and a discriminator.
            WeightsNotFoundError: A loss's network is not where it should be.
        """
        super().setup(stage)
        if stage == "fit":
            self._check_losses()
        if stage == "fit" and self._scaler() is not None and self.discriminator and self.accumulate_grad_batches > 1:
            message = (
                "ResidualVQGANModule: trainer.precision must not be 16-mixed with accumulate_grad_batches > 1 and a "
                "discriminator: the gradient scale moves between their steps. Take bf16-mixed."
            )
            raise ValueError(message)

    def configure_optimizers(self) -> list[Any]:
        """Give the codec's optimiser, which counts, and the discriminator's."""
        total_steps = self.total_steps
        configured = [self.optimizer(self.codec.parameters(), total_steps=total_steps, name="codec")]
        if self.discriminator is not None:
            steps = max(1.0, total_steps - self.discriminator_start_step)
            parameters = self.discriminator.parameters()
            configured.append(self.discriminator_optimizer(parameters, total_steps=steps, name="discriminator"))
        return configured

    def training_step(self, batch: FaceBatch, batch_idx: int) -> None:
        """Take one step of the codec, then one of the discriminator on the same reconstruction."""
        images = batch["image"]
        step = self.trainer.global_step
        num_batches, is_last = self.accumulated_batches(batch_idx)

        reconstruction = self.codec(images)
        losses, weighted, gradient = self._losses(reconstruction, images, step)
        # Its gradient is `gradient` at the reconstruction; a scalar, so that precision plugins can scale it.
        carrier = (reconstruction.images.float() * gradient).sum()
        if (weight := self.commitment_weight * self.loss_scale["commitment"]) > 0:
            losses["commitment"] = reconstruction.commitment.detach()
            weighted["commitment"] = weight * losses["commitment"]
            carrier = carrier + weight * reconstruction.commitment
        self.backward_on_rank(carrier / num_batches)
        if is_last:
            self.step(0)
            self.codec.quantizer.update_codebooks()

        if self.discriminator is not None and step >= self.discriminator_start_step:
            losses["discriminator"] = self._train_discriminator(reconstruction.images, images, num_batches, is_last)

        self.log("train/loss", torch.stack(list(weighted.values())).sum(), prog_bar=True)
        if self.is_logging_step:
            self.log_dict({f"train/{term}": value for term, value in losses.items()})
            self.log_dict({f"train_weighted/{term}": value for term, value in weighted.items()})

    def validation_step(self, batch: FaceBatch, batch_idx: int) -> Any:
        """Reconstruct; callbacks look at what comes back."""
        return self._evaluate(batch, "val")

    def test_step(self, batch: FaceBatch, batch_idx: int) -> Any:
        """Reconstruct; callbacks look at what comes back."""
        return self._evaluate(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Log how much of each level's codebook is in use."""
        log_usage(self, self.usage, split="val")

    def on_test_epoch_end(self) -> None:
        """Log how much of each level's codebook is in use."""
        log_usage(self, self.usage, split="test")

    def predict_step(self, batch: FaceBatch, batch_idx: int) -> Reconstruction:
        """Reconstruct."""
        return self.codec(batch["image"])

    def adversarial_scale(self, step: int) -> float:
        """Give the share of the adversarial weight in force at a step."""
        if self.adversarial is None or step < self.adversarial_start_step:
            return 0.0
        done = (step - self.adversarial_start_step + 1) / max(1, self.adversarial_ramp_steps)
        return min(1.0, done) * self.loss_scale["adversarial"]

    def _losses(
        self, reconstruction: Reconstruction, images: Images, step: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Give losses, weighted losses, and the gradient of the latter's sum towards the reconstruction."""
        scaler = self._scaler()
        factor = 1.0 if scaler is None else float(scaler.get_scale())
        active: dict[str, tuple[ImageLoss, float]] = {}
        for term in IMAGE_TERMS:
            loss = getattr(self, term)
            if loss is not None and (weight := loss.weight * self.loss_scale[term]) > 0:
                active[term] = (loss, weight)
        values, gradient = sum_gradients(
            reconstruction.images,
            [partial(_weighted, loss, images=images, weight=weight) for loss, weight in active.values()],
            scale=factor,
        )
        weighted = dict(zip(active, values, strict=True))
        losses = {term: value / active[term][1] for term, value in weighted.items()}

        scale = self.adversarial_scale(step)
        if self.adversarial is not None and self.discriminator is not None and scale * self.adversarial.weight > 0:
            value, towards = loss_gradient(reconstruction.images, self._realness, scale=factor)
            share = scale * self._adversarial_weight(reconstruction.images, gradient, towards)
            losses["adversarial"], weighted["adversarial"] = value, share * value
            gradient = gradient + share * towards
        return losses, weighted, gradient if factor == 1.0 else gradient / factor

    def _realness(self, reconstructions: Images) -> Tensor:
        assert self.adversarial is not None
        assert self.discriminator is not None
        return self.adversarial(self.discriminator(reconstructions))

    def _adversarial_weight(self, reconstructions: Images, gradient: Tensor, towards: Tensor) -> Tensor | float:
        assert self.adversarial is not None
        if not self.adversarial.adaptive:
            return self.adversarial.weight
        place = getattr(self.codec, "last_weight", None)
        if place is None:
            message = f"{type(self.codec).__name__} must have last_weight for an adaptive adversarial weight."
            raise TypeError(message)
        return self.adversarial.adversarial_weight(
            gradient_at(place, reconstructions, gradient), gradient_at(place, reconstructions, towards)
        )

    def _train_discriminator(self, reconstructions: Images, images: Images, num_batches: int, is_last: bool) -> Tensor:
        assert self.adversarial is not None
        assert self.discriminator is not None
        real, fake = self.discriminator(torch.cat([images, reconstructions.detach().to(images.dtype)])).chunk(2)
        loss = self.adversarial.discriminator_loss(real, fake)
        self.backward_on_rank(loss / num_batches)
        if is_last:
            self.step(1)
        return loss.detach()

    def _evaluate(self, batch: FaceBatch, split: str) -> Reconstruction:
        images = batch["image"]
        reconstruction: Reconstruction = self.codec(images)
        shown = reconstruction.images.float().clamp(-1, 1)
        figures = {**pixel_figures(shown, images), "commitment": reconstruction.commitment}
        for term in ("perceptual", "anatomical"):
            loss = getattr(self, term)
            if loss is not None and loss.weight * self.loss_scale[term] > 0:
                figures[term] = loss(shown, images)
        named = {f"{split}/{name}": value for name, value in figures.items()}
        self.log_dict(named, on_epoch=True, sync_dist=True, batch_size=len(images))
        self.usage.update(reconstruction.tokens)
        return reconstruction

    def _check_losses(self) -> None:
        for loss in (self.perceptual, self.anatomical):
            if loss is not None:
                loss.check()

    def _scaler(self) -> Any:
        return getattr(self.trainer.precision_plugin, "scaler", None)


def _weighted(loss: ImageLoss, reconstructions: Images, *, images: Images, weight: float) -> Tensor:
    return weight * loss(reconstructions, images)
