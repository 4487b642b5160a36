"""What the documents say can be followed: links lead somewhere, configs are there, options exist."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

import cli
from lightning_modules.cli import help_pages
from lightning_modules.cli.config_files import CONFIGS, find_config

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "models" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = [*PAGES, *sorted(CONFIGS.rglob("*.yaml")), Path(help_pages.__file__)]
TRAINER_KEYS = {"model", "data", "trainer", "callbacks", "checkpoint"}
TRAINER_OPTIONS = {"config", "run", "ckpt_path", "seed_everything", "print_config", "traceback", "help", "cache"}
CACHE_OPTIONS = {"dtype", "prompt_epochs", "batch_size", "device", "rebuild"}
OF_THE_READER = {"my_ablation.yaml", "ablations/stage1_residual_ternary.yaml"}  # written while one reads


def shown(file):
    return str(file.relative_to(ROOT))


def commands(file):
    """The words of each command of a page, with continued lines joined and without comments."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\\\n[# ]*", " ", text)
    text = re.sub(r"\n#   (?=--)", " ", text) if file.suffix == ".yaml" else re.sub(r"\n {9}(?=--)", " ", text)
    for line in re.findall(r"python cli\.py ([a-z]+ [^\n`|;]*)", text):
        line = re.sub(r"( #|  +[a-z(]|\(the same).*", "", line)  # what it is for, at its right
        try:
            yield shlex.split(line)
        except ValueError:  # a quotation mark that belongs to the sentence around it
            yield line.split()


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("file", TEXTS, ids=shown)
def test_configs_and_options_of_commands_exist(file):
    for words in commands(file):
        if words[0] in ("COMMAND", "help"):
            continue
        for name in re.findall(r"--config (\S+)", " ".join(words)):
            if not re.search(r"[A-Z]|^runs/|\.\.\.", name) and name.strip("`.,") not in OF_THE_READER:
                find_config(name.strip("`,[]"))
        given = {word[2:].split("=")[0].strip(".,;:)]") for word in words if re.match(r"--[a-z]", word)}
        unknown = {name for name in given if not _is_option(name, words)}
        assert not unknown, f"python cli.py {' '.join(words)}"


def _is_option(name, words):
    name = name.replace("-", "_") if words[0] in cli.COMMANDS else name
    if words[0] in help_pages.TRAINER_COMMANDS:
        known = TRAINER_OPTIONS | (CACHE_OPTIONS if words[0] == "cache" else set())
        return name in known or name.split(".")[0] in TRAINER_KEYS
    target = cli.COMMANDS[words[0]]
    if isinstance(target, dict):
        kinds = words[1].split("|") if len(words) > 1 else []
        target = target[kinds[0]] if kinds and kinds[0] in target else target[cli.DEFAULT_KINDS[words[0]]]
    return name in OPTIONS.setdefault(target, _options(target)) or name.split(".")[0] in OPTIONS[target]


OPTIONS = {}


def _options(target):
    module, _, name = target.partition(":")
    parser = ArgumentParser()
    parser.add_function_arguments(getattr(importlib.import_module(module), name), as_positional=False)
    return {option.lstrip("-") for action in parser._actions for option in action.option_strings} | {"config"}
