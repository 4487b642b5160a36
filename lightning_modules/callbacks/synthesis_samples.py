"""Figures of synthesised faces, validation after validation, by networks that serve training."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer

from lightning_modules.callbacks.recurring import RecurringCallback
from lightning_modules.callbacks.synthesis_figures import SynthesisFigures
from lightning_modules.callbacks.synthesis_sampling import sampled_faces
from lightning_modules.trained_parts import require
from zoo.bundles import load
from zoo.frozen import Frozen
from zoo.sampling import Sampling

_LOGGED = {
    "au_f1": "au_f1_synthesised",
    "au_change_f1": "au_change_f1_synthesised",
    "identity": "identity",
    "l1": "l1_synthesised",
}
_KEPT = ("image", "reference", "truth", "occurrence", "known", "intensity", "prompt", "subject", "index", "landmarks")
_PORTION = 32


class SynthesisSamples(RecurringCallback):
    """Synthesise the same few validation faces on every ``every_n_validations``-th validation, and log figures of them.

    ``val_samples/au_f1``, ``val_samples/au_change_f1``, ``val_samples/identity`` and ``val_samples/l1`` are those of
    :class:`~lightning_modules.callbacks.synthesis_figures.SynthesisFigures` without their bounds. They tell how
    training goes; what a model is worth is for judges that no training used to say. The faces are spread over the
    validation set. With averaged weights the figures are the average's.

    Args:
        recognizer: What recognises AUs: a bundle, a run's folder or a checkpoint; null leaves AUs out.
        identity: The face encoder that compares identities, likewise.
        num_images: Faces, over all ranks.
        every_n_validations: Measure every n-th time only.
        steps: Steps of sampling.
        temperature: Of the draw of a token.
        text_guidance: How far to go from the picture without text to the one with it.
    """

    def __init__(
        self,
        recognizer: str | None = "models/recognizer",
        identity: str | None = "models/face_identity",
        num_images: int = 64,
        every_n_validations: int = 1,
        steps: int = Sampling.steps,
        temperature: float = Sampling.temperature,
        text_guidance: float = Sampling.text_guidance,
    ) -> None:
        super().__init__(every_n_validations=every_n_validations)
        if num_images < 1:
            message = (
                f"SynthesisSamples: num_images must be at least 1, got {num_images}. "
                "Leave the callback out to measure none."
            )
            raise ValueError(message)
        self.num_images = num_images
        self.sampling = Sampling(steps=steps, temperature=temperature, text_guidance=text_guidance)
        self._paths = {"recognizer": recognizer, "identity": identity}
        self._networks = {
            name: None if path is None else Frozen(partial(load, path)) for name, path in self._paths.items()
        }
        self._batches: list[dict[str, Any]] = []

    def check(self) -> None:
        """Find the networks' files; called before the data is prepared.

        Raises:
            WeightsNotFoundError: One is not there.
        """
        for name, path in self._paths.items():
            if path is not None:
                require(path, owner=self, argument=name, cure="Trained ones are in models/; null leaves it out.")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin anew."""
        self._batches = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a few faces of each batch, always the same."""
        if not self.is_due(trainer):
            return
        wanted = -(-self.num_images // trainer.world_size)
        from_each = -(-wanted // int(trainer.num_val_batches[dataloader_idx]))
        due = min(from_each, wanted - sum(len(each["subject"]) for each in self._batches))
        generator = torch.Generator().manual_seed(batch_idx)  # of its own: what training draws stays as it is
        rows = torch.randperm(len(batch["subject"]), generator=generator)[:due].tolist()
        if rows:
            self._batches.append(_rows_of(batch, rows))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Synthesise them, and log what they are worth."""
        batches, self._batches = self._batches, []
        if not self.is_due(trainer):
            return
        networks: Any = {
            name: None if each is None else each.on(pl_module.device) for name, each in self._networks.items()
        }
        figures = SynthesisFigures(**networks)
        faces = _joined(batches) if batches else {"subject": []}
        for start in range(0, len(faces["subject"]), _PORTION):
            batch = {name: value[start : start + _PORTION] for name, value in faces.items()}
            made = sampled_faces(trainer, pl_module, batch, self.sampling)
            figures.update(batch, made.images, truth=made.truth, coded=made.coded)
        found = figures.compute()
        for name, figure in _LOGGED.items():
            if found.get(figure) is not None:
                pl_module.log(f"val_samples/{name}", found[figure], prog_bar=name == "au_f1")


def _rows_of(batch: Any, rows: list[int]) -> dict[str, Any]:
    return {
        name: batch[name][rows] if isinstance(batch[name], torch.Tensor) else [batch[name][row] for row in rows]
        for name in _KEPT
        if name in batch
    }


def _joined(batches: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: torch.cat([each[name] for each in batches])
        if isinstance(value, torch.Tensor)
        else [item for each in batches for item in each[name]]
        for name, value in batches[0].items()
    }
