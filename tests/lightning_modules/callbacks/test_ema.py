from __future__ import annotations

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

import zoo
from lightning_modules.callbacks.ema import EMA

# a resumed run may save elsewhere, or not at all
pytestmark = pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")


class Weights(Callback):
    """The raw weight after each batch, and the one that validation sees."""

    def __init__(self):
        self.raw, self.validated, self.codes = [], [], []

    def on_train_start(self, trainer, pl_module):
        self.raw.append(_weight(pl_module))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.raw.append(_weight(pl_module))

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self.validated.append(_weight(pl_module))
        self.codes.append(pl_module.codec.quantizer.codebooks.codes.clone())


def _weight(module):
    return module.codec.encoder[0].weight.detach().clone()


def _average(raw, decay):
    average = raw[0]
    for n, weight in enumerate(raw[1:]):
        average = torch.lerp(average, weight, 1 - min(decay, (1 + n) / (10 + n)))
    return average


def _fit(small, folder, callbacks, *, ckpt_path=None, **arguments):
    module = small.make_module()
    saver = ModelCheckpoint(folder, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    arguments = {"max_epochs": 1, **arguments}
    trainer = small.make_trainer(folder, callbacks=[*callbacks, saver], enable_checkpointing=True, **arguments)
    trainer.fit(module, datamodule=small.SmallFaces(), ckpt_path=ckpt_path, weights_only=True)
    return module


def test_validation_sees_the_average_and_training_the_raw_weights(small, tmp_path):
    weights = Weights()
    module = _fit(small, tmp_path, [EMA(0.9), weights])
    expected = _average(weights.raw, 0.9)
    torch.testing.assert_close(weights.validated[0], expected)
    assert not torch.equal(weights.raw[-1], expected)
    torch.testing.assert_close(_weight(module), expected)  # what is left after training


def test_early_averages_are_not_dead(small, tmp_path):
    weights = Weights()
    _fit(small, tmp_path, [EMA(0.9999), weights])
    moved = (weights.raw[-1] - weights.raw[0]).norm()
    assert (weights.validated[0] - weights.raw[0]).norm() > 0.3 * moved


def test_codebooks_are_copied_and_not_averaged(small, tmp_path):
    weights = Weights()
    module = _fit(small, tmp_path, [EMA(0.99), weights])
    assert torch.equal(weights.codes[0], module.codec.quantizer.codebooks.codes)


def test_the_discriminator_is_not_averaged(small, tmp_path):
    ema = EMA(0.9)
    _fit(small, tmp_path, [ema])
    assert ema._averages
    assert all(name.startswith("codec.") for name in ema._averages)


def test_a_checkpoint_holds_the_average_as_its_weights_and_the_raw_ones_beside(small, tmp_path):
    weights = Weights()
    _fit(small, tmp_path, [EMA(0.9), weights])
    saved = torch.load(tmp_path / "step=4.ckpt", weights_only=True)
    torch.testing.assert_close(saved["state_dict"]["codec.encoder.0.weight"], _average(weights.raw[:5], 0.9))
    assert torch.equal(saved["raw_weights"]["codec.encoder.0.weight"], weights.raw[4])
    assert not any(name.startswith("discriminator.") for name in saved["raw_weights"])
    codec = zoo.load(tmp_path / "step=4.ckpt")
    assert torch.equal(codec.encoder[0].weight, saved["state_dict"]["codec.encoder.0.weight"])


def test_accumulated_batches_update_it_once(small, tmp_path):
    ema, module = EMA(0.9), small.make_module(accumulate_grad_batches=3)
    small.make_trainer(tmp_path, callbacks=[ema], max_epochs=1).fit(module, datamodule=small.SmallFaces())
    assert ema.num_updates == 4


def test_resuming_without_it_says_so_and_goes_on_from_the_raw_weights(small, tmp_path):
    weights = Weights()
    _fit(small, tmp_path, [EMA(0.9), weights])
    again = Weights()
    with pytest.warns(UserWarning, match="this run averages none"):
        _fit(small, tmp_path, [again], ckpt_path=tmp_path / "step=4.ckpt")
    assert torch.equal(again.raw[0], weights.raw[4])


def test_resuming_a_run_without_averages_says_so(small, tmp_path):
    _fit(small, tmp_path, [])
    with pytest.warns(UserWarning, match="holds no averaged weights"):
        _fit(small, tmp_path, [EMA(0.9)], ckpt_path=tmp_path / "step=4.ckpt")


def test_testing_uses_the_average(small, tmp_path):
    _fit(small, tmp_path, [EMA(0.9)])
    saved = torch.load(tmp_path / "step=4.ckpt", weights_only=True)["state_dict"]["codec.encoder.0.weight"]
    module = small.make_module(seed=1)
    trainer = small.make_trainer(tmp_path, callbacks=[EMA(0.9)])
    trainer.test(
        module, datamodule=small.SmallFaces(), ckpt_path=tmp_path / "step=4.ckpt", weights_only=True, verbose=False
    )
    assert torch.equal(_weight(module), saved)


def test_a_decay_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="decay must be in"):
        EMA(1.0)
