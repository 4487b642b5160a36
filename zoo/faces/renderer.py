"""Draw batches of procedural faces, with their ground truth."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional

from zoo.faces.controls import Head
from zoo.faces.features import Features, draw_features
from zoo.faces.fields import Noise, plane
from zoo.faces.heights import Surface, chroma
from zoo.faces.landmarks import landmarks
from zoo.faces.parameters import FaceParameters
from zoo.faces.pose import FRAME_SIDE, Turn, pixel_grid, unturn, upright, view_depth, view_slopes
from zoo.faces.scene import Scene, compose
from zoo.faces.shading import Light, cast_shadow, occlusion, shade_face, skin_color
from zoo.faces.wrinkles import Wrinkles
from zoo.images import from_unit
from zoo.shapes import Images, Landmarks, Regions

REGIONS = (
    "background",
    "neck",
    "hair",
    "ear",
    "skin",
    "brow",
    "eye",
    "nose",
    "upper_lip",
    "lower_lip",
    "mouth",
)
"""Names of the regions; the index is the label."""
_CPU_PIXELS = 65_536
"""Pixels drawn at once on a CPU: planes stay near the cache (measured at 64 px: 16 or 32 faces alike, 8 slower)."""


@dataclass(frozen=True)
class RenderedFaces:
    """Faces and what is known about them.

    Attributes:
        images: RGB in [-1, 1].
        landmarks: 68 points in pixels, in the order of iBUG 300-W.
        visible: Whether each landmark is inside the frame and not under hair.
        regions: Index into ``REGIONS`` of what covers most of each pixel.
    """

    images: Images
    landmarks: Landmarks
    visible: Bool[Tensor, "batch point"]
    regions: Regions

    @staticmethod
    def cat(parts: list[RenderedFaces]) -> RenderedFaces:
        """Join batches, one after the other."""
        return RenderedFaces(
            **{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(RenderedFaces)}
        )


class FaceRenderer:
    """Draw faces as height fields with analytic features, in pure torch, differentiable in the activations.

    Works where the parameters are. A frame does not depend on what else is in the batch: on one machine it
    is the same to the last bit.

    Args:
        size: Side of the images in pixels, a multiple of 8 from 32 to 512.
        interaction: 1 lets AUs in combination follow the rules of FACS, 0 adds what each does alone;
            see ``zoo.faces.rules.kinematics``.

    Example:
        >>> from zoo.faces import sample_faces
        >>> seeds = torch.arange(2)
        >>> faces = FaceRenderer(32)(sample_faces(seeds, seeds, seeds))
        >>> faces.images.shape, faces.landmarks.shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2, 68, 2]))
    """

    def __init__(self, size: int, interaction: float = 1.0) -> None:
        if not (32 <= size <= 512 and size % 8 == 0):
            message = f"FaceRenderer: size must be a multiple of 8 from 32 to 512, got {size!r}."
            raise ValueError(message)
        if not 0.0 <= interaction <= 1.0:
            message = (
                f"FaceRenderer: interaction must be in [0, 1], got {interaction!r}. "
                "Use 1 for the rules of FACS, 0 for the sum of single AUs."
            )
            raise ValueError(message)
        self.size = size
        self.interaction = float(interaction)
        self._noises: dict[torch.device, Noise] = {}

    def __call__(self, parameters: FaceParameters) -> RenderedFaces:
        """Draw all faces; on a CPU in portions that fit its cache."""
        portion = len(parameters)
        if parameters.device.type == "cpu":
            portion = max(1, _CPU_PIXELS // self.size**2)
        if len(parameters) <= portion:
            return self._draw(parameters)
        starts = range(0, len(parameters), portion)
        return RenderedFaces.cat([self._draw(parameters[start : start + portion]) for start in starts])

    def _noise(self, device: torch.device) -> Noise:
        if device not in self._noises:
            self._noises[device] = Noise(device)
        return self._noises[device]

    def _draw(self, parameters: FaceParameters) -> RenderedFaces:
        size, view, device = self.size, parameters.view, parameters.device
        noise = self._noise(device)
        head = Head(parameters, self.interaction)
        turn, light = Turn.of(view), Light.of(view)
        surface = Surface(head, 96 if size <= 128 else 128)

        # Depth, occlusion and shadow are smooth: half the resolution is enough from 128 px on.
        coarse = max(min(size, 64), size // 2)
        x, y = upright(*pixel_grid(coarse, device), turn)
        x, y = unturn(x, y, turn, surface.heights, surface.normalize)
        slope_x, slope_y, shift_x, shift_y = surface.smooth(x, y)
        slope_x, slope_y = view_slopes(slope_x, slope_y, turn)
        depth = view_depth(x, y, surface.read(surface.heights, x, y)[:, 0], turn)
        smooth = torch.stack([x, y, x + shift_x, y + shift_y, slope_x, slope_y], 1)
        colors = surface.read(chroma(head, surface), x + shift_x, y + shift_y)
        soft = torch.cat([occlusion(depth)[:, None], cast_shadow(depth, light)[:, None], colors], 1)
        if coarse != size:
            smooth = functional.interpolate(smooth, size=(size, size), mode="bicubic", align_corners=False)
            soft = functional.interpolate(soft, size=(size, size), mode="bilinear", align_corners=False)
        planes = smooth[:, :4].contiguous()
        open_, lit = soft[:, 0], soft[:, 1]

        detail = planes.new_zeros(len(planes), 2, size, size)
        Wrinkles(head, noise, turn, size).draw(planes, detail)
        features = draw_features(head, noise, turn, size, planes, detail, view["gaze"], view["light"])
        skin, pores, beard = skin_color(head, noise, turn, planes, soft[:, 2:], features)
        pixel = FRAME_SIDE / size
        relief = detail[:, 0] + pores * min(0.0010, 0.05 * pixel)
        slope_x = (smooth[:, 4] + torch.gradient(relief, spacing=pixel, dim=2)[0]).clamp(-3, 3)
        slope_y = (smooth[:, 5] - torch.gradient(relief, spacing=pixel, dim=1)[0]).clamp(-3, 3)
        open_ = open_ * torch.exp(-0.95 * detail[:, 1].clamp(0, 2.2))
        face_image = shade_face(head, light, (slope_x, slope_y), skin, beard, soft[:, 4], open_, lit, features)

        light_x, light_y, light_z = light.axes()
        facing = (light_z - slope_x * light_x - slope_y * light_y) * torch.rsqrt(1 + slope_x**2 + slope_y**2)
        flat = upright(*pixel_grid(size, device), turn)
        scene = compose(head, noise, view, light, planes, flat, face_image, facing)
        points, visible = landmarks(head, surface, turn, scene.face, scene.hair, size)
        return RenderedFaces(
            images=from_unit(self._expose(scene.image, view, noise)),
            landmarks=points,
            visible=visible,
            regions=_regions(head, planes, scene, features),
        )

    def _expose(self, image: Tensor, view: dict[str, Tensor], noise: Noise) -> Tensor:
        """Turn light into the camera's sRGB values in [0, 1]: exposure, a soft shoulder, gamma and grain."""
        image = image * (0.98 * view["exposure"][:, None, None, None])
        image = image / (1 + 0.24 * image)
        image = image.clamp_min(1e-5) ** (1 / 2.2)
        grain = plane(view["noise"]) * noise.grain(self.size, view["grain"])
        return (image + grain[:, None]).clamp(0, 1)


def _regions(head: Head, planes: Tensor, scene: Scene, features: Features) -> Tensor:
    """Name what covers most of each pixel."""
    rest_x, rest_y = planes[:, 2], planes[:, 3]
    nose_y, nose_width = head.face("nose_y"), head.face("nose_width")
    bridge = (rest_x / 0.13) ** 2 + ((rest_y + 0.25) / 0.40) ** 2 < 1.05
    wings = (rest_x / (nose_width + 0.01)) ** 2 + ((rest_y - nose_y - 0.03) / 0.11) ** 2 < 1.05
    face, hair = scene.face, scene.hair
    # In turn, whatever covers more than what came before: the same as the greatest, and faster than argmax.
    labels = torch.zeros_like(face, dtype=torch.int64)
    most = (1 - face) * (1 - hair) * (1 - scene.neck) * (1 - scene.ear)
    bare = 1 - hair
    for name, share in (
        ("neck", scene.neck * bare),
        ("hair", hair),
        ("ear", scene.ear * bare),
        ("skin", face * bare),
    ):
        labels = torch.where(share > most, REGIONS.index(name), labels)
        most = torch.maximum(most, share)
    on_face = labels == REGIONS.index("skin")

    def put(labels: Tensor, name: str, where: Tensor) -> Tensor:
        return torch.where(where & on_face, REGIONS.index(name), labels)

    labels = put(labels, "nose", bridge | wings)
    labels = put(labels, "brow", features.brow > 0.3)
    labels = put(labels, "eye", features.eye > 0.5)
    for name, share in (
        ("upper_lip", features.upper_lip),
        ("lower_lip", features.lower_lip),
        ("mouth", features.mouth),
    ):
        labels = put(labels, name, share > 0.4)
    return labels
