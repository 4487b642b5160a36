from __future__ import annotations

import os
import random
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules.callbacks.run_state import RunState, get_streams, set_streams


def _draws():
    numpys = float(np.random.rand()), np.random.randn()  # noqa: NPY002 - the global stream is what is tested
    return torch.rand(()).item(), random.random(), random.gauss(0, 1), *numpys


def test_streams_come_back():
    random.gauss(0, 1)  # leaves a spare number behind
    streams = get_streams()
    first = _draws()
    assert _draws() != first
    set_streams(streams)
    assert _draws() == first


def test_a_checkpoint_of_them_needs_no_unpickling(tmp_path):
    torch.save(get_streams(), tmp_path / "streams")
    expected = _draws_after(torch.load(tmp_path / "streams", weights_only=True))
    assert expected == _draws_after(torch.load(tmp_path / "streams", weights_only=True))


def _draws_after(streams):
    set_streams(streams)
    return _draws()


class Disturb(Callback):
    """Draw between the training steps."""

    def on_validation_end(self, trainer, pl_module):
        _draws()


def test_what_happens_between_training_steps_draws_from_nowhere(small, tmp_path):
    def train(*callbacks):
        torch.manual_seed(7)
        recorder = small.Recorder()
        trainer = small.make_trainer(tmp_path, callbacks=[recorder, *callbacks], max_steps=6, val_check_interval=2)
        trainer.fit(small.make_module(adversarial=None), datamodule=small.SmallFaces())
        return recorder.losses

    assert train() == train(Disturb())


def test_another_number_of_ranks_is_said(small, tmp_path):
    saver = ModelCheckpoint(tmp_path, filename="saved")
    trainer = small.make_trainer(tmp_path, callbacks=[saver], enable_checkpointing=True, max_steps=2)
    trainer.fit(small.make_module(), datamodule=small.SmallFaces())
    saved = torch.load(tmp_path / "saved.ckpt", weights_only=True)
    saved["run_state"] = saved["run_state"] * 2
    with pytest.warns(UserWarning, match=r"2 rank\(s\) and this run has 1"):
        RunState().on_load_checkpoint(_Fitting(), None, saved)


def test_each_rank_draws_numbers_of_its_own():
    def drawn(rank, world_size, streams=None):
        torch.manual_seed(3)  # as all ranks are seeded
        callback = RunState()
        callback._streams = streams
        loop = SimpleNamespace(epoch_loop=SimpleNamespace(_broadcast_sigterm_tensor=None))
        callback.on_train_start(SimpleNamespace(global_rank=rank, world_size=world_size, fit_loop=loop), None)
        return torch.rand(()).item()

    alone = drawn(0, 1)
    assert len({drawn(0, 2), drawn(1, 2), alone}) == 3
    assert drawn(1, 2) == drawn(1, 2)
    torch.manual_seed(3)
    assert alone == torch.rand(()).item()
    assert drawn(1, 2, get_streams()) == alone  # those of a checkpoint are told apart already


class _Fitting:
    class state:  # noqa: N801
        fn = "fit"

    world_size = 1
    global_rank = 0


class Terminate(Callback):
    """Send SIGTERM in the middle of an accumulation."""

    def __init__(self):
        self.batches = 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.batches += 1


def test_sigterm_waits_for_the_step(small, tmp_path):
    terminate = Terminate()
    module = small.make_module(accumulate_grad_batches=3)
    trainer = small.make_trainer(tmp_path, callbacks=[terminate])
    with pytest.raises(SIGTERMException):
        trainer.fit(module, datamodule=small.SmallFaces())
    assert terminate.batches == 6
    assert trainer.global_step == 2
