"""Figures that every module around a codec logs: how near the pixels are, how much of the codebooks is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.images import to_unit

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import Tensor

    from zoo.metrics.codebook_usage import CodebookUsage
    from zoo.shapes import Images


def pixel_figures(reconstructions: Images, images: Images) -> dict[str, Tensor]:
    """Give L1, of images in [-1, 1], and PSNR in dB, as means over the images."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    psnr = peak_signal_noise_ratio(
        to_unit(reconstructions), to_unit(images), data_range=1.0, reduction="none", dim=(1, 2, 3)
    )
    return {"l1": (reconstructions - images).abs().mean(), "psnr": psnr.mean()}


def log_usage(module: LightningModule, usage: CodebookUsage, *, split: str) -> None:
    """Log the share of each level's codes that is in use, its perplexity, and the least used level's share; reset."""
    shares, perplexities = map(torch.atleast_1d, usage.compute())
    for name, figures in (("usage", shares), ("perplexity", perplexities)):
        module.log_dict({f"{split}_{name}/level_{level}": figure for level, figure in enumerate(figures)})
    module.log(f"{split}/usage", shares.min())
    usage.reset()
