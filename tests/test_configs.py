"""Every YAML in ``configs/`` is parsed against the real signatures: experiments, overlays and parts."""

import importlib
import inspect
import re
from collections.abc import Callable

import pytest
from jsonargparse import ArgumentParser

import cli
from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import CONFIGS, read
from zoo.components import Component, component_class, families

FILES = sorted(file.relative_to(CONFIGS) for file in CONFIGS.rglob("*.yaml"))
PARTS = [file for file in FILES if file.parts[0] in families()]
DATA = [file for file in FILES if file.parts[0] == "data"]
# those of tools are no configs of a run: their own tests in tests/lightning_modules read them
TOOLS = [file for file in FILES if file.parts[0] in ("studies", "external", "figures") or file.stem == "evaluate"]
OTHERS = [file for file in FILES if file not in PARTS and file not in DATA and file not in TOOLS]
EXPERIMENTS = [
    file for file in OTHERS if {"model", "extends"} & set(read(CONFIGS / file)) and "offline" not in file.stem
]
OVERLAYS = [file for file in OTHERS if file not in EXPERIMENTS]


def parse(capfd, *configs):
    words = [word for config in configs for word in ("--config", str(config))]
    code = cli.main(["fit", *words, "--print_config"])
    out, err = capfd.readouterr()
    assert code == 0, err
    assert out.startswith("# ") or "model:" in out


@pytest.mark.parametrize("file", EXPERIMENTS, ids=str)
def test_an_experiment_parses(file, capfd):
    parse(capfd, file)


@pytest.mark.parametrize("file", OVERLAYS, ids=str)
def test_an_overlay_parses_over_an_experiment(file, capfd):
    said = re.search(r"--config (\S+) --config \S+", (CONFIGS / file).read_text())
    assert said, "the header must give the command, with a config that it is laid over"
    parse(capfd, said[1], file)


@pytest.mark.parametrize("file", PARTS, ids=str)
def test_a_part_parses_as_a_member_of_its_family(file):
    name = str(file.with_suffix(""))
    module = importlib.import_module(f"zoo.{file.parts[0]}.base")
    bases = [base for base in vars(module).values() if inspect.isclass(base) and base.__module__ == module.__name__]
    (base,) = [each for each in bases if issubclass(component_class(name), each) and each.__base__ is Component]
    parameters = inspect.signature(component_class(name)).parameters.values()
    sizes = [each for each in parameters if each.default in (each.empty, None)]
    kind = base if _is_complete(name) else Callable[[int] * len(sizes), base]  # what waits for sizes is made by another
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--part", type=kind, required=True)
    parser.parse_args(compose(["--part", str(CONFIGS / file)]).arguments)


def _is_complete(name):
    parameters = inspect.signature(component_class(name)).parameters.values()
    given = read(CONFIGS / f"{name}.yaml").get("init_args") or {}
    return all(each.name in given for each in parameters if each.default is each.empty)


@pytest.mark.parametrize("file", DATA, ids=str)
def test_data_parses_as_a_data_module(file):
    from datamodules.base import FaceDataModule

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FaceDataModule, "data", required=True)
    parser.parse_args(compose(["--data", str(CONFIGS / file)]).arguments)


@pytest.mark.parametrize("file", OTHERS, ids=str)  # of parts, the class says it
def test_a_config_says_what_it_is_for(file):
    assert (CONFIGS / file).read_text().startswith("# "), "the first line must be a comment that says what it is for"


@pytest.mark.parametrize("file", EXPERIMENTS, ids=str)
def test_an_experiment_says_its_own_command(file):
    comments = [line for line in (CONFIGS / file).read_text().splitlines() if line.startswith("# ")]
    assert any(re.search(rf"python cli\.py fit --config {re.escape(str(file))}\b", line) for line in comments)


@pytest.mark.parametrize("file", EXPERIMENTS, ids=str)
def test_an_experiment_says_its_hardware_and_what_to_expect(file):
    header = "\n".join(line for line in (CONFIGS / file).read_text().splitlines() if line.startswith("# "))
    assert re.search(r"\d (CPU|GPU)|One thread", header), "say on what and how long it takes, or: not measured"
    assert re.search(r"^# Expected", header, re.MULTILINE), "say what comes out, or: not measured"


@pytest.mark.parametrize("file", [each for each in EXPERIMENTS if each.parts[0] == "paper"], ids=str)
def test_each_value_at_paper_scale_says_who_says_so(file):
    values = [line for line in (CONFIGS / file).read_text().splitlines() if re.match(r"[^#]*:\s+[^#\s]", line)]
    assert values
    assert not [line for line in values if not re.search(r" # (paper|our reading)\b", line)]
