from __future__ import annotations

import json

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torchmetrics.functional.image import peak_signal_noise_ratio

import zoo
from lightning_modules.callbacks.ema import EMA
from lightning_modules.callbacks.report import ReconstructionReport
from zoo.bundles import WeightsNotFoundError, save_bundle
from zoo.images import to_unit


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    from zoo.backbones.compact import CompactBackbone
    from zoo.recognizers.mefarg import MEFARGRecognizer

    torch.manual_seed(0)
    recognizer = MEFARGRecognizer(CompactBackbone(widths=[8, 16], num_blocks=[1, 1]), dim=8)
    return str(save_bundle(recognizer, tmp_path_factory.mktemp("judge") / "bundle", card="Untrained."))


def _fit(small, folder, *callbacks, **changes):
    module = small.make_module(perceptual=small.CountingLoss(), adversarial=None, **changes)
    checkpoint = ModelCheckpoint(folder, monitor="val/l1", filename="best")
    trainer = small.make_trainer(folder, callbacks=[*callbacks, checkpoint], enable_checkpointing=True)
    trainer.fit(module, datamodule=small.SmallFaces())
    return module, trainer


def test_figures_and_pictures_are_of_the_best_weights(small, tmp_path, judge, capsys):
    module, _ = _fit(small, tmp_path, EMA(0.9), ReconstructionReport(recognizer=judge))
    figures = json.loads((tmp_path / "metrics.json").read_text())
    codec = zoo.load(tmp_path / "best.ckpt")
    faces = small.SmallFaces().dataset("test").images
    with torch.no_grad():
        made = codec(faces).images.clamp(-1, 1)
    psnr = peak_signal_noise_ratio(to_unit(made), to_unit(faces), data_range=1.0, reduction="none", dim=(1, 2, 3))
    assert figures["l1"] == pytest.approx(float((made - faces).abs().mean()), abs=1e-4)
    assert figures["psnr"] == pytest.approx(float(psnr.mean()), abs=1e-3)
    assert figures["num_images"] == 8
    assert figures["weights"] == "best.ckpt"
    assert {"ssim", "perceptual", "au_f1_originals", "au_f1_reconstructions", "au_information_kept"} <= set(figures)
    assert len(figures["codebook_usage"]) == 3
    assert set(figures["au_f1_originals_each"]) == {str(au) for au in zoo.load(judge).aus}
    assert (tmp_path / "images" / "test.png").is_file()
    said = capsys.readouterr().out
    assert str(tmp_path / "metrics.json") in said
    assert str(tmp_path / "images" / "test.png") in said
    assert module.training


def test_measuring_leaves_the_last_weights_in_the_module(small, tmp_path):
    torch.manual_seed(3)
    plain, _ = _fit(small, tmp_path / "plain")
    torch.manual_seed(3)
    measured, _ = _fit(small, tmp_path / "measured", ReconstructionReport(recognizer=None))
    assert small.digest(plain.parameters()) == small.digest(measured.parameters())


def test_a_perfect_codec_keeps_all_information(small, tmp_path, judge, monkeypatch):
    module = small.make_module()

    def perfect(images):
        tokens = torch.zeros(len(images), 3, 8, 8, dtype=torch.long)
        return type(module.codec(images))(images=images, tokens=tokens, commitment=torch.tensor(0.0))

    monkeypatch.setattr(type(module), "test_step", lambda self, batch, batch_idx: perfect(batch["image"]))
    monkeypatch.setattr(type(module), "on_test_epoch_end", lambda self: None)
    trainer = small.make_trainer(tmp_path, callbacks=[ReconstructionReport(recognizer=judge)])
    trainer.test(module, datamodule=small.SmallFaces(), verbose=False)
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["l1"] == 0
    assert figures["ssim"] == 1
    assert figures["au_information_kept"] in (1.0, None)
    assert figures["au_f1_originals_each"] == figures["au_f1_reconstructions_each"]
    assert figures["codebook_perplexity"] == [1.0, 1.0, 1.0]


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # this run keeps no checkpoints
def test_a_test_says_the_step_of_the_weights_that_it_measured(small, tmp_path):
    module, _ = _fit(small, tmp_path)
    report = ReconstructionReport(recognizer=None, num_images=2)
    trainer = small.make_trainer(tmp_path / "test", callbacks=[report])
    trainer.test(module, datamodule=small.SmallFaces(), ckpt_path=tmp_path / "best.ckpt", verbose=False)
    figures = json.loads((tmp_path / "test" / "metrics.json").read_text())
    assert figures["step"] == torch.load(tmp_path / "best.ckpt", weights_only=True)["global_step"] > 0
    assert figures["weights"] == "best.ckpt"


def test_no_more_images_than_asked_for(small, tmp_path):
    _fit(small, tmp_path, ReconstructionReport(split="validation", recognizer=None, num_images=5))
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert (figures["num_images"], figures["split"]) == (5, "validation")
    assert "au_information_kept" not in figures


def test_a_missing_judge_is_noticed_before_training(small, tmp_path):
    module = small.make_module()
    trainer = small.make_trainer(tmp_path, callbacks=[ReconstructionReport(recognizer="models/nobody")])
    with pytest.raises(WeightsNotFoundError, match="models/nobody"):
        trainer.fit(module, datamodule=small.SmallFaces())
    assert trainer.global_step == 0


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="split must be"):
        ReconstructionReport(split="train")
    with pytest.raises(ValueError, match="num_images must be at least 1"):
        ReconstructionReport(num_images=0)
