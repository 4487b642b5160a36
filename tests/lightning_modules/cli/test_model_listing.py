"""What there is, part by part and bundle by bundle; and what a bundle recorded, measured again."""

import json

import pytest
import torch

import cli
from lightning_modules.cli.listing import config_of, parts
from lightning_modules.cli.model_listing import main_figures, models
from lightning_modules.cli.verify_metrics import metric_findings
from tests.zoo.bundle_attacks import small_codec
from zoo.bundles import find, save_bundle
from zoo.components import component_class, families


@pytest.fixture
def folder(tmp_path):
    metadata = {"steps": 5, "metrics": {"val/f1": 0.5, "val_f1/AU1": 0.25, "psnr": 20.0, "split": "test"}}
    save_bundle(small_codec(), tmp_path / "codec", card="", metadata=metadata)
    save_bundle(component_class("discriminators/patch")(channels=4), tmp_path / "judge", card="")
    return tmp_path


def test_every_part_is_listed_with_its_config(capsys):
    assert {family: tuple(members) for family, members in parts().items()} == families()
    assert cli.main(["list"]) == 0
    page = capsys.readouterr().out
    for family, members in families().items():
        for member in members:
            config = config_of(family, member)
            ending = f"  [{config}]" if config else ""
            lines = [line for line in page.splitlines() if line.split()[:1] == [member]]
            assert any(line.endswith(ending) for line in lines)
    assert config_of("codecs", "residual_vqgan") == "codecs/residual_vqgan.yaml"
    assert config_of("codecs", "none") is None


def test_bundles_are_listed_with_their_main_figures(folder, capsys):
    assert cli.main(["list", "models", str(folder)]) == 0
    page = capsys.readouterr().out.splitlines()
    assert page[0].startswith("codec  codecs/residual_vqgan")
    assert page[0].endswith("5 steps  psnr 20  val/f1 0.5")
    assert page[1].startswith("judge  discriminators/patch")
    assert cli.main(["list", "models", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["codec"]["figures"]["val_f1/AU1"] == 0.25


def test_a_damaged_bundle_is_listed_as_such_and_none_is_told(folder, tmp_path, capsys):
    (folder / "judge" / "config.json").write_text("{")
    assert "must be readable JSON" in models(folder)["judge"]["error"]
    assert cli.main(["list", "models", str(folder)]) == 0
    assert "judge  damaged: " in capsys.readouterr().out
    assert cli.main(["list", "models", str(folder / "codec")]) == 2
    assert "must hold bundles" in capsys.readouterr().err


def test_figures_of_single_aus_are_left_out():
    assert main_figures({"a_f1/AU1": 1.0, "a/f1": 0.5, "b/loss": True, "note": "x"}) == {"a/f1": 0.5}
    whole = {"au_f1_true": 0.9, "identity": 0.8, "l1_synthesised": 0.1, "au_f1_synthesised": 0.7}
    assert main_figures(whole) == {"au_f1_synthesised": 0.7, "identity": 0.8}


def test_every_committed_bundle_is_listed():
    found = models(find("models"))
    assert {"codec", "recognizer", "text_recognizer", "vq_auface"} <= set(found)
    assert not any("error" in each for each in found.values())


class Texts:
    """Data of two texts; stands for a data module."""

    def __init__(self, size=2):
        self.size = size

    @property
    def dataset(self):
        return range(self.size)

    def __iter__(self):
        occurrence = torch.zeros(self.size, 12, dtype=torch.bool)
        occurrence[0, 4] = True
        known = torch.ones_like(occurrence)
        yield {"prompt": ["The lip corners are pulled up."] * self.size, "occurrence": occurrence, "known": known}

    def val_dataloader(self):
        return self

    test_dataloader = val_dataloader


def test_what_was_recorded_is_measured_again(monkeypatch):
    import zoo

    recognizer = zoo.load("models/text_recognizer")
    monkeypatch.setattr("lightning_modules.cli.verify_metrics._data", lambda _: Texts())
    measured = next(iter(metric_findings(recognizer, {"metrics": {"val/f1": -1.0}})))
    assert not measured.passed
    value = float(measured.text.rpartition("measured ")[2])
    for recorded, passed in ((value, True), (value + 0.05, False), ("high", False)):
        found = list(metric_findings(recognizer, {"metrics": {"val/f1": recorded}}))
        assert [each.passed for each in found] == [passed]


@pytest.mark.parametrize("path", ["os.system", "subprocess.Popen", "datamodules.base.nothing", None, 3, []])
def test_data_that_is_none_of_ours_is_never_imported(path):
    metadata = {"metrics": {"psnr": 1.0}, "data": {"class_path": path, "init_args": {"command": "false"}}}
    found = list(metric_findings(small_codec(), metadata))
    assert [each.passed for each in found] == [False]
    assert "must be a data module of this project" in found[0].text


def test_without_recorded_figures_nothing_passes():
    assert not any(each.passed for each in metric_findings(small_codec(), {}))
