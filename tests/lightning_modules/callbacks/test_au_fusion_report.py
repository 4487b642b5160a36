"""Figures and pictures of where AUs act, from a run of a few steps."""

from __future__ import annotations

import json

import pytest
import torch

from lightning_modules.au_fusion import AUFusionModule
from lightning_modules.callbacks.au_fusion_report import AUFusionReport
from lightning_modules.cli.composition import compose
from lightning_modules.cli.quiet import silence
from lightning_modules.cli.trainer_cli import ZooCLI
from zoo.metrics.au_location import AULocation


def fit(*words):
    silence()
    options = ("--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--trainer.devices", "1")
    cli = ZooCLI("fit", compose(["--config", "tiny/au_fusion.yaml", *options, *words]))
    cli.work()
    return cli


def test_figures_and_pictures_are_of_the_best_weights(tmp_path, monkeypatch, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.chdir(tmp_path)
    cli = fit("--data.root", str(tmp_path))
    figures = json.loads((cli.run_folder / "metrics.json").read_text())
    assert figures["weights"] == "best.ckpt"
    assert figures["split"] == "test"
    assert (cli.run_folder / "images" / "test.png").is_file()
    assert str(cli.run_folder / "images" / "test.png") in capsys.readouterr().out

    best = AUFusionModule.load_from_checkpoint(cli.run_folder / "checkpoints" / "best.ckpt", weights_only=True).eval()
    location = AULocation(pairs=[("own", "text_alone"), ("own", "shuffled")])
    for batch in cli.datamodule.test_dataloader():
        moved = cli.datamodule.on_after_batch_transfer(batch)
        location.update(
            best.ask(moved),
            moved["subject"],
            occurrence=moved["occurrence"],
            known=moved["known"],
            regions=best.regions(moved),
        )
    for name, value in location.compute().items():
        assert figures[name] == (pytest.approx(value, abs=1e-3) if isinstance(value, float) else figures[name]), name
    assert figures["num_images"] == len(location.subjects) == 8

    events = EventAccumulator(str(cli.run_folder), size_guidance={"images": 0})
    events.Reload()
    steps = [event.step for event in events.Scalars("val/map_iou_own")]
    assert len(steps) == 2
    assert [event.step for event in events.Images("where_aus_act")] == steps
    assert cli.model.training
    last = torch.load(cli.run_folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, last[name]) for name, value in cli.model.state_dict().items())


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="split must be 'validation' or 'test'"):
        AUFusionReport(split="train")
    with pytest.raises(ValueError, match="num_images must be at least 1"):
        AUFusionReport(num_images=0)
