"""The command with probes: tables of their own, pictures shared, what does not apply told."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from zoo.bundles import load, save_bundle

QUICK = ("--plots", "false")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_models_are_probed_and_what_does_not_apply_is_said(evaluate, models, tmp_path, capsys):
    outside = tmp_path / "made"
    outside.mkdir()
    for number in range(6):
        Image.new("RGB", (32, 32)).save(outside / f"seen_{number:06d}.png")
    words = ["--systems.a", models / "one", "--systems.graded", graded_bundle(models, tmp_path)]
    assert evaluate(*words, "--systems.outside", outside, "--probe-people", 1) == 0
    content = metrics(tmp_path / "out")
    found = {(each["set"], each["system"], each["figure"]) for each in content["figures"] if each["group"] == "all"}
    assert {each for each in found if each[0] == "conflicts"} == {
        ("conflicts", system, "conflict_both_seen") for system in ("copied reference", "a", "graded")
    }
    swept = {"intensity_rank", "intensity_violations", "intensity_rise"}
    assert {each for each in found if each[0] == "intensities"} == {
        ("intensities", system, figure) for system in ("copied reference", "graded") for figure in swept
    }
    assert {len(curve) for curve in content["probes"]["intensities"]["curves"]["graded"][0].values()} == {5}
    said = capsys.readouterr().out
    for note in (
        "No probes of outside",
        "only procedural faces have a truth",
        "intensities: not of a,",
        "the data knows none",
    ):
        assert note in said
    folders = {folder.name[0]: folder for folder in (tmp_path / "pictures").iterdir()}
    # the first frame is at rest: it has the picture of who is asked for nothing
    assert len(list(folders["a"].glob("*.png"))) == 5 + 19
    # both probes ask for nothing, and for ten single AUs at C
    assert len(list(folders["g"].glob("*.png"))) == 5 + 19 + 49 - 11
    assert (tmp_path / "out" / "plots" / "conflicts_figures.png").is_file()


def test_procedural_faces_have_intensities_and_true_conflicts(evaluate, models, tmp_path):
    data = tmp_path / "faces.yaml"
    arguments = {"image_size": 32, "num_test": 4, "test_identities": 2, "frames_per_shot": 1, "on_the_fly": True}
    content = {"class_path": "datamodules.procedural_faces.ProceduralFacesDataModule", "init_args": arguments}
    data.write_text(json.dumps(content))
    none = ["--identity", "null", "--features", "null", "--text-recognizer", "null"]
    words = ["--systems.a", models / "one", "--data", data, "--probe-people", 1]
    assert evaluate(*words, *none, *QUICK) == 0
    content = metrics(tmp_path / "out")
    value = {
        (each["set"], each["system"], each["figure"]): each["value"]
        for each in content["figures"]
        if each["group"] == "all"
    }
    assert value["conflicts", "true image", "conflict_interaction"] == pytest.approx(1, abs=1e-4)
    assert value["conflicts", "copied reference", "conflict_interaction"] == 0
    assert ("conflicts", "codec of true image", "conflict_deviation") in value
    assert ("conflicts", "a", "conflict_place_error") in value
    assert ("conflicts", "a", "conflict_landmark_place") not in value
    assert value["seen", "presence alone", "intensity_mae"] >= 0
    assert {row for which, row, figure in value if (which, figure) == ("seen", "intensity_mae")} == {
        "copied reference", "true image", "codec of true image", "presence alone", "a, AUs of others", "a",
    }  # fmt: skip
    table = (tmp_path / "out" / "table.md").read_text()
    assert "## conflicts: AUs 12+15 (1 cases)" in table


def test_shares_have_the_pictures_of_probes_too(evaluate, models, tmp_path):
    for share in ("1/2", "2/2"):
        assert evaluate("--systems.a", models / "one", "--share", share, "--probe-people", 1) == 0
    assert len(list((tmp_path / "pictures").glob("*/*.png"))) == 5 + 19


def test_without_a_recogniser_and_a_truth_there_is_nothing_to_probe(evaluate, models, tmp_path, capsys):
    words = ["--systems.a", models / "one", "--recognizer", "null", "--features", "null", "--identity", "null"]
    assert evaluate(*words, "--probe-people", 1) == 0
    assert metrics(tmp_path / "out")["probes"] == {}
    said = capsys.readouterr().out
    assert "conflicts: neither a recogniser" in said
    assert "intensities: no recogniser" in said


def graded_bundle(models, place):
    """A model whose bundle says that its prompts named intensities."""
    composer = {"class_path": "zoo.facs.composer.Composer", "init_args": {"style": "short", "word_intensity": True}}
    metadata = {"data": {"class_path": "datamodules.other.OtherDataModule", "init_args": {"prompts": composer}}}
    save_bundle(load(models / "other"), place / "graded", card="untrained", metadata=metadata)
    return place / "graded"
