"""What GANimation's critic and generator learn from a batch: each alone at first, then against each other."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from lightning_modules.ganimation_losses import condition_error, gradient_penalty, roughness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from zoo.discriminators.ganimation import GANimationDiscriminator
    from zoo.pipelines.ganimation import Edit, GANimationPipeline

CRITIC, GENERATOR = 0, 1
_OF_MASKS = ("attention", "smoothness")


@dataclass(frozen=True)
class Turn:
    """What one of the two learns.

    Attributes:
        player: ``CRITIC`` or ``GENERATOR``.
        loss: What is made small.
        figures: What it is made of, by the names in the log.
    """

    player: int
    loss: Tensor
    figures: dict[str, Tensor]


@dataclass(frozen=True)
class Faces:
    """What is edited.

    Attributes:
        images: Faces.
        strengths: Intensities of their AUs, in [0, 1].
        known: Where these are known.
    """

    images: Tensor
    strengths: Tensor
    known: Tensor


class Game:
    """Give the turns of the two for each batch; whoever takes them steps between one and the next.

    Args:
        pipeline: The generator.
        discriminator: The critic.
        weights: Of ``adversarial``, ``condition``, ``cycle``, ``attention`` and ``smoothness``, for the generator.
        critic_weights: Of ``penalty``, ``condition`` and ``doubt``, for the critic.
        critic_noise: Standard deviation of noise in all that the critic is trained on and trains with.
        target_noise: The intensities asked for vary by up to this.
        smoothness_reduction: ``mean`` or ``sum``.
    """

    def __init__(
        self,
        pipeline: GANimationPipeline,
        discriminator: GANimationDiscriminator,
        *,
        weights: Mapping[str, float],
        critic_weights: Mapping[str, float],
        critic_noise: float,
        target_noise: float,
        smoothness_reduction: Literal["mean", "sum"],
    ) -> None:
        self.pipeline = pipeline
        self.discriminator = discriminator
        self.weights = weights
        self.critic_weights = critic_weights
        self.critic_noise = critic_noise
        self.target_noise = target_noise
        self.smoothness_reduction: Literal["mean", "sum"] = smoothness_reduction

    def practise(self, faces: Faces, *, with_generator: bool) -> Iterator[Turn]:
        """Let each learn what needs no other: the critic AUs, the generator to paint."""
        judgement = self.discriminator.judge(self.noisy(faces.images))
        condition = condition_error(judgement.strengths, faces.strengths, faces.known)
        yield Turn(CRITIC, self.critic_weights["condition"] * condition, {"train_critic/condition": condition})
        if with_generator:
            painting = (self.pipeline(faces.images, faces.strengths).colour - faces.images).abs().mean()
            yield Turn(GENERATOR, self.weights["cycle"] * painting, {"train/painting": painting})

    def play(self, faces: Faces, *, with_generator: bool, with_masks: bool) -> Iterator[Turn]:
        """Train the critic and, where it is its turn, the generator against it.

        Args:
            faces: What is edited; each gets the AUs of another.
            with_generator: Whether it is the generator's turn, too.
            with_masks: Whether the masks' own losses count.
        """
        other = torch.randperm(len(faces.images), device=faces.images.device)
        noise = (2 * torch.rand_like(faces.strengths) - 1) * self.target_noise
        target = (faces.strengths[other] + noise).clamp(0, 1)
        with torch.set_grad_enabled(with_generator):
            edit: Edit = self.pipeline(faces.images, target)
        yield self.critic_turn(faces, edit.images.detach())
        if with_generator:
            with _untrained(self.discriminator):
                losses = self.losses(edit, faces, target=target, known=faces.known[other])
                weights = {term: self.weights[term] * (with_masks or term not in _OF_MASKS) for term in losses}
                weighted = {term: weights[term] * loss for term, loss in losses.items()}
                figures = {f"train/{term}": loss for term, loss in losses.items()}
                figures |= {f"train_weighted/{term}": loss for term, loss in weighted.items()}
                yield Turn(GENERATOR, torch.stack(list(weighted.values())).sum(), figures)

    def critic_turn(self, faces: Faces, fakes: Tensor) -> Turn:
        """Give what the critic learns of faces and as many edited ones."""
        images, fakes = self.noisy(faces.images), self.noisy(fakes)
        judgement = self.discriminator.judge(torch.cat([images, fakes]))
        real, fake = judgement.logits.float().chunk(2)
        before = [condition_error(found, faces.strengths, faces.known) for found in judgement.strengths.chunk(2)]
        mix = torch.rand(len(images), device=images.device)
        figures = {
            "distance": real.mean() - fake.mean(),
            "penalty": gradient_penalty(self.discriminator, images, fakes, mix=mix),
            "condition": before[0],
            "doubt": before[1],
        }
        parts = [weight * figures[term] for term, weight in self.critic_weights.items()]
        loss = torch.stack(parts).sum() - figures["distance"]
        return Turn(CRITIC, loss, {f"train_critic/{name}": figure for name, figure in figures.items()})

    def losses(self, edit: Edit, faces: Faces, *, target: Tensor, known: Tensor) -> dict[str, Tensor]:
        """Give the generator's losses, not yet weighed."""
        judgement = self.discriminator.judge(self.noisy(edit.images))
        back: Edit = self.pipeline(edit.images, faces.strengths)
        masks = (edit.attention, back.attention)
        return {
            "adversarial": -judgement.logits.float().mean(),
            "condition": condition_error(judgement.strengths, target, known),
            "cycle": (back.images - faces.images).abs().mean(),
            "attention": torch.stack([mask.mean() for mask in masks]).sum(),
            "smoothness": torch.stack([roughness(mask, reduction=self.smoothness_reduction) for mask in masks]).sum(),
        }

    def noisy(self, images: Tensor) -> Tensor:
        """Give images as the critic sees them."""
        return images + self.critic_noise * torch.randn_like(images) if self.critic_noise else images


@contextmanager
def _untrained(module: torch.nn.Module) -> Iterator[None]:
    """Let gradients through a module, and to none of its parameters."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
