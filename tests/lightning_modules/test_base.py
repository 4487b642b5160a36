from __future__ import annotations

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

import zoo
from lightning_modules.base import differences
from lightning_modules.manual_training import average_over_ranks
from zoo.components import specification


@pytest.fixture
def checkpoint(small, tmp_path):
    module = small.make_module()
    saver = ModelCheckpoint(tmp_path, filename="saved")
    trainer = small.make_trainer(tmp_path, callbacks=[saver], enable_checkpointing=True, max_steps=2)
    trainer.fit(module, datamodule=small.SmallFaces())
    return tmp_path / "saved.ckpt", module


def test_a_checkpoint_holds_plain_data_only(checkpoint):
    file, module = checkpoint
    content = torch.load(file, weights_only=True)
    assert content["hyper_parameters"]["codec"] == specification(module.codec)
    assert content["zoo"]["component"] == "codecs/residual_vqgan"
    assert content["zoo"]["prefix"] == "codec."


def test_zoo_load_gives_the_trained_codec_back(checkpoint):
    file, module = checkpoint
    codec = zoo.load(file)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    module.eval()
    assert torch.equal(codec.tokenize(images), module.codec.tokenize(images))


def test_load_from_checkpoint_rebuilds_a_module_made_in_python(checkpoint):
    file, module = checkpoint
    again = type(module).load_from_checkpoint(file, weights_only=True)
    assert specification(again) == specification(module)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), module.parameters(), strict=True))


def test_another_models_checkpoint_is_refused_with_what_differs(checkpoint, small, tmp_path):
    file, _ = checkpoint
    quantizer = small.ResidualQuantizer(8, num_levels=2, codebook_size=16, decay=0.8)
    codec = small.ResidualVQGANCodec(quantizer, channels=8, channel_multipliers=[1, 2], num_residual_blocks=1)
    other = small.ResidualVQGANModule(codec, reconstruction=small.ReconstructionLoss())
    with pytest.raises(ValueError, match="must be of the same model") as raised:
        small.make_trainer(tmp_path).fit(other, datamodule=small.SmallFaces(), ckpt_path=file, weights_only=True)
    assert "codec.quantizer.num_levels: 3 in the checkpoint, 2 here" in str(raised.value)
    assert "config.yaml of its run's folder" in str(raised.value)


def test_a_part_that_replaces_a_path_is_told_by_its_class(checkpoint, small, tmp_path):
    file, module = checkpoint
    content = torch.load(file, weights_only=True)
    content["hyper_parameters"]["codec"] = "runs/stage1/mine"
    content["state_dict"] = {}
    with pytest.raises(ValueError, match="codec: 'runs/stage1/mine' in the checkpoint, ResidualVQGANCodec here"):
        type(module)(module.codec, reconstruction=small.ReconstructionLoss()).on_load_checkpoint(content)


def test_differences_names_dotted_keys():
    left = {"a": {"class_path": "x", "init_args": {"b": 1, "c": [1]}}, "d": None}
    right = {"a": {"class_path": "x", "init_args": {"b": 2, "c": [1]}}, "d": 3}
    assert differences(left, right) == [("a.b", 1, 2), ("d", None, 3)]


def test_without_ranks_gradients_stay(small):
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    average_over_ranks([parameter])
    assert parameter.grad.tolist() == [1.0, 1.0]


def test_gradient_norms_and_learning_rates_are_logged(small, tmp_path):
    module = small.make_module(gradient_clip_val=None)
    trainer = small.make_trainer(tmp_path, max_steps=4, log_every_n_steps=2)
    trainer.fit(module, datamodule=small.SmallFaces())
    logged = trainer.callback_metrics
    assert logged["gradient_norm/codec"] > 0
    assert logged["gradient_norm/discriminator"] > 0
    assert logged["learning_rate/discriminator"] == pytest.approx(1e-3)
    assert 0 < logged["learning_rate/codec"] <= 1e-3
