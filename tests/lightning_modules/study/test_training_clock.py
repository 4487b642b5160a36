"""The clock of training steps, in real but tiny runs."""

import json
import time

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules.study.training_clock import TrainingClock

STEP_S, VALIDATION_S = 0.01, 0.3


class SlowModule(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        time.sleep(STEP_S)
        return (self.weight * batch).square().sum()

    def validation_step(self, batch, batch_idx):
        time.sleep(VALIDATION_S)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


def fit(folder, clock, *, steps, checkpoint=None, limit_val_batches=0, **options):
    loader = torch.utils.data.DataLoader(torch.ones(8, 1))
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", callbacks=[clock], logger=False, default_root_dir=folder,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        limit_val_batches=limit_val_batches, **options,
    )  # fmt: skip
    trainer.fit(SlowModule(), loader, loader, ckpt_path=checkpoint)
    return trainer


def written(folder):
    return json.loads((folder / "training_time.json").read_text())


def test_validation_does_not_count(tmp_path):
    fit(tmp_path, TrainingClock(), steps=16, limit_val_batches=1, num_sanity_val_steps=0)
    made = written(tmp_path)
    assert made["steps"] == 16
    assert 16 * STEP_S <= made["seconds"] < 16 * STEP_S + VALIDATION_S  # there were two validations


def test_sessions_of_a_run_are_added_up(tmp_path):
    first = fit(tmp_path, TrainingClock(), steps=8)
    first.save_checkpoint(tmp_path / "last.ckpt", weights_only=False)
    seconds = written(tmp_path)["seconds"]
    fit(tmp_path, TrainingClock(), steps=16, checkpoint=tmp_path / "last.ckpt")
    made = written(tmp_path)
    assert made["steps"] == 16
    assert made["seconds"] >= seconds + 8 * STEP_S


def test_a_step_is_as_long_as_its_batches_together(tmp_path):
    fit(tmp_path, TrainingClock(), steps=8, accumulate_grad_batches=2)
    assert 2 * STEP_S <= written(tmp_path)["seconds_per_step"] < 20 * STEP_S


def test_the_run_is_stopped_when_enough_is_known(tmp_path):
    with pytest.raises(SIGTERMException):
        fit(tmp_path, TrainingClock(stop_after=3, file=str(tmp_path / "clock.json")), steps=1000)
    made = json.loads((tmp_path / "clock.json").read_text())
    assert made["steps"] == 8  # five to warm up
    assert not (tmp_path / "training_time.json").exists()


def test_stopping_after_nothing_is_refused():
    with pytest.raises(ValueError, match="stop_after must be at least 1, got 0"):
        TrainingClock(stop_after=0)
