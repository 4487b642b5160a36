"""A trained model as the page uses it: prompts in its own style, faces, and what it can't be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lightning_modules.cli.studio import weights_sha256
from lightning_modules.cli.synthesis_intensity import intensity_reading, strengths_of
from lightning_modules.cli.synthesis_references import procedural_reference
from lightning_modules.demo.pictures import read_face
from lightning_modules.demo.requests import FaceRequest, Wish
from zoo import bundles
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.facs.labels import AULabel, format_labels
from zoo.pipelines.base import Pipeline
from zoo.pipelines.editing import Part, kept_cells
from zoo.sampling import Sampling


@dataclass(frozen=True)
class Order:
    """One face that a model is to make.

    Attributes:
        wish: What it is to do.
        seed: Decides the noise and the wording.
    """

    wish: Wish
    seed: int


class DemoModel:
    """Make faces with a pipeline as ``synthesize`` does: the same request gives the same pixels.

    What it can be asked follows from what the pipeline declares: whether it reads labels or prompts, with intensities
    or without, whether it sees the reference, and which settings change its faces.

    Args:
        path: A bundle, a run's folder or a checkpoint of a pipeline.
        name: What the page calls it.
        device: Where it runs.
    """

    def __init__(self, path: str, *, name: str, device: torch.device) -> None:
        loaded = bundles.load(path, device=device)
        if not isinstance(loaded, Pipeline):
            others = ", ".join(pipelines_beside(path)) or "none here yet"
            message = (
                f"demo: model must be a pipeline, which makes faces, got {path!r}, a {type(loaded).__name__}. "
                f"It can show: {others}."
            )
            raise ValueError(message)
        self.pipeline = loaded
        self.path = path
        self.name = name
        self.device = device
        self.sha256 = weights_sha256(path)
        self.intensity_reading = intensity_reading(path, loaded)
        self.reads_labels = loaded.reads_labels

    def try_out(self) -> None:
        """Make a face in one step, so that what would keep it from making any is told at the start.

        Raises:
            Exception: What the pipeline says, such as that weights of others are missing.
        """
        self.make(
            [Order(Wish(()), 0)], procedural_reference(0, size=self.pipeline.image_size), sampling=Sampling(steps=1)
        )

    @property
    def about(self) -> dict[str, Any]:
        """What the page says of it."""
        return {
            "name": self.name,
            "path": self.path,
            "sha256": self.sha256,
            "size": self.pipeline.image_size,
            "reads": "labels" if self.reads_labels else "text",
            "intensity": self.intensity_reading,
            "sees_reference": self.pipeline.sees_reference,
            "settings": list(self.pipeline.settings),
        }

    def gets(self, wish: Wish, *, seed: int) -> str:
        """Say what of a wish reaches it: a text, or the AUs alone."""
        if not self.reads_labels:
            return self.prompt(wish, seed=seed)
        return format_labels(self._understood(wish.labels)) or "no AU, a face at rest"

    def prompt(self, wish: Wish, *, seed: int) -> str:
        """Give the text that it reads: the one that was typed, or one composed of the AUs."""
        if wish.text is not None:
            return wish.text
        composer = Composer(
            style=self.pipeline.prompt_style, seed=seed, word_intensity=self.intensity_reading == "words"
        )
        return composer.describe(self._understood(wish.labels))

    def notes(self, wish: Wish) -> list[str]:
        """Say what of a wish it can't take in."""
        found = []
        if self.intensity_reading is None and any(label.intensity is not None for label in wish.labels):
            found.append(f"{self.name} was trained on which AUs act, not how strongly: intensities are left out.")
        if self.reads_labels and wish.text is not None:
            found.append(f"{self.name} reads AUs, not texts: it gets the AUs that were read in yours.")
        if not self.pipeline.sees_reference:
            found.append(f"{self.name} draws by the text alone and never sees the person: the seed decides who it is.")
        return found

    def reference(self, request: FaceRequest) -> Tensor:
        """Give the reference face in the model's size."""
        size = self.pipeline.image_size
        if isinstance(request.reference, bytes):
            return read_face(request.reference, size=size)
        return procedural_reference(request.reference, size=size)

    def make(
        self,
        orders: Sequence[Order],
        reference: Tensor,
        *,
        sampling: Sampling,
        only: Part | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Tensor:
        """Make one face for each order, all of one person.

        Args:
            orders: What is wanted.
            reference: The person, (3, size, size).
            sampling: How it is drawn.
            only: The one part that is drawn anew; None for all.
            progress: Told after each pass of the generator how many are done, and of how many.
        """
        labels = [self._understood(order.wish.labels) for order in orders]
        strengths = [strengths_of(each, None) for each in labels]
        occurrence = torch.tensor([[au in each for au in AUS] for each in strengths])
        intensity = torch.tensor([[each.get(au, float("nan")) for au in AUS] for each in strengths])
        keep = None
        if only is not None:
            kept = kept_cells(only, rows=self.grid[0], cols=self.grid[1])
            keep = kept.expand(len(orders), -1, -1).to(self.device)
        return self.pipeline.synthesize(
            reference.to(self.device).expand(len(orders), -1, -1, -1),
            [self.prompt(order.wish, seed=order.seed) for order in orders],
            occurrence=occurrence.to(self.device),
            intensity=intensity.to(self.device),
            seeds=torch.tensor([order.seed for order in orders]),
            sampling=sampling,
            keep=keep,
            progress=progress,
        ).images

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of what it draws by: tokens, or pixels where there are none."""
        side = self.pipeline.image_size
        generator: Any = getattr(self.pipeline, "generator", None)
        return (side, side) if generator is None else (generator.rows, generator.cols)

    def _understood(self, labels: tuple[AULabel, ...]) -> tuple[AULabel, ...]:
        if self.intensity_reading is not None:
            return labels
        return tuple(replace(label, intensity=None) for label in labels)


def pipelines_beside(path: str) -> list[str]:
    """Name the bundles of pipelines in the folder of a bundle and in ``models``; loads no weights."""
    from lightning_modules.cli.model_listing import models

    folders = dict.fromkeys([Path(path).parent, Path("models")])
    return [
        str(folder / name)
        for folder in folders
        for name, model in models(bundles.find(str(folder))).items()
        if model.get("component", "").startswith("pipelines/")
    ]


def names_of(paths: Sequence[str]) -> list[str]:
    """Give each model a short name of its own: the last part of its path that tells them apart.

    Example:
        >>> names_of(["models/vq_auface", "runs/stage2/long"]), names_of(["a/best", "b/best"])
        (['vq_auface', 'long'], ['a/best', 'b/best'])
    """
    parts = [Path(path).parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-count:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({place})" for place, path in enumerate(paths, 1)]
