"""Every YAML in ``configs/`` is parsed against the real signatures: experiments, overlays and parts."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

import cli
from lightning_modules.cli.composition import compose
from lightning_modules.cli.config_files import CONFIGS, read
from zoo.components import Component, families

FILES = sorted(file.relative_to(CONFIGS) for file in CONFIGS.rglob("*.yaml"))
PARTS = [file for file in FILES if file.parts[0] in families()]
DATA = [file for file in FILES if file.parts[0] == "data"]
OTHERS = [file for file in FILES if file not in PARTS and file not in DATA]
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
    same_folder = [each for each in EXPERIMENTS if each.parent == file.parent]
    bases = same_folder or [each for each in EXPERIMENTS if each.parent == Path()]
    if not bases:
        pytest.skip("there is no experiment yet to lay it over")
    parse(capfd, bases[0], file)


@pytest.mark.parametrize("file", PARTS, ids=str)
def test_a_part_parses_as_a_member_of_its_family(file):
    base = importlib.import_module(f"zoo.{file.parts[0]}.base")
    bases = [each for _, each in inspect.getmembers(base, inspect.isclass) if each.__module__ == base.__name__]
    contents = compose(["--part", str(CONFIGS / file)]).arguments
    failures = []
    for each in [each for each in bases if issubclass(each, Component)]:
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(each, "part", required=True)
        try:
            parser.parse_args(contents)
        except Exception as error:
            failures.append(f"as {each.__name__}: {error}")
        else:
            return
    pytest.fail("\n".join(failures))


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
    header = (CONFIGS / file).read_text().partition("\n\n")[0]
    assert f"# python cli.py fit --config {file}" in header


@pytest.mark.parametrize("file", [each for each in EXPERIMENTS if each.parts[0] == "paper"], ids=str)
def test_each_value_at_paper_scale_says_who_says_so(file):
    values = [line for line in (CONFIGS / file).read_text().splitlines() if re.match(r"[^#]*:\s+[^#\s]", line)]
    assert values
    assert not [line for line in values if not re.search(r" # (paper|our reading)\b", line)]
