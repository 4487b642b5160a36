"""A working directory with a small study, and processes that only pretend."""

import json
from pathlib import Path

import pytest

from lightning_modules.study.folders import StudyFolder
from lightning_modules.study.processes import ProcessError, Processes, Slot
from lightning_modules.study.reading import read_study
from lightning_modules.study.scheduling import Schedule
from lightning_modules.study.working import Work

STUDY = """
# a study
title: Large or small
base:
  configs: [base.yaml]
  set: {model.codec: part:codec, model.size: 3}
budget: {max_steps: 100, validations: 10}
seeds: [0, 1]
parts:
  codec: {configs: [codec.yaml], minutes: 5}
variants:
  large:
    label: Large
    group: Big ones
    paper: {seen: {FID: 63.604, AAAD: 0.606}}
  small:
    label: Small
    group: Small ones
    overlays: [smaller.yaml]
    paper: {seen: {FID: 66.031, AAAD: 0.574}}
measures:
  seen: {command: "evaluate --model {run} --output {folder}", figures: "{folder}/metrics.json"}
table:
  columns:
    F1: {figure: f1, better: higher}
    L1: {figure: l1, better: lower}
  paper_columns: {FID: lower, AAAD: higher}
  paper_source: Table 6 of the paper
  reference: large
  bounds: {Copied reference: {F1: f1_copied}}
  must_beat: {f1: [f1_copied]}
curves: [val/loss]
"""
FILES = {
    "base.yaml": "model: {class_path: toys.CartModule, init_args: {size: 1}}\ntrainer: {max_epochs: 1}",
    "codec.yaml": "model: {class_path: toys.CartModule}",
    "smaller.yaml": "extends: base.yaml\nmodel.size: 2",
    "study.yaml": STUDY,
}


class PretendingProcesses(Processes):
    """Do what the commands would: leave checkpoints and figures. Notes every command.

    Attributes:
        commands: What was run.
        failing: Runs whose training fails, once.
        f1: Figures by variant; seeds add a hundredth each.
    """

    def __init__(self):
        super().__init__()
        self.commands = []
        self.failing = set()
        self.f1 = {"large": 0.8, "small": 0.6}

    def run(self, words, *, slot, log, held, accept=(0,)):
        self.refuse_if_stopped()
        self.commands.append(words)
        options = dict(zip(words[1::2], words[2::2], strict=True))
        if words[0] == "evaluate":
            *_, name, seed = Path(options["--model"]).parts
            f1 = self.f1[name] + int(seed.removeprefix("seed_")) / 100
            figures = {"f1": f1, "f1_interval": [f1 - 0.05, f1 + 0.05], "l1": 0.1, "l1_interval": [0.09, 0.11]}
            self._write(Path(options["--output"]) / "metrics.json", {**figures, "f1_copied": 0.1, **COPIED})
            return 1.0
        if words[0] == "export":
            place = Path(options["--output"])
            place.mkdir(parents=True, exist_ok=True)
            (place / "model.safetensors").write_text(str(len(self.commands)) * len(self.commands))
            return 1.0
        clock = options.get("--callbacks.training_clock.file")
        if clock:
            self._write(Path(clock), {"steps": 45, "seconds": 9.0, "seconds_per_step": 0.2})
            return 1.0
        name = Path(words[words.index("--config") + 1]).stem  # the first one gives its name
        run = Path(options["--trainer.default_root_dir"]) / name / options["--run"]
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
        (run / "checkpoints" / "last.ckpt").touch()
        if f"{name}/{run.name}" in self.failing:
            self.failing.discard(f"{name}/{run.name}")
            message = "exit code 1: out of wheels"
            raise ProcessError(message)
        (run / "checkpoints" / "best.ckpt").write_text(str(len(self.commands)))
        self._write(run / "training_time.json", {"steps": int(options.get("--trainer.max_steps", 7)), "seconds": 60.0})
        return 1.0

    def trained(self):
        """Names and seeds that were trained, in order."""
        fits = [dict(zip(each[1::2], each[2::2], strict=True)) for each in self.commands if each[0] == "fit"]
        return [f"{Path(each['--config']).stem}/{each['--run']}" for each in fits if each["--run"] != "clocked"]

    def _write(self, file, content):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))


COPIED = {"f1_copied_interval": [0.05, 0.15]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with the study and its configs."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def work(folder):
    """Make the work of the study with pretending processes; texts are laid over the study."""

    def make(overlay=None, processes=None, **arguments):
        if overlay is not None:
            (folder / "overlay.yaml").write_text(overlay)
        study = read_study("study.yaml", overlay=None if overlay is None else "overlay.yaml")
        return Work(study, StudyFolder(Path("out")), processes or PretendingProcesses(), **arguments)

    return make


@pytest.fixture
def do():
    """Do all tasks of some work, one at a time; give what became of each."""

    def run(work):
        return Schedule(work.tasks(), slots=[Slot("", None, None)], tell=lambda *_: None).run()

    return run
