"""What a model of stage II is worth, written at the end and in a test."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from PIL import Image
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_modules.callbacks.synthesis_report import SynthesisReport, _one_of_each
from zoo.bundles import WeightsNotFoundError
from zoo.facs import AUS

pytestmark = [
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),  # tests keep no checkpoints
    pytest.mark.filterwarnings("ignore:Found .* in eval mode at the start of training"),  # what is frozen
]


def test_figures_pictures_and_a_table_of_aus(small, stage2, tmp_path, capsys):
    module = stage2.make_module()
    report = SynthesisReport(recognizer=stage2.recognizer, identity=stage2.identity, num_images=5, steps=2)
    checkpoint = ModelCheckpoint(tmp_path, monitor="val/loss", filename="best")
    trainer = small.make_trainer(tmp_path, callbacks=[report, checkpoint], enable_checkpointing=True, max_epochs=3)
    trainer.fit(module, datamodule=stage2.People())
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert (figures["num_images"], figures["num_subjects"], figures["step"]) == (5, 3, 6)
    assert figures["weights"] == "best.ckpt"
    assert {"au_change_f1_synthesised", "identity", "change_in_regions_true", "change_where_due"} <= set(figures)
    rows = list(csv.DictReader((tmp_path / "aus.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["au"] for row in rows] == [str(au) for au in AUS]
    assert {"au_num_frames", "au_f1_synthesised", "au_f1_true", "au_f1_codec"} <= set(rows[0])
    frames = stage2.People().dataset("test").occurrence[:5].sum(0).tolist()
    assert [int(row["au_num_frames"]) for row in rows] == frames
    with Image.open(tmp_path / "images" / "test.png") as sheet:
        assert sheet.width > 5 * 128
        assert sheet.height > 4 * 128
    said = capsys.readouterr().out
    assert "Synthesising 5 faces of the test split" in said
    for name in ("metrics.json", "aus.csv", "images/test.png"):
        assert str(tmp_path / name) in said

    # a test of an earlier checkpoint says that one's step, and measures the same
    again = SynthesisReport(recognizer=stage2.recognizer, identity=stage2.identity, num_images=5, steps=2)
    tester = small.make_trainer(tmp_path / "again", callbacks=[again])
    tester.test(stage2.make_module(), datamodule=stage2.People(), ckpt_path=tmp_path / "best.ckpt", verbose=False)
    tested = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert tested["step"] == torch.load(tmp_path / "best.ckpt", weights_only=True)["global_step"] > 0
    assert tested["au_f1_synthesised_each"] == figures["au_f1_synthesised_each"]
    assert tested["l1_synthesised"] == pytest.approx(figures["l1_synthesised"], abs=1e-3)


def test_pictures_show_everybody_before_anybody_twice():
    assert _one_of_each(["a", "a", "b", "a", "c", "b"]) == [0, 2, 4, 1, 5, 3]


def test_missing_judges_are_named():
    with pytest.raises(WeightsNotFoundError, match=r"SynthesisReport: identity must be .* 'models/nobody'"):
        SynthesisReport(recognizer=None, identity="models/nobody").check()
