"""What a face would be if AUs didn't interact: the changes that each makes alone, added up."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.pipelines.base import Pipeline, Synthesis
from zoo.sampling import Sampling
from zoo.shapes import Images, Intensity, Occurrence


class LinearSuperpositionPipeline(Pipeline):
    """Add the effects of single AUs up, in pixels; a baseline that needs no training of its own.

    The effect of an AU is what a trained pipeline makes of the reference with this AU alone, less what it makes of it
    without any, from the same seed. The reference and all effects are summed and clipped to [-1, 1]. Prompts are not
    read: each AU's own is composed from the labels.

    Args:
        pipeline: The trained pipeline, or its path (a bundle, a run's folder or a checkpoint). A path is remembered as
            a path; a bundle of a pipeline that was loaded before holds it whole.
    """

    reads_labels = True

    def __init__(self, pipeline: Pipeline | str) -> None:
        super().__init__()
        self.pipeline = _loaded(pipeline) if isinstance(pipeline, str) else pipeline
        self.image_size = self.pipeline.image_size
        self.prompt_style = self.pipeline.prompt_style
        self.settings = self.pipeline.settings
        self.sees_reference = self.pipeline.sees_reference

    @property
    def codec(self) -> Any:
        """The pipeline's codec, where it has one."""
        return self.pipeline.get_submodule("codec")

    @property
    def generator(self) -> Any:
        """The pipeline's generator, where it has one."""
        return self.pipeline.get_submodule("generator")

    @property
    def text_encoder(self) -> Any:
        """What reads prompts or labels: the pipeline's text encoder, or itself."""
        return getattr(self.pipeline, "text_encoder", self.pipeline)

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
        """Add up; see :class:`zoo.pipelines.base.Pipeline`. There are no tokens.

        Raises:
            ValueError: There are no labels, or the sizes or numbers don't fit.
        """
        if references.shape[-2:] != (self.image_size, self.image_size):
            message = (
                f"LinearSuperpositionPipeline: references must be {self.image_size} x {self.image_size} pixels, got "
                f"{references.shape[-2]} x {references.shape[-1]}."
            )
            raise ValueError(message)
        if len(prompts) != len(references):
            message = (
                f"LinearSuperpositionPipeline: prompts must be as many as references, {len(references)}, got "
                f"{len(prompts)}."
            )
            raise ValueError(message)
        if occurrence is None:
            message = (
                "LinearSuperpositionPipeline: occurrence must be given, got None. It takes AUs apart by their labels."
            )
            raise ValueError(message)
        seeds = torch.arange(len(references)) if seeds is None else seeds
        present = [(place, occurrence[:, place].nonzero().flatten()) for place in range(len(AUS))]
        present = [(place, rows) for place, rows in present if len(rows)]
        count = 1 + len(present)
        composer = Composer(style=self.prompt_style)

        def alone(number: int, place: int | None, rows: Tensor) -> Tensor:
            """Synthesise some of the faces with one AU, or with none."""
            own = torch.zeros_like(occurrence[rows])
            aus = []
            if place is not None:
                own[:, place] = True
                aus = [AUS[place]]
            chosen = seeds[rows.to(seeds.device)]
            told = None if progress is None else functools.partial(_told, progress, number, count)
            made = self.pipeline.synthesize(
                references[rows],
                [composer.describe(aus, index=seed) for seed in chosen.tolist()],
                occurrence=own,
                intensity=None if intensity is None else torch.where(own, intensity[rows], torch.nan),
                seeds=chosen,
                sampling=sampling,
                keep=None if keep is None else keep[rows],
                progress=told,
            )
            return made.images.float()

        at_rest = alone(0, None, torch.arange(len(references), device=references.device))
        images = references.float().clone()
        for number, (place, rows) in enumerate(present, start=1):
            images[rows] += alone(number, place, rows) - at_rest[rows]
        return Synthesis(images=images.clamp(-1, 1), tokens=None)


def _told(progress: Callable[[int, int], None], number: int, count: int, done: int, total: int) -> None:
    """Say that a pass of one synthesis out of several is done."""
    progress(number * total + done, count * total)


def _loaded(path: str) -> Pipeline:
    from zoo.bundles import load

    component = load(path)
    if not isinstance(component, Pipeline):
        message = (
            f"LinearSuperpositionPipeline: pipeline must be the path of a model of stage II, got {path!r}, which holds "
            f"a {type(component).__name__}."
        )
        raise TypeError(message)
    return component
