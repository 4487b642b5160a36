"""A run's result as a bundle with a card."""

import json

import pytest
import torch

import cli
import zoo
from tests.zoo.bundle_attacks import small_bundle
from zoo.bundles import BundleError, WeightsNotFoundError, metadata_of, save_bundle
from zoo.components import component_class, portable, specification
from zoo.export import export
from zoo.fingerprints import probe_images

PROCEDURAL = "data:\n  class_path: datamodules.procedural_faces.ProceduralFacesDataModule\n"


@pytest.fixture
def component():
    return component_class("discriminators/patch")(channels=4)


@pytest.fixture
def run(component, tmp_path):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    checkpoint = {
        "zoo": {"format_version": 1, "prefix": "judge.", **portable(specification(component))},
        "state_dict": {f"judge.{name}": value for name, value in component.state_dict().items()},
        "global_step": 7,
    }
    torch.save(checkpoint, folder / "checkpoints" / "best.ckpt")
    (folder / "config.yaml").write_text(PROCEDURAL)
    (folder / "metrics.json").write_text(json.dumps({"psnr": 31.25, "note": "text"}))
    (folder / "command.txt").write_text("python cli.py fit --config stage1.yaml\n")
    return folder


@pytest.mark.parametrize("given", ["", "checkpoints/best.ckpt"])
def test_a_run_becomes_a_bundle_that_says_how_it_was_made(component, run, tmp_path, capsys, given):
    export(str(run / given), str(tmp_path / "bundle"))
    assert "Wrote discriminators/patch" in capsys.readouterr().out
    loaded = zoo.load(tmp_path / "bundle")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in component.state_dict().items())
    metadata = metadata_of(tmp_path / "bundle")
    assert metadata["steps"] == 7
    assert metadata["command"] == "python cli.py fit --config stage1.yaml"
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "# discriminators/patch" in card
    assert "| psnr | 31.25 |" in card
    assert "`python cli.py fit --config stage1.yaml`" in card
    assert "don't use it on people" in card


def test_people_in_the_data_are_not_passed_over(run, tmp_path):
    (run / "config.yaml").write_text(PROCEDURAL.replace("procedural_faces.ProceduralFaces", "manifest.ManifestFaces"))
    export(str(run), str(tmp_path / "bundle"))
    assert "as\nthe people in that data agreed to" in (tmp_path / "bundle" / "README.md").read_text()


def test_descriptions_are_nobodys_unless_labels_of_people_chose_them(run, tmp_path):
    config = PROCEDURAL.replace("procedural_faces.ProceduralFaces", "descriptions.Descriptions")
    for path, said in (("null", "composed texts alone"), ("data/bp4d_autext", "the people in that data agreed to")):
        (run / "config.yaml").write_text(f"{config}  init_args:\n    path: {path}\n")
        export(str(run), str(tmp_path / "bundle"), overwrite=True)
        assert said in (tmp_path / "bundle" / "README.md").read_text()


def test_a_run_without_records_is_exported_as_far_as_is_known(run, tmp_path):
    (run / "config.yaml").write_text("")
    (run / "metrics.json").unlink()
    (run / "command.txt").unlink()
    export(str(run), str(tmp_path / "bundle"))
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert card.count("not recorded") == 2
    assert "None were recorded." in card


def test_what_is_no_run_leaves_nothing(run, tmp_path):
    (run / "checkpoints" / "best.ckpt").write_bytes(b"broken")
    with pytest.raises(BundleError, match=r"best\.ckpt must be a checkpoint"):
        export(str(run), str(tmp_path / "bundle"))
    with pytest.raises(WeightsNotFoundError):
        export(str(tmp_path), str(tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()


def test_an_earlier_bundle_stays_unless_told(run, tmp_path, capsys):
    small_bundle(tmp_path / "bundle")
    before = {file.name: file.read_bytes() for file in (tmp_path / "bundle").iterdir()}
    words = ["export", "--checkpoint", str(run), "--output", str(tmp_path / "bundle")]
    assert cli.main(words) == 2
    assert "holds a bundle. --overwrite replaces it." in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in (tmp_path / "bundle").iterdir()} == before
    assert cli.main([*words, "--overwrite"]) == 0
    assert type(zoo.load(tmp_path / "bundle")).__name__ == "PatchDiscriminator"
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_an_earlier_bundle_stays_where_the_new_one_cannot_take_its_place(run, tmp_path, monkeypatch):
    small_bundle(tmp_path / "bundle")
    replace = type(tmp_path).replace

    def failing(self, target):
        if (self / "config.json").is_file() and "patch" in (self / "config.json").read_text():
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        export(str(run), str(tmp_path / "bundle"), overwrite=True)
    assert type(zoo.load(tmp_path / "bundle")).__name__ == "ResidualVQGANCodec"


def test_what_half_precision_changes_is_measured_and_said(tmp_path, capsys):
    plain = small_bundle(tmp_path / "plain")
    export(str(plain), str(tmp_path / "half"), half=True)
    codec, halved = zoo.load(plain), zoo.load(tmp_path / "half")
    images = probe_images(64)
    with torch.no_grad():
        away = (codec.encode(images) - halved.encode(images)).abs()
        same = (codec.tokenize(images) == halved.tokenize(images)).double().mean()
    found = metadata_of(tmp_path / "half")["half_precision"]
    assert float(away.max()) > 0
    assert found["latents"]["largest_difference"] == pytest.approx(float(away.max()), rel=0.01)
    assert found["latents"]["mean_difference"] == pytest.approx(float(away.mean()), rel=0.01)
    assert found["tokens"] == {"same_tokens": pytest.approx(float(same))}
    said = f"| tokens | {1 - float(same):.2%} of the tokens are others | | |"
    assert said in capsys.readouterr().out
    assert said in (tmp_path / "half" / "README.md").read_text()
    export(str(tmp_path / "half"), str(tmp_path / "again"), half=True)  # which changes nothing more
    assert metadata_of(tmp_path / "again")["half_precision"] == found
    assert "half_precision" not in metadata_of(plain)
    save_bundle(halved, tmp_path / "unsaid", card="")  # by who did not measure
    export(str(tmp_path / "unsaid"), str(tmp_path / "last"), half=True)
    assert "half_precision" not in metadata_of(tmp_path / "last")
    assert "were in half precision already" in capsys.readouterr().out


def test_the_judges_of_the_runs_report_are_remembered(run, tmp_path):
    report = "callbacks:\n  report:\n    init_args:\n      recognizer: models/judge\n      identity: null\n"
    (run / "config.yaml").write_text(PROCEDURAL + report)
    export(str(run), str(tmp_path / "bundle"))
    assert metadata_of(tmp_path / "bundle")["judges"] == {"recognizer": "models/judge"}
