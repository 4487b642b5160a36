"""Sizes of Stable Diffusion's three networks, as arguments of diffusers' and transformers' classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Architecture:
    """How wide and deep the networks are.

    Attributes:
        channels: Of each resolution of the denoiser; at all but the last, attention looks at the text.
        layers: Residual blocks at each resolution on the way down; on the way up it is one more.
        heads: Of the denoiser's attention.
        image_channels: Of each resolution of the autoencoder; each but the last is halved.
        image_layers: Residual blocks at each of these.
        image_groups: Of its group normalisation.
        text_dim: Channels of the text encoder.
        text_layers: Its transformer blocks.
        text_heads: Of its attention.
        vocabulary: Its ids, with those of start and end as the last two.
        length: Ids of one chunk of text, with start and end.
    """

    channels: tuple[int, ...]
    layers: int
    heads: int
    image_channels: tuple[int, ...]
    image_layers: int
    image_groups: int
    text_dim: int
    text_layers: int
    text_heads: int
    vocabulary: int
    length: int = 77

    @property
    def stride(self) -> int:
        """Pixels per cell of the latents."""
        return int(2 ** (len(self.image_channels) - 1))

    @property
    def least_image(self) -> int:
        """Sides of images are multiples of this: the denoiser halves the latents, too."""
        return int(self.stride * 2 ** (len(self.channels) - 1))

    def denoiser(self) -> dict[str, Any]:
        """Give the arguments of ``diffusers.UNet2DConditionModel``."""
        rest = len(self.channels) - 1
        return {
            "in_channels": LATENT_CHANNELS,
            "out_channels": LATENT_CHANNELS,
            "block_out_channels": self.channels,
            "down_block_types": ("CrossAttnDownBlock2D",) * rest + ("DownBlock2D",),
            "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * rest,
            "layers_per_block": self.layers,
            "cross_attention_dim": self.text_dim,
            "attention_head_dim": self.heads,  # diffusers' word for the number of heads in these blocks
        }

    def autoencoder(self) -> dict[str, Any]:
        """Give the arguments of ``diffusers.AutoencoderKL``."""
        count = len(self.image_channels)
        return {
            "latent_channels": LATENT_CHANNELS,
            "block_out_channels": self.image_channels,
            "down_block_types": ("DownEncoderBlock2D",) * count,
            "up_block_types": ("UpDecoderBlock2D",) * count,
            "layers_per_block": self.image_layers,
            "norm_num_groups": self.image_groups,
        }

    def text_encoder(self) -> dict[str, Any]:
        """Give the arguments of ``transformers.CLIPTextConfig``."""
        return {
            "vocab_size": self.vocabulary,
            "hidden_size": self.text_dim,
            "intermediate_size": 4 * self.text_dim,
            "num_hidden_layers": self.text_layers,
            "num_attention_heads": self.text_heads,
            "max_position_embeddings": self.length,
            "bos_token_id": self.vocabulary - 2,
            "eos_token_id": self.vocabulary - 1,
            "pad_token_id": self.vocabulary - 1,
        }

    def attention_layers(self) -> Iterator[tuple[str, int, int]]:
        """Give name, inputs and outputs of each linear layer of the denoiser's attention: where LoRA layers go."""
        places = [
            (f"down_blocks.{at}.attentions.{layer}", width)
            for at, width in enumerate(self.channels[:-1])
            for layer in range(self.layers)
        ]
        places.append(("mid_block.attentions.0", self.channels[-1]))
        places += [
            (f"up_blocks.{at}.attentions.{layer}", width)
            for at, width in enumerate(self.channels[-2::-1], start=1)
            for layer in range(self.layers + 1)
        ]
        for place, width in places:
            for name, source in (("attn1", width), ("attn2", self.text_dim)):
                block = f"{place}.transformer_blocks.0.{name}"
                yield f"{block}.to_q", width, width
                yield f"{block}.to_k", source, width
                yield f"{block}.to_v", source, width
                yield f"{block}.to_out.0", width, width


LATENT_CHANNELS = 4
ARCHITECTURES = {
    "tiny": Architecture(
        channels=(64, 128, 128),
        layers=1,
        heads=4,
        image_channels=(32, 64, 64),
        image_layers=1,
        image_groups=16,
        text_dim=128,
        text_layers=2,
        text_heads=4,
        vocabulary=4096,
    ),
    # Rombach et al. 2022 (https://arxiv.org/abs/2112.10752) with the text encoder of CLIP ViT-L/14
    "sd15": Architecture(
        channels=(320, 640, 1280, 1280),
        layers=2,
        heads=8,
        image_channels=(128, 256, 512, 512),
        image_layers=2,
        image_groups=32,
        text_dim=768,
        text_layers=12,
        text_heads=12,
        vocabulary=49_408,
    ),
}
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
}
"""Stable Diffusion 1.5's noise, as arguments of diffusers' schedulers."""
