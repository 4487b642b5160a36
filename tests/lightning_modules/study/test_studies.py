"""The studies in ``configs/studies/``: they read, their configs compose, their figures of the paper agree."""

import re
from dataclasses import replace

import pytest

import cli
from lightning_modules.cli.config_files import CONFIGS
from lightning_modules.study.folders import StudyFolder
from lightning_modules.study.preview import preview
from lightning_modules.study.processes import Processes
from lightning_modules.study.reading import read_study
from lightning_modules.study.working import Work

FILES = sorted(str(file.relative_to(CONFIGS)) for file in (CONFIGS / "studies").rglob("*.yaml"))
OVERLAYS = {
    "studies/table5_from_table2.yaml": "studies/table5.yaml",
    "studies/table3_external.yaml": "studies/table3.yaml",
}
STUDIES = [file for file in FILES if file not in OVERLAYS]


def runs_of(study, folder):
    study = replace(study, seeds=study.seeds[:1])  # seeds have the same configs
    return [run for run in Work(study, StudyFolder(folder), Processes()).runs() if run.recipe.trained is None]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("file", STUDIES)
def test_every_config_of_a_study_composes(file, tmp_path):
    study = read_study(file)
    for run in runs_of(study, tmp_path):
        run.write_config()
        content = run.content()
        assert {"model", "data", "trainer"} <= set(content), run.key
        assert (
            "report" not in (content.get("callbacks") or {}) or run.recipe.is_part or not content["callbacks"]["report"]
        )


@pytest.mark.slow
@pytest.mark.parametrize("file", STUDIES)
def test_every_config_of_a_study_parses(file, tmp_path, capfd):
    study = read_study(file)
    for run in runs_of(study, tmp_path):
        run.write_config()
        code = cli.main([*run.fit_words(100), "--print_config"])
        out, err = capfd.readouterr()
        assert code == 0, f"{run.key}: {err}"
        assert "model:" in out


def test_a_config_of_a_study_parses(tmp_path, capfd):
    """One that has an overlay, an option inside a part and a budget; the slow test has all others."""
    run = next(
        each for each in runs_of(read_study("studies/table2.yaml"), tmp_path) if each.recipe.name == "linear_intensity"
    )
    run.write_config()
    assert cli.main([*run.fit_words(100), "--print_config"]) == 0
    out, _ = capfd.readouterr()
    assert "with_intensity: true" in out
    assert re.search(r"codec: \S*runs/linear_codec/seed_0", out)
    assert "interaction: 0.0" in out
    assert "max_steps: 100" in out


def test_an_overlay_of_table_5_measures_the_models_of_table_2():
    study = read_study("studies/table5.yaml", overlay="studies/table5_from_table2.yaml")
    assert study.variants["full"].trained == "runs/studies/table2/runs/text/seed_{seed}"
    assert "text" in read_study("studies/table2.yaml").variants


def test_an_overlay_of_table_3_adds_systems_of_others(tmp_path):
    study = read_study("studies/table3.yaml", overlay="studies/table3_external.yaml")
    assert set(read_study("studies/table3.yaml").variants) < set(study.variants)
    assert study.variants["uniportrait"].trained == "made/uniportrait"
    for run in runs_of(study, tmp_path):
        run.write_config()
        assert {"model", "data", "trainer"} <= set(run.content()), run.key


def test_table_3_names_what_needs_no_training(tmp_path):
    study = read_study("studies/table3.yaml")
    steps = {step.key: step for step in preview(Work(study, StudyFolder(tmp_path), Processes()))}
    assert steps["vq_auface/seed_0"].standing == "trained already"
    assert "evaluate --systems.model models/vq_auface" in steps["vq_auface/seed_0/seen"].command
    made = steps["superposition/seed_0"].command
    assert "export --checkpoint configs/pipelines/linear_superposition.yaml --output" in made
    assert "superposition/seed_0" in steps["superposition/seed_0/unseen"].command
    assert "--data data/procedural_faces.yaml" in steps["ganimation/seed_0/seen"].command


@pytest.mark.parametrize("file", FILES)
def test_a_study_says_its_command_and_how_long_it_takes(file):
    comments = "\n".join(line for line in (CONFIGS / file).read_text().splitlines() if line.startswith("# "))
    named = OVERLAYS.get(file, file)
    assert re.search(rf"^# python cli\.py study --config {re.escape(named)}\b", comments, re.MULTILINE)
    assert file in OVERLAYS or re.search(r"\d (CPU|GPU)", comments)


def test_the_papers_tables_agree_where_they_show_the_same_model():
    """Tables 2, 5 and 6 all have the full model; sections 5.3 and 5.6 say some figures again."""
    tables = {number: read_study(f"studies/table{number}.yaml").variants for number in (2, 5, 6)}
    full = tables[6]["full"].paper["test"]
    assert full == read_study("studies/table3.yaml").variants["vq_auface"].paper["seen"]
    assert full == tables[2]["text"].paper["seen"] == tables[5]["full"].paper["seen"]
    assert (full["AAAD"], tables[2]["labels"].paper["seen"]["AAAD"]) == (0.606, 0.459)
    unseen = tables[5]["full"].paper["unseen"]
    assert (unseen["AAAD"], unseen["FID"], unseen["KID"]) == (0.607, 62.180, 0.065)


def test_table_6_has_ten_models_whose_order_the_papers_conclusions_confirm():
    study = read_study("studies/table6.yaml")
    paper = {name: variant.paper["test"] for name, variant in study.variants.items()}
    assert len(paper) == 10
    assert all(set(each) == {"FID", "KID", "IS", "LPIPS", "AAAD"} for each in paper.values())
    for name in ("full", "without_appearance", "without_latent", "without_face_encoders"):
        without_loss = paper["no_loss_full" if name == "full" else f"no_loss_{name}"]
        assert paper[name]["AAAD"] > without_loss["AAAD"]  # section 5.7, its first conclusion
    # which says "consistently", and does not hold for this row
    assert paper["without_structure"]["AAAD"] < paper["no_loss_without_structure"]["AAAD"]
    least = min(("without_structure", "without_appearance", "without_latent"), key=lambda each: 1 - paper[each]["AAAD"])
    assert least == "without_appearance"  # its second: "a minor impact"


@pytest.mark.parametrize("name", ["table2", "table5", "table6", "generators"])
def test_a_study_at_the_papers_scale_trains_at_the_papers_scale(name, tmp_path):
    for run in runs_of(read_study(f"studies/paper/{name}.yaml"), tmp_path):
        run.write_config()
        written = run.content()
        assert run.recipe.configs[0].startswith("paper/")
        if run.recipe.is_part:
            continue
        assert written["data"]["class_path"].endswith("AUTextDataModule")
        generator = written["model"]["init_args"]["generator"] | written["model"].get("generator", {})
        assert 512 in (generator.get("dim"), generator["init_args"].get("dim"))


def test_the_template_for_slurm_has_its_fields():
    text = (CONFIGS / "studies" / "slurm.sh").read_text()
    assert all(field in text for field in ("{command}", "{name}", "{log}"))
