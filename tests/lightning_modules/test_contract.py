"""What holds for everything that is trained; each module is found, and runs as its ``configs/tiny/*.yaml`` says."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import lightning_modules
import zoo
from lightning_modules.base import TrainingModule
from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import CONFIGS
from zoo.components import specification

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def modules() -> list[type[TrainingModule]]:
    """Find the modules, one in each file of lightning_modules/."""
    found = []
    for info in pkgutil.iter_modules(lightning_modules.__path__, "lightning_modules."):
        if info.ispkg or info.name.endswith((".base", ".manual_training")):
            continue
        module = importlib.import_module(info.name)
        found += [
            value
            for value in vars(module).values()
            if inspect.isclass(value) and issubclass(value, TrainingModule) and value.__module__ == info.name
        ]
    return found


def tiny_configs() -> dict[str, str]:
    """Give the name of each tiny config, and the class that it trains."""
    found = {}
    for file in sorted((CONFIGS / "tiny").glob("*.yaml")):
        models = [layer["model"] for layer in compose(["--config", str(file)]).layers if "model" in layer]
        classes = [each["class_path"] for each in models if "class_path" in each]
        if classes:  # what only evaluates trains nothing
            found[f"tiny/{file.name}"] = classes[-1]
    return found


CONFIG_NAMES = list(tiny_configs())
each_config = pytest.mark.parametrize("config", CONFIG_NAMES)


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def contract_run():
    return _load("contract_run")


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Rendered once for all."""
    return str(tmp_path_factory.mktemp("data"))


@pytest.fixture
def words(faces, monkeypatch, tmp_path, config):
    """What to say to fit a config of four batches, in a folder of its own."""
    if "stable_diffusion" in config:
        for package in ("diffusers", "peft"):
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(faces)  # where data modules that render look; not all do
    options = ("--data.num_train", "32", "--data.batch_size", "8")
    steps = ("--trainer.max_epochs", "1", "--trainer.max_steps", "-1", "--trainer.accelerator", "cpu")
    return ["--config", config, *options, *steps, "--trainer.devices", "1", "--trainer.log_every_n_steps", "1"]


def test_every_module_has_a_tiny_config():
    trained = set(tiny_configs().values())
    missing = [each.__qualname__ for each in modules() if f"{each.__module__}.{each.__qualname__}" not in trained]
    assert modules()
    assert not missing


@each_config
def test_a_run_can_be_loaded(config, words, contract_run, tmp_path):
    recorder, cli = contract_run.fit(tmp_path, "run", words)
    assert recorder.steps == [1, 2, 3, 4]
    module = cli.model
    content = torch.load(cli.run_folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"]["_class_path"] == f"{type(module).__module__}.{type(module).__qualname__}"
    again = type(module).load_from_checkpoint(cli.run_folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert specification(again) == specification(module)
    if module.exported:
        component = zoo.load(cli.run_folder / "checkpoints" / "last.ckpt")
        trained = getattr(module, module.exported)
        assert type(component) is type(trained)
        for name, value in trained.state_dict().items():
            assert torch.equal(component.state_dict()[name], value), name


@each_config
def test_it_accumulates_and_clips(config, words, contract_run, tmp_path):
    owner = "trainer" if _is_automatic(config) else "model"
    more = [f"--{owner}.accumulate_grad_batches", "3", f"--{owner}.gradient_clip_val", "0.5"]
    recorder, _ = contract_run.fit(tmp_path, "run", [*words, *more])
    assert recorder.steps == [0, 0, 1, 2]


@each_config
def test_it_resumes_in_the_middle_of_an_epoch_to_the_bit(config, words, contract_run, tmp_path):
    whole, _ = contract_run.fit(tmp_path, "whole", words, save_at=2)
    resumed, _ = contract_run.fit(tmp_path, "resumed", [*words, "--ckpt_path", str(tmp_path / "step=2.ckpt")])
    assert sorted(itertools.chain(*whole.batches)) == list(range(32))
    assert resumed.batches == whole.batches[2:]
    assert resumed.figures == whole.figures[2:]
    assert any(name.startswith("train") for name in resumed.figures[0])
    assert resumed.weights == whole.weights


@pytest.mark.slow
@each_config
def test_two_processes_are_one_and_resume_to_the_bit(config, words, tmp_path):
    several = [*words, "--trainer.strategy", "ddp", "--trainer.devices", "2"]
    whole = _in_processes(tmp_path, "whole", several)
    resumed = _in_processes(tmp_path, "resumed", [*several, "--ckpt_path", str(tmp_path / "step=1.ckpt")])
    assert whole[0]["weights"] == whole[1]["weights"]
    assert sorted(itertools.chain(*whole[0]["batches"], *whole[1]["batches"])) == list(range(32))
    for before, after in zip(whole, resumed, strict=True):
        assert after["batches"] == before["batches"][1:]
        assert after["figures"] == before["figures"][1:]
        assert after["weights"] == before["weights"]


@pytest.mark.slow
@each_config
def test_sigterm_leaves_a_checkpoint_that_can_be_resumed(config, words, tmp_path):
    endless = [*words, "--trainer.max_epochs", "100000", "--run", "stopped"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "fit", *endless],
        env=_environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = tmp_path / "runs" / Path(config).with_suffix("") / "stopped" / "checkpoints" / "last.ckpt"
    until = time.monotonic() + 90
    while not last.is_file() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said
    stopped_at = torch.load(last, weights_only=True)["global_step"]
    more = ["--trainer.max_epochs", "100000", "--trainer.max_steps", str(stopped_at + 2), "--ckpt_path", "last"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "fit", *words, "--run", "stopped", *more],
        env=_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert torch.load(last, weights_only=True)["global_step"] == stopped_at + 2


def _is_automatic(config: str) -> bool:
    from lightning_modules.manual_training import ManualTrainingModule

    module, _, name = tiny_configs()[config].rpartition(".")
    return not issubclass(getattr(importlib.import_module(module), name), ManualTrainingModule)


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}


def _in_processes(folder: Path, name: str, words: list[str]) -> list[dict]:
    done = subprocess.run(
        [sys.executable, str(HERE / "contract_run.py"), str(folder), name, *words],
        env=_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads((folder / f"{name}{rank}.json").read_text()) for rank in range(2)]
