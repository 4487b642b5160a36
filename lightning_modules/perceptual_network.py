"""Train the feature network of the perceptual loss, where VGG16's weights can't be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.base import TrainingModule
from lightning_modules.figures import save_last_figures
from lightning_modules.optimizers import AdamW, OptimizerFactory
from zoo.backbones.base import Backbone
from zoo.images import from_unit, to_unit
from zoo.layers.unit_features import unit_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datamodules.batch import ProceduralFaceBatch
    from zoo.shapes import Images


class PerceptualNetworkModule(TrainingModule):
    """Train a backbone so that distances between its features are distances between faces, not between lights.

    Three tasks share the backbone: recognise AUs (from the deepest map), tell the face's regions (from every map), and
    rank: a face with other AUs must lie further away than the same face under a light that changes the pixels as much.
    The probes that read the maps are thrown away; only the backbone is exported.

    Args:
        backbone: What is trained.
        optimizer: How; null is AdamW at 1e-3.
        num_aus: AUs in the data.
        num_regions: Regions in the data.
        region_weight: Weight of telling regions.
        ranking_weight: Weight of ranking.
        margin: How much further, as a factor, a change of AUs must lie before ranking stops pushing.
    """

    exported = "backbone"

    def __init__(
        self,
        backbone: Backbone,
        *,
        optimizer: OptimizerFactory | None = None,
        num_aus: int = 12,
        num_regions: int = 11,
        region_weight: float = 1.0,
        ranking_weight: float = 0.5,
        margin: float = 2.0,
    ) -> None:
        super().__init__()
        if margin < 1.0:
            message = (
                f"PerceptualNetworkModule: margin must be at least 1, got {margin}. 2 asks for twice the distance."
            )
            raise ValueError(message)
        self.backbone = backbone
        self.optimizer = optimizer or AdamW(1e-3)
        self.occurrence_probe = nn.Linear(backbone.channels[-1], num_aus)
        self.region_probes = nn.ModuleList(nn.Conv2d(channels, num_regions, 1) for channels in backbone.channels)
        self.region_weight = region_weight
        self.ranking_weight = ranking_weight
        self.margin = margin

    def configure_optimizers(self) -> Any:
        """Train everything; the probes go with the module."""
        return self.optimizer(self.parameters(), total_steps=self.total_steps)

    def training_step(self, batch: ProceduralFaceBatch, batch_index: int) -> Tensor:
        """Give the weighted sum of the three tasks' losses."""
        generator = torch.Generator(device="cpu").manual_seed(self.global_step)
        losses, _ = self._losses(batch, generator)
        self.log_dict({f"train/{name}": value for name, value in losses.items()})
        return losses["loss"]

    def validation_step(self, batch: ProceduralFaceBatch, batch_index: int) -> None:
        """Log the losses, and how often a change of AUs lies further away than an equally large change of light."""
        generator = torch.Generator(device="cpu").manual_seed(batch_index)
        losses, ranked = self._losses(batch, generator)
        figures = {f"val/{name}": value for name, value in losses.items()} | {"val/ranked_right": ranked}
        self.log_dict(figures, on_epoch=True, prog_bar=True, sync_dist=True, batch_size=len(batch["image"]))

    def on_fit_end(self) -> None:
        """Write the last validation's figures into the run's folder."""
        save_last_figures(self.trainer)

    def _losses(self, batch: ProceduralFaceBatch, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        images, references = batch["image"], batch["reference"]
        relit = relight(images, like=references, generator=generator)
        stacked = self.backbone(torch.cat((images, references, relit)))
        maps, other_aus, other_light = zip(*(each.chunk(3) for each in stacked), strict=True)
        logits = self.occurrence_probe(maps[-1].mean((2, 3)))
        misses = functional.binary_cross_entropy_with_logits(logits, batch["occurrence"].float(), reduction="none")
        occurrence = (misses * batch["known"]).sum() / batch["known"].sum().clamp(min=1)
        regions = torch.stack(
            [_region_loss(probe(each), batch["regions"]) for probe, each in zip(self.region_probes, maps, strict=True)]
        ).mean()
        by_aus, by_light = _distance(maps, other_aus), _distance(maps, other_light)
        # pairs whose AUs hardly change a pixel have nothing to rank
        counted = (images - references).square().mean((1, 2, 3)) > 1e-4
        ratio = torch.log(by_aus + 1e-8) - torch.log(by_light + 1e-8)
        hinge = functional.relu(torch.log(torch.tensor(self.margin)) - ratio)
        ranking = (hinge * counted).sum() / counted.sum().clamp(min=1)
        total = occurrence + self.region_weight * regions + self.ranking_weight * ranking
        losses = {"loss": total, "occurrence": occurrence, "regions": regions, "ranking": ranking}
        ranked = ((ratio > 0) & counted).sum() / counted.sum().clamp(min=1)
        return losses, ranked


def relight(images: Images, *, like: Images, generator: torch.Generator) -> Images:
    """Light faces differently, so that their pixels change, in the root mean square, as much as ``like`` differs.

    A smooth gain over the image (a key light that moves), a cast of colour and a gamma, in [0, 1].
    """
    batch, _, height, width = images.shape
    draw = torch.rand(batch, 7, 1, 1, generator=generator).to(images) * 2 - 1
    across = torch.linspace(-1, 1, width, device=images.device)
    down = torch.linspace(-1, 1, height, device=images.device)[:, None]
    log_gain = 0.6 * draw[:, 0] * across + 0.4 * draw[:, 1] * down + 0.35 * draw[:, 2]
    gain = torch.exp(log_gain[:, None] + 0.12 * draw[:, 3:6])
    lit = (to_unit(images).clamp(1e-3, 1) ** torch.exp(0.3 * draw[:, 6:7])) * gain
    change = from_unit(lit) - images
    wanted = (images - like).square().mean((1, 2, 3), keepdim=True).sqrt()
    scale = wanted / change.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-4)
    return (images + scale.clamp(max=3.0) * change).clamp(-1, 1)


def _distance(maps: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    """Give each face's perceptual distance, as FeaturePerceptualLoss measures it."""
    pairs = zip(maps, others, strict=True)
    return torch.stack([unit_distance(left, right).sum(1).mean((1, 2)) for left, right in pairs]).mean(0)


def _region_loss(logits: Tensor, regions: Tensor) -> Tensor:
    """Cross-entropy of the regions at a map's own resolution."""
    small = functional.interpolate(regions[:, None].float(), size=logits.shape[-2:], mode="nearest")[:, 0].long()
    return functional.cross_entropy(logits, small)
