"""What is asked of fused features to find out what they know; thrown away after training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from einops import repeat
from torch import Tensor, nn
from torch.nn import functional

from zoo.facs import AUS
from zoo.layers.cross_attention import CrossAttention
from zoo.layers.normalization import RMSNorm
from zoo.metrics.au_location import AUAnswer, coverage

if TYPE_CHECKING:
    from zoo.fusion.base import Context


class AUProbe(nn.Module):
    """Ask T_AU, and nothing else, which AUs occur and where on the face each acts.

    A learned question for each AU looks for its answer in T_AU; what it finds says whether the AU occurs and draws a
    map. Where the AU features that it read had looked themselves is the AU's attention over the face.

    Args:
        dim: Channels of T_AU.
        map_side: Rows and columns of the maps.
        hidden_dim: Channels of the layer that draws.
    """

    def __init__(self, dim: int, *, map_side: int = 32, hidden_dim: int = 256) -> None:
        super().__init__()
        self.map_side = map_side
        self.questions = nn.Parameter(torch.randn(len(AUS), dim))
        self.read = CrossAttention(dim, key_dim=dim, num_heads=1)
        self.norm = RMSNorm(dim)
        self.directions = nn.Parameter(dim**-0.5 * torch.randn(len(AUS), dim))
        self.bias = nn.Parameter(torch.zeros(len(AUS)))
        self.maps = nn.Sequential(nn.Linear(dim, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, map_side**2))

    def forward(self, context: Context) -> AUAnswer:
        """Ask."""
        questions = repeat(self.questions, "a d -> b a d", b=len(context.action))
        mask = context.mask[:, : context.action.shape[1]]
        found, weights = self.read(questions, context.action, mask=mask)
        answers = self.norm(questions + found)
        return AUAnswer(
            occurrence=((answers * self.directions).sum(-1) + self.bias).float(),
            maps=self.maps(answers).unflatten(-1, (self.map_side, self.map_side)).float(),
            attention=None if context.attention is None else weights @ context.attention,
        )


def au_losses(
    answer: AUAnswer, *, occurrence: Tensor, known: Tensor, regions: Tensor, with_reference: Tensor
) -> dict[str, Tensor]:
    """Give what an answer lacks: cross-entropies in nats of occurrence and of maps, and of attention in the region.

    Args:
        answer: What was said.
        occurrence: Which AUs occur.
        known: Where that counts.
        regions: Where each acts when it acts.
        with_reference: Faces that could be looked at.
    """
    acting = occurrence & known
    wrong = functional.binary_cross_entropy_with_logits(answer.occurrence, occurrence.float(), reduction="none")
    away = functional.binary_cross_entropy_with_logits(answer.maps, regions.float(), reduction="none").mean((2, 3))
    losses = {"occurrence": _mean(wrong, known), "map": _mean(away, acting)}
    if answer.attention is not None:
        inside = (answer.attention.float() * coverage(regions, answer.attention.shape[-1])).sum(-1)
        losses["attention"] = _mean(-(inside + 1e-6).log(), acting & with_reference[:, None])
    return losses


class ReferenceProbe(nn.Module):
    """Ask the fused features who somebody is (T_A) and how they look (T_V).

    Args:
        dim: Channels of the fused features.
        appearance_dim: Channels of T_A; None without it.
        latent_dim: Channels of T_V; None without it.
    """

    def __init__(self, dim: int, *, appearance_dim: int | None = None, latent_dim: int | None = None) -> None:
        super().__init__()
        self.appearance = None if appearance_dim is None else nn.Linear(dim, appearance_dim)
        self.latent = None if latent_dim is None else nn.Linear(dim, latent_dim)

    def forward(self, context: Context) -> dict[str, Tensor]:
        """Ask: T_A of the mean over the text, T_V of each position."""
        said = {}
        if self.appearance is not None:
            length = context.action.shape[1]
            mask = context.mask[:, :length, None]
            mean = (context.features[:, :length] * mask).sum(1) / mask.sum(1)
            said["appearance"] = self.appearance(mean).float()
        if self.latent is not None:
            assert context.spatial is not None
            said["latent"] = self.latent(context.spatial).float()
        return said


def reference_losses(said: dict[str, Tensor], features: dict[str, Tensor], with_reference: Tensor) -> dict[str, Tensor]:
    """Give how far from the features the answers are: 1 - cosine for T_A, the share of the variance for T_V.

    Args:
        said: What :class:`ReferenceProbe` gave.
        features: The reference's features, by the same names.
        with_reference: Faces whose reference was not left out.
    """
    losses = {}
    for name, answer in said.items():
        target = features[name].detach().float()
        if name == "appearance":
            lack = 1 - functional.cosine_similarity(answer, target.mean(1))
        else:
            lack = (answer - target).square().mean((1, 2)) / target.var().clamp_min(1e-6)
        losses[name] = _mean(lack, with_reference)
    return losses


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp_min(1)
