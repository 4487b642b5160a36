"""Training of the AU recogniser, on pictures whose AUs are bars."""

import json

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from lightning_modules.image_recognizer import ImageRecognizerModule
from lightning_modules.optimizers import AdamW
from zoo.backbones.compact import CompactBackbone
from zoo.codecs.base import Codec, Reconstruction
from zoo.losses.pair_cross_entropy import PairCrossEntropyLoss
from zoo.losses.weighted_asymmetric import WeightedAsymmetricLoss
from zoo.recognizers.mefarg import MEFARGRecognizer

AUS = (6, 12)


class Bars(torch.utils.data.Dataset):
    """An AU is a bright bar across the top or the bottom half; AU 12 is unknown in every fourth picture."""

    def __init__(self, size):
        generator = torch.Generator().manual_seed(size)
        self.images = torch.rand(size, 3, 16, 16, generator=generator) * 0.2 - 0.5
        self.occurrence = torch.rand(size, 2, generator=generator) < 0.5
        for au, row in enumerate((3, 11)):
            self.images[self.occurrence[:, au], :, row : row + 2] += 0.8

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        known = torch.tensor([True, index % 4 != 0])
        return {"image": self.images[index], "occurrence": self.occurrence[index] & known, "known": known}


class Blackout(Codec):
    """A codec that has gone blind, so that what reaches the recogniser can be told."""

    stride = 1

    def __init__(self):
        super().__init__()
        self.calls = []

    def encode(self, images):
        return images

    def decode(self, latents):
        return latents

    def forward(self, images):
        self.calls.append((len(images), self.training, torch.is_grad_enabled()))
        return Reconstruction(torch.full_like(images, 3.0), torch.zeros(len(images), 1, 1, 1).long(), images.mean())


def _module(*, pairs=False, seed=0, **arguments):
    torch.manual_seed(seed)
    recognizer = MEFARGRecognizer(
        CompactBackbone(widths=[8, 8], num_blocks=[1, 1]), aus=AUS, dim=8, num_neighbors=1, pairs=pairs
    )
    return ImageRecognizerModule(
        recognizer,
        **{
            "loss": WeightedAsymmetricLoss(base_rates=[0.5, 0.5]),
            "optimizer": AdamW(1e-2, warmup_steps=2),
            **arguments,
        },
    )


def _trainer(folder, **arguments):
    return Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"logger": False, "enable_checkpointing": False, "max_epochs": 6, "num_sanity_val_steps": 1, **arguments},
    )


def _loaders():
    return {
        "train_dataloaders": torch.utils.data.DataLoader(Bars(48), batch_size=8),
        "val_dataloaders": torch.utils.data.DataLoader(Bars(20), batch_size=8),
    }


@pytest.fixture
def codec(monkeypatch):
    blackout = Blackout()
    monkeypatch.setattr("zoo.bundles.load", lambda path: blackout)
    return blackout


@pytest.mark.parametrize("pairs", [False, True])
def test_it_learns_and_says_so_for_each_au(pairs, tmp_path, caplog):
    module = _module(pairs=pairs)
    trainer = _trainer(tmp_path)
    with caplog.at_level("INFO"):
        trainer.fit(module, **_loaders())
    figures = trainer.callback_metrics
    assert figures["val/f1"] > 0.9
    assert {f"val_f1/AU{au}" for au in AUS} <= figures.keys()
    torch.testing.assert_close(figures["val/f1"], torch.stack([figures[f"val_f1/AU{au}"] for au in AUS]).mean())
    tables = [record.getMessage() for record in caplog.records if "F1 of AU occurrence" in record.getMessage()]
    assert len(tables) == 1  # once, at the end
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["val/f1"] >= figures["val/f1"]  # of the best validation
    assert {f"val_f1/AU{au}" for au in AUS} <= written.keys()
    rows = tables[0].splitlines()
    assert [row.split()[0] for row in rows[2:]] == ["6", "12", "mean"]
    assert [row.split()[-1] for row in rows[2:4]] == ["20", "15"]  # frames whose label is known
    results = trainer.validate(module, _loaders()["val_dataloaders"], verbose=False)
    assert results[0]["val/f1"] == pytest.approx(float(figures["val/f1"]))


def test_the_pair_loss_is_weighed_and_logged(tmp_path):
    losses = {}
    for weight in (0.0, 2.0):
        module = _module(pairs=True, pair_loss=PairCrossEntropyLoss(weight=weight))
        trainer = _trainer(tmp_path, max_steps=1, log_every_n_steps=1)
        trainer.fit(module, **_loaders())
        losses[weight] = {
            name: float(trainer.callback_metrics[f"train/{name}"]) for name in ("loss", "occurrence", "pairs")
        }
    assert losses[0.0]["loss"] == pytest.approx(losses[0.0]["occurrence"])
    assert losses[2.0]["loss"] == pytest.approx(losses[2.0]["occurrence"] + 2 * losses[2.0]["pairs"], rel=1e-5)


def test_a_share_of_training_images_goes_through_the_codec(codec, tmp_path):
    module = _module(codec="runs/stage1/1", reconstructed_share=0.25)
    seen = []
    module.recognizer.register_forward_pre_hook(lambda _, inputs: seen.append((module.training, inputs[0].clone())))
    assert not codec.calls  # not even loaded yet
    trainer = _trainer(tmp_path, max_steps=1, num_sanity_val_steps=0)
    trainer.fit(module, **_loaders())
    assert codec.calls[0] == (2, False, False)  # a quarter of 8, in eval mode, without gradients
    training, images = seen[0]
    assert training
    assert (images[:2] == 1.0).all()  # clamped
    assert (images[2:] < 1.0).all()
    # validation sees both kinds, and tells them apart
    figures = trainer.validate(module, _loaders()["val_dataloaders"], verbose=False)[0]
    assert {"val/f1", "val_reconstructed/f1"} <= figures.keys()
    assert not any("codec" in name for name in module.state_dict())


def test_what_is_no_codec_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("zoo.bundles.load", lambda path: nn.Identity())
    with pytest.raises(TypeError, match="codec must be the path of a Codec"):
        _trainer(tmp_path, max_steps=1).fit(_module(codec="models/recognizer"), **_loaders())


def test_the_second_stage_starts_from_the_first(monkeypatch, tmp_path):
    first, other = _module(seed=1).recognizer, _module(seed=2)
    monkeypatch.setattr("zoo.bundles.load", lambda path: first)
    module = _module(pairs=True, initial="runs/stage_one/1")
    graph = {name: value.clone() for name, value in module.recognizer.graph.state_dict().items()}
    module.setup("fit")
    for name, value in first.state_dict().items():
        if not name.startswith("graph."):
            assert torch.equal(module.recognizer.state_dict()[name], value)
    assert all(torch.equal(value, graph[name]) for name, value in module.recognizer.graph.state_dict().items())
    other.recognizer.au_vectors = nn.Parameter(torch.zeros(3, 8))
    monkeypatch.setattr("zoo.bundles.load", lambda path: other.recognizer)
    with pytest.raises(ValueError, match="initial must be a recogniser of the same backbone"):
        module.setup("fit")


def test_a_checkpoint_gives_the_recogniser_back(tmp_path, generator):
    from zoo.bundles import load

    module = _module()
    saver = ModelCheckpoint(tmp_path, filename="last")
    _trainer(tmp_path, max_steps=2, enable_checkpointing=True, callbacks=[saver]).fit(module, **_loaders())
    loaded = load(tmp_path / "last.ckpt")
    images = torch.rand(2, 3, 16, 16, generator=generator)
    with torch.no_grad():
        assert torch.equal(loaded(images).probability, module.recognizer.eval()(images).probability)


def test_a_resumed_run_remembers_its_best_validation(tmp_path):
    def fit(**options):
        saver = ModelCheckpoint(tmp_path, filename="last", save_top_k=1, enable_version_counter=False)
        trainer = _trainer(tmp_path, max_epochs=5, enable_checkpointing=True, callbacks=[saver])
        trainer.fit(_module(), **_loaders(), **options)
        return json.loads((tmp_path / "metrics.json").read_text())

    best = fit()
    (tmp_path / "metrics.json").unlink()
    assert fit(ckpt_path=tmp_path / "last.ckpt", weights_only=True) == best  # though it had nothing left to do


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match=r"reconstructed_share must be in \[0, 1\]"):
        _module(reconstructed_share=1.5)
    with pytest.raises(ValueError, match="loss must have base_rates for the recogniser's 2 AUs"):
        _module(loss=WeightedAsymmetricLoss())
