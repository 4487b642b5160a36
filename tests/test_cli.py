"""The entry point: help at once, nothing heavy imported, a subcommand in one line."""

import importlib
import inspect
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from lightning_modules.cli import help_pages

ROOT = Path(__file__).parents[1]
PROBE = "import sys; sys.argv = ['cli.py', *{words!r}]; import cli; cli.main(); print('torch' in sys.modules)"


@pytest.mark.parametrize("words", [["--help"], [], ["fit", "--help"], ["dataset", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words):
    code = PROBE.format(words=words)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("words", [["fit", "--config", "stag1"], ["fti"], ["dataset", "face"]])
def test_a_misspelt_name_is_told_without_importing_anything_heavy(words):
    code = PROBE.format(words=words)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Did you mean" in done.stderr
    assert done.stdout.splitlines()[-1] == "False"


def test_help_comes_at_once():
    def spent():  # CPU seconds of the processes that ended: wall time would be that of whatever else runs here
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    for _ in range(3):
        subprocess.run([sys.executable, "cli.py", "--help"], cwd=ROOT, capture_output=True, check=True)
    assert (spent() - before) / 3 < 1.0


def test_help_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    page = capsys.readouterr().out
    for name in [*help_pages.TRAINER_COMMANDS, *cli.COMMANDS]:
        assert f"  {name}" in page
    for name, target in cli.COMMANDS.items():
        if isinstance(target, dict):
            cli.main([name, "--help"])
            listed = capsys.readouterr().out
            assert all(f"  {each}" in listed for each in target)


def test_every_command_has_its_function():
    for target in cli.COMMANDS.values():
        for path in target.values() if isinstance(target, dict) else [target]:
            module, _, name = path.partition(":")
            assert callable(getattr(importlib.import_module(module), name))


def tools():
    """Give the words of each tool, and its function."""
    for name, target in cli.COMMANDS.items():
        for member, path in target.items() if isinstance(target, dict) else [("", target)]:
            yield [name, *([member] if member else [])], path


@pytest.mark.parametrize(
    ("words", "path"), list(tools()), ids=lambda each: " ".join(each) if type(each) is list else ""
)
def test_the_page_of_a_tool_shows_its_options_and_an_example(words, path, capsys):
    module, _, name = path.partition(":")
    function = getattr(importlib.import_module(module), name)
    assert cli.main([*words, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"usage: python cli.py {' '.join(words)} ")
    assert f"\n  python cli.py {' '.join(words)}" in page.partition("\nexamples:")[2]
    assert "print-config" not in page  # what jsonargparse adds to every tool
    required = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    for each in required:
        if each.kind is not each.VAR_KEYWORD:
            assert f"  --{each.name.replace('_', '-')} " in page


def test_list_prints_every_component(capsys):
    from zoo.components import families

    assert cli.main(["list"]) == 0
    page = capsys.readouterr().out
    for family, members in families().items():
        assert f"{family}/" in page
        assert all(f"  {member}" in page for member in members)


def test_a_command_is_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "my_tool.py").write_text(
        "from typing import Literal\n\n"
        "def greet(name: str, *, num_times: int = 1, loud: bool = False, until: int | None = None,\n"
        "          tone: Literal['high', 'low'] | None = None) -> None:\n"
        '    """Say hello.\n\n    Args:\n        name: To whom.\n        num_times: How often.\n    """\n'
        "    print('hello ' * num_times + name + '!' * loud)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.COMMANDS, "greet", "my_tool:greet")
    assert cli.main(["greet", "--name", "you", "--num-times", "2"]) == 0
    assert capsys.readouterr().out == "hello hello you\n"
    assert cli.main(["greet", "--loud", "--name=you", "--num_times=1"]) == 0
    assert capsys.readouterr().out == "hello you!\n"
    assert cli.main(["greet", "--name", "you", "--num-times", "x"]) == 2
    assert capsys.readouterr().err == "error: num_times: must be int, got 'x'.\n"
    assert cli.main(["greet", "--name", "you", "--until", "x"]) == 2
    assert capsys.readouterr().err == "error: until: must be int, got 'x'.\n"
    assert cli.main(["greet", "--name", "you", "--tone", "x"]) == 2
    assert capsys.readouterr().err == "error: tone: must be one of 'high', 'low', got 'x'.\n"
    assert cli.main(["greet", "--help"]) == 0
    assert "--num-times" in capsys.readouterr().out


def test_the_words_of_the_process_are_left_as_they_were():
    before = list(sys.argv)
    cli.main(["--version"])
    assert sys.argv == before
