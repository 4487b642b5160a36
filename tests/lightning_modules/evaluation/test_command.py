"""The command: what it writes, how it goes on, what it refuses."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from jsonargparse import ArgumentParser
from PIL import Image

import cli
from lightning_modules.cli.config_files import CONFIGS, find_config, read
from lightning_modules.cli.evaluate import evaluate as evaluate_command
from lightning_modules.study.reading import read_study

QUICK = ("--plots", "false")


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_tables_and_pictures_of_two_models(evaluate, models, tmp_path, capsys):
    assert evaluate("--systems.a", models / "one", "--systems.b", models / "other") == 0
    out = tmp_path / "out"
    content = metrics(out)
    rows = {each["system"]: each["is_anchor"] for each in content["figures"]}
    assert list(rows) == [
        "copied reference", "true image", "codec of a, of true image", "codec of b, of true image",
        "a, AUs of others", "b, AUs of others", "a", "b",
    ]  # fmt: skip
    assert [name for name, is_anchor in rows.items() if not is_anchor] == ["a", "b"]
    true = {each["figure"]: each for each in content["figures"] if each["system"] == "true image"}
    assert true["l1"]["value"] == 0
    assert true["identity"]["value"] == pytest.approx(1, abs=1e-4)
    assert true["frechet_distance_features_features"]["value"] == pytest.approx(0, abs=1e-4)
    pairs = {(each["system"], each["baseline"]) for each in content["differences"]}
    without_skill = {(name, row) for name in "ab" for row in ("copied reference", f"{name}, AUs of others")}
    assert pairs == {("b", "a")} | without_skill
    value = {(each["system"], each["figure"]): each["value"] for each in content["figures"] if each["group"] == "all"}
    for each in content["differences"]:
        if each["group"] == "all":
            expected = value[each["system"], each["figure"]] - value[each["baseline"], each["figure"]]
            assert each["value"] == pytest.approx(expected, abs=2e-6)
    with (out / "table.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(content["figures"])
    assert "| **b**" in (out / "table.md").read_text()
    assert r"\textbf{" in (out / "table.tex").read_text()
    for name in ("faces/seen_a.png", "plots/seen_figures.png", "plots/seen_leakage.png"):
        with Image.open(out / name) as drawn:
            assert drawn.size[0] > 100
    assert "| *true image*" in capsys.readouterr().out


def test_without_judges_distances_are_left(evaluate, models, tmp_path, capsys):
    none = [
        word for name in ("recognizer", "identity", "text-recognizer", "features") for word in (f"--{name}", "null")
    ]
    assert evaluate("--systems.a", models / "one", *none, *QUICK) == 0
    assert {each["figure"] for each in metrics(tmp_path / "out")["figures"]} == {"l1", "psnr", "ssim"}
    assert "No recognizer: left out." in capsys.readouterr().out
    assert not (tmp_path / "out" / "plots").exists()


def test_an_evaluation_goes_on_where_it_stopped(evaluate, models, tmp_path):
    evaluate("--systems.a", models / "one", *QUICK)
    first = metrics(tmp_path / "out")
    (folder,) = (tmp_path / "pictures").iterdir()
    made = {file: file.stat().st_mtime_ns for file in folder.glob("*.png")}
    assert len(made) == 6
    lost = sorted(made)[2]
    lost.unlink()
    evaluate("--systems.a", models / "one", *QUICK)
    again = {file: file.stat().st_mtime_ns for file in folder.glob("*.png")}
    assert set(again) == set(made)
    assert [file for file in made if again[file] != made[file]] == [lost]
    assert metrics(tmp_path / "out")["figures"] == first["figures"]


def test_other_sampling_has_pictures_of_its_own_and_a_new_name_has_not(evaluate, models, tmp_path):
    evaluate("--systems.a", models / "one", "--share", "1/1")
    evaluate("--systems.renamed", models / "one", "--share", "1/1")
    assert len(list((tmp_path / "pictures").iterdir())) == 1
    evaluate("--systems.a", models / "one", "--temperature", "0.1", "--share", "1/1")
    assert len(list((tmp_path / "pictures").iterdir())) == 2


def test_shares_of_the_work_make_up_the_whole(evaluate, models, tmp_path):
    for share in ("1/2", "2/2"):
        assert evaluate("--systems.a", models / "one", "--share", share) == 0
    assert len(list((tmp_path / "pictures").glob("*/*.png"))) == 6
    assert not (tmp_path / "out").exists()


def test_pictures_that_others_made_of_the_cases(evaluate, models, tmp_path):
    cases = tmp_path / "cases"
    assert evaluate("--write-cases", output=cases) == 0
    with (cases / "seen.csv").open() as file:
        asked = list(csv.DictReader(file))
    assert len(asked) == 6
    made = tmp_path / "made"
    made.mkdir()
    for case in asked:  # a system that copies
        shutil.copy(cases / case["reference"], made / f"{case['name']}.png")
    assert evaluate("--systems.copier", made, *QUICK) == 0
    found = {(each["system"], each["figure"]): each["value"] for each in metrics(tmp_path / "out")["figures"][::-1]}
    for figure in ("au_f1", "l1", "off_target", "identity"):
        assert found["copier", figure] == pytest.approx(found["copied reference", figure], abs=1e-5)


def test_cases_are_a_job_of_synthesize(evaluate, models, tmp_path):
    cases = tmp_path / "cases"
    evaluate("--write-cases", output=cases)
    words = ["--model", models / "one", "--recognizer", "null", "--steps", "1", "--temperature", "0.5"]
    words += ["--job", cases / "seen.csv", "--output", tmp_path / "made"]
    assert cli.main(["synthesize", *map(str, words)]) == 0
    assert evaluate("--systems.outside", tmp_path / "made", *QUICK) == 0


def test_invented_sets_have_no_true_image(evaluate, models, tmp_path):
    assert evaluate("--systems.a", models / "one", "--sets", "invented") == 0
    found = metrics(tmp_path / "out")["figures"]
    assert {each["system"] for each in found} == {"copied reference", "a, AUs of others", "a"}
    figures = {each["figure"] for each in found if each["system"] == "a"}
    assert {"aaad", "au_f1", "off_target", "identity_cosine", "l1_to_reference"} <= figures
    assert not {"l1", "response", "identity"} & figures


@pytest.mark.parametrize("name", ["table2", "table5"])
def test_at_the_papers_scale_unseen_sets_are_those_that_no_frame_shows(name):
    assert read_study(f"studies/paper/{name}.yaml").measures["unseen"].options["sets"] == "invented"


def test_several_seeds_are_one_row(evaluate, models, tmp_path):
    assert evaluate("--systems", json.dumps({"both": [str(models / "one"), str(models / "other")]}), *QUICK) == 0
    found = [each for each in metrics(tmp_path / "out")["figures"] if each["system"] == "both"]
    l1 = next(each for each in found if each["figure"] == "l1")
    assert l1["value"] == pytest.approx(sum(l1["members"]) / 2, abs=1e-5)
    assert l1["members"][0] != l1["members"][1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--systems.a", "no/such"], "does not exist"),
        (["--systems.a", "no/*/such"], "nothing matches"),
        (["--sets", "often", "--systems.a", "MODELS/one"], "sets must be among seen, unseen, invented"),
        (["--baseline", "c", "--systems.a", "MODELS/one"], "baseline must be one of a"),
        (["--systems.a", "MODELS/recognizer"], "must be models of stage II"),
        (["--systems.a", "MODELS/one", "--recognizer", "MODELS/one"], "recognizer must be a Recognizer"),
        (["--systems.a", "MODELS/one", "--num-images", "0"], "at least one frame"),
        (["--systems.a", "MODELS/one", "--share", "3/2"], "share must be such as 2/4"),
        (["--systems.a", "MODELS/one", "--data-options.image_size", "64"], "must have images of 32 px"),
        (["--systems.a", "MODELS/one", "--data-options.no_such", "1"], "'no_such' is not accepted"),
        (["--systems.a", "MODELS/one", "--sets", "seen,unseen"], "it holds no AU sets out"),
        (["--systems.a", "MODELS/one", "--probe-people", "-1"], "probe_people must be at least 0"),
        ([], "systems must name at least one"),
    ],
)
def test_mistakes_are_one_line(evaluate, models, tmp_path, capsys, words, said):
    assert evaluate(*[word.replace("MODELS", str(models)) for word in words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["evaluate.yaml", "tiny/evaluate.yaml"])
def test_a_config_of_ours_says_what_the_command_takes(name):
    content = read(find_config(name))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_function_arguments(evaluate_command, as_positional=False)
    words = [f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in content.items()]
    parsed = parser.parse_args([*words, "--output=out"])
    assert {key: parsed[key] for key in content} == content
    assert (CONFIGS / name).read_text().startswith("# ")
