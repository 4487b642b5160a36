from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_modules.callbacks.delayed_loss import AtEpoch, AtStep, DelayedLoss, WhenBelow

# a resumed run may save elsewhere, or not at all
pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")


class Scales(Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen.append(pl_module.loss_scale["anatomical"])


def _fit(small, folder, delay, *, ckpt_path=None, save_every=None, **arguments):
    module, scales = small.make_module(adversarial=None), Scales()
    callbacks = [delay, scales]
    if save_every:
        callbacks.append(ModelCheckpoint(folder, filename="{step}", every_n_train_steps=save_every, save_top_k=-1))
    trainer = small.make_trainer(folder, callbacks=callbacks, enable_checkpointing=bool(save_every), **arguments)
    trainer.fit(module, datamodule=small.SmallFaces(), ckpt_path=ckpt_path, weights_only=True)
    return scales.seen, module


def test_at_a_step_with_a_ramp(small, tmp_path):
    scales, _ = _fit(small, tmp_path, DelayedLoss("anatomical", AtStep(3), ramp_steps=4), max_steps=9)
    assert scales == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]


def test_at_an_epoch(small, tmp_path):
    scales, _ = _fit(small, tmp_path, DelayedLoss("anatomical", AtEpoch(1)), max_epochs=2)
    assert scales == [0] * 12 + [1] * 12


def test_when_a_metric_has_been_below_for_long_enough(small, tmp_path):
    delay = DelayedLoss("anatomical", WhenBelow("val/l1", 10.0, patience=2))
    scales, _ = _fit(small, tmp_path, delay, max_epochs=3)
    assert scales == [0] * 24 + [1] * 12
    assert "val/l1" in delay.why


def test_never_when_the_metric_stays_above(small, tmp_path):
    delay = DelayedLoss("anatomical", WhenBelow("val/l1", 0.0))
    scales, _ = _fit(small, tmp_path, delay, max_epochs=2)
    assert set(scales) == {0}


def test_before_it_starts_the_loss_is_not_even_called(small, tmp_path):
    delay = DelayedLoss("anatomical", AtStep(100))
    _, module = _fit(small, tmp_path, delay, max_epochs=1, num_sanity_val_steps=2)
    assert module.anatomical.calls == 0


@pytest.mark.parametrize("saved_at", [4, 8])
def test_its_state_survives_resuming(small, tmp_path, saved_at):
    whole, _ = _fit(small, tmp_path, DelayedLoss("anatomical", AtStep(6), ramp_steps=4), max_epochs=1, save_every=4)
    delay = DelayedLoss("anatomical", AtStep(6), ramp_steps=4)
    resumed, _ = _fit(small, tmp_path, delay, max_epochs=1, ckpt_path=tmp_path / f"step={saved_at}.ckpt")
    assert resumed == whole[saved_at:]
    assert delay.started_at == 6


def test_a_started_loss_stays_on_whatever_the_metric_does_later(small, tmp_path):
    _fit(small, tmp_path, DelayedLoss("anatomical", WhenBelow("val/l1", 10.0)), max_epochs=2, save_every=18)
    delay = DelayedLoss("anatomical", WhenBelow("val/l1", 0.0))
    resumed, _ = _fit(small, tmp_path, delay, max_epochs=2, ckpt_path=tmp_path / "step=18.ckpt")
    assert resumed == [1] * 6
    assert delay.started_at == 12


def test_tensorboard_shows_when_and_why(small, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="", version="")
    delay = DelayedLoss("anatomical", AtStep(2))
    _fit(small, tmp_path, delay, max_steps=4, logger=logger, log_every_n_steps=1)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.value for event in events.Scalars("loss_scale/anatomical")] == [0, 0, 1, 1]
    (text,) = events.Tensors("delayed_loss/anatomical/text_summary")
    assert text.step == 2
    assert b"comes on at step 2: step 2 is reached" in text.tensor_proto.string_val[0]


def test_an_unknown_term_names_the_known_ones(small, tmp_path):
    with pytest.raises(ValueError, match=r"got 'anatomicl'.*'anatomical', 'commitment'"):
        _fit(small, tmp_path, DelayedLoss("anatomicl", AtStep(1)), max_steps=1)


def test_an_unknown_metric_names_the_nearest(small, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'val/l1'"):
        _fit(small, tmp_path, DelayedLoss("anatomical", WhenBelow("val/l2", 1.0)), max_epochs=1)


def test_a_loss_that_is_off_has_nothing_to_delay(small, tmp_path):
    module, delay = small.make_module(anatomical=None), DelayedLoss("anatomical", AtStep(1))
    trainer = small.make_trainer(tmp_path, callbacks=[delay], max_steps=2)
    with pytest.warns(UserWarning, match="nothing to delay"):
        trainer.fit(module, datamodule=small.SmallFaces())
    assert torch.isfinite(trainer.callback_metrics["train/loss"])
    assert delay.started_at is None


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="ramp_steps must be at least 0"):
        DelayedLoss("anatomical", AtStep(1), ramp_steps=-1)
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        AtStep(-1)
    with pytest.raises(ValueError, match="epoch must be at least 0, got -1"):
        AtEpoch(-1)
    with pytest.raises(ValueError, match="patience must be at least 1"):
        WhenBelow("val/l1", 1.0, patience=0)
