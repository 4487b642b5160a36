"""Show what a model of stage II makes of the same few references, validation after validation."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import LightningModule, Trainer

from lightning_modules.callbacks.grids import READABLE_SIDE, grid, save_png
from lightning_modules.callbacks.pictures import log_picture
from lightning_modules.callbacks.recurring import RecurringCallback
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.facs.labels import AULabel, parse_labels
from zoo.facs.policy import LabelPolicy
from zoo.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

CONFLICTING = ("1+4", "1+2+4", "10+17", "12+15", "12+24", "6+12+15+17")
"""Combinations of the paper's 26 in which AUs pull the same place in different directions."""


class SynthesisPictures(RecurringCallback):
    """Draw references in rows, and beside each what the model makes of it under single AUs and conflicting ones.

    To TensorBoard, and to ``images/`` in the run's folder, on every ``every_n_validations``-th validation. The
    references are the first people of the validation set, always the same, as are the descriptions and the noise. With
    averaged weights the pictures are the average's.

    Args:
        num_references: Rows; fewer where the first validation batch shows fewer people.
        aus: A column for each set of AUs, such as 6+12; null has the twelve AUs and six conflicting combinations.
        every_n_validations: Draw every n-th time only.
        steps: Steps of sampling.
        temperature: Of the draw of a token.
        text_guidance: How far to go from the picture without text to the one with it.
    """

    def __init__(
        self,
        num_references: int = 4,
        aus: Sequence[int | str] | None = None,
        every_n_validations: int = 1,
        steps: int = Sampling.steps,
        temperature: float = Sampling.temperature,
        text_guidance: float = Sampling.text_guidance,
    ) -> None:
        super().__init__(every_n_validations=every_n_validations)
        if num_references < 1:
            message = (
                f"SynthesisPictures: num_references must be at least 1, got {num_references}. "
                "Leave the callback out to draw none."
            )
            raise ValueError(message)
        chosen = [*map(str, AUS), *CONFLICTING] if aus is None else [str(each) for each in aus]
        if not chosen:
            message = "SynthesisPictures: aus must name at least one set, got none. Such as [12, 6+12+15]."
            raise ValueError(message)
        self.num_references = num_references
        self.sampling = Sampling(steps=steps, temperature=temperature, text_guidance=text_guidance)
        self.labels = [parse_labels(each) for each in chosen]
        self._references: dict[str, Tensor] = {}
        self._folder = Path()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder; asked on every rank, since the ranks agree on it."""
        self._folder = Path(trainer.log_dir or trainer.default_root_dir) / "images"

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the first references, one of each person."""
        if batch_idx == 0 and trainer.is_global_zero and trainer.state.fn == "fit" and self.is_due(trainer):
            people: dict[str, Tensor] = {}
            for subject, reference in zip(batch["subject"], batch["reference"], strict=True):
                people.setdefault(subject, reference)
            self._references = dict(list(people.items())[: self.num_references])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw them, on one rank."""
        references, self._references = self._references, {}
        if not references:
            return
        prompts = self._prompts(trainer, pl_module)
        with trainer.precision_plugin.forward_context():
            rows = {
                subject: torch.cat([reference[None], self._faces(pl_module, reference, prompts)])
                for subject, reference in references.items()
            }
        columns = ["reference", *("+".join(map(_caption, labels)) or "at rest" for labels in self.labels)]
        sheet = grid(rows, columns=columns, smallest_side=READABLE_SIDE)
        save_png(sheet, self._folder / f"step_{trainer.global_step:07d}.png")
        log_picture(trainer, "synthesis", sheet)

    def _prompts(self, trainer: Any, pl_module: Any) -> list[str]:
        """Describe the sets as the data describes its frames, whatever it does with conflicts."""
        written = getattr(trainer.datamodule, "prompts", None)
        composer = copy(written) if isinstance(written, Composer) else Composer(style=pl_module.pipeline.prompt_style)
        composer.policy = LabelPolicy(unknown="resolve", conflicts="resolve", impossible="resolve")
        return [composer.describe(labels) for labels in self.labels]

    def _faces(self, pl_module: Any, reference: Tensor, prompts: list[str]) -> Tensor:
        found = [{label.number: label.intensity for label in labels} for labels in self.labels]
        occurrence = torch.tensor([[au in each for au in AUS] for each in found])
        intensity = torch.tensor([[float(each.get(au) or "nan") for au in AUS] for each in found])
        made = pl_module.pipeline.synthesize(
            reference.expand(len(prompts), *reference.shape),
            prompts,
            occurrence=occurrence.to(reference.device),
            intensity=intensity.to(reference.device),
            sampling=self.sampling,
        )
        images: Tensor = made.images.float()
        return images


def _caption(label: AULabel) -> str:
    return str(label).removeprefix("AU")
