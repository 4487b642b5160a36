from __future__ import annotations

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_modules.callbacks.recurring import RecurringCallback


class Due(RecurringCallback):
    """Remember the epochs of the validations that are due."""

    def __init__(self, every: int) -> None:
        super().__init__(every_n_validations=every)
        self.epochs: list[int] = []

    def on_validation_epoch_end(self, trainer, pl_module):
        if self.is_due(trainer):
            self.epochs.append(trainer.current_epoch)


def fit(small, folder, *, max_epochs, **options):
    due, saver = Due(3), ModelCheckpoint(folder, filename="epoch", save_top_k=1)
    trainer = small.make_trainer(
        folder, callbacks=[saver, due], enable_checkpointing=True, num_sanity_val_steps=1, max_epochs=max_epochs
    )
    trainer.fit(small.make_module(adversarial=None), datamodule=small.SmallFaces(size=4), **options)
    return due, trainer


def test_the_first_validation_and_every_nth_after_it_over_an_interruption(small, tmp_path):
    due, _ = fit(small, tmp_path, max_epochs=2)
    assert due.epochs == [0]
    checkpoint = tmp_path / "epoch.ckpt"
    (state,) = [
        each for name, each in torch.load(checkpoint, weights_only=True)["callbacks"].items() if name.startswith("Due")
    ]
    assert state == {"validations": 2}  # the one that it was written after, too
    due, trainer = fit(small, tmp_path, max_epochs=5, ckpt_path=str(checkpoint), weights_only=True)
    assert due.epochs == [3]
    due.epochs.clear()
    for _ in range(2):  # outside of training there is nothing to count
        trainer.validate(trainer.lightning_module, datamodule=small.SmallFaces(size=4), verbose=False)
    assert len(due.epochs) == 2


def test_a_bad_value_is_named():
    with pytest.raises(ValueError, match="Due: every_n_validations must be at least 1, got 0"):
        Due(0)
