"""Training of the text encoder of stage II: what a checkpoint gives, and that the perceptron stays behind."""

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from datamodules.descriptions import DescriptionsDataModule
from lightning_modules.optimizers import AdamW
from lightning_modules.text_encoder import TextEncoderModule
from lightning_modules.trained_parts import part
from zoo.text_encoders.base import TextEncoder
from zoo.text_encoders.compact import CompactTextEncoder


def test_a_checkpoint_gives_the_encoder_that_learnt(tmp_path):
    torch.manual_seed(0)
    module = TextEncoderModule(
        CompactTextEncoder(dim=16, num_layers=1, num_heads=2, num_hashes=64), hidden_dim=8, optimizer=AdamW(1e-2)
    )
    before = module.encoder.words[0].weight.detach().clone()
    trainer = Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        max_steps=3,
        logger=False,
        limit_val_batches=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(tmp_path, filename="last", every_n_train_steps=3)],
    )
    trainer.fit(module, datamodule=DescriptionsDataModule(num_faces=64, num_train=32, batch_size=8))
    loaded = part(str(tmp_path / "last.ckpt"), TextEncoder, owner="Stage", argument="text_encoder")
    assert isinstance(loaded, CompactTextEncoder)
    assert set(loaded.state_dict()) == set(module.encoder.state_dict())
    assert not torch.equal(loaded.words[0].weight, before)
    texts = ["the cheeks rise", "the lip corners rise"]
    with torch.no_grad():
        assert torch.equal(loaded(texts).features, module.encoder.eval()(texts).features)
