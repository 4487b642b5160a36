"""The residual VQGAN, the codec of the paper's stage I."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from zoo.codecs.base import Codec, Reconstruction
from zoo.layers.attention import SpatialAttention
from zoo.layers.frequencies import low_frequencies
from zoo.layers.normalization import group_norm
from zoo.layers.resampling import Downsample, Upsample, channels_to_pixels, pixels_to_channels
from zoo.layers.residual_block import ResidualBlock
from zoo.quantizers.base import Quantizer
from zoo.shapes import Images, Latents

if TYPE_CHECKING:
    from torch import Tensor


class ResidualVQGANCodec(Codec):
    """Code images with a convolutional encoder, an injected quantizer and a mirrored decoder.

    The paper (section 4.1) names VQGAN (Esser et al. 2021, https://arxiv.org/abs/2012.09841) and RQ-VAE (Lee et al.
    2022, https://arxiv.org/abs/2203.01941) and gives no sizes; the defaults are our reading: 256 px to a grid of
    16 x 16. Takes any sides that are multiples of ``stride``.

    Args:
        quantizer: Turns latents into tokens; its ``latent_dim`` sets the channels of the latents.
        channels: Channels at the highest resolution.
        channel_multipliers: Channels of each resolution, as multiples of ``channels``; each resolution is half
            the one before.
        num_residual_blocks: Residual blocks at each resolution, in the encoder and in the decoder.
        patch_size: Side of the squares of pixels that the stem moves into channels; 1 convolves the pixels
            themselves.
        attention: Whether positions attend to each other at the lowest resolution.
        shortcut: Whether linear maps run beside encoder and decoder, from each square of ``stride`` pixels to its
            latents and back (compare Chen et al. 2025, section 3.2, https://arxiv.org/abs/2410.10733). They start as
            the lowest frequencies of the square, the networks beside them at 0, which learn what is missing; so
            do channels of the latents beyond the values of a square.
        dropout: Share of activations dropped inside residual blocks.
        recompute: Whether training computes activations a second time instead of keeping them, to save memory.
    """

    def __init__(
        self,
        quantizer: Quantizer,
        *,
        channels: int = 96,
        channel_multipliers: Sequence[int] = (1, 1, 2, 2, 4),
        num_residual_blocks: int = 2,
        patch_size: int = 1,
        attention: bool = True,
        shortcut: bool = False,
        dropout: float = 0.0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        if not channel_multipliers or min(channel_multipliers) < 1:
            message = (
                "ResidualVQGANCodec: channel_multipliers must be a number of at least 1 for each resolution, "
                f"got {list(channel_multipliers)}. Two resolutions are [1, 2]."
            )
            raise ValueError(message)
        for name, value in (("channels", channels), ("num_residual_blocks", num_residual_blocks)):
            if value < 1:
                message = f"ResidualVQGANCodec: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if patch_size < 1:
            message = f"ResidualVQGANCodec: patch_size must be at least 1, got {patch_size}. 1 convolves the pixels."
            raise ValueError(message)
        self.quantizer = quantizer
        self.stride = patch_size * 2 ** (len(channel_multipliers) - 1)
        self.patch_size = patch_size
        self.recompute = recompute
        widths = [channels * multiplier for multiplier in channel_multipliers]
        patch_dim, latent_dim = 3 * patch_size**2, quantizer.latent_dim

        self.encoder = nn.Sequential(
            nn.Conv2d(patch_dim, widths[0], 3, padding=1),
            *_resolutions(widths, Downsample, num_residual_blocks, dropout),
            *_bottleneck(widths[-1], attention, dropout),
            group_norm(widths[-1]),
            nn.SiLU(),
            nn.Conv2d(widths[-1], latent_dim, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_dim, widths[-1], 1),
            *_bottleneck(widths[-1], attention, dropout),
            *_resolutions(widths[::-1], Upsample, num_residual_blocks, dropout),
            group_norm(widths[0]),
            nn.SiLU(),
            nn.Conv2d(widths[0], patch_dim, 3, padding=1),
        )
        self.into_latents: nn.Conv2d | None = None
        self.into_pixels: nn.Conv2d | None = None
        if shortcut:
            self._add_shortcut(latent_dim)
        # Convolutions are about twice as fast this way on CPUs, and tensor cores want it too; the activations
        # follow the layout of the weights.
        self.encoder.to(memory_format=torch.channels_last)
        self.decoder.to(memory_format=torch.channels_last)

    @property
    def last_weight(self) -> Tensor:
        """The weight that gives the pixels, at which an adaptive adversarial weight compares gradients."""
        weight: Tensor = self.decoder[-1].get_parameter("weight")
        return weight

    def encode(self, images: Images) -> Latents:
        """Give the latents before quantization.

        Raises:
            ValueError: A side of the images is not a multiple of ``stride``.
        """
        height, width = images.shape[-2:]
        if height % self.stride or width % self.stride or not height or not width:
            message = (
                f"ResidualVQGANCodec: sides of images must be multiples of the stride {self.stride}, "
                f"got {height} x {width}. Resize or crop the images, or change patch_size or channel_multipliers."
            )
            raise ValueError(message)
        latents = self._run(self.encoder, pixels_to_channels(images, self.patch_size))
        if self.into_latents is not None:
            latents = latents + self.into_latents(pixels_to_channels(images, self.stride))
        return latents

    def decode(self, latents: Latents) -> Images:
        """Give images from quantized latents; not clamped."""
        # float32 also under autocast: the losses and their summed gradient need the precision
        images = channels_to_pixels(self._run(self.decoder, latents).float(), self.patch_size)
        if self.into_pixels is not None:
            images = images + channels_to_pixels(self.into_pixels(latents).float(), self.stride)
        return images

    def forward(self, images: Images) -> Reconstruction:
        """Encode, quantize and decode; in training mode the quantizer learns."""
        quantized = self.quantizer(self.encode(images))
        return Reconstruction(
            images=self.decode(quantized.latents), tokens=quantized.tokens, commitment=quantized.commitment
        )

    def _add_shortcut(self, latent_dim: int) -> None:
        pixel_dim = 3 * self.stride**2
        self.into_latents = nn.Conv2d(pixel_dim, latent_dim, 1, bias=False)
        self.into_pixels = nn.Conv2d(latent_dim, pixel_dim, 1, bias=False)
        vectors = low_frequencies(self.stride, min(latent_dim, pixel_dim))
        with torch.no_grad():
            for layer in (self.encoder[-1], self.decoder[-1], self.into_latents, self.into_pixels):
                for weight in layer.parameters():
                    weight.zero_()
            self.into_latents.weight[: len(vectors)] = vectors[:, :, None, None]
            self.into_pixels.weight[:, : len(vectors)] = vectors.T[:, :, None, None]

    def _run(self, layers: nn.Sequential, maps: Tensor) -> Tensor:
        maps = maps.contiguous(memory_format=torch.channels_last)
        recompute = self.recompute and self.training and torch.is_grad_enabled()
        for layer in layers:
            if recompute and isinstance(layer, ResidualBlock):
                maps = checkpoint(layer, maps, use_reentrant=False)
            else:
                maps = layer(maps)
        return maps


def _resolutions(
    widths: Sequence[int], resample: type[Downsample | Upsample], num_residual_blocks: int, dropout: float
) -> list[nn.Module]:
    """Build the residual blocks of each resolution, with a change of resolution in between."""
    layers: list[nn.Module] = []
    before = widths[0]
    for index, width in enumerate(widths):
        if index > 0:
            layers.append(resample(before))
        for _ in range(num_residual_blocks):
            layers.append(ResidualBlock(before, out_channels=width, dropout=dropout))
            before = width
    return layers


def _bottleneck(width: int, attention: bool, dropout: float) -> list[nn.Module]:
    """Build the part at the lowest resolution, where every position sees the whole face."""
    if not attention:
        return [ResidualBlock(width, dropout=dropout)]
    return [ResidualBlock(width, dropout=dropout), SpatialAttention(width), ResidualBlock(width, dropout=dropout)]
