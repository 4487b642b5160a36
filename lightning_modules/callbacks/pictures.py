"""Show what a codec makes of the same few faces, validation after validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytorch_lightning import LightningModule, Trainer

from lightning_modules.callbacks.grids import as_array, grid, reconstruction_rows, save_png
from lightning_modules.callbacks.recurring import RecurringCallback

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class Pictures(RecurringCallback):
    """Draw originals, reconstructions, and reconstructions from the first 1, 2, 4 ... levels.

    To TensorBoard, and to ``images/`` in the run's folder, on every ``every_n_validations``-th validation. The faces
    are the first of the validation set, always the same. With averaged weights the pictures are the average's.

    Args:
        num_images: Faces in a picture; never more than a validation batch has.
        every_n_validations: Draw every n-th time only.
    """

    def __init__(self, num_images: int = 8, every_n_validations: int = 1) -> None:
        super().__init__(every_n_validations=every_n_validations)
        if num_images < 1:
            message = f"Pictures: num_images must be at least 1, got {num_images}. Leave the callback out to draw none."
            raise ValueError(message)
        self.num_images = num_images
        self._images: Tensor | None = None
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
        """Keep the first faces."""
        if batch_idx == 0 and trainer.is_global_zero and trainer.state.fn == "fit" and self.is_due(trainer):
            self._images = batch["image"][: self.num_images]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw them, on one rank."""
        images, self._images = self._images, None
        if images is None:
            return
        with trainer.precision_plugin.forward_context():
            sheet = grid(reconstruction_rows(pl_module.codec, images))
        save_png(sheet, self._folder / f"step_{trainer.global_step:07d}.png")
        log_picture(trainer, "reconstructions", sheet)


def log_picture(trainer: Trainer, name: str, sheet: Image) -> None:
    """Give a picture to every logger that takes any, beside the figures of the same validation."""
    for logger in trainer.loggers:
        experiment: Any = getattr(logger, "experiment", None)
        if hasattr(experiment, "add_image"):
            experiment.add_image(name, as_array(sheet), logged_step(trainer), dataformats="HWC")


def logged_step(trainer: Trainer) -> int:
    """Give the step at which Lightning logs the metrics of this moment: that of the last batch, counted from 0."""
    return int(trainer.fit_loop.epoch_loop._batches_that_stepped)
