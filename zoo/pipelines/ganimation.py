"""GANimation: the face stays where an attention mask says so, and is painted anew elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from zoo.facs import AUS
from zoo.pipelines.base import Pipeline, Synthesis
from zoo.sampling import Sampling
from zoo.shapes import Images, Intensity, Occurrence

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRONGEST = 5.0
_GROUP = 32
"""Channels of a group of group normalisation."""


@dataclass(frozen=True)
class Edit:
    """What the network gives.

    Attributes:
        images: ``attention * input + (1 - attention) * colour``.
        colour: What is painted, in [-1, 1].
        attention: Share of the input that stays, in [0, 1]: 1 copies it.
    """

    images: Images
    colour: Images
    attention: Float[Tensor, "batch 1 height width"]


class GANimationPipeline(Pipeline):
    """Edit faces by intensities of AUs (Pumarola et al. 2018, https://arxiv.org/abs/1807.09251); a baseline.

    The intensities, one plane each, stand beside the colours of the face; convolutions give a colour and an attention
    mask. They are absolute: what a face shows already and is not asked for goes. No prompt is read, and nothing is
    drawn at random.

    Instance normalisation takes from every channel its mean. Of a plane of one value only that is left which padding
    makes of it near the borders; group normalisation lets more of it through. Convolutions of enlarged maps leave no
    checkerboard, transposed ones do.

    Args:
        image_size: Height and width of references and results in pixels.
        channels: Channels at full size; each halving doubles them.
        num_halvings: How often the sides are halved.
        num_residual_blocks: Residual blocks at the smallest size.
        normalization: ``instance``, the paper's, or ``group``.
        upsampling: ``resize`` or ``transposed``, the paper's.
        least_painted: Share of the colour in every pixel that no mask takes away, 0 in the paper. A mask that copies
            all lets no gradient through any more, neither to the colour nor to itself, and stays so.
        prompt_style: Style of the prompts that it is given and doesn't read.
    """

    reads_labels = True
    with_intensity = True
    settings = ()

    def __init__(
        self,
        image_size: int = 64,
        *,
        channels: int = 64,
        num_halvings: int = 2,
        num_residual_blocks: int = 6,
        normalization: Literal["instance", "group"] = "instance",
        upsampling: Literal["resize", "transposed"] = "resize",
        least_painted: float = 0.0,
        prompt_style: str = "full",
    ) -> None:
        super().__init__()
        sizes = {"channels": channels, "num_halvings": num_halvings, "num_residual_blocks": num_residual_blocks}
        for name, size in sizes.items():
            if size < 1:
                message = f"GANimationPipeline: {name} must be at least 1, got {size}."
                raise ValueError(message)
        if image_size < 1 or image_size % 2**num_halvings:
            message = (
                f"GANimationPipeline: image_size must be a multiple of {2**num_halvings} (2 to the power of "
                f"num_halvings), got {image_size}."
            )
            raise ValueError(message)
        for name, value, offered in (
            ("normalization", normalization, ("instance", "group")),
            ("upsampling", upsampling, ("resize", "transposed")),
        ):
            if value not in offered:
                message = f"GANimationPipeline: {name} must be {offered[0]!r} or {offered[1]!r}, got {value!r}."
                raise ValueError(message)
        if not 0 <= least_painted < 1:
            message = f"GANimationPipeline: least_painted must be at least 0 and below 1, got {least_painted}."
            raise ValueError(message)
        self.image_size = image_size
        self.least_painted = least_painted
        self.prompt_style = prompt_style
        self.trunk = nn.Sequential(
            *_trunk(channels, num_halvings, num_residual_blocks, normalization == "instance", upsampling == "resize")
        )
        self.colour = nn.Conv2d(channels, 3, 7, padding=3, bias=False)
        self.attention = nn.Conv2d(channels, 1, 7, padding=3, bias=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Images, strengths: Float[Tensor, "batch au"]) -> Edit:
        """Edit faces by intensities in [0, 1], in the order of ``zoo.facs.AUS``."""
        height, width = images.shape[-2:]
        planes = strengths[..., None, None].to(images.dtype).expand(-1, -1, height, width)
        maps = self.trunk(torch.cat([images, planes], 1).contiguous(memory_format=torch.channels_last))
        # both heads at once: for so few channels, two convolutions cost nearly twice what one does
        heads = functional.conv2d(maps, torch.cat([self.colour.weight, self.attention.weight]), padding=3).float()
        colour, attention = heads[:, :3].tanh(), (1 - self.least_painted) * heads[:, 3:].sigmoid()
        return Edit(attention * images + (1 - attention) * colour, colour, attention)

    def strengths(self, occurrence: Occurrence, intensity: Intensity | None = None) -> Float[Tensor, "batch au"]:
        """Turn labels into intensities in [0, 1]: those of AUs that are present, where known; else the strongest."""
        strongest = torch.full(occurrence.shape, _STRONGEST, device=occurrence.device)
        given = strongest if intensity is None else torch.where(intensity.isnan(), strongest, intensity.float())
        return (given / _STRONGEST).clamp(0, 1) * occurrence

    @torch.no_grad()
    def synthesize(
        self,
        references: Images,
        prompts: Sequence[str],
        *,
        occurrence: Occurrence | None = None,
        intensity: Intensity | None = None,
        seeds: Int[Tensor, " batch"] | None = None,
        sampling: Sampling | None = None,
        keep: Bool[Tensor, "batch rows cols"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Synthesis:
        """Edit each reference by its labels; of ``keep``, of any grid, the pixels stay.

        Raises:
            ValueError: There are no labels, or the sizes or numbers don't fit.
        """
        self._check(references)
        if len(prompts) != len(references):
            message = (
                f"GANimationPipeline: prompts must be as many as references, {len(references)}, got {len(prompts)}."
            )
            raise ValueError(message)
        if occurrence is None:
            message = "GANimationPipeline: occurrence must be given, got None. It reads labels, not prompts."
            raise ValueError(message)
        images = self(references, self.strengths(occurrence, intensity)).images
        if keep is not None:
            stays = functional.interpolate(keep[:, None].float(), size=references.shape[-2:], mode="nearest") > 0
            images = torch.where(stays, references, images)
        if progress is not None:
            progress(1, 1)
        return Synthesis(images=images, tokens=None)

    @torch.no_grad()
    def edit(self, images: Images, aus: Mapping[int, float | int]) -> Images:
        """Give faces these AUs and no others.

        Args:
            images: Faces.
            aus: Intensities from 0 to 5 by the numbers of AUs, such as ``{12: 3.5}``.

        Raises:
            ValueError: A number is none of the twelve, or an intensity out of range.
        """
        self._check(images)
        return self(images, _row(aus, images).expand(len(images), -1)).images

    @torch.no_grad()
    def interpolate(
        self, images: Images, start: Mapping[int, float | int], end: Mapping[int, float | int], *, num_steps: int
    ) -> Float[Tensor, "batch step 3 height width"]:
        """Give faces ``num_steps`` sets of intensities, evenly from one to another, both included; else as ``edit``."""
        self._check(images)
        if num_steps < 2:
            message = f"GANimationPipeline: num_steps must be at least 2, got {num_steps}. edit() makes one picture."
            raise ValueError(message)
        first, last = _row(start, images), _row(end, images)
        shares = torch.linspace(0, 1, num_steps).tolist()
        rows = [torch.lerp(first, last, share).expand(len(images), -1) for share in shares]
        return torch.stack([self(images, row).images for row in rows], 1)

    def _check(self, images: Tensor) -> None:
        if images.shape[-2:] != (self.image_size, self.image_size):
            message = (
                f"GANimationPipeline: references must be {self.image_size} x {self.image_size} pixels, got "
                f"{images.shape[-2]} x {images.shape[-1]}."
            )
            raise ValueError(message)


def _row(aus: Mapping[int, float | int], images: Tensor) -> Tensor:
    for number, intensity in aus.items():
        if number not in AUS or not 0 <= intensity <= _STRONGEST:
            known = ", ".join(map(str, AUS))
            message = (
                f"GANimationPipeline: aus must give intensities from 0 to 5 to numbers of {known}, got "
                f"{{{number}: {intensity}}}."
            )
            raise ValueError(message)
    return torch.tensor([[aus.get(au, 0.0) / _STRONGEST for au in AUS]], device=images.device)


def _trunk(
    channels: int, num_halvings: int, num_blocks: int, by_instance: bool, by_resizing: bool
) -> Iterator[nn.Module]:
    """Build what both heads share."""
    yield nn.Conv2d(3 + len(AUS), channels, 7, padding=3, bias=False)
    yield _norm(channels, by_instance)
    yield nn.ReLU()
    width = channels
    for _ in range(num_halvings):
        yield nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False)
        width *= 2
        yield _norm(width, by_instance)
        yield nn.ReLU()
    for _ in range(num_blocks):
        yield _ResidualBlock(width, by_instance)
    for _ in range(num_halvings):
        if by_resizing:
            yield nn.Upsample(scale_factor=2.0, mode="nearest")
            yield nn.Conv2d(width, width // 2, 3, padding=1, bias=False)
        else:
            yield nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1, bias=False)
        width //= 2
        yield _norm(width, by_instance)
        yield nn.ReLU()


class _ResidualBlock(nn.Module):
    """Add what two convolutions make of feature maps; nothing is activated after the sum."""

    def __init__(self, channels: int, by_instance: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _norm(channels, by_instance),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _norm(channels, by_instance),
        )

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim rows cols"]:
        """Transform feature maps."""
        transformed: Tensor = self.layers(maps)
        return maps + transformed


def _norm(channels: int, by_instance: bool) -> nn.GroupNorm:
    # groups of one channel are instance normalisation, and work in mixed precision; on a CPU, in this memory format,
    # groups of few channels take nearly half of a step's time
    return nn.GroupNorm(channels if by_instance else channels // math.gcd(channels, _GROUP), channels)
