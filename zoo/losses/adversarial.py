"""What a discriminator's logits say to the codec, and what they should become."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, distributed
from torch.nn import functional

from zoo.losses.base import Loss
from zoo.shapes import Scalar


class AdversarialLoss(Loss):
    """Train codec and discriminator against each other: equations 3 and 4 of the paper, the hinge loss.

    Equation 4 has no factor 1/2, unlike VQGAN's. When the loss starts is the training module's business. LeCam
    (Tseng et al. 2021, https://arxiv.org/abs/2104.03310) holds the logits of each kind near the running mean of the
    other, which keeps the discriminator from winning on small data.

    Args:
        weight: What the generator's loss is multiplied by in the total.
        adaptive: Whether the weight is further multiplied by the ratio of gradient norms of
            :meth:`adversarial_weight`, as VQGAN does.
        largest_ratio: Bound of that ratio. VQGAN bounds it at 10,000, and weights of 25 have been seen to spoil
            reconstructions.
        lecam_weight: Weight of LeCam within the discriminator's loss; 0 turns it off.
        lecam_decay: How much of the running means one update keeps.
    """

    mean_logits: Tensor
    num_updates: Tensor

    def __init__(
        self,
        *,
        weight: float = 0.1,
        adaptive: bool = False,
        largest_ratio: float = 1.0,
        lecam_weight: float = 0.0,
        lecam_decay: float = 0.999,
    ) -> None:
        super().__init__()
        if not 0.0 <= lecam_decay < 1.0:
            message = f"AdversarialLoss: lecam_decay must be in [0, 1), got {lecam_decay!r}. Usual is 0.999."
            raise ValueError(message)
        self.weight = weight
        self.adaptive = adaptive
        self.largest_ratio = largest_ratio
        self.lecam_weight = lecam_weight
        self.lecam_decay = lecam_decay
        # real, fake; buffers, so that a resumed run goes on from them
        self.register_buffer("mean_logits", torch.zeros(2))
        self.register_buffer("num_updates", torch.zeros((), dtype=torch.int64))

    def forward(self, fake_logits: Float[Tensor, "batch 1 rows cols"]) -> Scalar:
        """Give the codec's loss, equation 3, unweighted."""
        return -fake_logits.float().mean()

    def discriminator_loss(
        self,
        real_logits: Float[Tensor, "batch 1 rows cols"],
        fake_logits: Float[Tensor, "batch 1 rows cols"],
    ) -> Scalar:
        """Give the discriminator's loss, equation 4, with LeCam where asked; in training mode LeCam's means move."""
        real_logits, fake_logits = real_logits.float(), fake_logits.float()
        loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + fake_logits).mean()
        if self.lecam_weight == 0:
            return loss
        if self.training and torch.is_grad_enabled():
            self._move_means(real_logits, fake_logits)
        real_mean, fake_mean = self.mean_logits.clone()
        distance = functional.relu(real_logits - fake_mean).square().mean()
        distance = distance + functional.relu(real_mean - fake_logits).square().mean()
        return loss + self.lecam_weight * distance

    def adversarial_weight(
        self, other_gradient: Float[Tensor, "*shape"], adversarial_gradient: Float[Tensor, "*shape"]
    ) -> Scalar:
        """Give the weight of the codec's loss: fixed, or balanced against the other losses' gradient, bounded.

        Args:
            other_gradient: Gradient of the reconstruction losses at one place, such as the codec's last weight.
            adversarial_gradient: Gradient of this loss, unweighted, at the same place.
        """
        weight = torch.tensor(self.weight, device=other_gradient.device)
        if not self.adaptive:
            return weight
        # VQGAN, equation 7
        ratio = other_gradient.detach().float().norm() / adversarial_gradient.detach().float().norm().clamp(min=1e-8)
        return weight * ratio.clamp(max=self.largest_ratio)

    @torch.no_grad()
    def _move_means(self, real_logits: Tensor, fake_logits: Tensor) -> None:
        """Move the running means, to the same values on every process."""
        means = torch.stack([real_logits.mean(), fake_logits.mean()])
        # asked at call time: the model is made before the process group is
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(means)
            means /= distributed.get_world_size()
        # the first batch counts whole, or the means would start at a zero that no logit had
        share = torch.where(self.num_updates == 0, 1.0, 1.0 - self.lecam_decay)
        self.mean_logits.lerp_(means, share)
        self.num_updates += 1
