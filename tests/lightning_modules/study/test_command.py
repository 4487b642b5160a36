"""The command itself: its plan, its mistakes, and, slowly, a study that is killed and goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cli
from lightning_modules.cli import study as command

from .conftest import PretendingProcesses

ROOT = Path(__file__).parents[3]
TINY = """
# two codecs of different depth, on few and small faces
title: Depth of a codec
base: {configs: [tiny/stage1.yaml]}
budget: {max_steps: 24, validations: 6}
seeds: [0, 1]
variants:
  two_levels: {label: Two levels}
  three_levels: {label: Three levels, set: {model.codec.quantizer.num_levels: 3}}
measures:
  test: {figures: "{run}/metrics.json"}
table:
  columns: {PSNR: {figure: psnr, better: higher}}
  reference: two_levels
curves: [val/l1]
"""


@pytest.fixture
def call(folder, monkeypatch, capfd):
    """Call the command with pretending processes."""
    made = PretendingProcesses()
    monkeypatch.setattr(command, "Processes", lambda launcher: made)

    def run(*words):
        capfd.readouterr()
        code = cli.main(["study", "--config", "study.yaml", *words])
        return code, *capfd.readouterr()

    run.processes = made
    return run


def test_the_plan_has_every_command_and_leaves_nothing_behind(call):
    code, out, _ = call("--dry-run", "--seeds", "0")
    assert code == 0
    assert "Runs: 2, measured in 1 way, 1 at once. Folder: runs/studies/study" in out
    assert "codec/seed_0" in out
    assert "to do  about 5 min (from the study's YAML)" in out
    assert "python cli.py fit --config runs/studies/study/configs/small.yaml" in out
    assert "python cli.py evaluate --model runs/studies/study/runs/small/seed_0" in out
    assert "5 of 5 steps are to be done: about 5 min; of 4, it is not known how long they take." in out
    assert not Path("runs").exists()
    assert call.processes.commands == []


def test_the_plan_as_json(call):
    call("--seeds", "0")
    code, out, _ = call("--dry-run", "--json", "--seeds", "0,1")
    steps = {each["key"]: each["standing"] for each in json.loads(out)}
    assert code == 0
    assert steps["large/seed_0"] == steps["large/seed_0/seen"] == "complete"
    assert steps["large/seed_1"] == "to do"


def test_a_study_writes_its_table_and_tells_each_step(call):
    code, out, err = call("--output", "mine")
    assert code == 0
    assert "[1/9] codec/seed_0 done" in err
    assert Path("mine/table.md").read_text() in out
    assert "python cli.py study --config study.yaml --output mine" in out
    assert call("--output", "mine")[2].count("complete already") == 9


def test_a_failure_is_told_and_so_is_the_exit_code(call):
    call.processes.failing = {"small/seed_1"}
    code, out, err = call()
    assert code == 1
    assert "small/seed_1 failed: exit code 1: out of wheels" in err
    assert "| Large | " in out


def test_the_budget_and_the_names_can_be_given(call):
    assert call("--max-steps", "20", "--only", "large", "--seeds", "3")[0] == 0
    fits = [words for words in call.processes.commands if words[0] == "fit"]
    assert call.processes.trained() == ["codec/seed_0", "large/seed_3"]
    assert fits[-1][fits[-1].index("--trainer.max_steps") + 1] == "20"


def test_tables_can_be_written_without_training(call):
    code, out, _ = call("--tables-only")
    assert code == 0
    assert "| Large (not there yet) |" in out
    assert call.processes.commands == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "larg"], "there is no 'larg'. Did you mean 'large'"),
        (["--jobs", "0"], "jobs must be at least 1, got 0"),
        (["--seeds", "a"], "seeds must be whole numbers"),
        (["--max-steps", "3", "--max-minutes", "3"], "must not be given together"),
        (["--max-minutes", "-1"], "max_minutes must be above 0"),
        (["--machine", "nowhere.yaml"], "there is no config 'nowhere.yaml'"),
        (["--submit", "nowhere.sh"], "submit: must be a script with {command}"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(call, words, said):
    code, _, err = call(*words)
    assert code == 2
    assert said in err
    assert call.processes.commands == []


def test_a_misspelt_config_is_told_before_anything_is_trained(call, folder):
    (folder / "smaller.yaml").write_text("model.size: [")
    code, _, err = call()
    assert code == 2
    assert "smaller.yaml must be valid YAML" in err
    assert call.processes.commands == []


@pytest.mark.slow
def test_a_study_that_is_killed_goes_on_where_it_stopped(tmp_path):
    """Two variants, two seeds; stopped once in order and once by force, in the middle of a training."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = [sys.executable, str(ROOT / "cli.py"), "study", "--config", "tiny.yaml", "--machine", "trainer/cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    study = tmp_path / "runs" / "studies" / "tiny"

    def begin():
        return subprocess.Popen(
            words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_for(file, process):
        while not file.is_file():
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)

    first = begin()
    wait_for(study / "runs" / "two_levels" / "seed_0" / "checkpoints" / "last.ckpt", first)
    first.send_signal(signal.SIGTERM)
    out, _ = first.communicate(timeout=120)
    assert first.returncode == 143, out
    assert "two_levels/seed_0 stopped" in out
    assert "The same command goes on from here" in out

    second = begin()
    wait_for(study / "runs" / "three_levels" / "seed_0" / "checkpoints" / "last.ckpt", second)
    second.kill()  # its process goes on training, and holds the lock of its run
    second.communicate(timeout=120)

    third = begin()
    out, _ = third.communicate(timeout=600)
    assert third.returncode == 0, out
    logs = {file.parent.name: file.read_text() for file in (study / "logs").glob("*/seed_0.txt")}
    assert "Goes on from:" in logs["two_levels"]
    assert logs["three_levels"].count("$ ") <= 2
    with (study / "runs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["variant"], row["seed"]) for row in rows} == {
        (name, seed) for name in ("two_levels", "three_levels") for seed in "01"
    }
    times = [json.loads(file.read_text())["steps"] for file in study.glob("runs/*/*/training_time.json")]
    assert len(times) == 4
    assert (study / "curves.csv").is_file()

    fourth = begin()
    out, _ = fourth.communicate(timeout=120)
    assert out.count("complete already") == 8
