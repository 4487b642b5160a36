"""A run's result as a bundle with a card."""

import json

import pytest
import torch

import zoo
from zoo.bundles import BundleError, WeightsNotFoundError, metadata_of
from zoo.components import component_class, portable, specification
from zoo.export import export

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
        export(str(run), str(tmp_path / "bundle"))
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
