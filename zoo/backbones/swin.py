"""Swin transformer, as timm builds it."""

from __future__ import annotations

from typing import Literal

from einops import rearrange
from torch import Tensor

from zoo.backbones.base import Backbone
from zoo.layers.imagenet import imagenet_input
from zoo.shapes import Images

# stochastic depth of the original (Liu et al. 2021, A2.1) for ImageNet-1K
_DROP_PATH = {"tiny": 0.2, "small": 0.3, "base": 0.5}


class SwinBackbone(Backbone):
    """Give the outputs of a Swin transformer's four stages (Liu et al. 2021, https://arxiv.org/abs/2103.14030).

    Patches of 4, windows of 7. Parameters have timm's names under ``network.``, without the classifier. Nothing is
    downloaded: weights start at random; ``zoo.foreign`` reads files of others.

    Args:
        size: Which of the paper's.
        image_size: Pixels of a side that images are resized to; a multiple of 224 divided by a power of two.
        drop_path: Chance that training skips the deepest block; None takes the paper's 0.2, 0.3, 0.5 by size.
    """

    def __init__(
        self,
        *,
        size: Literal["tiny", "small", "base"] = "base",
        image_size: int = 224,
        drop_path: float | None = None,
    ) -> None:
        super().__init__()
        if image_size < 1:
            message = f"SwinBackbone: image_size must be at least 1, got {image_size}. The paper's is 224."
            raise ValueError(message)
        if drop_path is not None and not 0 <= drop_path < 1:
            message = f"SwinBackbone: drop_path must be in [0, 1), got {drop_path}."
            raise ValueError(message)
        import timm

        self.network = timm.create_model(
            f"swin_{size}_patch4_window7_224",
            pretrained=False,
            num_classes=0,
            global_pool="",
            img_size=image_size,
            drop_path_rate=_DROP_PATH[size] if drop_path is None else drop_path,
        )
        first = self.network.embed_dim
        self.channels = (first, 2 * first, 4 * first, 8 * first)
        self.image_size = image_size

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Give feature maps at 1/4, 1/8, 1/16 and 1/32 of the image's size; the last one is normalized."""
        hidden = self.network.patch_embed(imagenet_input(images, size=self.image_size))
        maps = []
        for stage in self.network.layers:
            hidden = stage(hidden)
            maps.append(hidden)
        maps[-1] = self.network.norm(hidden)
        return tuple(rearrange(each, "b h w d -> b d h w") for each in maps)
